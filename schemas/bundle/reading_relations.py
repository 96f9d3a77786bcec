"""Who is what to whom, and who lives together, out of a Bundle."""

from collections.abc import Iterator
from typing import Final

from schemas.bundle import profile
from schemas.bundle.elements import (
    Found,
    JsonObject,
    code_in,
    codings,
    day_of,
    extension,
    object_in,
    objects_in,
    text_in,
)
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.reading_people import People
from schemas.codes import SYSTEMS, RelationshipKind, Standing
from schemas.message import HouseholdMember, Relationship

_KINDS: Final = {kind.value: kind for kind in RelationshipKind}
_STANDINGS: Final = {standing.value: standing for standing in Standing}


def relationships(entries: Entries, people: People, found: Found) -> Iterator[Relationship]:
    """What RelatedPersons say, in order."""
    for entry in entries.of_type("RelatedPerson"):
        person, to = people.key_at(entry), people.key_of(object_in(entry.resource, "patient"))
        if to is None:
            found.error(f"{entry.place}.patient", "must be a Patient of the message", "not-found")
        elif person is None:
            found.warning(entry.place, "says nothing of who the person is, and is not used", "incomplete")
        else:
            yield from _relationship(person, to, entry, found)


def _relationship(person: str, to: str, entry: Entry, found: Found) -> Iterator[Relationship]:
    used = False
    for _, concept in objects_in(entry.resource, "relationship"):
        for coding in codings(concept):
            relation = _coded(person, to, text_in(coding, "system"), code_in(coding, "code", entry.place, found))
            if relation is not None:
                yield relation
                used = True
                break
    if not used:
        found.warning(
            f"{entry.place}.relationship", "is no relationship that is known here; `other` is used", "code-invalid"
        )
        yield Relationship(person=person, kind=RelationshipKind.OTHER, to=to)


def _coded(person: str, to: str, system: str | None, code: str | None) -> Relationship | None:
    if code is None:
        return None
    if system == SYSTEMS[RelationshipKind] and code in _KINDS:
        return Relationship(person=person, kind=_KINDS[code], to=to)
    if system != profile.ROLE_CODE:
        return None
    if code in profile.RELATIONSHIPS:
        return Relationship(person=person, kind=profile.RELATIONSHIPS[code], to=to)
    if code in profile.RELATIONSHIPS_TURNED:
        return Relationship(person=to, kind=profile.RELATIONSHIPS_TURNED[code], to=person)
    return None


def household(entries: Entries, people: People, found: Found) -> Iterator[HouseholdMember]:
    """Who lives together according to the Bundle's one household Group."""
    groups = [entry for entry in entries.of_type("Group") if _is_household(entry.resource)]
    for other in groups[1:]:
        # To read two as one would join two homes, perhaps of parents who live apart for a reason.
        found.error(other.place, "is a second household; a message states one", "not-supported")
    for entry in groups[:1]:
        for index, member in objects_in(entry.resource, "member"):
            place = f"{entry.place}.member[{index}]"
            key = people.key_of(object_in(member, "entity"))
            if key is None:
                found.error(f"{place}.entity", "must be a Patient of the message", "not-found")
            else:
                yield _member(key, member, place, found)


def _is_household(resource: JsonObject) -> bool:
    return any(text_in(coding, "code") == profile.HOUSEHOLD_GROUP for coding in codings(object_in(resource, "code")))


def _member(key: str, member: JsonObject, place: str, found: Found) -> HouseholdMember:
    period = object_in(member, "period")
    standing = code_in(extension(member, profile.STANDING), "valueCode", f"{place}.extension", found)
    if standing is not None and standing not in _STANDINGS:
        found.error(f"{place}.extension", "is no standing to a household", "code-invalid")
    gone = Standing.LEFT if member.get("inactive") is True else Standing.LIVES
    return HouseholdMember(
        person=key,
        standing=_STANDINGS.get(standing or "", gone),
        since=day_of(text_in(period, "start"), f"{place}.period.start", found),
        until=day_of(text_in(period, "end"), f"{place}.period.end", found),
    )
