"""The town of tests/town.py in a database: the same messages through candidates, matching, settling and writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import event, insert, select
from sqlmodel import Session

from broker.domain import matching
from broker.domain.households import Settlement, settle
from broker.domain.matching import Matches
from broker.domain.world import World
from broker.storage import people
from broker.storage.codec import Codec
from broker.storage.store import Store
from broker.storage.tables import metadata
from broker.workflow.context import Context
from schemas.message import Message, PostalAddress
from tests.town import DIRECTORY, NOW, TEAMS, policy


def found(store: Store) -> "StoredTown":
    """The town's agencies, areas and teams in an empty database."""
    with store.engine.begin() as connection:
        table = metadata.tables
        agencies = sorted({team.agency_id for team in TEAMS.values()})
        connection.execute(insert(table["agency"]), [{"id": id_, "name": id_} for id_ in agencies])
        areas = sorted({team.area_id for team in TEAMS.values() if team.area_id})
        connection.execute(insert(table["area"]), [{"id": id_, "name": id_} for id_ in areas])
        teams = [
            {
                "id": team.id,
                "agency_id": team.agency_id,
                "function": team.function,
                "name": team.name,
                "ods_code": team.ods_code,
                "area_id": team.area_id,
                "honours_marks": True,
            }
            for team in TEAMS.values()
        ]
        connection.execute(insert(table["team"]), teams)
    return StoredTown(store)


class StoredTown:
    """A database that messages change, as `workflow.receive` has them change it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.codec: Codec = store.codec
        self.now: datetime = NOW
        self.matched = Matches(ids={}, new=frozenset())
        self.changed: set[str] = set()
        self.ctx = Context(codec=self.codec, directory=DIRECTORY, policy=policy(), public_url="https://baton.example")

    def place(self, address: PostalAddress) -> str | None:
        return people.place(self.codec, address)

    def send(self, said: Message, by: str = "visitors", notification_id: str | None = None) -> Settlement:
        """A team sends the message; one transaction."""
        return self.store.write(lambda session: self.settle(session, said, by, notification_id))

    def settle(self, session: Session, said: Message, by: str, notification_id: str | None = None) -> Settlement:
        """The steps of one transaction."""
        settled = self.decide(session, said, by)
        self.changed = people.apply(
            session, self.codec, settled.changes, notification_id=notification_id, sender_id=by, now=self.now
        )
        return settled

    def decide(self, session: Session, said: Message, by: str) -> Settlement:
        """All of them but the writing."""
        known, world = people.around(session, self.codec, said)
        self.matched = matching.match(replace(said, sender=by), known, world, TEAMS[by], lambda: str(uuid4()))
        return settle(
            self.rekeyed(said),
            self.matched,
            world,
            sender=TEAMS[by],
            directory=DIRECTORY,
            policy=policy(),
            now=self.now,
            place=self.place,
            new_id=lambda: str(uuid4()),
        )

    def rekeyed(self, said: Message) -> Message:
        """The last message with person ids for keys."""
        return matching.rekey(said, self.matched.ids)

    def id(self, key: str) -> str:
        """Whom the key of the last message means."""
        return self.matched.ids[key]

    def world(self, *person_ids: str) -> World:
        """The world round these persons; round everybody when none is named."""
        return self.store.read(lambda session: people.load_world(session, self.codec, person_ids or _all(session)))

    def homes(self, person_id: str) -> list[set[str]]:
        """Members of each household the person currently belongs to."""
        world = self.world(person_id)
        return [set(world.members_of(home)) for home in world.households_of(person_id)]


def _all(session: Session) -> list[str]:
    return list(session.execute(select(metadata.tables["person"].c.id)).scalars())


@contextmanager
def queries(store: Store) -> Iterator[list[str]]:
    """The statements that run inside the block."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "PRAGMA")):
            seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", note)
