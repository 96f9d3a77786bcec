"""The persons of a Bundle."""

from collections.abc import Iterator
from datetime import date, datetime

from schemas import identifiers as known
from schemas.bundle import profile
from schemas.bundle.elements import (
    Found,
    JsonObject,
    code_in,
    codings,
    day_of,
    extension,
    moment_of,
    object_in,
    objects_in,
    text_in,
    texts_in,
)
from schemas.bundle.entries import Entries, Entry
from schemas.message import Identifier, Person, PostalAddress


class People:
    """The persons of a Bundle: Patients, and related persons who are described and are no Patient."""

    def __init__(self, entries: Entries, found: Found) -> None:
        self.all: list[Person] = []
        self._entries = entries
        self._keys: dict[int, str] = {}
        self._by_identifier: dict[tuple[str, str], str] = {}
        for entry in entries.of_type("Patient"):
            self._add(entry, found)
        for entry in entries.of_type("RelatedPerson"):
            if self._stands_for(entry) is None and ("name" in entry.resource or "identifier" in entry.resource):
                self._add(entry, found)

    def _add(self, entry: Entry, found: Found) -> None:
        identifiers = tuple(_identifiers(entry, found))
        key = self._new_key(entry, identifiers)
        self._keys[entry.position] = key
        for identifier in identifiers:
            self._by_identifier.setdefault((identifier.system, identifier.value), key)
        self.all.append(_person(key, identifiers, entry, self._practice(entry.resource), found))

    def _new_key(self, entry: Entry, identifiers: tuple[Identifier, ...]) -> str:
        """The resource's id, unless it is an identifier of the person (as in PDS) and would be carried on as a key."""
        taken = set(self._keys.values())
        identity = text_in(entry.resource, "id")
        told = {identifier.value for identifier in identifiers}
        if identity is not None and identity not in told and identity not in taken and not _like_a_number(identity):
            return identity
        url = (entry.full_url or "").removeprefix("urn:uuid:")
        return url if url and "/" not in url and url not in taken else f"entry-{entry.position}"

    def _practice(self, resource: JsonObject) -> str | None:
        """The ODS code of the general practice, said in the reference or by the Organization referred to."""
        for _, reference in objects_in(resource, "generalPractitioner"):
            target = self._entries.resolve(reference)
            held = [object_in(reference, "identifier")]
            held += [] if target is None else [item for _, item in objects_in(target.resource, "identifier")]
            for identifier in held:
                if text_in(identifier, "system") == known.ODS:
                    return text_in(identifier, "value")
        return None

    def key_of(self, reference: JsonObject) -> str | None:
        """The person whom a Reference means, by its target or by an identifier; None when nobody here is meant."""
        target = self._entries.resolve(reference)
        if target is not None:
            return self.key_at(target)
        identifier = object_in(reference, "identifier")
        return self._by_identifier.get((text_in(identifier, "system") or "", text_in(identifier, "value") or ""))

    def key_at(self, entry: Entry) -> str | None:
        """The person whom an entry describes; a RelatedPerson may stand for a Patient."""
        if entry.type == "RelatedPerson" and entry.position not in self._keys:
            return self._stands_for(entry)
        return self._keys.get(entry.position)

    def _stands_for(self, entry: Entry) -> str | None:
        """The Patient who is the related person: by our extension, or by `Patient.link` as UK Core has it."""
        target = self._entries.resolve(object_in(extension(entry.resource, profile.RELATED_PATIENT), "valueReference"))
        if target is not None:
            return self._keys.get(target.position)
        for patient in self._entries.of_type("Patient"):
            for _, link in objects_in(patient.resource, "link"):
                if self._entries.resolve(object_in(link, "other")) is entry:
                    return self._keys.get(patient.position)
        return None


def _like_a_number(text: str) -> bool:
    return text.isdigit() and len(text) >= 9


def _identifiers(entry: Entry, found: Found) -> Iterator[Identifier]:
    for index, identifier in objects_in(entry.resource, "identifier"):
        system, value = text_in(identifier, "system"), text_in(identifier, "value")
        if system is None or value is None:
            found.warning(
                f"{entry.place}.identifier[{index}]", "has no system or no value, and is not used", "incomplete"
            )
            continue
        yield Identifier(system=system, value=value, verified=_verified(identifier))


def _verified(identifier: JsonObject) -> bool | None:
    for coding in codings(object_in(extension(identifier, profile.VERIFICATION), "valueCodeableConcept")):
        return text_in(coding, "code") in profile.VERIFIED
    return None


def _person(key: str, identifiers: tuple[Identifier, ...], entry: Entry, practice: str | None, found: Found) -> Person:
    resource, place = entry.resource, entry.place
    name = _name(resource)
    family = text_in(name, "family")
    if family is None and "text" in name:
        found.warning(f"{place}.name", "has text only; a name without its parts is not used", "incomplete")
    unborn = extension(resource, profile.UNBORN)
    marks = {text_in(label, "code") for _, label in objects_in(object_in(resource, "meta"), "security")}
    birth_order = resource.get("multipleBirthInteger")
    return Person(
        key=key,
        identifiers=identifiers,
        family=family,
        given=texts_in(name, "given"),
        birth_date=day_of(text_in(resource, "birthDate"), f"{place}.birthDate", found),
        birth_order=birth_order if isinstance(birth_order, int) and not isinstance(birth_order, bool) else None,
        gender=code_in(resource, "gender", place, found),
        unborn=bool(unborn),
        expected=day_of(text_in(unborn, "valueDate"), f"{place}.extension", found),
        deceased=_deceased(resource, place, found),
        addresses=tuple(_addresses(resource, place, found, protected=profile.RESTRICTED in marks)),
        practice=practice,
        protected=profile.VERY_RESTRICTED in marks,
    )


_NAME_USES = ("official", "usual", None, "temp")


def _name(resource: JsonObject) -> JsonObject:
    """The name to know a person by; former names and nicknames are not it."""
    names = [name for _, name in objects_in(resource, "name")]
    for use in _NAME_USES:
        for name in names:
            if text_in(name, "use") == use:
                return name
    return {}


def _deceased(resource: JsonObject, place: str, found: Found) -> datetime | date | bool | None:
    when = text_in(resource, "deceasedDateTime")
    if when is not None:
        # That somebody died must not be lost with an unclear date.
        return moment_of(when, f"{place}.deceasedDateTime", found) or True
    told = resource.get("deceasedBoolean")
    return told if isinstance(told, bool) else None


def _addresses(resource: JsonObject, place: str, found: Found, *, protected: bool) -> Iterator[PostalAddress]:
    for index, address in objects_in(resource, "address"):
        period, path = object_in(address, "period"), f"{place}.address[{index}]"
        until = day_of(text_in(period, "end"), f"{path}.period.end", found)
        if text_in(address, "use") == "old" and until is None:
            found.information(path, "is an old address without an end, and is not used")
            continue
        marked = extension(address, profile.PROTECTED_ADDRESS).get("valueBoolean") is True
        read = PostalAddress(
            lines=_lines(address),
            postcode=text_in(address, "postalCode"),
            protected=protected or marked,
            since=day_of(text_in(period, "start"), f"{path}.period.start", found),
            until=until,
        )
        if read != PostalAddress():
            yield read


def _lines(address: JsonObject) -> tuple[str, ...]:
    """Lines, town and county as one would write them; one line of text where there is nothing else."""
    parts = [*texts_in(address, "line"), *(text_in(address, name) for name in ("city", "district", "state"))]
    lines = tuple(part for part in parts if part)
    text = text_in(address, "text")
    return lines or (() if text is None else (text,))
