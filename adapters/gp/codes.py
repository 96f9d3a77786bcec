"""What codes of general practice's messages mean here: services, safeguarding flags, appointments that were not kept.

Documents (STU3) and referrals (R4) say these in the same words, so they are read from FHIR's JSON form of either.
"""

import re
from datetime import date
from typing import Final

from schemas.bundle.elements import JsonObject, codings, object_in, objects_in, text_in
from schemas.codes import SYSTEMS, ConcernKind, Event, Function
from schemas.events.ages import age

SNOMED: Final = "http://snomed.info/sct"

_PRACTICE_SETTINGS: Final[dict[Function, str]] = {
    Function.MIDWIFERY: "714088003 714089006",
    Function.HEALTH_VISITING: "1078501000000104",
    Function.FAMILY_NURSE_PARTNERSHIP: "1326391000000100",
    Function.SCHOOL_NURSING: "931821000000105",
    Function.NEONATAL: "840586005 893711000000109 741073001 310070007",
    Function.PAEDIATRICS: "310066004 310067008",
    Function.EMERGENCY_DEPARTMENT: "310000008",
    Function.GENERAL_PRACTICE: "788007007 1060971000000108 408443003",
    Function.MENTAL_HEALTH: (
        "708168004 788002001 892811000000109 89301000000108 92151000000102 92221000000103 92191000000105 "
        "310116007 310117003 901221000000102 1079481000000104"
    ),
    Function.SUBSTANCE_MISUSE: "109201000000109 788125002 827621000000108",
}
"""SNOMED CT codes of services, as the value set England-PracticeSetting has them."""

_FUNCTIONS: Final[dict[tuple[str, str], Function]] = {
    **{(SNOMED, code): function for function, listed in _PRACTICE_SETTINGS.items() for code in listed.split()},
    **{(SYSTEMS[Function], function.value): function for function in Function},
}
_SOCIAL_SERVICES: Final = frozenset({(SNOMED, "310134006"), (SNOMED, "306238000")})
"""Social services, and a referral to them: of a child those of children, of an adult none that Baton knows."""

_RECORD_HEADINGS: Final = "https://fhir.nhs.uk/CodeSystem/RecordStandardHeadings"
_FLAG_CATEGORIES: Final = "https://fhir.nhs.uk/CodeSystem/flag-categories-bars"
_SAFEGUARDING: Final = frozenset({(_RECORD_HEADINGS, "safeguarding"), (_FLAG_CATEGORIES, "SG")})
"""How GP Connect Update Record tags a Flag, and BaRS categorises one."""

_IN_WORDS: Final = "safeguarding"
_NOTHING: Final = re.compile(r"(no|none|nil)\b", re.IGNORECASE)
"""How a flag begins that says that there is no concern; that nobody knows is told as it is."""

_CONCERNS: Final[dict[tuple[str, str], ConcernKind]] = {(SNOMED, "415685003"): ConcernKind.SUBSTANCE_MISUSE}
"""SNOMED CT codes of a flag that are surely of one kind of concern; every other is a concern of another kind, told in its own words."""

_APPOINTMENTS: Final = {
    Function.GENERAL_PRACTICE: "general-practice",
    Function.PAEDIATRICS: "paediatrics",
    Function.MENTAL_HEALTH: "mental-health",
    Function.SUBSTANCE_MISUSE: "substance-misuse",
}
"""Kinds of appointment (`appointment-kind`) that follow from the service; of a midwife it may be before or after birth."""

_ADULT_AT: Final = 18


def labels(*concepts: JsonObject) -> frozenset[tuple[str, str]]:
    """(system, code) of every coding of some CodeableConcepts."""
    return frozenset(_pair(coding) for concept in concepts for coding in codings(concept))


def _pair(coding: JsonObject) -> tuple[str, str]:
    return (text_in(coding, "system") or "", text_in(coding, "code") or "")


def concepts(resource: JsonObject, *names: str) -> tuple[JsonObject, ...]:
    """CodeableConcepts of these elements, whether an element has one (STU3) or repeats (R4)."""
    one = (object_in(resource, name) for name in names)
    many = (concept for name in names for _, concept in objects_in(resource, name))
    return tuple(concept for concept in (*one, *many) if concept)


def words(concept: JsonObject) -> str | None:
    """A CodeableConcept as its sender would say it."""
    said = (text_in(concept, "text"), *(text_in(coding, "display") for coding in codings(concept)))
    return next((text.strip() for text in said if text and text.strip()), None)


def in_full(concept: JsonObject) -> str | None:
    """The same with what its code is called, where its text does not say that already."""
    text = text_in(concept, "text")
    named = next((name for coding in codings(concept) if (name := text_in(coding, "display"))), None)
    if text and named and named.casefold() not in text.casefold():
        return f"{text.strip()}: {named.strip()}"
    return words(concept)


def function_of(said: frozenset[tuple[str, str]], *, child: bool) -> Function | None:
    """The one function that these codes of services mean; None when they mean none, or several."""
    found = {_FUNCTIONS[label] for label in said if label in _FUNCTIONS}
    if child and said & _SOCIAL_SERVICES:
        found.add(Function.CHILDRENS_SOCIAL_CARE)
    return found.pop() if len(found) == 1 else None


def is_safeguarding(flag: JsonObject) -> bool:
    """Whether a Flag is in force, about safeguarding, and says that there is something."""
    if text_in(flag, "status") != "active" or _NOTHING.match(words(object_in(flag, "code")) or ""):
        return False
    tags = frozenset(_pair(tag) for _, tag in objects_in(object_in(flag, "meta"), "tag"))
    categories = concepts(flag, "category")
    # A category may stand in words alone, as public messages of BaRS have it.
    in_words = any(_IN_WORDS in (words(category) or "").casefold() for category in categories)
    return in_words or bool((tags | labels(*categories)) & _SAFEGUARDING)


def concern_kind(flag: JsonObject) -> ConcernKind:
    """The kind of concern that a safeguarding Flag raises."""
    found = {_CONCERNS[label] for label in labels(object_in(flag, "code")) if label in _CONCERNS}
    return found.pop() if len(found) == 1 else ConcernKind.OTHER


def was_missed(appointment: JsonObject) -> bool:
    """Whether nobody came to an Appointment."""
    return text_in(appointment, "status") == "noshow"


def missed(born: date, on: date) -> Event:
    """Of whom it is said that nobody came: a child is not brought, an adult does not attend."""
    return Event.DID_NOT_ATTEND if age(born, on) >= _ADULT_AT else Event.NOT_BROUGHT


def is_child(born: date | None, on: date) -> bool:
    """Whether somebody is known to be under eighteen on that day."""
    return born is not None and age(born, on) < _ADULT_AT


def appointment_kind(appointment: JsonObject) -> str | None:
    """The kind of an Appointment where its service says it for certain."""
    said = labels(*concepts(appointment, "serviceType", "specialty"))
    function = function_of(said, child=False)
    return None if function is None else _APPOINTMENTS.get(function)
