"""Writing what changes about people and households, each change as the rows it means; what it means is told in `domain/effects.py`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatch
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, and_, insert, select, update
from sqlmodel import Session

from broker.domain import changes as c
from broker.domain.effects import updated
from broker.domain.merging import OPEN
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownPerson
from broker.storage import direct
from broker.storage.codec import Codec
from broker.storage.people_merge import merge
from broker.storage.person_rows import identifier_blind, known_person, person_row, seal_address, seal_text
from broker.storage.person_tables import ADDRESS, HOUSEHOLD, IDENTIFIER, INVOLVEMENT, MEMBERSHIP, PERSON, RELATIONSHIP
from broker.storage.phrases import among
from broker.storage.prepared import Query, written_out
from broker.storage.store import Raced

_PARENTS_FIRST = (PERSON, HOUSEHOLD, IDENTIFIER, RELATIONSHIP, MEMBERSHIP, ADDRESS, INVOLVEMENT)


@dataclass(slots=True)
class _Writer:
    """One application of changes. New rows wait and go in together; an update of rows lets them go first."""

    session: Session
    codec: Codec
    notification_id: str | None
    sender_id: str
    now: datetime
    households: set[str] = field(default_factory=set)
    waiting: dict[Table, list[dict[str, object]]] = field(default_factory=dict)

    def add(self, table: Table, row: Mapping[str, object]) -> None:
        self.waiting.setdefault(table, []).append({"id": str(uuid4()), **row})

    def flush(self) -> None:
        for table in _PARENTS_FIRST:
            rows = self.waiting.pop(table, None)
            if rows:
                self.session.execute(insert(table), rows)

    def set(self, table: Table, where: ColumnElement[bool], **values: object) -> None:
        self.flush()
        self.session.execute(update(table).where(where).values(**values))

    def said(self) -> dict[str, object]:
        """Who said it, when."""
        return {"asserted_by": self.sender_id, "asserted_at": self.now}


def apply(
    session: Session,
    codec: Codec,
    changes: Iterable[c.Change],
    *,
    notification_id: str | None,
    sender_id: str,
    now: datetime,
) -> set[str]:
    """Write the changes in their order; ids of the households that changed.

    Raced when a person or household that they touch was changed since the changes were decided. What a change of
    `Revise` names stays locked until the commit.
    """
    writer = _Writer(session=session, codec=codec, notification_id=notification_id, sender_id=sender_id, now=now)
    for change in changes:
        _write(change, writer)
    writer.flush()
    return writer.households


def forget(session: Session, notification_id: str, now: datetime) -> set[str]:
    """Undo what a withdrawn notification opened: memberships, and involvements that nothing has renewed since.

    Who somebody is, and what is known of them, stays: others may have built on it. Ids of the households that changed.
    """
    involvement = and_(
        INVOLVEMENT.c.notification_id == notification_id,
        INVOLVEMENT.c.state != InvolvementState.ENDED,
        INVOLVEMENT.c.renewed_at == INVOLVEMENT.c.since,
    )
    membership = and_(MEMBERSHIP.c.notification_id == notification_id, MEMBERSHIP.c.state.in_(OPEN))
    persons = set(session.execute(select(INVOLVEMENT.c.person_id).where(involvement)).scalars())
    homes = set(session.execute(select(MEMBERSHIP.c.household_id).where(membership)).scalars())
    theirs = and_(MEMBERSHIP.c.person_id.in_(persons), MEMBERSHIP.c.state == MembershipState.CURRENT)
    homes |= set(session.execute(select(MEMBERSHIP.c.household_id).where(theirs)).scalars())
    _raise(session, HOUSEHOLD, homes)
    _raise(session, PERSON, persons)
    session.execute(update(INVOLVEMENT).where(involvement).values(state=InvolvementState.ENDED, ended_at=now))
    session.execute(update(MEMBERSHIP).where(membership).values(state=MembershipState.REJECTED))
    return homes


def _raise(session: Session, table: Table, ids: Iterable[str]) -> dict[str, int]:
    """Lock the rows in the order of their ids, so that two who raise the same do not block each other, and raise them."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    return dict(direct.rows(session, _RAISING[table], ids=wanted))


