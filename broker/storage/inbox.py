"""What a page about many tasks needs besides them, each read once for all: how many there are of what, names, and what was reported."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain.states import InvolvementState, PersonState
from broker.domain.tasks import TERMINAL
from broker.domain.world import KnownPerson
from broker.storage import sight
from broker.storage.codec import Codec
from broker.storage.person_rows import known_person
from broker.storage.person_tables import PERSON
from broker.storage.tables import Escalation, Involvement, Notification, Subject, Task
from schemas.codes import Event, Priority, TaskCode

_UNTOLD = (PersonState.SEALED, PersonState.MERGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many open tasks a team has of each kind; of how many the date has passed, and how many are not routine."""

    kinds: Mapping[TaskCode, int]
    overdue: int
    urgent: int

    @property
    def open(self) -> int:
        """All of them."""
        return sum(self.kinds.values())


def tally(session: Session, team_id: str, codes: Collection[TaskCode], now: datetime) -> Tally:
    """Count a team's open tasks of these kinds."""
    late = sa.func.sum(sa.case((col(Task.due_at) < now, 1), else_=0))
    pressing = sa.func.sum(sa.case((col(Task.priority) != Priority.ROUTINE, 1), else_=0))
    query = sa.select(col(Task.code), sa.func.count(), late, pressing).where(
        col(Task.owner_team_id) == team_id, col(Task.status).not_in(TERMINAL), col(Task.code).in_(codes)
    )
    rows = session.execute(query.group_by(col(Task.code))).all()
    return Tally(
        kinds={TaskCode(code): int(number) for code, number, _, _ in rows},
        overdue=sum(int(number) for _, _, number, _ in rows),
        urgent=sum(int(number) for _, _, _, number in rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What of one team's open tasks was raised to another because nobody answered."""

    team: str
    raised: int
    unopened: int
    """That nobody of the team has even looked at."""
    oldest_due: datetime | None


def silences(session: Session, team_id: str) -> list[Silence]:
    """By team, what was raised to this one and is not its own; whoever has most first."""
    told = sa.select(col(Escalation.task_id)).where(col(Escalation.team_id) == team_id)
    number = sa.func.count()
    unopened = sa.func.sum(sa.case((col(Task.opened_at).is_(None), 1), else_=0))
    query = sa.select(col(Task.owner_team_id), number, unopened, sa.func.min(col(Task.due_at))).where(
        col(Task.id).in_(told), col(Task.owner_team_id) != team_id, col(Task.status).not_in(TERMINAL)
    )
    rows = session.execute(query.group_by(col(Task.owner_team_id)).order_by(number.desc(), col(Task.owner_team_id)))
    return [Silence(team=team, raised=raised, unopened=int(new), oldest_due=due) for team, raised, new, due in rows]


def persons(session: Session, codec: Codec, ids: Collection[str]) -> dict[str, KnownPerson]:
    """Those of the persons who may be named at all, without identifiers and addresses; whom a team may know is the caller's question."""
    rows = session.execute(sa.select(PERSON).where(PERSON.c.id.in_(ids), PERSON.c.state.not_in(_UNTOLD))).mappings()
    return {row["id"]: known_person(codec, row) for row in rows}


def clients(session: Session, team_id: str, ids: Collection[str]) -> frozenset[str]:
    """Those of the persons whom the team demonstrably works with, as `domain.sight.own_clients` has it."""
    works = sa.select(col(Involvement.person_id)).where(
        col(Involvement.team_id) == team_id,
        col(Involvement.state) == InvolvementState.CONFIRMED,
        col(Involvement.person_id).in_(ids),
    )
    return frozenset(session.scalars(works)) | sight.told_in_full(session, team_id, ids)


def named(session: Session, notification_ids: Collection[str]) -> frozenset[tuple[str, str]]:
    """(notification, person) of everybody whom these notifications name."""
    rows = session.execute(
        sa.select(col(Subject.notification_id), col(Subject.person_id)).where(
            col(Subject.notification_id).in_(notification_ids)
        )
    )
    return frozenset((notification, person) for notification, person in rows)


def events(session: Session, notification_ids: Collection[str]) -> dict[str, tuple[Event, str | None, str]]:
    """What each notification reports: event, kind, and the team that sent it. Those that could not be read are left out."""
    columns = (Notification.id, Notification.event, Notification.kind, Notification.sender_team_id)
    rows = session.execute(sa.select(*map(col, columns)).where(col(Notification.id).in_(notification_ids)))
    return {id_: (Event(event), kind, sender) for id_, event, kind, sender in rows if event is not None}
