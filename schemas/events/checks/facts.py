"""Whether facts have the type, unit, code and size that their specification gives."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from schemas.events import places
from schemas.events.facts import FACTS
from schemas.events.specification import EventSpec, FactSpec, FactType
from schemas.message import Coding, Fact, FactValue, Message
from schemas.problem import Problem


def _is_text(value: FactValue) -> bool:
    return isinstance(value, str) and bool(value.strip())


_FITS: Final[dict[FactType, Callable[[FactValue], bool]]] = {
    FactType.BOOLEAN: lambda value: isinstance(value, bool),
    FactType.INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    FactType.QUANTITY: lambda value: isinstance(value, Decimal | int) and not isinstance(value, bool),
    FactType.DATE: lambda value: isinstance(value, date) and not isinstance(value, datetime),
    FactType.DATETIME: lambda value: isinstance(value, date),
    FactType.CODE: lambda value: isinstance(value, Coding),
    FactType.CONCEPT: lambda value: isinstance(value, Coding) or _is_text(value),
    FactType.TEXT: _is_text,
    FactType.STATEMENT: lambda value: isinstance(value, bool) or _is_text(value),
}


def wrong_facts(message: Message, spec: EventSpec, now: datetime) -> Iterator[Problem]:
    """Unknown facts, values that do not fit, and what an exhaustive event does not pass on."""
    listed = frozenset(spec.facts()) if spec.exhaustive else None
    for fact in message.facts:
        known = FACTS.get(fact.code)
        if known is None:
            yield Problem(places.focus("Observation"), "is no fact of the published list", "code-invalid")
            continue
        yield from _value(fact, known)
        if listed is not None and fact.code not in listed:
            yield Problem(places.fact(fact.code), "is not passed on with this event", "suppressed", "warning")
        if fact.at is not None and _day(fact.at) > now.date():
            yield Problem(f"{places.fact(fact.code)}.effective", "is in the future", "value", "warning")


def _day(at: datetime | date) -> date:
    return at.date() if isinstance(at, datetime) else at


def _value(fact: Fact, known: FactSpec) -> Iterator[Problem]:
    place = f"{places.fact(known.code)}.value"
    if not _FITS[known.type](fact.value):
        yield Problem(place, f"must be a {known.type.value}", "value")
    elif isinstance(fact.value, Coding):
        yield from _code(fact.value, known, place)
    elif isinstance(fact.value, Decimal | int) and not isinstance(fact.value, bool):
        yield from _number(fact, Decimal(fact.value), known, place)
    elif fact.value is True and known.type is FactType.STATEMENT:
        yield Problem(place, "says that there is something, not what", "incomplete", "warning")


def _code(value: Coding, known: FactSpec, place: str) -> Iterator[Problem]:
    if known.binding is None:
        return
    if value.system != known.binding.system:
        yield Problem(f"{place}.coding.system", f"must be that of {known.binding.id}", "code-invalid")
    elif value.code not in known.binding.codes:
        yield Problem(f"{place}.coding.code", f"is no code of {known.binding.id}", "code-invalid")


def _number(fact: Fact, number: Decimal, known: FactSpec, place: str) -> Iterator[Problem]:
    if fact.unit != known.unit:
        wanted = f"must be {known.unit}" if known.unit else "is not used by this fact"
        yield Problem(f"{place}.unit", wanted, "value")
    elif not number.is_finite():
        yield Problem(place, "must be a number", "value")
    elif known.low is not None and known.high is not None and not known.low <= number <= known.high:
        yield Problem(place, f"is unlikely: outside {known.low:g} to {known.high:g}", "value", "warning")
