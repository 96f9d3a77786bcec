"""People whose time is over, found by index, and what is known of them taken away. How long is policy (`domain.retention`).

A person is looked at when it may be over, and then at least every `AGAIN`: what is heard meanwhile makes it later, and nothing
is written for that while messages are accepted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from broker.domain.retention import Heard, People, known_until
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.tasks import TERMINAL
from broker.storage import retention
from broker.storage.codec import Codec, open_json, seal_json
from broker.storage.person_tables import (
    ADDRESS,
    HOUSEHOLD,
    IDENTIFIER,
    INVOLVEMENT,
    LEGAL_HOLD,
    MEMBERSHIP,
    NOTIFICATION,
    PERSON,
    RELATIONSHIP,
    SUBJECT,
    TASK,
)
from broker.storage.tables import PERSON_KNOWN, TASK_OF_HOME, BreakGlass, SubjectRequest, Task, metadata
from schemas.codes import RelationshipKind

AGAIN: Final = timedelta(days=30)
"""A policy with shorter times, a hold that was lifted and what was closed are noticed within so long."""

_PATTERN, _FLAG, _LOOK, _EXPECTATION, _RESPONSIBILITY, _REQUEST = (
    metadata.tables[name]
    for name in ("pattern", "patternflag", "patternlook", "expectation", "responsibility", "subjectrequest")
)
_KNOWN: Final = sa.text(PERSON_KNOWN)
_PARENTS: Final = (RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.PARENT)


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one person's time."""

    id: str
    until: datetime
    """When it is over, as far as is known now."""
    kept: bool
    """Something about them is open, can still be read, or is held."""

    def is_over(self, now: datetime) -> bool:
        """Whether what is known of them goes."""
        return not self.kept and self.until <= now


# --- whose time is over ----------------------------------------------------------------------------------------------


def waiting(session: Session, rules: People, now: datetime, limit: int) -> list[str]:
    """Whom to look at next; at most so many."""
    looked = _of(col_=PERSON.c.review_at, until=now)
    never = _of(col_=PERSON.c.created_at, until=now - rules.after_last).where(PERSON.c.review_at.is_(None))
    found = list(session.scalars(looked.limit(limit)))
    return found + list(session.scalars(never.limit(limit - len(found)))) if len(found) < limit else found


def _of(*, col_: sa.ColumnElement[Any], until: datetime) -> sa.Select[Any]:
    """By `ix_person_review`, in its own words."""
    return sa.select(PERSON.c.id).where(_KNOWN, col_ <= until).order_by(PERSON.c.review_at, PERSON.c.created_at)


def due(session: Session, rules: People, now: datetime, limit: int) -> int:
    """How many of those who are looked at next lose what is known of them then; of so many at most."""
    return sum(one.is_over(now) for one in standing(session, rules, waiting(session, rules, now, limit)))


def held_back(session: Session, rules: People, now: datetime) -> int:
    """How many whom a legal hold names have had their time."""
    named = sa.select(LEGAL_HOLD.c.person_id).where(
        LEGAL_HOLD.c.person_id.is_not(None), LEGAL_HOLD.c.lifted_at.is_(None)
    )
    return sum(one.until <= now for one in standing(session, rules, session.scalars(named.distinct()).all()))


def take(session: Session, rules: People, now: datetime, limit: int) -> list[Standing]:
    """The next to be looked at, locked against who writes about them until the commit; whoever is being written about now is passed over."""
    ids = waiting(session, rules, now, limit)
    held = sa.select(PERSON.c.id).where(PERSON.c.id.in_(ids), _KNOWN).order_by(PERSON.c.id)
    return standing(session, rules, session.scalars(held.with_for_update(skip_locked=True)).all())


def look_again(session: Session, looked: Collection[Standing], now: datetime) -> None:
    """Note when these are looked at next."""
    for one in looked:
        at = now + AGAIN if one.until <= now else min(one.until, now + AGAIN)
        session.execute(sa.update(PERSON).where(PERSON.c.id == one.id).values(review_at=at))


def standing(session: Session, rules: People, ids: Sequence[str]) -> list[Standing]:
    """How it stands with these, in the order of their ids."""
    if not ids:
        return []
    rows = session.execute(_standing(rules).where(PERSON.c.id.in_(ids)).order_by(PERSON.c.id)).mappings()
    return [Standing(id=row["id"], until=known_until(_heard(row), rules), kept=row["kept"]) for row in rows]


def _heard(row: sa.RowMapping) -> Heard:
    return Heard(
        first=row["created_at"],
        last=max(row[name] for name in ("created_at", *_LAST) if row[name] is not None),
        birth=row["born"] or row["expected"],
        is_child=row["is_child"],
        last_child=row["last_child"],
    )


