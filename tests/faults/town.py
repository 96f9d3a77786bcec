"""The households, teams and callers of a fault run: the bench's town, with systems for its teams and a team that nothing concerns."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from broker.cli import bench_town
from broker.clock import Clock, utc_now
from broker.domain.states import ChannelKind
from broker.domain.world import Team
from broker.runtime import start
from broker.settings import Settings
from broker.storage import channels, clients, deliveries, directory, migrate
from broker.storage.codec import Codec
from broker.storage.tables import Notification
from broker.web import tokens
from schemas.codes import Function
from tests.faults.size import size

SENDER: Final = bench_town.SENDER
HOUSEHOLDS: Final = size(24, 240)
"""Of thousands of messages so many come to each, that a family's history is as long as it might be."""
TOLD: Final = frozenset(bench_town.TOLD)
"""Every team that must be told of every message of the load, and nobody else."""
PUSHED: Final = ("bench-midwifery", "bench-paediatrics")
"""Teams with a webhook."""
PULLING: Final = "bench-general-practice"
"""The team whose system reads its mailbox."""
QUEUED: Final = "bench-school-nursing"
"""The team that chooses AMQP where there is RabbitMQ."""
BYSTANDER: Final = "faults-bystander"
"""A team of the same area, with a webhook and a function as entitled as any, that works with nobody of the households."""
SECRET: Final = "whsec_" + "c2l4dGVlbiBieXRlcyBhbmQgYSBmZXcgbW9yZSE="
LEASE_SECONDS: Final = 2.0
LADDER: Final = [0.2, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
"""Seconds; what the ladder's end does is K12's to show."""

MONTH: Final = 30 * 86_400
_TIMINGS: Final = {
    "BATON_CALLS_PER_SECOND": "100000",
    "BATON_LEASE_SECONDS": str(LEASE_SECONDS),
    "BATON_RETRY_LADDER": str(LADDER),
    "BATON_RECEIPT_LADDER": str([1.0, *LADDER]),
    "BATON_PUBLISH_TIMEOUT_SECONDS": "1.5",
    "BATON_AMQP_SHARDS": "3",
    "BATON_DAILY_RETRY": "PT3S",
    "BATON_BREAKER_LADDER": "[0.5, 1.0, 2.0]",
    "BATON_CANARY_SECONDS": str(365 * 86_400),  # test messages of their own would count as pushes
    "BATON_POLL_SECONDS": "0.2",
    "BATON_WEBHOOK_TIMEOUT_SECONDS": "1.5",
    "BATON_ALLOW_PRIVATE_ADDRESSES": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A filled database, and who may call the broker on it."""

    database_url: str
    key: str
    tokens: Mapping[str, str]
    """By team: a bearer token of its system, good for a month: clocks jump."""
    built: datetime
    before: frozenset[str]
    """Ids of the messages with which the town was filled."""

    def settings(self, **more: str) -> dict[str, str]:
        """What a `baton` process on it is started with: leases of 2 s and short ladders, so that what dies is seen to come back soon."""
        return {"BATON_DATABASE_URL": self.database_url, "BATON_SECRET_KEY": self.key, **_TIMINGS, **more}

    def on(self, database_url: str) -> "Town":
        """The same on a copy of the database."""
        return replace(self, database_url=database_url)


def build(database_url: str, url: Callable[[str], str], clock: Clock = utc_now) -> Town:
    """Fill an empty database with the town; `url` is where a team's webhook is. What it was filled with counts as delivered."""
    key = secrets.token_urlsafe(32)
    runtime = start(Settings(database_url=database_url, secret_key=key), clock)
    migrate.upgrade(runtime.store.engine)
    bench_town.fill(runtime, households=HOUSEHOLDS)
    given = runtime.store.write(lambda session: _systems(session, runtime))
    runtime.store.write(lambda session: deliveries.settle(session, sorted(TOLD), runtime.now()))
    hooks = {team: url(team) for team in (*PUSHED, BYSTANDER)}
    runtime.store.write(lambda session: webhooks(session, runtime.store.codec, hooks, runtime.now()))
    built = runtime.now()
    before = runtime.store.read(lambda session: frozenset(session.scalars(select(col(Notification.message_id)))))
    runtime.store.close()
    return Town(database_url=database_url, key=key, tokens=given, built=built, before=before)


def _systems(session: Session, runtime) -> dict[str, str]:
    now = runtime.now()
    directory.put_agency(session, BYSTANDER, BYSTANDER, None)
    session.flush()
    bystander = Team(
        id=BYSTANDER, agency_id=BYSTANDER, function=Function.MIDWIFERY, name=BYSTANDER, area_id=bench_town._AREA
    )
    directory.put_team(session, bystander, now)
    session.flush()
    scopes = frozenset({"baton/message.write", "baton/mailbox", "system/Task.rs", "system/Task.u"})
    given = {}
    for team in (SENDER, *sorted(TOLD), BYSTANDER):
        system = clients.Registered(name=team, team=team, jwks={"keys": []}, scopes=scopes)
        clients.put(session, system, now)
        session.flush()
        given[team] = tokens.grant(session, system, None, seconds=MONTH, now=now).token
    return given


def queued(session: Session, codec: Codec, now: datetime) -> None:
    """Give one team a queue."""
    channels.put(
        session, codec, QUEUED, ChannelKind.AMQP, url=None, secret=None, enabled=True, rate_per_second=None, now=now
    )


def webhooks(session: Session, codec: Codec, urls: Mapping[str, str], now) -> None:
    """Give these teams webhooks: team → address."""
    for team, url in urls.items():
        channels.put(
            session,
            codec,
            team,
            ChannelKind.WEBHOOK,
            url=url,
            secret=SECRET,
            enabled=True,
            rate_per_second=None,
            now=now,
        )
