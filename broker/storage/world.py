"""The world round some persons, read in one statement however many they are; whom a message may mean is found in `people.py`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
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
from broker.storage import direct
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
from broker.storage.phrases import Row, among, listed, within
from broker.storage.prepared import Asked, Query
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
    [row] = direct.rows(session, _WORLD, given=given)
    return world_of(codec, given, row)


def world_of(codec: Codec, given: Collection[str], row: Row) -> World:
    """The world round these persons, from the row of `round_about`."""
    memberships, relationships, people, addresses, involvements = row
    members = tuple(_membership(one) for one in memberships)
    present = {m.household_id for m in members if m.person_id in given and m.state in OPEN}
    return World(
        people=_people(codec, people, _addresses(addresses)),
        households={one[0]: _household(one) for one in memberships if one[0] in present},
        memberships=members,
        relationships=tuple(
            KnownRelationship(person_id=person, kind=kind, to=to) for person, kind, to in relationships
        ),
        involvements=tuple(_involvement(one) for one in involvements),
    )


def round_about(given: sa.CTE) -> sa.Select[*tuple[Any, ...]]:
    """What is known of the persons whose ids a query gives, and round them, as one row; see `world_of`.

    One statement, so that all of it is of one moment, whoever writes meanwhile.
    """
    ids = sa.select(given.c.id)
    homes = _homes(ids).cte("homes")
    memberships = _memberships(ids, homes).cte("memberships")
    of = memberships.c
    there = sa.select(of.person_id).where(within(of.household_id, sa.select(homes.c.household_id)), of.state.in_(OPEN))
    members = sa.union(ids, there).cte("members")
    relationships = _relationships(sa.select(members.c.id)).cte("relationships")
    related = (sa.select(relationships.c.person_id), sa.select(relationships.c.to_person_id))
    everybody = sa.union(sa.select(members.c.id), *related).cte("everybody")
    living = sa.select(of.person_id).where(
        of.state == MembershipState.CURRENT, within(of.person_id, sa.select(members.c.id))
    )
    return sa.select(
        listed(sa.select(*(of[name] for name in _MEMBERSHIP)).order_by(of.household_id, of.asserted_at, of.id)),
        listed(
            sa.select(relationships.c.person_id, relationships.c.kind, relationships.c.to_person_id).order_by(
                relationships.c.asserted_at, relationships.c.id
            )
        ),
        listed(_with_numbers(sa.select(everybody.c.id))),
        listed(_ADDRESSES.where(within(ADDRESS.c.person_id, sa.select(members.c.id)))),
        listed(_INVOLVEMENTS.where(within(INVOLVEMENT.c.person_id, sa.union(ids, living)))),
    )


# --- memberships and households ------------------------------------------------------------------------------------------


def _homes(ids: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(MEMBERSHIP.c.household_id).where(within(MEMBERSHIP.c.person_id, ids), MEMBERSHIP.c.state.in_(OPEN))


def _memberships(ids: sa.Select[Any], homes: sa.CTE) -> sa.Select[*tuple[Any, ...]]:
    """All memberships of the persons' present households, with the persons' own past ones."""
    # A union, because PostgreSQL reads the whole table for "in one set or the other" (106 ms with 200,000 memberships).
    wanted = sa.union(
        sa.select(MEMBERSHIP.c.id).where(within(MEMBERSHIP.c.household_id, sa.select(homes.c.household_id))),
        sa.select(MEMBERSHIP.c.id).where(within(MEMBERSHIP.c.person_id, ids)),
    )
    columns = (column for column in MEMBERSHIP.c if column.name != "notification_id")
    return (
        sa.select(*columns, HOUSEHOLD.c.version, HOUSEHOLD.c.area_id, HOUSEHOLD.c.refuge)
        .join(HOUSEHOLD, HOUSEHOLD.c.id == MEMBERSHIP.c.household_id)
        .where(within(MEMBERSHIP.c.id, wanted))
    )


_MEMBERSHIP: Final = (
    "household_id",
    "person_id",
    "standing",
    "state",
    "since",
    "until",
    "asserted_by",
    "version",
    "area_id",
    "refuge",
    "ended_at",
    "asserted_at",
)


def _membership(row: Row) -> KnownMembership:
    return KnownMembership(
        household_id=row[0],
        person_id=row[1],
        standing=row[2],
        state=row[3],
        since=row[4],
        until=row[5],
        asserted_by=row[6],
        ended_at=row[10],
        asserted_at=row[11],
    )


def _household(row: Row) -> KnownHousehold:
    return KnownHousehold(id=row[0], version=row[7], area_id=row[8], refuge=row[9])


# --- relationships, people, addresses, involvements ----------------------------------------------------------------------


def _relationships(members: sa.Select[Any]) -> sa.CompoundSelect[*tuple[Any, ...]]:
    return sa.union(
        sa.select(RELATIONSHIP).where(within(RELATIONSHIP.c.person_id, members)),
        sa.select(RELATIONSHIP).where(within(RELATIONSHIP.c.to_person_id, members)),
    )


_PERSON: Final = ("id", "state", "born", "expected", "details", "resolved", "version")


def _with_numbers(ids: sa.Select[Any]) -> sa.Select[*tuple[Any, ...]]:
    """Persons with their identifiers: a person has few."""
    # Whose they are is said of the identifiers too: PostgreSQL does not carry it over the join, and reads all there are.
    own = sa.select(IDENTIFIER).where(within(IDENTIFIER.c.person_id, ids), IDENTIFIER.c.ended_at.is_(None)).subquery()
    return (
        sa.select(
            *(PERSON.c[name] for name in _PERSON),
            own.c.id.label("identifier_id"),
            own.c.system,
            own.c.value,
            own.c.valid,
            own.c.verified,
            own.c.binding,
            own.c.asserted_by,
            TEAM.c.agency_id,
        )
        .outerjoin(own, own.c.person_id == PERSON.c.id)
        .outerjoin(TEAM, TEAM.c.id == own.c.asserted_by)
        .where(within(PERSON.c.id, ids))
        .order_by(PERSON.c.id, own.c.asserted_at, own.c.id)
    )


def _people(
    codec: Codec, rows: Sequence[Row], addresses: Mapping[str, Sequence[KnownAddress]]
) -> dict[str, KnownPerson]:
    """Each person with all their rows, which stand together."""
    return {
        id_: _person(codec, list(own), tuple(addresses.get(id_, ()))) for id_, own in groupby(rows, lambda row: row[0])
    }


def _person(codec: Codec, rows: Sequence[Row], addresses: tuple[KnownAddress, ...]) -> KnownPerson:
    identifiers = tuple(_identifier(codec, row) for row in rows if row[7] is not None)
    columns = dict(zip(_PERSON, rows[0], strict=False))
    return known_person(codec, columns, identifiers, addresses)


def _identifier(codec: Codec, row: Row) -> KnownIdentifier:
    id_, system, value, valid, verified, binding, asserted_by, agency = row[7:]
    return KnownIdentifier(
        system=system,
        value=open_text(codec, value, f"identifier:{id_}"),
        valid=valid,
        verified=verified,
        asserted_by=asserted_by,
        agency=agency,
        binding=binding,
    )


_ADDRESSES: Final = (
    sa.select(ADDRESS.c.person_id, ADDRESS.c.place_blind, ADDRESS.c.area_id, ADDRESS.c.protected, ADDRESS.c.asserted_by)
    .where(ADDRESS.c.ended_at.is_(None))
    .order_by(ADDRESS.c.asserted_at, ADDRESS.c.id)
)


def _addresses(rows: Sequence[Row]) -> dict[str, list[KnownAddress]]:
    found: dict[str, list[KnownAddress]] = {}
    for person, place, area, protected, asserted_by in rows:
        address = KnownAddress(place=place, area_id=area, protected=protected, asserted_by=asserted_by)
        found.setdefault(person, []).append(address)
    return found


_INVOLVEMENTS: Final = (
    sa.select(
        INVOLVEMENT.c.team_id,
        INVOLVEMENT.c.person_id,
        INVOLVEMENT.c.function,
        INVOLVEMENT.c.state,
        INVOLVEMENT.c.since,
        INVOLVEMENT.c.renewed_at,
        INVOLVEMENT.c.evidence,
    )
    .where(INVOLVEMENT.c.state != InvolvementState.ENDED)
    .order_by(INVOLVEMENT.c.since, INVOLVEMENT.c.id)
)


def _involvement(row: Row) -> KnownInvolvement:
    team, person, function, state, since, renewed_at, evidence = row
    return KnownInvolvement(
        team_id=team,
        person_id=person,
        function=function,
        state=state,
        since=since,
        renewed_at=renewed_at,
        evidence=evidence,
    )


_WORLD = Query(round_about(sa.select(PERSON.c.id).where(among(PERSON.c.id, "given")).cte("given")))


# --- versions ------------------------------------------------------------------------------------------------------------


def check_versions(session: Session, expected: Mapping[str, int]) -> None:
    """Hold these households as they were read until the commit; Raced when one has changed, or is gone.

    On PostgreSQL their rows stay locked against change; on SQLite there is one writer anyway.
    """
    if not expected:
        return
    query, given = asks_versions(expected)
    if dict(direct.rows(session, query, **given)) != dict(expected):
        raise Raced("a household changed after it was read")


def check_persons(session: Session, expected: Mapping[str, int]) -> None:
    """The same of persons, for those who live in no household that is known: Raced when one has changed, by turning out to be somebody else."""
    if expected and dict(direct.rows(session, _PERSONS, persons=sorted(expected))) != dict(expected):
        raise Raced("somebody changed after they were read")


_PERSONS = Query(
    sa.select(PERSON.c.id, PERSON.c.version)
    .where(among(PERSON.c.id, "persons"))
    .order_by(PERSON.c.id)
    .with_for_update(read=True)
)


def asks_versions(expected: Mapping[str, int]) -> Asked:
    """What `check_versions` asks."""
    return _VERSIONS, {"households": sorted(expected)}


_VERSIONS = Query(
    sa.select(HOUSEHOLD.c.id, HOUSEHOLD.c.version)
    .where(among(HOUSEHOLD.c.id, "households"))
    .order_by(HOUSEHOLD.c.id)
    .with_for_update(read=True)
)
