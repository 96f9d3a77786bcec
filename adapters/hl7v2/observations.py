"""Observations (OBX) whose code means one of our facts, as facts: the others are nobody's to interpret."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from adapters.hl7v2.people import zone_of
from adapters.hl7v2.structure import Segment, V2Message
from adapters.hl7v2.times import moment
from schemas.events.facts import FACT_OF, FACTS, LOINC
from schemas.events.specification import FactSpec, FactType
from schemas.message import Fact, FactValue
from schemas.problem import Problem

_LOINC: Final = frozenset({"LN", "LOINC", "2.16.840.1.113883.6.1"})
_SNOMED: Final = frozenset({"SCT", "SNM", "SNOMED", "SNOMED-CT", "SNOMED CT", "2.16.840.1.113883.6.96"})
"""Names of coding systems (table 0396) as senders write them."""

_OF_SNOMED: Final[Mapping[str, str]] = {
    "161714006": "expected-date",
    "364589006": "birth-weight",
    "412726003": "gestation",
    "27113001": "weight",
}
_OF_NOBODY: Final[Mapping[str, str]] = {"EDD": "expected-date"}
"""Codes of no system that mean one thing in every maternity system."""

_NOT_SAID: Final = frozenset({"D", "W", "X", "N", "O"})
"""Statuses (OBX-11, table 0085) of what was deleted, wrong, or is not there."""

_UNITS: Final[Mapping[str, tuple[str, Decimal]]] = {
    **dict.fromkeys(("g", "gm", "gram", "grams"), ("g", Decimal(1))),
    **dict.fromkeys(("kg", "kilogram", "kilograms"), ("g", Decimal(1000))),
    **dict.fromkeys(("wk", "wks", "week", "weeks"), ("wk", Decimal(1))),
    **dict.fromkeys(("cm", "centimetre", "centimetres"), ("cm", Decimal(1))),
}
"""The unit as senders write it, the UCUM unit our facts have, and by what it is multiplied."""

_MOST_DIGITS: Final = 12
"""Beyond this a number is no measure; Decimal would take exponents that nobody can write out."""


def facts(message: V2Message, about: str | None, codes: frozenset[str]) -> Iterator[Fact | Problem]:
    """Facts of these codes in the message, and a warning for each that cannot be read with certainty."""
    for obx in message.all("OBX"):
        code = _code(obx)
        if code in codes and obx.text(11).upper() not in _NOT_SAID:
            yield _fact(message, obx, FACTS[code], about)


def _code(obx: Segment) -> str | None:
    """Our code of what was observed, by either of the two that OBX-3 has room for."""
    for first in (1, 4):
        code, system = obx.text(3, first), obx.text(3, first + 2).upper()
        if system in _LOINC:
            found = FACT_OF.get((LOINC, code))
        else:
            found = (_OF_SNOMED if system in _SNOMED else _OF_NOBODY).get(code.upper())
        if found is not None:
            return found
    return None


def _fact(message: V2Message, obx: Segment, spec: FactSpec, about: str | None) -> Fact | Problem:
    value = _value(message, obx, spec)
    if value is None:
        return Problem(obx.path(5), "cannot be read as what it is said to be, and was left out", "value", "warning")
    seen = moment(obx.text(14), zone_of(message))
    at = (seen.at or seen.day) if seen else None
    return Fact(code=spec.code, value=value, about=about, unit=spec.unit, at=at)


def _value(message: V2Message, obx: Segment, spec: FactSpec) -> FactValue | None:
    written = obx.text(5)
    if spec.type is FactType.DATE:
        found = moment(written, zone_of(message))
        return found.day if found else None
    number = _number(written)
    if spec.type is FactType.INTEGER:
        return int(number) if number is not None and number == number.to_integral_value() else None
    unit, factor = _UNITS.get(obx.text(6).lower(), ("", Decimal(1)))
    # Kilograms read as grams could do harm, so what names no unit is left out.
    return number * factor if number is not None and spec.type is FactType.QUANTITY and unit == spec.unit else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text) if len(text) <= _MOST_DIGITS else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS else None
