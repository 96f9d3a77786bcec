"""The household that a transfer covers: where those whom it names live now, and the home it was opened for as long as anybody of it is there."""

from collections.abc import Collection, Iterable

from sqlmodel import Session

from broker.domain.world import World
from broker.storage import people
from broker.storage.codec import Codec
from broker.storage.task_values import Stored
from broker.storage.world import load_world


def around(
    session: Session, codec: Codec, transfer: Iterable[Stored], named: Collection[str]
) -> tuple[World, frozenset[str]]:
    """The world round the transfer, and the homes that it covers besides those of the persons it is about.

    `transfer`: the whole and its lines; `named`: whom its message names, as they are known now. A child whom the sender
    named may leave the home (be placed, be taken in by relatives): brothers and sisters who stay there stay in the transfer.
    """
    tasks = list(transfer)
    covered = people.survivors(session, {task.row.person_id for task in tasks if task.row.person_id})
    homes = {task.row.household_id for task in tasks if task.row.household_id}
    world = load_world(session, codec, {*named, *covered.values(), *people.members(session, homes)})
    return world, frozenset(home for home in homes if not set(covered.values()).isdisjoint(world.members_of(home)))
