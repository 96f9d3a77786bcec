"""What a running process holds: settings, store, policy, clock, bus, and the directory kept in memory until it changes."""

from typing import TYPE_CHECKING

from sqlmodel import Session

from broker import collector, unsafe
from broker.bus.embedded import EmbeddedBus
from broker.bus.port import Bus
from broker.clock import Clock, utc_now
from broker.domain.world import Directory
from broker.errors import Misconfigured
from broker.policy.model import Policy, load, read_text
from broker.settings import Settings
from broker.storage import channels, deliveries, directory, engines, epochs, policies
from broker.storage.audit_head import Newest
from broker.storage.engines import Patience
from broker.storage.store import Store, open_store
from broker.workflow.context import Context

IDLE_SECONDS = 15.0
"""How long a frozen process may hold its locks in PostgreSQL: half of a lease."""


if TYPE_CHECKING:
    from broker.bus.rabbit.teams import TeamQueues

PUSH_PART_OF_LEASE = 0.8
"""A push ends before its lease, or it would go out twice while both are alive; the rest of the lease is for the commit."""


class Runtime:
    """Made once at start by an entry point, and by tests with a clock of their own."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        policy: Policy,
        bus: Bus,
        clock: Clock = utc_now,
        *,
        queues: "TeamQueues | None" = None,
    ) -> None:
        """Nothing is opened here; see `start`. `queues`: of teams that are told by AMQP, where there is a server for it."""
        self.settings = settings
        self.store = store
        self.policy = policy
        self.bus = bus
        self.queues = queues
        self.now = clock
        self._stored: str | None = None
        self.newest_head = Newest(clock)
        self._known: tuple[Directory, frozenset[str], frozenset[str]] | None = None
        store.committed = bus.publish

    def context(self, session: Session) -> Context:
        """The context of one step: the directory is read again when its revision has risen."""
        known = self._known
        if known is None or known[0].version != directory.revision(session):
            epochs.follow(session, self.store.codec)
            known = directory.load(session), deliveries.pushed(session), channels.native(session)
            self.policy, self._known = self._in_force(session), known
        return Context(
            codec=self.store.codec,
            directory=known[0],
            policy=self.policy,
            pushed=known[1],
            native=known[2],
            public_url=self.settings.public_url.rstrip("/"),
        )

    @property
    def by_file(self) -> bool:
        """Whether the policy is a file's (`BATON_POLICY`), so that no stored version is put in force."""
        return self.settings.policy is not None

    def _in_force(self, session: Session) -> Policy:
        """The stored version that was approved, unless a file rules; read once for each version."""
        row = None if self.by_file else policies.active(session)
        if row is None or row.id == self._stored:
            return self.policy
        policy, problems = read_text(row.text)
        if policy is None:
            # Written by a newer release: what cannot be read is not guessed at, and the watchdog sees that nothing moves.
            raise Misconfigured(f"The policy {row.version} in force cannot be read by this release.", problems=problems)
        self._stored = row.id
        return policy


def start(settings: Settings, clock: Clock = utc_now) -> Runtime:
    """A runtime for these settings, in a process that serves or works; Misconfigured when they cannot work."""
    unsafe.refuse(settings)
    collector.calm()
    codec = epochs.codec_of(settings)
    patience = Patience(answer_seconds=settings.database_timeout_seconds, idle_seconds=IDLE_SECONDS, by_index=True)
    store = open_store(settings.database_url, codec, patience)
    collector.spare_what_is_there()
    bus, queues = wires(settings, store)
    return Runtime(settings, store, load(settings.policy), bus, clock, queues=queues)


def wires(settings: Settings, store: Store) -> "tuple[Bus, TeamQueues | None]":
    """The bus that these settings name, and with RabbitMQ the queues of teams over the same connection."""
    if settings.amqp_url is None:
        return EmbeddedBus() if store.embedded else _of_postgres(store), None
    # Imported when it is used: the client library takes a quarter of a second.
    from broker.bus.rabbit import opening
    from broker.bus.rabbit.bus import RabbitBus
    from broker.bus.rabbit.link import Link
    from broker.bus.rabbit.teams import TeamQueues

    link = Link(opening.server(settings))
    longest = min(2 * settings.publish_timeout_seconds, PUSH_PART_OF_LEASE * settings.lease_seconds)
    return RabbitBus(link), TeamQueues(link, longest=longest)


def _of_postgres(store: Store) -> Bus:
    from broker.bus.postgres import PostgresBus

    return PostgresBus(engines.parameters(store.engine))
