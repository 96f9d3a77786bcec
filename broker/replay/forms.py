"""The small forms that a scenario's entries are made of: names, moments, spans, one or several; what they mean is said elsewhere."""

import re
from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="A name of this file: small letters, digits, hyphens")
]


def _exists(text: str) -> str:
    """A day, and an hour if there is one, that the calendar has; what counts from a step is not looked at."""
    if re.match(r"\d{4}-", text):
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("is no day or hour that exists") from error
    return text


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day: 2018-02-14"), AfterValidator(_exists)]
Moment = Annotated[
    str,
    Field(
        pattern=r"^(\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?|([a-z0-9][a-z0-9-]* )?(\+\d+[wdhm])+( \d{2}:\d{2})?)$",
        description="`2018-02-14 10:30` (UTC), or after another step: `birth +13d 11:00`; without a name, after the step before",
    ),
    AfterValidator(_exists),
]
Span = Annotated[str, Field(pattern=r"^(\d+[wdhm])+$", description="A length of time: 6w, 2d, 8h, 30m")]
Within = Annotated[
    str,
    Field(
        pattern=r"^((\d+[wdhm])+|\d+ working (day|hour)s?)$",
        description="The same, or working time: 2 working days",
    ),
]
Case = Annotated[str, Field(pattern=r"^F\d{1,2}$", description="The acceptance case of docs/failures.md")]
Waits = Annotated[str, Field(pattern=r"^[a-z][a-z -]+$", description="What it waits for, in words: expected events")]
Cites = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$", description="Paragraph of the source")]
Somebody = Annotated[
    str, Field(pattern=r"^[^,]+, [a-z-]+$", description="A practitioner and the role: Farah Malik, health-visitor")
]

Scalar: TypeAlias = bool | int | float | str
FactEntry: TypeAlias = Scalar | list[Scalar] | dict[str, Scalar | list[Scalar]]
"""`3.2 kg`; `[drug-rehabilitation, unpaid-work]`; or by person: `{ava: true, daniel: false}`."""


Names: TypeAlias = tuple[Name, ...] | Name
Words: TypeAlias = tuple[str, ...] | str


class Entry(BaseModel):
    """Any part of the file: keys with hyphens, none that is not known, nothing changed after reading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    )


def names(value: Words) -> tuple[str, ...]:
    """What is written as one or as several, as several."""
    return (value,) if isinstance(value, str) else tuple(value)


def exactly_one(entry: BaseModel, names: tuple[str, ...]) -> None:
    if sum(getattr(entry, name) is not None for name in names) != 1:
        raise ValueError(f"must say exactly one of {', '.join(names)}")
