"""What the MessageHeader says besides the event: from whom, to whom, on what basis, how urgent, how marked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas import identifiers as known
from schemas.bundle import profile
from schemas.bundle.elements import (
    Found,
    JsonObject,
    code_in,
    codings,
    extension,
    object_in,
    objects_in,
    text_in,
    texts_in,
)
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.reading_people import People
from schemas.codes import LawfulBasis, Priority
from schemas.message import Identifier, Professional, RestrictedParty

_BASES: Final = {basis.value: basis for basis in LawfulBasis}
_PRIORITIES: Final = {priority.value: priority for priority in Priority}


@dataclass(frozen=True, slots=True)
class Header:
    """The header of one Bundle while it is read."""

    entry: Entry
    entries: Entries
    found: Found

    def team(self, reference: JsonObject, place: str) -> str | None:
        """The directory id that a reference to an organisation gives."""
        if not reference:
            return None
        for identifier in self._identifiers(reference):
            if text_in(identifier, "system") == known.TEAM:
                return text_in(identifier, "value")
        self.found.information(place, "names no team by its directory id")
        return None

    def _identifiers(self, reference: JsonObject) -> Iterator[JsonObject]:
        yield object_in(reference, "identifier")
        target = self.entries.resolve(reference)
        if target is not None:
            yield from (identifier for _, identifier in objects_in(target.resource, "identifier"))

    def addressed(self) -> Iterator[str]:
        """The teams that the sender addresses, in order."""
        for index, destination in objects_in(self.entry.resource, "destination"):
            team = self.team(object_in(destination, "receiver"), f"{self.entry.place}.destination[{index}].receiver")
            if team is not None:
                yield team

    def author(self) -> Professional | None:
        """The named professional: a Practitioner, or the PractitionerRole of one."""
        reference = object_in(self.entry.resource, "author")
        if not reference:
            return None
        entry = self.entries.resolve(reference)
        role = entry.resource if entry is not None and entry.type == "PractitionerRole" else {}
        if role:
            reference = object_in(role, "practitioner")
            entry = self.entries.resolve(reference)
        described = {} if entry is None or entry.type == "PractitionerRole" else entry.resource
        held = [identifier for _, identifier in objects_in(described, "identifier")]
        return Professional(
            name=_full_name(described) or text_in(reference, "display"),
            role=_role(role),
            identifier=_first([*held, object_in(reference, "identifier")]),
        )

    def basis(self) -> LawfulBasis | None:
        """The lawful basis on which the sender shares."""
        item = extension(self.entry.resource, profile.LAWFUL_BASIS)
        if not item:
            return None
        place = f"{self.entry.place}.extension"
        code = code_in(object_in(item, "valueCoding"), "code", place, self.found)
        if code not in _BASES:
            self.found.error(place, "is no lawful basis of the published list", "code-invalid")
        return _BASES.get(code or "")

    def priority(self, foci: list[Entry]) -> Priority:
        """The most urgent that the header or a focus states."""
        stated = [text_in(extension(self.entry.resource, profile.PRIORITY), "valueCode")]
        stated += [text_in(entry.resource, "priority") for entry in foci]
        codes = [code for code in stated if code is not None]
        if any(code not in _PRIORITIES for code in codes):
            self.found.error(f"{self.entry.place}.extension", "is no request priority", "code-invalid")
        understood = [_PRIORITIES[code] for code in codes if code in _PRIORITIES]
        return max(understood, key=list(Priority).index, default=Priority.ROUTINE)

    def kept_from(self, people: People) -> Iterator[RestrictedParty]:
        """Persons whose agencies are told nothing, each with an agency that employs them where one is named."""
        for index, item in objects_in(self.entry.resource, "extension"):
            if item.get("url") == profile.RESTRICTED_PARTY:
                place = f"{self.entry.place}.extension[{index}]"
                person = people.key_of(object_in(extension(item, "person"), "valueReference"))
                if person is None:
                    self.found.error(place, "must name a person of the message", "not-found")
                else:
                    yield RestrictedParty(person=person, employer=text_in(extension(item, "employer"), "valueId"))


def _full_name(resource: JsonObject) -> str | None:
    for _, name in objects_in(resource, "name"):
        parts = [*texts_in(name, "prefix"), *texts_in(name, "given"), text_in(name, "family")]
        return text_in(name, "text") or " ".join(part for part in parts if part) or None
    return None


def _role(resource: JsonObject) -> str | None:
    """A role of our own list, else the words for it, else any code."""
    concepts = [concept for _, concept in objects_in(resource, "code")]
    coded = [coding for concept in concepts for coding in codings(concept)]
    ours = [text_in(coding, "code") for coding in coded if text_in(coding, "system") == profile.PROFESSIONAL_ROLE]
    words = [text_in(concept, "text") for concept in concepts] + [text_in(coding, "display") for coding in coded]
    codes = [text_in(coding, "code") for coding in coded]
    return next((text for text in (*ours, *words, *codes) if text), None)


def _first(identifiers: list[JsonObject]) -> Identifier | None:
    for identifier in identifiers:
        system, value = text_in(identifier, "system"), text_in(identifier, "value")
        if system is not None and value is not None:
            return Identifier(system=system, value=value)
    return None
