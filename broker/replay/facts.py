"""The short form of a fact, `3.2 kg` or `formula`, as the value that its specification asks for."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from broker.replay.forms import Scalar
from schemas.events import FactSpec, FactType, coded
from schemas.message import Fact, FactValue

_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?) ?([a-z]*)(?: on (\d{4}-\d{2}-\d{2}))?")
_UNITS: Final = {("kg", "g"): 1000, ("m", "cm"): 100, ("weeks", "wk"): 1}


class Unsaid(ValueError):
    """What a step says cannot be put into a message: why, as a predicate, and of which of its facts, if of one."""

    def __init__(self, reason: str, fact: str | None = None) -> None:
        """`reason` reads on from the fact's name, or from the step's."""
        super().__init__(reason)
        self.fact = fact


def fact(spec: FactSpec, value: Scalar, about: str | None) -> Fact:
    """The fact that a value of the file means; Unsaid when it means none."""
    at: date | None = None
    said: FactValue
    match spec.type:
        case FactType.QUANTITY:
            said, at = _amount(spec, str(value))
        case FactType.CODE:
            said = _code(spec, str(value))
        case FactType.DATE:
            said = _day(spec, str(value))
        case FactType.DATETIME:
            said = _instant(spec, str(value))
        case FactType.BOOLEAN:
            said = _wanted(spec, value, bool)
        case FactType.INTEGER:
            said = _wanted(spec, value, int)
        case FactType.STATEMENT:
            said = value if isinstance(value, bool) else str(value)
        case FactType.CONCEPT | FactType.TEXT:
            said = _wanted(spec, value, str)
    return Fact(code=spec.code, value=said, unit=spec.unit, about=about, at=at)


def _wanted(spec: FactSpec, value: Scalar, kind: type[bool | int | str]) -> bool | int | str:
    if type(value) is not kind:
        raise Unsaid(f"must be { {bool: 'true or false', int: 'a whole number', str: 'text'}[kind] }", spec.code)
    return value


def _amount(spec: FactSpec, text: str) -> tuple[Decimal, date | None]:
    """`3.2 kg`, `3480 g on 2019-03-06`; a number alone is in the fact's own unit."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise Unsaid("must be a number with its unit, such as 3.2 kg", spec.code)
    number, unit, day = found.groups()
    factor = 1 if unit in ("", spec.unit) else _UNITS.get((unit, spec.unit or ""))
    if factor is None:
        raise Unsaid(f"is not counted in {unit!r}", spec.code)
    amount = Decimal(number) * factor
    whole = amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount.normalize()
    return whole, None if day is None else date.fromisoformat(day)


def _code(spec: FactSpec, text: str) -> FactValue:
    try:
        return coded(spec.code, text)
    except KeyError as error:
        offered = ", ".join(spec.binding.codes) if spec.binding else ""
        raise Unsaid(f"is none of {offered}", spec.code) from error


def _day(spec: FactSpec, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Unsaid("must be a day such as 2018-02-14", spec.code) from error


def _instant(spec: FactSpec, text: str) -> datetime | date:
    try:
        return _day(spec, text) if len(text) == len("2018-02-14") else datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise Unsaid("must be a time such as 2018-02-14 10:30", spec.code) from error
