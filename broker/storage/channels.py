"""How each team is told beside its mailbox, as it was set; how a channel is doing lives in `channel_health`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.states import ChannelKind, MessageFormat
from broker.storage import directory
from broker.storage.codec import Codec
from broker.storage.tables import Channel

BOTH_SECRETS = timedelta(days=1)
"""How long messages are signed with the secret before as well, once it is replaced: a working day to change the receiver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a team is told; without any, by its mailbox alone."""

    kind: ChannelKind = ChannelKind.MAILBOX
    url: str | None = None
    has_secret: bool = False
    disabled_at: datetime | None = None
    """Nothing is pushed since then."""
    rate_per_second: float | None = None
    format: MessageFormat = MessageFormat.FHIR
    changed_at: datetime | None = None


def get(session: Session, team_id: str) -> Setting:
    """What was set for a team."""
    row = session.get(Channel, team_id)
    if row is None:
        return Setting()
    return Setting(
        kind=row.kind,
        url=row.url,
        has_secret=row.secret is not None,
        disabled_at=row.disabled_at,
        rate_per_second=row.rate_per_second,
        format=row.format,
        changed_at=row.changed_at,
    )


def teams_of(session: Session, kind: ChannelKind) -> list[str]:
    """Ids of the teams that are told in this way, in order."""
    return list(
        session.scalars(sa.select(col(Channel.team_id)).where(col(Channel.kind) == kind).order_by(col(Channel.team_id)))
    )


def put(
    session: Session,
    codec: Codec,
    team_id: str,
    kind: ChannelKind,
    *,
    url: str | None,
    secret: str | None,
    enabled: bool,
    rate_per_second: float | None,
    now: datetime,
    message_format: MessageFormat = MessageFormat.FHIR,
) -> bool:
    """Set a team's channel; False when it was so already.

    An absent secret keeps the one that is stored; a new one replaces it, and for `BOTH_SECRETS` messages are signed with both.
    """
    stored = session.get(Channel, team_id)
    before = stored.secret if stored else None
    sealed = before if secret is None else _replaced(codec, team_id, before, secret, now)
    disabled_at = None if enabled else ((stored.disabled_at if stored else None) or now)
    wanted = (kind, url, sealed, disabled_at, rate_per_second, message_format)
    if stored and wanted == _as_stored(stored):
        return False
    session.merge(
        Channel(
            team_id=team_id,
            kind=kind,
            url=url,
            secret=sealed,
            changed_at=now,
            disabled_at=disabled_at,
            rate_per_second=rate_per_second,
            format=message_format,
        )
    )
    directory.touch(session)
    return True


def _as_stored(row: Channel) -> tuple[object, ...]:
    return (row.kind, row.url, row.secret, row.disabled_at, row.rate_per_second, row.format)


def native(session: Session) -> frozenset[str]:
    """Ids of the teams whose messages are written in their agency's own format."""
    return frozenset(
        session.scalars(sa.select(col(Channel.team_id)).where(col(Channel.format) == MessageFormat.NATIVE))
    )


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a team's webhook is signed with."""

    present: str = field(repr=False)
    earlier: str | None = field(default=None, repr=False)
    """The one that it replaced, good until `until`."""
    until: datetime | None = None

    def at(self, now: datetime) -> "Secrets":
        """Those that are good at this moment."""
        over = self.until is None or self.until <= now
        return Secrets(self.present) if over else self

    def text(self) -> str:
        """As it is sealed: one word, or three. A secret has no blank in it."""
        return self.present if self.until is None else f"{self.present} {self.earlier} {self.until.isoformat()}"


def secrets(codec: Codec, team_id: str, sealed: bytes) -> Secrets:
    """A team's stored secrets, opened."""
    present, *rest = codec.open(sealed, _context(team_id)).decode().split(" ")
    return Secrets(present, rest[0], datetime.fromisoformat(rest[1])) if rest else Secrets(present)


def signing_key(codec: Codec, team_id: str) -> bytes:
    """The Ed25519 private key (32 bytes) that messages to a team's webhook are signed with, derived from the deployment's secret."""
    return codec.key(f"webhook-key:{team_id}")


def _replaced(codec: Codec, team_id: str, before: bytes | None, secret: str, now: datetime) -> bytes:
    """The new secret beside the one that it replaces; what is stored when it is the present one already."""
    known = None if before is None else secrets(codec, team_id, before)
    if before is not None and known is not None and known.present == secret:
        return before
    both = Secrets(secret) if known is None else Secrets(secret, known.present, now + BOTH_SECRETS)
    return codec.seal(both.text().encode(), _context(team_id))


def _context(team_id: str) -> str:
    """What a team's secret is sealed under."""
    return f"channel:{team_id}"
