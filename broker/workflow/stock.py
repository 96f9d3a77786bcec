"""What several deliveries have in common, read once for all of them: their notifications, what those say, the people round them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from broker.domain import matching, rendering, since_then
from broker.domain.around import around
from broker.domain.rendering import Original
from broker.domain.world import World
from broker.storage import deliveries as delivery_rows
from broker.storage import notifications, people, reserving, tasks
from broker.storage.codec import Codec
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Stored
from broker.workflow.context import Context
from broker.workflow.gates import Gates, all_gates
from schemas.bundle import Kept
from schemas.message import Message


@dataclass(slots=True, kw_only=True)
class Stock:
    """All that copies for teams are made of. `said` and `carried` are of deliveries that bring the notification itself."""

    deliveries: Mapping[str, Delivery]
    notifications: Mapping[str, Notification]
    said: Mapping[str, Message]
    """By notification id: the message, about whom its persons have turned out to be since."""
    carried: Mapping[str, list[Stored]]
    """By delivery id: tasks that came with it."""
    reserved: Sequence[reserving.Reserved]
    """Transfers round the persons that do not name every child to one of the deliveries' teams."""
    written: Kept = field(default_factory=Kept)
    """What copies say in the same words."""
    _everybody: World
    _left: frozenset[str]
    """Homes that somebody has left since the first was told."""
    _gates: Mapping[str, Gates]
    _worlds: dict[str, World] = field(default_factory=dict)
    _originals: dict[tuple[str, datetime, bool], Original] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, codec: Codec, delivery_ids: Sequence[str]) -> "Stock":
        """In a number of reads that does not grow with the deliveries. KeyError when one of them is not there."""
        rows = delivery_rows.these(session, delivery_ids)
        deliveries = {row.id: row for row in rows}
        if missing := set(delivery_ids) - deliveries.keys():
            raise KeyError(f"there are no such deliveries: {len(missing)}")
        found = notifications.several(session, {row.notification_id for row in rows if row.notification_id})
        # A message about a task alone says nothing of what the notification said.
        telling = [row for row in rows if not row.cause or row.cause.startswith("transfer:")]
        told = {row.notification_id for row in telling if row.notification_id}
        said = _said(session, codec, [row for row in found if row.id in told and row.content is not None])
        persons = {person.key for message in said.values() for person in message.people}
        first = min((row.created_at for row in telling), default=None)
        everybody, left = people.world_since(session, codec, persons, first)
        return cls(
            deliveries=deliveries,
            notifications={row.id: row for row in found},
            said=said,
            carried=_carried(session, codec, telling),
            reserved=reserving.reserved(session, everybody.people.keys(), {row.team_id for row in telling}),
            _everybody=everybody,
            _left=left,
            _gates=all_gates(session, codec, told) if told else {},
        )

    def world(self, notification_id: str) -> World:
        """The world round the persons of one message, and round whose homes they have left since the first was told; nobody else of the others."""
        if notification_id not in self._worlds:
            persons = {person.key for person in self.said[notification_id].people}
            own = around(self._everybody, persons)
            self._worlds[notification_id] = (
                around(self._everybody, persons | self._lived_with(own)) if self._left else own
            )
        return self._worlds[notification_id]

    def original(self, ctx: Context, notification_id: str, told_at: datetime, *, as_it_was: bool) -> Original:
        """The message looked at for all who were told of it at one time: in the world `as_it_was` then, or as it is."""
        wanted = notification_id, told_at, as_it_was
        if wanted not in self._originals:
            world = self.world(notification_id)
            self._originals[wanted] = rendering.original(
                self.said[notification_id],
                world=since_then.as_it_was(world, told_at) if as_it_was else world,
                directory=ctx.directory,
                policy=ctx.policy,
                told_at=told_at,
            )
        return self._originals[wanted]

    def _lived_with(self, world: World) -> frozenset[str]:
        """Everybody of the homes that somebody of this world has left."""
        homes = {m.household_id for m in world.memberships} & self._left
        return frozenset(m.person_id for m in self._everybody.memberships if m.household_id in homes)

    def gates(self, notification_id: str) -> Gates:
        """What a safeguarding lead has decided about it."""
        return self._gates[notification_id]


def _said(session: Session, codec: Codec, rows: Collection[Notification]) -> dict[str, Message]:
    said = {row.id: notifications.message_of(codec, row) for row in rows}
    now_known_as = people.survivors(session, {person.key for message in said.values() for person in message.people})
    return {id_: matching.rekey(message, now_known_as) for id_, message in said.items()}


def _carried(session: Session, codec: Codec, rows: Collection[Delivery]) -> dict[str, list[Stored]]:
    """By delivery: tasks that came with it and are its team's. What the team agreed to later is its own, and no news to it."""
    by = [tasks.Carrier(id=row.id, notification_id=row.notification_id, team_id=row.team_id, cause="") for row in rows]
    found: dict[str, list[Stored]] = {}
    for delivery_id, task in tasks.carried_by(session, codec, by):
        found.setdefault(delivery_id, []).append(task)
    return found
