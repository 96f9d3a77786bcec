"""The world round some persons, read in five queries however many they are; what is known of candidates is in `people.py`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import BindParameter, RowMapping, bindparam, or_, select, union
from sqlmodel import Session

from broker.domain.merging import OPEN
from broker.domain.states import InvolvementState, MembershipState
from broker.domain.world import (
    KnownAddress,
    KnownHousehold,
    KnownIdentifier,
    KnownInvolvement,
    KnownMembership,
    KnownPerson,
    KnownRelationship,
    World,
)
from broker.storage.codec import Codec
from broker.storage.person_rows import known_person, open_text
from broker.storage.person_tables import (
    ADDRESS,
    HOUSEHOLD,
    IDENTIFIER,
    INVOLVEMENT,
    MEMBERSHIP,
    PERSON,
    RELATIONSHIP,
    TEAM,
)
from broker.storage.store import Raced


def load_world(session: Session, codec: Codec, person_ids: Iterable[str]) -> World:
    """The persons, their households with all members, whom these are related to, and the teams that work with them.

    Households are complete as far as they are in `households`; of a member's other households nothing is loaded.
    Memberships include ended and rejected ones. Involvements (not ended) are of the persons and current members only,
    never of somebody merely related: shared care carries no routing (sharing principle 10).
    """
    given = set(person_ids)
    if not given:
        return World(people={}, households={})
    memberships, households = _memberships(session, given)
    members = {m.person_id for m in memberships if m.household_id in households and m.state in OPEN} | given
    relationships = _relationships(session, members)
    everybody = members | {id_ for r in relationships for id_ in (r.person_id, r.to)}
    current = {m.person_id for m in memberships if m.state is MembershipState.CURRENT} & members
    return World(
        people=_people(session, codec, everybody, _addresses(session, members)),
        households=households,
        memberships=memberships,
        relationships=relationships,
        involvements=_involvements(session, given | current),
    )


def _memberships(
    session: Session, given: Collection[str]
) -> tuple[tuple[KnownMembership, ...], dict[str, KnownHousehold]]:
    """All memberships of the persons' present households, with the persons' own past ones."""
    rows = session.execute(_MEMBERSHIPS, {"given": list(given)}).mappings().all()
    memberships = tuple(_membership(row) for row in rows)
    present = {m.household_id for m in memberships if m.person_id in given and m.state in OPEN}
    households = {
        row["household_id"]: KnownHousehold(
            id=row["household_id"], version=row["version"], area_id=row["area_id"], refuge=row["refuge"]
        )
        for row in rows
        if row["household_id"] in present
    }
    return memberships, households


_GIVEN: BindParameter[str] = bindparam("given", expanding=True)
_PERSONS: BindParameter[str] = bindparam("persons", expanding=True)
# Statements are built once: building one costs more than running it.
_MEMBERSHIP = (
    MEMBERSHIP.c.household_id,
    MEMBERSHIP.c.person_id,
    MEMBERSHIP.c.standing,
    MEMBERSHIP.c.state,
    MEMBERSHIP.c.since,
    MEMBERSHIP.c.until,
    MEMBERSHIP.c.asserted_by,
)
_HOMES = select(MEMBERSHIP.c.household_id).where(MEMBERSHIP.c.person_id.in_(_GIVEN), MEMBERSHIP.c.state.in_(OPEN))
# A union, because PostgreSQL reads the whole table for "in one set or the other" (106 ms with 200,000 memberships).
_WANTED = union(
    select(MEMBERSHIP.c.id).where(MEMBERSHIP.c.household_id.in_(_HOMES)),
    select(MEMBERSHIP.c.id).where(MEMBERSHIP.c.person_id.in_(_GIVEN)),
)
_MEMBERSHIPS = (
    select(*_MEMBERSHIP, HOUSEHOLD.c.version, HOUSEHOLD.c.area_id, HOUSEHOLD.c.refuge)
    .join(HOUSEHOLD, HOUSEHOLD.c.id == MEMBERSHIP.c.household_id)
    .where(MEMBERSHIP.c.id.in_(_WANTED))
    .order_by(MEMBERSHIP.c.household_id, MEMBERSHIP.c.asserted_at, MEMBERSHIP.c.id)
)


def _membership(row: RowMapping) -> KnownMembership:
    return KnownMembership(**{column.name: row[column.name] for column in _MEMBERSHIP})


def _relationships(session: Session, persons: Collection[str]) -> tuple[KnownRelationship, ...]:
    rows = session.execute(_RELATIONSHIPS, {"persons": list(persons)})
    return tuple(KnownRelationship(person_id=person, kind=kind, to=to) for person, kind, to in rows)


_RELATIONSHIPS = (
    select(RELATIONSHIP.c.person_id, RELATIONSHIP.c.kind, RELATIONSHIP.c.to_person_id)
    .where(or_(RELATIONSHIP.c.person_id.in_(_PERSONS), RELATIONSHIP.c.to_person_id.in_(_PERSONS)))
    .order_by(RELATIONSHIP.c.asserted_at, RELATIONSHIP.c.id)
)


def _people(
    session: Session, codec: Codec, persons: Collection[str], addresses: Mapping[str, Sequence[KnownAddress]]
) -> dict[str, KnownPerson]:
    """Persons with their identifiers, in one query: a person has few."""
    rows = session.execute(_PEOPLE, {"persons": list(persons)})
    people: dict[str, KnownPerson] = {}
    for row in rows.mappings():
        id_ = row["id"]
        known = people.get(id_) or replace(known_person(codec, row), addresses=tuple(addresses.get(id_, ())))
        if row["identifier_id"] is not None:
            known = replace(known, identifiers=(*known.identifiers, _identifier(codec, row)))
        people[id_] = known
    return people


_PEOPLE = (
    select(
        PERSON.c.id,
        PERSON.c.state,
        PERSON.c.born,
        PERSON.c.expected,
        PERSON.c.details,
        PERSON.c.resolved,
        PERSON.c.version,
        IDENTIFIER.c.id.label("identifier_id"),
        IDENTIFIER.c.system,
        IDENTIFIER.c.value,
        IDENTIFIER.c.valid,
        IDENTIFIER.c.verified,
        IDENTIFIER.c.binding,
        IDENTIFIER.c.asserted_by,
        TEAM.c.agency_id,
    )
    .outerjoin(IDENTIFIER, (IDENTIFIER.c.person_id == PERSON.c.id) & IDENTIFIER.c.ended_at.is_(None))
    .outerjoin(TEAM, TEAM.c.id == IDENTIFIER.c.asserted_by)
    .where(PERSON.c.id.in_(_PERSONS))
    .order_by(PERSON.c.id, IDENTIFIER.c.asserted_at, IDENTIFIER.c.id)
)


def _identifier(codec: Codec, row: RowMapping) -> KnownIdentifier:
    return KnownIdentifier(
        system=row["system"],
        value=open_text(codec, row["value"], f"identifier:{row['identifier_id']}"),
        valid=row["valid"],
        verified=row["verified"],
        asserted_by=row["asserted_by"],
        agency=row["agency_id"],
        binding=row["binding"],
    )


def _addresses(session: Session, persons: Collection[str]) -> dict[str, list[KnownAddress]]:
    found: dict[str, list[KnownAddress]] = {}
    for row in session.execute(_ADDRESSES, {"persons": list(persons)}):
        address = KnownAddress(
            place=row.place_blind, area_id=row.area_id, protected=row.protected, asserted_by=row.asserted_by
        )
        found.setdefault(row.person_id, []).append(address)
    return found


_ADDRESSES = (
    select(ADDRESS.c.person_id, ADDRESS.c.place_blind, ADDRESS.c.area_id, ADDRESS.c.protected, ADDRESS.c.asserted_by)
    .where(ADDRESS.c.person_id.in_(_PERSONS), ADDRESS.c.ended_at.is_(None))
    .order_by(ADDRESS.c.asserted_at, ADDRESS.c.id)
)


def _involvements(session: Session, persons: Collection[str]) -> tuple[KnownInvolvement, ...]:
    rows = session.execute(_INVOLVEMENTS, {"persons": list(persons)})
    return tuple(KnownInvolvement(**row) for row in rows.mappings())


_INVOLVEMENTS = (
    select(
        INVOLVEMENT.c.team_id,
        INVOLVEMENT.c.person_id,
        INVOLVEMENT.c.function,
        INVOLVEMENT.c.state,
        INVOLVEMENT.c.since,
        INVOLVEMENT.c.renewed_at,
        INVOLVEMENT.c.evidence,
    )
    .where(INVOLVEMENT.c.person_id.in_(_PERSONS), INVOLVEMENT.c.state != InvolvementState.ENDED)
    .order_by(INVOLVEMENT.c.since, INVOLVEMENT.c.id)
)


def check_versions(session: Session, expected: Mapping[str, int]) -> None:
    """Hold these households as they were read until the commit; Raced when one has changed, or is gone.

    On PostgreSQL their rows stay locked against change; on SQLite there is one writer anyway.
    """
    if not expected:
        return
    rows = session.execute(_VERSIONS, {"households": list(expected)})
    if dict(rows.tuples().all()) != dict(expected):
        raise Raced("a household changed after it was read")


_VERSIONS = (
    select(HOUSEHOLD.c.id, HOUSEHOLD.c.version)
    .where(HOUSEHOLD.c.id.in_(bindparam("households", expanding=True)))
    .order_by(HOUSEHOLD.c.id)
    .with_for_update(read=True)
)