def _raising(table: Table) -> Query:
    locked = written_out(select(table.c.id).where(among(table.c.id, "ids")).order_by(table.c.id).with_for_update())
    raised = update(table).where(table.c.id.in_(locked)).values(version=table.c.version + 1)
    return Query(raised.returning(table.c.id, table.c.version))


_RAISING: Final = {table: _raising(table) for table in (PERSON, HOUSEHOLD)}


@singledispatch
def _write(change: object, _writer: _Writer) -> None:
    raise TypeError(type(change).__name__)


@_write.register
def _revise(change: c.Revise, writer: _Writer) -> None:
    """Persons before households, each in the order of their ids: one order for everybody who locks."""
    for table, read in ((PERSON, change.people), (HOUSEHOLD, change.households)):
        raised = _raise(writer.session, table, read)
        if raised != {id_: version + 1 for id_, version in read.items()}:
            raise Raced("somebody changed after they were read")
    writer.households |= set(change.households)


@_write.register
def _add_person(change: c.AddPerson, writer: _Writer) -> None:
    known = KnownPerson(
        id=change.person_id,
        state=change.state,
        born=change.born,
        expected=change.expected,
        family=change.family,
        given=change.given,
        gender=change.gender,
        practice=change.practice,
        birth_order=change.birth_order,
        resolved=change.resolved,
    )
    writer.add(PERSON, {**person_row(writer.codec, known), "version": 1, "created_at": writer.now})


@_write.register
def _update_person(change: c.UpdatePerson, writer: _Writer) -> None:
    writer.flush()
    row = writer.session.execute(select(PERSON).where(PERSON.c.id == change.person_id)).mappings().one()
    known = updated(known_person(writer.codec, row), change)
    writer.set(PERSON, PERSON.c.id == change.person_id, **person_row(writer.codec, known))


@_write.register
def _become_child(change: c.BecomeChild, writer: _Writer) -> None:
    _write(c.UpdatePerson(person_id=change.person_id, born=change.born), writer)  # its name is looked up by birth
    writer.set(PERSON, PERSON.c.id == change.person_id, state=PersonState.LIVING)


@_write.register
def _end_pregnancy(change: c.EndPregnancy, writer: _Writer) -> None:
    writer.set(PERSON, PERSON.c.id == change.person_id, state=PersonState.PREGNANCY_ENDED)


@_write.register
def _died(change: c.PersonDied, writer: _Writer) -> None:
    writer.set(PERSON, PERSON.c.id == change.person_id, state=PersonState.DIED)


@_write.register
def _lives(change: c.PersonLives, writer: _Writer) -> None:
    writer.set(PERSON, PERSON.c.id == change.person_id, state=PersonState.LIVING)


@_write.register
def _seal(change: c.SealPerson, writer: _Writer) -> None:
    writer.set(PERSON, PERSON.c.id == change.person_id, state=PersonState.SEALED)


@_write.register
def _merge(change: c.MergePersons, writer: _Writer) -> None:
    writer.flush()
    merge(writer.session, writer.codec, gone=change.gone, into=change.into, now=writer.now)


@_write.register
def _assert_identifier(change: c.AssertIdentifier, writer: _Writer) -> None:
    id_ = str(uuid4())
    row = {
        "id": id_,
        "person_id": change.person_id,
        "system": change.system,
        "blind": identifier_blind(writer.codec, change.system, change.value),
        "value": seal_text(writer.codec, change.value, f"identifier:{id_}"),
        "verified": change.verified,
        "valid": change.valid,
        "binding": change.binding,
    }
    writer.add(IDENTIFIER, {**row, **writer.said()})


@_write.register
def _relate(change: c.AddRelationship, writer: _Writer) -> None:
    row = {"person_id": change.person_id, "kind": change.kind, "to_person_id": change.to}
    writer.add(RELATIONSHIP, {**row, **writer.said()})


@_write.register
def _open_household(change: c.OpenHousehold, writer: _Writer) -> None:
    row = {"id": change.household_id, "area_id": change.area_id, "refuge": change.refuge, "version": 1}
    writer.add(HOUSEHOLD, {**row, "created_at": writer.now})
    writer.households.add(change.household_id)


