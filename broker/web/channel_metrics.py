"""Figures of teams' channels for Prometheus, read from the database when they are asked for; of all ids only the teams' are labels."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlmodel import Session

from broker.storage import channel_list
from broker.storage.channel_list import Listed

MOST = 5000
"""Channels that are shown; a country's practices are more, and most of those are told by their mailbox."""


def figures(session: Session, now: datetime) -> bytes:
    """One line a team that is pushed to and a figure."""
    registry = CollectorRegistry()
    channels, _ = channel_list.page(session, limit=MOST, pushed=True)
    for name, words, value in _FIGURES:
        gauge = Gauge(f"baton_channel_{name}", words, ["team", "kind"], registry=registry)
        for one in channels:
            found = value(one, now)
            if found is not None:
                gauge.labels(one.team_id, one.kind.value).set(found)
    return generate_latest(registry)


def _up(one: Listed, _now: datetime) -> float:
    return float(one.failing_since is None and one.disabled_at is None)


def _waiting(one: Listed, _now: datetime) -> float:
    return one.waiting


def _oldest(one: Listed, now: datetime) -> float:
    return 0.0 if one.oldest_waiting is None else (now - one.oldest_waiting).total_seconds()


def _canary(one: Listed, now: datetime) -> float | None:
    return None if one.canary_at is None else (now - one.canary_at).total_seconds()


_FIGURES = (
    ("up", "1 while the team's channel works, 0 while it fails or is switched off", _up),
    ("waiting", "Messages that the team's system has not said it has", _waiting),
    ("oldest_waiting_seconds", "How long the oldest of them has waited", _oldest),
    ("canary_age_seconds", "How long ago a test message last came through", _canary),
)
