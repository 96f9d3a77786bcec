"""Reading elements out of parsed JSON without ever failing: absent, mistyped and misspelt all read as nothing there."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TypeAlias, cast

from schemas.problem import Problem, Severity

JsonObject: TypeAlias = dict[str, object]


@dataclass(slots=True)
class Found:
    """Problems as they are found; the order is that of reading."""

    problems: list[Problem] = field(default_factory=list)

    def error(self, path: str, reason: str, code: str = "value") -> None:
        """It keeps the message from being used."""
        self._add(path, reason, code, "error")

    def warning(self, path: str, reason: str, code: str = "value") -> None:
        """It is used, and a person should look."""
        self._add(path, reason, code, "warning")

    def information(self, path: str, reason: str, code: str = "informational") -> None:
        """It is used, and something in it is not."""
        self._add(path, reason, code, "information")

    def _add(self, path: str, reason: str, code: str, severity: Severity) -> None:
        self.problems.append(Problem(path, reason, code, severity))


def object_in(parent: JsonObject, name: str) -> JsonObject:
    """The object with that name; an empty one when there is none."""
    value = parent.get(name)
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def objects_in(parent: JsonObject, name: str) -> list[tuple[int, JsonObject]]:
    """The objects of a list, each with its index."""
    value = parent.get(name)
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]


def texts_in(parent: JsonObject, name: str) -> tuple[str, ...]:
    """The non-empty strings of a list."""
    value = parent.get(name)
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def text_in(parent: JsonObject, name: str) -> str | None:
    """The string with that name; an empty one is none."""
    value = parent.get(name)
    return value if isinstance(value, str) and value else None


def code_in(parent: JsonObject, name: str, path: str, found: Found) -> str | None:
    """A code. Codes arrive with stray spaces (seen in national samples): they are dropped and the sender is told."""
    value = text_in(parent, name)
    if value is None or not (value[0].isspace() or value[-1].isspace()):
        return value
    found.warning(f"{path}.{name}", "had spaces round it, which were dropped")
    return value.strip() or None


def extension(parent: JsonObject, url: str) -> JsonObject:
    """The extension with that address; an empty object when there is none."""
    for _, item in objects_in(parent, "extension"):
        if item.get("url") == url:
            return item
    return {}


def codings(concept: JsonObject) -> list[JsonObject]:
    """The codings of a CodeableConcept."""
    return [coding for _, coding in objects_in(concept, "coding")]


_DAY_LENGTH = len("2018-02-14")


def day_of(text: str | None, path: str, found: Found) -> date | None:
    """A full date; of a dateTime its date. A partial date is no date: which day it was is not ours to choose."""
    if text is None:
        return None
    if len(text) < _DAY_LENGTH:
        found.warning(path, "is only part of a date and is not used", "incomplete")
        return None
    try:
        return date.fromisoformat(text[:_DAY_LENGTH])
    except ValueError:
        found.error(path, "is no date that exists")
        return None


def instant_of(text: str | None, path: str, found: Found) -> datetime | None:
    """A time in UTC. A date alone becomes midnight UTC, which is the same date in the United Kingdom all year."""
    if text is None:
        return None
    if len(text) <= _DAY_LENGTH:
        day = _first_day(text, path, found)
        return None if day is None else datetime.combine(day, time(), UTC)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        found.error(path, "has no time zone")
    except (ValueError, OverflowError):
        found.error(path, "is no time that exists")
    return None


def moment_of(text: str | None, path: str, found: Found) -> datetime | date | None:
    """A date where only a date is given, else a time in UTC."""
    if text is not None and len(text) > _DAY_LENGTH:
        return instant_of(text, path, found)
    return day_of(text, path, found)


def _first_day(text: str, path: str, found: Found) -> date | None:
    """The first day of a partial date: an event has to stand somewhere in time, and the sender is told where."""
    if len(text) < _DAY_LENGTH:
        found.warning(path, "is only part of a date; its first day is used", "incomplete")
    try:
        return date.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) < _DAY_LENGTH else text)
    except ValueError:
        found.error(path, "is no date that exists")
        return None