@_write.register
def _set_area(change: c.SetArea, writer: _Writer) -> None:
    writer.set(HOUSEHOLD, HOUSEHOLD.c.id == change.household_id, area_id=change.area_id)


@_write.register
def _open_membership(change: c.OpenMembership, writer: _Writer) -> None:
    row = {
        "household_id": change.household_id,
        "person_id": change.person_id,
        "standing": change.standing,
        "state": change.state,
        "since": change.since,
        "notification_id": writer.notification_id,
    }
    writer.add(MEMBERSHIP, {**row, **writer.said()})


def _open(household_id: str, person_id: str) -> ColumnElement[bool]:
    return and_(
        MEMBERSHIP.c.household_id == household_id,
        MEMBERSHIP.c.person_id == person_id,
        MEMBERSHIP.c.state.in_(OPEN),
    )


@_write.register
def _confirm_membership(change: c.ConfirmMembership, writer: _Writer) -> None:
    where = _open(change.household_id, change.person_id)
    writer.set(MEMBERSHIP, where, state=MembershipState.CURRENT, standing=change.standing)


@_write.register
def _reject_membership(change: c.RejectMembership, writer: _Writer) -> None:
    writer.set(MEMBERSHIP, _open(change.household_id, change.person_id), state=MembershipState.REJECTED)


@_write.register
def _end_membership(change: c.EndMembership, writer: _Writer) -> None:
    """Never before it began: the table refuses that, and a slip of dates must not refuse the message."""
    writer.flush()
    where = _open(change.household_id, change.person_id)
    since = writer.session.execute(select(MEMBERSHIP.c.since).where(where)).scalar_one_or_none()
    until = max(change.until, since) if since is not None else change.until
    writer.set(MEMBERSHIP, where, state=MembershipState.ENDED, until=until, ended_at=writer.now)


@_write.register
def _assert_address(change: c.AssertAddress, writer: _Writer) -> None:
    id_ = str(uuid4())
    row = {
        "id": id_,
        "person_id": change.person_id,
        "place_blind": change.place,
        "value": seal_address(writer.codec, change.address, id_),
        "area_id": change.area_id,
        "protected": change.protected,
    }
    writer.add(ADDRESS, {**row, **writer.said()})


def _held(person_id: str, place: str) -> ColumnElement[bool]:
    return and_(ADDRESS.c.person_id == person_id, ADDRESS.c.place_blind == place, ADDRESS.c.ended_at.is_(None))


@_write.register
def _end_address(change: c.EndAddress, writer: _Writer) -> None:
    held = and_(_held(change.person_id, change.place), ADDRESS.c.asserted_by == change.held_by)
    writer.set(ADDRESS, held, ended_at=writer.now)


@_write.register
def _protect_address(change: c.ProtectAddress, writer: _Writer) -> None:
    writer.set(ADDRESS, _held(change.person_id, change.place), protected=True)


@_write.register
def _open_involvement(change: c.OpenInvolvement, writer: _Writer) -> None:
    row = {
        "team_id": change.team_id,
        "person_id": change.person_id,
        "function": change.function,
        "state": InvolvementState.CONFIRMED,
        "since": change.since,
        "renewed_at": change.since,
        "evidence": change.evidence,
        "notification_id": writer.notification_id,
    }
    writer.add(INVOLVEMENT, row)


def _current(team_id: str, person_id: str) -> ColumnElement[bool]:
    return and_(
        INVOLVEMENT.c.team_id == team_id,
        INVOLVEMENT.c.person_id == person_id,
        INVOLVEMENT.c.state != InvolvementState.ENDED,
    )


@_write.register
def _renew_involvement(change: c.RenewInvolvement, writer: _Writer) -> None:
    """Later evidence only: two messages that renew at once lock nothing but this row."""
    later = and_(_current(change.team_id, change.person_id), INVOLVEMENT.c.renewed_at < change.at)
    writer.set(INVOLVEMENT, later, state=InvolvementState.CONFIRMED, renewed_at=change.at, evidence=change.evidence)


@_write.register
def _end_involvement(change: c.EndInvolvement, writer: _Writer) -> None:
    where = _current(change.team_id, change.person_id)
    writer.set(INVOLVEMENT, where, state=InvolvementState.ENDED, ended_at=change.at)