def _latest(column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    # Theirs are found first: with the maximum in sight PostgreSQL would walk through everybody's in order of time.
    theirs = sa.select(column.label("at")).where(*where).correlate(PERSON).offset(0).subquery()
    return sa.select(sa.func.max(theirs.c.at)).scalar_subquery()


def _there_is(table: sa.Table, *where: sa.ColumnElement[bool] | sa.TextClause) -> sa.ColumnElement[bool]:
    return sa.exists().select_from(table).where(*where).correlate(PERSON)


def _theirs(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return table.c.person_id == PERSON.c.id


_ABOUT: Final = sa.and_(_theirs(SUBJECT), NOTIFICATION.c.id == SUBJECT.c.notification_id)
_HOME: Final = MEMBERSHIP.alias("home")
_THERE: Final = MEMBERSHIP.alias("there")
_RECORD: Final = PERSON.alias("record")
_CHILD: Final = PERSON.alias("child")
_LAST: Final[Mapping[str, sa.ScalarSelect[Any]]] = {
    "message": _latest(NOTIFICATION.c.received_at, _ABOUT),
    "task": _latest(TASK.c.changed_at, _theirs(TASK)),
    "work": _latest(INVOLVEMENT.c.renewed_at, _theirs(INVOLVEMENT)),
    "work_ended": _latest(INVOLVEMENT.c.ended_at, _theirs(INVOLVEMENT)),
    "responsible": _latest(_RESPONSIBILITY.c.since, _theirs(_RESPONSIBILITY)),
    "home": _latest(MEMBERSHIP.c.asserted_at, _theirs(MEMBERSHIP)),
    "home_left": _latest(MEMBERSHIP.c.ended_at, _theirs(MEMBERSHIP)),
}
"""What is the last that was heard of somebody, or done about them."""


def _standing(rules: People) -> sa.Select[*tuple[Any, ...]]:
    parent = _there_is(RELATIONSHIP, RELATIONSHIP.c.to_person_id == PERSON.c.id, RELATIONSHIP.c.kind.in_(_PARENTS))
    last_child = _latest(
        sa.func.coalesce(_CHILD.c.born, _CHILD.c.expected),
        _CHILD.c.id == RELATIONSHIP.c.to_person_id,
        RELATIONSHIP.c.person_id == PERSON.c.id,
        RELATIONSHIP.c.kind == RelationshipKind.MOTHER,
    )
    return sa.select(
        *(PERSON.c[name] for name in ("id", "born", "expected", "created_at")),
        *(latest.label(name) for name, latest in _LAST.items()),
        parent.label("is_child"),
        last_child.label("last_child"),
        sa.or_(_is_readable(), _is_open(), _is_worked_with(rules), _is_asked_about(), _is_held()).label("kept"),
    )


def _is_readable() -> sa.ColumnElement[bool]:
    """A message that is about or names them still says something: it goes first, when nothing about it is open (`retention`)."""
    return _there_is(SUBJECT, _ABOUT, NOTIFICATION.c.shredded_at.is_(None))


def _is_open() -> sa.ColumnElement[bool]:
    """Somebody still has something to do about them or their home."""
    at_home = _theirs(_HOME)
    return sa.or_(
        _there_is(TASK, _theirs(TASK), TASK.c.status.not_in(TERMINAL)),
        _there_is(
            TASK,
            at_home,
            TASK.c.household_id == _HOME.c.household_id,
            sa.text(TASK_OF_HOME),
            TASK.c.status.not_in(TERMINAL),
        ),
        _there_is(_EXPECTATION, _theirs(_EXPECTATION), sa.text("expectation.state IN ('waiting', 'missed')")),
        _there_is(_PATTERN, _theirs(_PATTERN), _PATTERN.c.closed_at.is_(None)),
        _there_is(_PATTERN, at_home, _PATTERN.c.household_id == _HOME.c.household_id, _PATTERN.c.closed_at.is_(None)),
        _there_is(_FLAG, _theirs(_FLAG), _FLAG.c.withdrawn_at.is_(None)),
    )


def _is_worked_with(rules: People) -> sa.ColumnElement[bool]:
    """By a function whose work does not lapse; that of others is heard of in time, or is over."""
    confirmed = INVOLVEMENT.c.state == InvolvementState.CONFIRMED
    return _there_is(INVOLVEMENT, _theirs(INVOLVEMENT), confirmed, INVOLVEMENT.c.function.in_(sorted(rules.kept_by)))


def _is_asked_about() -> sa.ColumnElement[bool]:
    """A request for what is held about them waits, or what was released is there to be fetched."""
    of_record = sa.or_(_RECORD.c.id == PERSON.c.id, _RECORD.c.merged_into == PERSON.c.id)
    asked = sa.or_(_REQUEST.c.state == "waiting", _REQUEST.c.export.is_not(None))
    return _there_is(_REQUEST, _REQUEST.c.person_id == _RECORD.c.id, of_record, asked)


def _is_held() -> sa.ColumnElement[bool]:
    """A legal hold names them, or somebody of a household that is or was theirs."""
    in_force = LEGAL_HOLD.c.lifted_at.is_(None)
    together = sa.and_(_theirs(_HOME), _THERE.c.household_id == _HOME.c.household_id)
    return sa.or_(
        _there_is(LEGAL_HOLD, _theirs(LEGAL_HOLD), in_force),
        _there_is(LEGAL_HOLD, together, LEGAL_HOLD.c.person_id == _THERE.c.person_id, in_force),
    )


# --- what goes -------------------------------------------------------------------------------------------------------


def erase(session: Session, codec: Codec, ids: Collection[str], now: datetime) -> list[str]:
    """Take away who these persons were, the records that were merged into them included; ids of the households in which nobody is left.

    Their rows stay, sealed for ever: what names their ids leads to somebody of whom nothing is known.
    """
    of = PERSON.c.id.in_(ids) | PERSON.c.merged_into.in_(ids)
    records = session.scalars(sa.select(PERSON.c.id).where(of).order_by(PERSON.c.id)).all()
    homes = _leave(session, records)
    for table in (IDENTIFIER, ADDRESS, _LOOK):
        session.execute(sa.delete(table).where(table.c.person_id.in_(records)))
    session.execute(
        sa.delete(RELATIONSHIP).where(RELATIONSHIP.c.person_id.in_(records) | RELATIONSHIP.c.to_person_id.in_(records))
    )
    ongoing = INVOLVEMENT.c.person_id.in_(records), INVOLVEMENT.c.state != InvolvementState.ENDED
    session.execute(sa.update(INVOLVEMENT).where(*ongoing).values(state=InvolvementState.ENDED, ended_at=now))
    _texts(session, codec, col(Task.person_id).in_(records))
    _requests(session, codec, records)
    for id_ in records:
        _person(session, codec, id_, now)
    return _empty(session, codec, homes)


def _leave(session: Session, records: Collection[str]) -> list[str]:
    """Take them out of their households, each of which changes by it."""
    theirs = MEMBERSHIP.c.person_id.in_(records)
    homes = session.scalars(sa.select(MEMBERSHIP.c.household_id).where(theirs).distinct()).all()
    held = sa.select(HOUSEHOLD.c.id).where(HOUSEHOLD.c.id.in_(homes)).order_by(HOUSEHOLD.c.id).with_for_update()
    found = list(session.scalars(held))
    session.execute(sa.update(HOUSEHOLD).where(HOUSEHOLD.c.id.in_(found)).values(version=HOUSEHOLD.c.version + 1))
    session.execute(sa.delete(MEMBERSHIP).where(theirs))
    return found


def _person(session: Session, codec: Codec, id_: str, now: datetime) -> None:
    values = {
        "state": sa.case((PERSON.c.merged_into.is_(None), PersonState.SEALED.value), else_=PersonState.MERGED.value),
        "born": None,
        "expected": None,
        "name_blind": None,
        "details": seal_json(codec, {}, f"person:{id_}"),
        "resolved": True,
        "version": PERSON.c.version + 1,
        "review_at": None,
        "erased_at": now,
    }
    session.execute(sa.update(PERSON).where(PERSON.c.id == id_).values(**values))


def _empty(session: Session, codec: Codec, homes: Collection[str]) -> list[str]:
    """Take away what is known of those of these households in which nobody is left."""
    lived = sa.select(MEMBERSHIP.c.household_id).where(
        MEMBERSHIP.c.household_id.in_(homes), MEMBERSHIP.c.state != MembershipState.REJECTED
    )
    left = sorted(set(homes) - set(session.scalars(lived)))
    session.execute(sa.update(HOUSEHOLD).where(HOUSEHOLD.c.id.in_(left)).values(area_id=None, refuge=False))
    _texts(session, codec, col(Task.household_id).in_(left), sa.text(TASK_OF_HOME))
    for row in session.exec(select(BreakGlass).where(col(BreakGlass.household_id).in_(left))):
        context = f"break-glass:{row.id}"
        row.details = seal_json(codec, {**open_json(codec, row.details, context), "why": retention.GONE}, context)
        session.add(row)
    session.flush()
    return left


def _texts(session: Session, codec: Codec, *which: Any) -> None:  # noqa: ANN401 - conditions, or text
    """What tasks about them say; of those about a message it went with the message."""
    for task in session.exec(select(Task).where(*which)).all():
        retention.shred_task(session, codec, task)


def _requests(session: Session, codec: Codec, records: Collection[str]) -> None:
    """Who asked for what was held, and what was decided, in words."""
    gone = {"requested_by": retention.GONE, "reason": retention.GONE, "decision": {}}
    for row in session.exec(select(SubjectRequest).where(col(SubjectRequest.person_id).in_(records))).all():
        row.details = seal_json(codec, gone, f"subject-request:{row.id}")
        session.add(row)
    session.flush()
