"""Security labels of a Bundle (`meta.security`): the strictest of any part rules the whole, and one that nobody knows counts as strictest."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.bundle import profile
from schemas.bundle.elements import Found, JsonObject, object_in, objects_in, text_in
from schemas.bundle.entries import Entry

_DEGREES: Final = ("U", "L", "M", "N", profile.RESTRICTED, profile.VERY_RESTRICTED)
"""HL7's degrees of confidentiality, the strictest last; below R they keep nothing from anybody."""
_OURS: Final = frozenset({"held-for-release", "addressed-only", "refuge", profile.UNRECOGNISED})
OF_A_PERSON: Final = frozenset({profile.RESTRICTED, profile.VERY_RESTRICTED})
"""On a Patient they are PDS's marks of the identity, which `reading_people` reads: address withheld, identity sealed."""


def labels(bundle: JsonObject, entries: Iterable[Entry], found: Found) -> frozenset[str]:
    """The labels that rule the message, by high-water mark. A label that is not known gives a warning, never its words."""
    said = {label for place, kind, coding in _codings(bundle, entries) for label in _label(place, kind, coding, found)}
    return high_water(said)


def high_water(said: Iterable[str]) -> frozenset[str]:
    """The labels with the strictest degree of confidentiality alone."""
    known = set(said)
    degrees = [degree for degree in _DEGREES if degree in known]
    return frozenset(known.difference(degrees[:-1]))


def understood(system: str | None, code: str | None) -> str:
    """The label that a coding means, `UNRECOGNISED` where nobody knows.

    A code that restricts is honoured whatever its system; one that opens only where its system is HL7's, or none is named.
    """
    if code in _OURS or code == profile.NOPAT or code in OF_A_PERSON:
        return code
    if code in _DEGREES and (system is None or system.endswith("Confidentiality")):
        return code
    return profile.UNRECOGNISED


def _label(place: str, kind: str | None, coding: JsonObject, found: Found) -> Iterator[str]:
    label = understood(text_in(coding, "system"), text_in(coding, "code"))
    if label == profile.UNRECOGNISED:
        found.warning(place, "is a label that is not known here: the message is held as the strictest", "code-invalid")
    if kind != "Patient" or label not in OF_A_PERSON:
        yield label


def _codings(bundle: JsonObject, entries: Iterable[Entry]) -> Iterator[tuple[str, str | None, JsonObject]]:
    """Every label with its place and the type of what bears it: of the Bundle, its resources, and what they contain."""
    yield from _of("Bundle", None, bundle)
    for entry in entries:
        yield from _of(entry.place, entry.type, entry.resource)
        for index, contained in objects_in(entry.resource, "contained"):
            yield from _of(f"{entry.place}.contained[{index}]", text_in(contained, "resourceType"), contained)


def _of(place: str, kind: str | None, resource: JsonObject) -> Iterator[tuple[str, str | None, JsonObject]]:
    for index, coding in objects_in(object_in(resource, "meta"), "security"):
        yield f"{place}.meta.security[{index}]", kind, coding
