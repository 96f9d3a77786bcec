"""Finding people: who a message may mean, who carries an identifier, who lives in a household. The doors to `world.py` and `people_write.py` too."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, CompoundSelect, Select, bindparam, func, or_, select, union
from sqlmodel import Session

from broker.domain.identifying import normal, previous_numbers
from broker.domain.merging import OPEN
from broker.domain.responsibility import open_to_all
from broker.domain.since_then import homes_left
from broker.domain.states import MembershipState, PersonState
from broker.domain.world import KnownPerson, World
from broker.storage import direct
from broker.storage.codec import Codec
from broker.storage.people_write import apply, forget
from broker.storage.person_rows import identifier_blind, name_blind, place
from broker.storage.person_tables import ADDRESS, IDENTIFIER, MEMBERSHIP, PERSON, RELATIONSHIP
from broker.storage.phrases import among, listed, within
from broker.storage.prepared import Asked, Query
from broker.storage.world import check_versions, load_world, round_about, world_of
from schemas.message import Identifier as Number
from schemas.message import Message

__all__ = [
    "apply",
    "around",
    "asks_around",
    "by_identifier",
    "candidates",
    "check_versions",
    "forget",
    "is_known",
    "load_world",
    "members",
    "open_among",
    "place",
    "survivors",
    "world_since",
]

NEIGHBOURS: Final = 30
"""At most so many people of one address are looked at: beyond it is an institution, and prompts nobody anyway."""


def candidates(session: Session, codec: Codec, message: Message) -> list[KnownPerson]:
    """Whom the message may mean: by identifier, by family name and birth, by address, and who is near those, by id.

    They come without names, identifiers and addresses: the world round them has these, and `matching.match` reads them there.
    """
    return around(session, codec, message)[0]


def around(session: Session, codec: Codec, message: Message) -> tuple[list[KnownPerson], World]:
    """Candidates and the world round them, as they were at one moment."""
    query, asked = asks_around(codec, message)
    if not any(asked.values()):
        return [], World(people={}, households={})
    [(found, *row)] = direct.rows(session, query, **asked)
    given = [id_ for (id_,) in found]
    world = world_of(codec, given, tuple(row))
    return [_alone(world.people[id_]) for id_ in given], world


def asks_around(codec: Codec, message: Message) -> Asked:
    """What `around` asks."""
    numbers = list(_all_numbers(message))
    names = {name_blind(codec, person.family, person.birth_date) for person in message.people}
    places = {place(codec, address) for person in message.people for address in person.addresses}
    return _AROUND, {
        "systems": sorted({number.system for number in numbers}),
        "numbers": sorted({identifier_blind(codec, number.system, number.value) for number in numbers}),
        "names": sorted(name for name in names if name is not None),
        "places": sorted(at for at in places if at is not None),
    }


def _alone(person: KnownPerson) -> KnownPerson:
    return KnownPerson(
        id=person.id,
        state=person.state,
        born=person.born,
        expected=person.expected,
        resolved=person.resolved,
        version=person.version,
    )


def _all_numbers(message: Message) -> Iterator[Number]:
    for person in message.people:
        yield from (normal(number) for number in person.identifiers)
        yield from previous_numbers(message, person.key)


def _candidates() -> Select[tuple[str]]:
    numbered = select(IDENTIFIER.c.person_id.label("id")).where(
        among(IDENTIFIER.c.system, "systems"), among(IDENTIFIER.c.blind, "numbers"), IDENTIFIER.c.ended_at.is_(None)
    )
    named = select(func.coalesce(PERSON.c.merged_into, PERSON.c.id)).where(among(PERSON.c.name_blind, "names"))
    at = select(ADDRESS.c.person_id).where(among(ADDRESS.c.place_blind, "places"), ADDRESS.c.ended_at.is_(None))
    # Found by their place first: with the limit in sight PostgreSQL would walk through everybody's addresses in order.
    there = at.cte("there").prefix_with("MATERIALIZED", dialect="postgresql")
    neighbours = select(there.c.person_id).distinct().limit(NEIGHBOURS).offset(0).subquery()
    found = union(numbered, named, select(neighbours.c.person_id)).cte("found")
    return select(PERSON.c.id).where(within(PERSON.c.id, _near(found)), PERSON.c.state != PersonState.MERGED)


def _near(found: CTE) -> CompoundSelect[tuple[str]]:
    """Those found, the members of their households, and their relations: whoever is named without a number is one of them."""
    ids = select(found.c.id)
    homes = select(MEMBERSHIP.c.household_id).where(within(MEMBERSHIP.c.person_id, ids), MEMBERSHIP.c.state.in_(OPEN))
    return union(
        ids,
        select(MEMBERSHIP.c.person_id).where(within(MEMBERSHIP.c.household_id, homes), MEMBERSHIP.c.state.in_(OPEN)),
        select(RELATIONSHIP.c.person_id).where(within(RELATIONSHIP.c.to_person_id, ids)),
        select(RELATIONSHIP.c.to_person_id).where(within(RELATIONSHIP.c.person_id, ids)),
    )


def _around() -> Select[*tuple[Any, ...]]:
    given = _candidates().cte("given")
    world = round_about(given)
    return select(listed(select(given.c.id).order_by(given.c.id)), *world.selected_columns)


_AROUND = Query(_around())


def by_identifier(session: Session, codec: Codec, system: str, value: str) -> list[str]:
    """Ids of the persons by whom this identifier was asserted, the one it binds first."""
    number = normal(Number(system=system, value=value))
    rows = session.execute(
        select(IDENTIFIER.c.person_id)
        .where(
            IDENTIFIER.c.system == system,
            IDENTIFIER.c.blind == identifier_blind(codec, system, number.value),
            IDENTIFIER.c.ended_at.is_(None),
        )
        .order_by(IDENTIFIER.c.binding.desc(), IDENTIFIER.c.person_id)
    )
    return list(dict.fromkeys(rows.scalars()))


def resolved_by(session: Session, codec: Codec, system: str, value: str) -> bool:
    """Whether everybody by whom this identifier was asserted is known by more than a number; False when nobody is there."""
    ids = by_identifier(session, codec, system, value)
    found = session.execute(select(PERSON.c.resolved).where(PERSON.c.id.in_(ids))).scalars().all()
    return bool(found) and all(found)


def members(session: Session, household_ids: Collection[str]) -> list[str]:
    """Ids of the persons who currently belong to any of the households, in stable order."""
    if not household_ids:
        return []
    return [person for (person,) in direct.rows(session, _MEMBERS, homes=household_ids)]


_MEMBERS = Query(
    select(MEMBERSHIP.c.person_id)
    .where(among(MEMBERSHIP.c.household_id, "homes"), MEMBERSHIP.c.state == MembershipState.CURRENT)
    .order_by(MEMBERSHIP.c.person_id)
    .distinct()
)


def world_since(
    session: Session, codec: Codec, persons: Collection[str], since: datetime | None
) -> tuple[World, frozenset[str]]:
    """The world round these persons, and round everybody of the homes that somebody has left after that; and these homes. None: after nothing."""
    world = load_world(session, codec, persons)
    left = frozenset[str]() if since is None else homes_left(world, since)
    if left:
        there = {person for (person,) in direct.rows(session, _THERE_SINCE, homes=left, since=since)}
        world = load_world(session, codec, there.union(persons))
    return world, left


_THERE_SINCE = Query(
    select(MEMBERSHIP.c.person_id).where(
        among(MEMBERSHIP.c.household_id, "homes"),
        or_(
            MEMBERSHIP.c.state == MembershipState.CURRENT,
            MEMBERSHIP.c.ended_at > bindparam("since", type_=MEMBERSHIP.c.ended_at.type),
        ),
    )
)


def survivors(session: Session, person_ids: Collection[str]) -> dict[str, str]:
    """Who each of the persons turned out to be: themselves, unless they were merged. Unknown ids are left out."""
    if not person_ids:
        return {}
    return {id_: into or id_ for id_, into in direct.rows(session, _SURVIVORS, persons=person_ids)}


_SURVIVORS = Query(select(PERSON.c.id, PERSON.c.merged_into).where(among(PERSON.c.id, "persons")))


def is_known(session: Session, person_id: str) -> bool:
    """Whether there is such a person, or was one whom others turned out to be, of whom something is still known; until the commit that stays so, and who they are."""
    there = select(PERSON.c.id).where(PERSON.c.id == person_id, PERSON.c.erased_at.is_(None))
    found = session.execute(there.with_for_update(read=True))
    return found.first() is not None


def open_among(session: Session, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons for whom somebody can be responsible."""
    if not person_ids:
        return frozenset()
    rows = session.execute(select(PERSON.c.id, PERSON.c.state).where(PERSON.c.id.in_(person_ids)))
    return frozenset(id_ for id_, state in rows if open_to_all(state))
