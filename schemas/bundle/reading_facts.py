"""Facts out of a Bundle: Observations of our fact codes, and what some focus resources say in elements of their own."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from schemas.bundle import profile
from schemas.bundle.elements import (
    Found,
    JsonObject,
    code_in,
    codings,
    day_of,
    moment_of,
    object_in,
    objects_in,
    text_in,
)
from schemas.bundle.entries import Entries, Entry
from schemas.bundle.reading_people import People
from schemas.codes import FACT_SYSTEM, Event
from schemas.events import FACT_OF, FACTS, FactSpec, FactType, Values
from schemas.message import Coding, Fact, FactValue

_NOT_SAID: Final = frozenset({"entered-in-error", "cancelled"})


def facts(entries: Entries, people: People, found: Found) -> Iterator[Fact]:
    """The facts that Observations yield, in order. What is not understood is named and left in the raw message."""
    for entry in entries.of_type("Observation"):
        spec = _spec(entry, found)
        if spec is None or text_in(entry.resource, "status") in _NOT_SAID:
            continue
        fact = _fact(entry, spec, people, found)
        if fact is not None:
            yield fact


def _spec(entry: Entry, found: Found) -> FactSpec | None:
    place = f"{entry.place}.code"
    for coding in codings(object_in(entry.resource, "code")):
        system, code = text_in(coding, "system"), code_in(coding, "code", place, found) or ""
        known = code if system == FACT_SYSTEM else FACT_OF.get((system or "", code), "")
        if known in FACTS:
            return FACTS[known]
        if system == FACT_SYSTEM:
            found.warning(place, "is no fact of the published list; it is kept and not passed on", "code-invalid")
            return None
    found.information(place, "is no fact that is known here; it is kept and not passed on", "not-supported")
    return None


def _fact(entry: Entry, spec: FactSpec, people: People, found: Found) -> Fact | None:
    subject = object_in(entry.resource, "subject")
    about = people.key_of(subject)
    if subject and about is None:
        found.error(f"{entry.place}.subject", "must be a Patient of the message", "not-found")
    read = _READERS[spec.type](entry, spec, found)
    if read is None:
        _say_unread(entry, spec, found)
        return None
    value, unit = read
    at = moment_of(text_in(entry.resource, "effectiveDateTime"), f"{entry.place}.effectiveDateTime", found)
    return Fact(code=spec.code, value=value, about=about, unit=unit, at=at)


_WANTED: Final = {
    FactType.BOOLEAN: "valueBoolean",
    FactType.INTEGER: "valueInteger",
    FactType.QUANTITY: "valueQuantity",
    FactType.DATE: "valueDateTime",
    FactType.DATETIME: "valueDateTime",
    FactType.CODE: "valueCodeableConcept",
    FactType.CONCEPT: "valueCodeableConcept or valueString",
    FactType.TEXT: "valueString",
    FactType.STATEMENT: "valueString or valueBoolean",
}


def _say_unread(entry: Entry, spec: FactSpec, found: Found) -> None:
    if "dataAbsentReason" in entry.resource:
        found.information(entry.place, "says that the fact is not known")
    elif "valueDateTime" not in entry.resource or spec.type not in (FactType.DATE, FactType.DATETIME):
        found.error(entry.place, f"must have {_WANTED[spec.type]}", "value")


Read: TypeAlias = tuple[FactValue, str | None] | None


def _boolean(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - one row of the table of readers
    value = entry.resource.get("valueBoolean")
    return (value, None) if isinstance(value, bool) else None


def _integer(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - as above
    number = entry.resource.get("valueInteger", object_in(entry.resource, "valueQuantity").get("value"))
    whole = isinstance(number, int) and not isinstance(number, bool)
    return (number, None) if isinstance(number, int) and whole else None


def _quantity(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - as above
    quantity = object_in(entry.resource, "valueQuantity")
    number = quantity.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return None
    exact = Decimal(str(number))
    if not exact.is_finite():  # 1e400 is JSON
        return None
    return _in_unit(exact, text_in(quantity, "code") or text_in(quantity, "unit"), spec.unit)


def _in_unit(number: Decimal, unit: str | None, wanted: str | None) -> tuple[Decimal, str | None]:
    """The number in the fact's unit, where it is known how; otherwise as it came, for the check to refuse."""
    if (unit, wanted) == ("d", "wk"):
        return number // profile.DAYS_IN_A_WEEK, wanted
    factor = profile.UNITS.get((unit or "", wanted or ""))
    return (number, unit) if factor is None else (number * Decimal(factor), wanted)


