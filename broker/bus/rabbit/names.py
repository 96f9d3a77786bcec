"""What there is on RabbitMQ, as values: exchanges, queues with their arguments, and what a team's user may do; `topology` declares it.

Every queue is a quorum queue. Each argument stands here although it may be a default, because defaults differ between
RabbitMQ 3.x and 4.x, and a queue's arguments cannot be changed once it exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

WORK = "baton.work"
TEAMS = "baton.teams"
RECEIPTS = "baton.receipts"
DEAD = "baton.dead"
TEAM = "baton.team."
"""Begins the name of a team's queue, and of its user."""

MOST_ANNOUNCEMENTS = 100_000
"""Messages a queue of internal work holds while no worker comes; what is announced beyond them the workers' own looks find."""
MOST_FOR_TEAM = 100_000
"""Messages a team's queue holds; beyond them publishing fails, which is a failed try of the delivery and shows as one."""
MOST_RECEIPTS = 1_000_000
MOST_DEAD = 100_000
"""Dead letters kept; beyond them they stay where they were (at-least-once dead-lettering)."""
DEAD_FOR = 14 * 24 * 3600 * 1000
"""Milliseconds a dead letter is kept. It may be a team's message, and is a copy: the delivery is in the database."""
DELIVERIES = 20
"""How often a message may come back unacknowledged before it is a dead letter."""
LOOKS = 1000
"""As above for dead letters themselves: an operator's look counts as one, and beyond the limit they would be dropped."""
REPLICAS = 3

_QUORUM: Mapping[str, str | int] = MappingProxyType(
    {
        "x-queue-type": "quorum",
        "x-quorum-initial-group-size": REPLICAS,  # as many as there are nodes when there are fewer
        "x-queue-leader-locator": "balanced",
        "x-overflow": "reject-publish",  # the default drops the oldest; and at-least-once dead-lettering needs it
    }
)
_DEAD_LETTERED: Mapping[str, str | int] = MappingProxyType(
    {
        "x-dead-letter-exchange": DEAD,
        "x-dead-letter-strategy": "at-least-once",  # the default may lose them
        "x-delivery-limit": DELIVERIES,
    }
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Durable."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Durable, bound to one exchange by one key."""

    name: str
    exchange: str
    key: str
    arguments: Mapping[str, str | int]


EXCHANGES: Sequence[Exchange] = (
    Exchange(DEAD, "fanout"),  # whatever key a dead letter has
    Exchange(WORK, "direct"),
    Exchange(TEAMS, "direct"),
    Exchange(RECEIPTS, "fanout"),  # whatever key an agency's client makes up
)
"""No alternate exchange: it would swallow what mandatory publishing has returned."""


def queues(shards: int) -> Iterator[Queue]:
    """The queues that are always there, in the order in which they must be declared."""
    yield Queue(
        DEAD,
        DEAD,
        "",
        {**_QUORUM, "x-delivery-limit": LOOKS, "x-max-length": MOST_DEAD, "x-message-ttl": DEAD_FOR},
    )
    yield Queue(RECEIPTS, RECEIPTS, "", {**_QUORUM, **_DEAD_LETTERED, "x-max-length": MOST_RECEIPTS})
    for shard in range(shards):
        arguments = {**_QUORUM, **_DEAD_LETTERED, "x-max-length": MOST_ANNOUNCEMENTS}
        yield Queue(f"{WORK}.{shard}", WORK, work_key(shard), arguments)


def team_queue(team: str) -> Queue:
    """A team's own queue, bound to its own key alone."""
    return Queue(f"{TEAM}{team}", TEAMS, f"team.{team}", {**_QUORUM, **_DEAD_LETTERED, "x-max-length": MOST_FOR_TEAM})


def work_key(shard: int) -> str:
    """The routing key of a shard of internal work."""
    return f"work.{shard}"


def shard_of(lane: str, shards: int) -> int:
    """The shard of a lane: the same in every process and version."""
    return int.from_bytes(sha256(lane.encode()).digest()[:4]) % shards


# --- who may do what ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A user and its permission patterns in one virtual host, as RabbitMQ has them."""

    user: str
    configure: str
    write: str
    read: str


def team_access(team: str) -> Access:
    """What a team's user needs and no more: it reads its own queue and writes receipts.

    Writing to the default exchange is not among them: by it one reaches every queue by name, other teams' too.
    """
    own = f"{TEAM}{team}".replace(".", r"\.")
    receipts = RECEIPTS.replace(".", r"\.")
    return Access(user=f"{TEAM}{team}", configure="^$", write=f"^{receipts}$", read=f"^{own}$")


def team_of(user: str) -> str | None:
    """The team whose user this is; None for any other user."""
    return user.removeprefix(TEAM) if user.startswith(TEAM) else None
