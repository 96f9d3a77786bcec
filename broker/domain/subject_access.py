"""What may be handed to the person it is about: others' names, numbers and addresses taken out of texts, and what somebody must have read first."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from broker.domain.world import KnownPerson
from schemas.message import Message, Person

OTHER: Final = "[another person]"
REMOVED: Final = "[removed]"
SHORTEST_NAME: Final = 3
"""Letters of a name that is looked for in texts: shorter ones stand in every other word."""

_POSTCODE: Final = re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*[0-9][A-Z]{2}\b", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\b\d(?:[ -]?\d){8,}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that is held about somebody, as it would be handed over."""

    id: str
    """Kind and row: `message:…`."""
    says: dict[str, Any]
    cautions: tuple[str, ...] = ()
    """Why a person must have read it before it is handed over."""


@dataclass(frozen=True, slots=True)
class Others:
    """Words that tell of somebody else."""

    words: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, people: Iterable[Person | KnownPerson], own: Collection[str]) -> "Others":
        """Names and numbers of these, but those that are the person's own too."""
        found: set[str] = set()
        for one in people:
            found |= words_of(one)
        return cls(frozenset(found) - {word.casefold() for word in own})

    def removed_from(self, text: str) -> str:
        """The text without them, and without any postcode or long number."""
        if self.words:
            names = "|".join(re.escape(word) for word in sorted(self.words, key=len, reverse=True))
            text = re.sub(rf"(?<!\w)(?:{names})(?!\w)", OTHER, text, flags=re.IGNORECASE)
        return _NUMBER.sub(REMOVED, _POSTCODE.sub(REMOVED, text))


def words_of(person: Person | KnownPerson) -> set[str]:
    """By which somebody is known in texts, in small letters."""
    names = [*(person.family or "").split(), *(part for given in person.given for part in given.split())]
    lines = [line for one in person.addresses for line in one.lines] if isinstance(person, Person) else []
    values = [one.value for one in person.identifiers]
    return {word.casefold() for word in (*names, *lines, *values) if len(word) >= SHORTEST_NAME}


def facts_about(message: Message, person: str, others: Others) -> list[dict[str, Any]]:
    """What a message says of this person alone; of texts what is left without others."""
    return [
        {"code": fact.code, "value": _plain(fact.value, others), "unit": fact.unit}
        for fact in message.facts
        if fact.about == person
    ]


def has_text(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Whether there is a sentence in it that somebody wrote: anything with a blank."""
    if isinstance(value, dict):
        return any(has_text(part) for part in value.values())
    if isinstance(value, list):
        return any(has_text(part) for part in value)
    return isinstance(value, str) and " " in value


def unread(items: Sequence[Item], read: Collection[str], withheld: Collection[str]) -> list[str]:
    """Items with a caution that the reviewer has neither read nor withheld."""
    return [one.id for one in items if one.cautions and one.id not in read and one.id not in withheld]


def _plain(value: Any, others: Others) -> Any:  # noqa: ANN401 - a fact's value
    if isinstance(value, str):
        return others.removed_from(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    display = getattr(value, "display", None)
    return others.removed_from(str(display or getattr(value, "code", value)))