def _date(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - as above
    day = day_of(text_in(entry.resource, "valueDateTime"), f"{entry.place}.valueDateTime", found)
    return None if day is None else (day, None)


def _datetime(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - as above
    moment: datetime | date | None = moment_of(
        text_in(entry.resource, "valueDateTime"), f"{entry.place}.valueDateTime", found
    )
    return None if moment is None else (moment, None)


def _concept(entry: Entry, spec: FactSpec, found: Found) -> Read:
    concept = object_in(entry.resource, "valueCodeableConcept")
    coding = _coding(concept, spec.binding, f"{entry.place}.valueCodeableConcept", found)
    if coding is not None:
        return coding, None
    return None if spec.type is FactType.CODE else _text(entry, spec, found)


def _coding(concept: JsonObject, binding: Values | None, place: str, found: Found) -> Coding | None:
    """The coding of the fact's own value set, else the first that has system and code."""
    complete = [coding for coding in codings(concept) if text_in(coding, "system") and text_in(coding, "code")]
    ours = [coding for coding in complete if binding is not None and coding["system"] == binding.system]
    for coding in ours or complete:
        return Coding(
            system=text_in(coding, "system") or "",
            code=code_in(coding, "code", place, found) or "",
            display=text_in(coding, "display"),
        )
    return None


def _text(entry: Entry, spec: FactSpec, found: Found) -> Read:  # noqa: ARG001 - as above
    concept = object_in(entry.resource, "valueCodeableConcept")
    displays = (text_in(coding, "display") for coding in codings(concept))
    text = text_in(entry.resource, "valueString") or text_in(concept, "text") or next(displays, None)
    return None if text is None else (text, None)


def _statement(entry: Entry, spec: FactSpec, found: Found) -> Read:
    return _text(entry, spec, found) or _boolean(entry, spec, found)


_READERS: Final[dict[FactType, Callable[[Entry, FactSpec, Found], Read]]] = {
    FactType.BOOLEAN: _boolean,
    FactType.INTEGER: _integer,
    FactType.QUANTITY: _quantity,
    FactType.DATE: _date,
    FactType.DATETIME: _datetime,
    FactType.CODE: _concept,
    FactType.CONCEPT: _concept,
    FactType.TEXT: _text,
    FactType.STATEMENT: _statement,
}


_REASON_OF: Final = {Event.REFERRAL: "referral-reason", Event.ADVICE_TO_ATTEND: "advice-reason"}
_PAYLOAD_OF: Final = {Event.INFORMATION_REQUEST: "question", Event.INFORMATION: "answer"}


def native_facts(event: Event, focus: Entry, about: str | None, found: Found) -> Iterator[Fact]:
    """What a focus resource says in elements of its own, for senders who do not repeat it as an Observation."""
    resource = focus.resource
    if focus.type == "Immunization":
        yield from _immunisation(resource, about, f"{focus.place}.vaccineCode", found)
    if event in _REASON_OF:
        for _, reason in objects_in(resource, "reasonCode"):
            yield from _if_said(_REASON_OF[event], text_in(reason, "text"), about)
    if event in _PAYLOAD_OF:
        for _, payload in objects_in(resource, "payload"):
            yield from _if_said(_PAYLOAD_OF[event], text_in(payload, "contentString"), about)


def _immunisation(resource: JsonObject, about: str | None, place: str, found: Found) -> Iterator[Fact]:
    vaccine = object_in(resource, "vaccineCode")
    value = _coding(vaccine, None, place, found) or text_in(vaccine, "text")
    if value is not None:
        yield Fact(code="immunisation", value=value, about=about)
    if text_in(resource, "status") == "not-done":
        binding = FACTS["not-given-reason"].binding
        if binding is not None:
            yield Fact(code="not-given-reason", value=Coding(system=binding.system, code="other"), about=about)


def _if_said(code: str, text: str | None, about: str | None) -> Iterator[Fact]:
    if text is not None:
        yield Fact(code=code, value=text, about=about)
