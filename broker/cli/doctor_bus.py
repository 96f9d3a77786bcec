"""What `baton doctor` says of RabbitMQ: whether it answers, its queues and their replicas, what to look into, and each team's user."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from broker.bus.rabbit import look, opening
from broker.bus.rabbit.look import Seen, SeenQueue
from broker.bus.rabbit.names import Access, team_access
from broker.cli.opening import as_it_is
from broker.domain.states import ChannelKind
from broker.errors import Away, Misconfigured
from broker.settings import Settings
from broker.storage import channels


@dataclass(frozen=True, slots=True)
class BusReport:
    """`check` is the line among the checks; the rest is shown below them."""

    check: str
    seen: Seen
    virtual_host: str
    access: Sequence[Access]
    """Of each team that is told by AMQP."""

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": self.seen.version,
            "warnings": list(look.warnings(self.seen)),
            "replicasNotKnownBecause": self.seen.not_managed,
            "queues": [asdict(queue) for queue in self.seen.queues],
            "users": [{"virtual_host": self.virtual_host, **asdict(one)} for one in self.access],
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        for warning in look.warnings(self.seen):
            yield f"look into: {warning}"
        if self.seen.version is not None and self.seen.not_managed is not None:
            yield f"not known: {self.seen.not_managed}"
        for queue in self.seen.queues:
            yield f"{queue.name:<34} {_queue(queue)}"
        for one in self.access:
            yield f"user {one.user} in {self.virtual_host}: configure {one.configure} write {one.write} read {one.read}"


def examine(read: Settings) -> BusReport | None:
    """None when RabbitMQ is not used."""
    if read.amqp_url is None:
        return None
    try:
        server, management = opening.server(read), opening.management(read)
    except Misconfigured as error:
        return BusReport(f"mend: {error}", Seen(), "", ())
    host = opening.virtual_host(server.addresses[0])
    teams = _teams(read)
    seen = look.look(server, management, host, teams)
    check = "mend: no address of BATON_AMQP_URL lets us in; until one does, deliveries are found by looking for them"
    if seen.version is not None:
        check = f"ok: {seen.version}, {sum(queue.exists for queue in seen.queues)} of {len(seen.queues)} queues"
    return BusReport(check, seen, host, [team_access(team) for team in teams])


def _teams(read: Settings) -> list[str]:
    """Teams that are told by AMQP; none when the database does not say, which is a check of its own."""
    try:
        with as_it_is(read) as store:
            return store.read(lambda session: channels.teams_of(session, ChannelKind.AMQP))
    except (SQLAlchemyError, Away, Misconfigured):
        return []


def _queue(queue: SeenQueue) -> str:
    if not queue.exists:
        return "not there"
    replicas = "replicas not known" if queue.replicas is None else f"{queue.online} of {queue.replicas} replicas run"
    kind = "quorum" if queue.as_declared else "declared otherwise"
    return f"{kind}, {replicas}, {queue.messages} waiting, {queue.consumers} consumers"
