"""Fields of forms as a template shows them, and what people type in them as values; what a move needs is decided in `domain.answers`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import Final

from broker.domain.terms import LONDON
from schemas.problem import Problem

Option = tuple[str, str]
"""Value and words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `kind`: textarea, text, date, datetime, radios, select or checkboxes; `name` is the path of the move's part."""

    kind: str
    name: str
    label: str
    hint: str = ""
    options: tuple[Option, ...] = ()
    values: tuple[str, ...] = ()
    error: str = ""
    group: str = ""
    """Fields of one group stand together under this heading."""

    @property
    def id(self) -> str:
        """For the address of the field within the page."""
        return field_id(self.name)

    @property
    def value(self) -> str:
        """What it holds."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of the error summary; `href` is '' when no field is to blame."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form holds that could not be read; name → words."""

    faults: dict[str, str] = field(default_factory=dict)

    def day(self, name: str, value: str) -> datetime | None:
        """The end of a day in London."""
        try:
            return (
                datetime.combine(date.fromisoformat(value), time(23, 59, 59), LONDON).astimezone(UTC) if value else None
            )
        except (ValueError, OverflowError):
            self.faults[name] = "must be a day, such as 24 November 2026"
            return None

    def begins(self, name: str, value: str) -> datetime | None:
        """The beginning of a day in London."""
        end = self.day(name, value)
        return datetime.combine(end.astimezone(LONDON).date(), time(), LONDON).astimezone(UTC) if end else None

    def moment(self, name: str, value: str) -> datetime | None:
        """A time by the clocks of London."""
        try:
            return datetime.fromisoformat(value).replace(tzinfo=LONDON).astimezone(UTC) if value else None
        except (ValueError, OverflowError):
            self.faults[name] = "must be a day and a time"
            return None


MORE: Final = "More that you can say"
ANOTHER: Final = ("A second agreed action", "A third agreed action")
FOLDED: Final = frozenset({MORE, *ANOTHER})
"""Groups that are folded until they are wanted, or something in them was typed or is wrong."""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together; `heading` '' for those that stand alone."""

    heading: str
    fields: tuple[Field, ...]

    @property
    def folded(self) -> bool:
        """Whether it may be folded away."""
        return self.heading in FOLDED

    @property
    def touched(self) -> bool:
        """Whether anything in it was typed or is wrong."""
        return any(one.value or one.error for one in self.fields)


def grouped(fields: Sequence[Field]) -> tuple[Group, ...]:
    """Neighbours of one group together, in their order."""
    return tuple(Group(heading, tuple(found)) for heading, found in groupby(fields, key=lambda one: one.group))


_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9]+")


def field_id(name: str) -> str:
    """An id of HTML for a path."""
    return _NOT_PLAIN.sub("-", name).strip("-")


def filled(
    fields: Sequence[Field], values: Mapping[str, Sequence[str]], errors: Mapping[str, str]
) -> tuple[Field, ...]:
    """The fields with what was typed in them and what is wrong with it."""
    return tuple(
        Field(
            kind=one.kind,
            name=one.name,
            label=one.label,
            hint=one.hint,
            options=one.options,
            values=tuple(values.get(one.name, one.values)),
            error=errors.get(one.name, ""),
            group=one.group,
        )
        for one in fields
    )


def errors_of(
    problems: Sequence[Problem], fields: Sequence[Field], *, every: bool = False
) -> tuple[dict[str, str], tuple[Fault, ...]]:
    """What is wrong by field, and the summary: the first of each field, or `every` one, in the order of the fields.

    A problem with no field of its own stands in the summary alone.
    """
    by_field: dict[str, str] = {}
    faults = []
    order = {one.name: place for place, one in enumerate(fields)}
    for problem in sorted(problems, key=lambda one: order.get(one.path, len(order))):
        owner = fields[order[problem.path]] if problem.path in order else None
        if owner is not None and owner.name in by_field and not every:
            continue
        said = _sentence(owner.label if owner else "", problem.reason)
        faults.append(Fault(words=said, href=f"#{owner.id}" if owner else ""))
        if owner is not None:
            by_field.setdefault(owner.name, said)
    return by_field, tuple(faults)


def _sentence(label: str, reason: str) -> str:
    """`is required` is said of the field; an order (`say why`) stands by itself."""
    if re.match(r"(is|must|may|names|has|needs)\b", reason) and label:
        return f"{label} It {reason}" if label.endswith("?") else f"{label}: {reason}"
    return reason[:1].upper() + reason[1:]
