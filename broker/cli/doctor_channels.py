"""What `baton doctor` says of teams' channels: which do not work, by what came through."""

from datetime import datetime

from broker.domain.states import ChannelKind
from broker.settings import Settings
from broker.storage import channel_list
from broker.storage.channel_list import Listed
from broker.storage.store import Store

NAMED = 10
"""Teams that are named; `GET /admin/channels?failing=true` has all."""

MOST = 5000
"""Channels that are looked at."""


def look(store: Store, settings: Settings, now: datetime) -> str:
    """One line: `ok: …`, or what does not work, with the teams."""
    channels, _ = store.read(lambda session: channel_list.page(session, limit=MOST, pushed=True))
    unset = {
        ChannelKind.EMAIL: "BATON_SMTP_URL" if settings.smtp_url is None else None,
        ChannelKind.AMQP: "BATON_AMQP_URL" if settings.amqp_url is None else None,
        ChannelKind.MESH: "BATON_GATEWAYS" if settings.gateways is None else None,
    }
    wrong = [f"{one.team_id} {words}" for one in channels if (words := _wrong(one, unset.get(one.kind), now))]
    if not wrong:
        return f"ok: {len(channels)} pushed to, none fails"
    beyond = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return f"mend: {'; '.join(wrong[:NAMED])}{beyond}"


def _wrong(one: Listed, unset: str | None, now: datetime) -> str | None:
    if unset is not None:
        return f"is told by {one.kind.value}, and {unset} is not set here"
    if one.disabled_at is not None:
        return f"is switched off, {one.waiting} wait" if one.waiting else None
    if one.failing_since is not None:
        return f"fails since {one.failing_since:%Y-%m-%d %H:%M}, {one.waiting} wait"
    return "has not taken the last test message" if one.canary_is_late(now) else None
