r"""An HL7 v2 message as segments, fields and components that may be asked for whether or not they are there; meaning is read elsewhere.

The `hl7` library splits. Its ways to a value are not used: its un-escaping logs the value it stumbles over and writes out
`\.sp99999999\` as that many characters, its times raise on an impossible one, its acknowledgement reads the clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import hl7

from adapters.hl7v2.framing import lines_of
from adapters.hl7v2.separators import Separators, repaired, separators_of
from adapters.identity import digest, message_id
from schemas.problem import Problem

MOST_SEGMENTS: Final = 1_000
"""An admission has 10, one with every insurer of a patient 40."""
MOST_PARTS: Final = 20_000
"""Separators in the whole message, each of which makes a part: the longest public sample has 900; this many take 60 ms."""

_VERSIONS: Final = (
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.7.1",
    "2.8",
    "2.8.1",
    "2.8.2",
    "2.9",
)

NULL: Final = '""'
"""A field that says "delete what you have" (2.5.3): nothing is known, and that on purpose."""


@dataclass(frozen=True, slots=True)
class Field:
    """One repetition of a field: its components, counted from 1 as the standard counts them."""

    components: tuple[tuple[str, ...], ...]
    path: str

    def __call__(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a (sub)component, trimmed; empty where it is absent or the null of HL7."""
        if component > len(self.components) or subcomponent > len(self.components[component - 1]):
            return ""
        text = self.components[component - 1][subcomponent - 1].strip()
        return "" if text == NULL else text

    def code(self, component: int = 1) -> str:
        """The text of a component in capitals: codes of HL7 tables are written in either."""
        return self(component).upper()

    def __bool__(self) -> bool:
        return any(text.strip() not in ("", NULL) for component in self.components for text in component)


_ABSENT: Final = Field((), "")


def doubt(path: str, reason: str) -> Problem:
    """A warning about a value."""
    return Problem(path, reason, "value", "warning")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: `PID-5` is `segment.first(5)`, all its repetitions `segment.all(5)`."""

    name: str
    position: int
    """Among those of its name, from 1."""
    fields: tuple[tuple[Field, ...], ...] = field(repr=False)
    raw: str = field(repr=False)
    """The line as it was written, for what is kept and not read (Z segments)."""

    def path(self, number: int | None = None) -> str:
        """`PID-5`; `NK1[2]-3` of a second one."""
        name = self.name if self.position == 1 else f"{self.name}[{self.position}]"
        return name if number is None else f"{name}-{number}"

    def all(self, number: int) -> tuple[Field, ...]:
        """Every repetition that says anything."""
        return tuple(found for found in self.fields[number] if found) if number < len(self.fields) else ()

    def first(self, number: int) -> Field:
        """The first repetition that says anything; one of nothing where there is none."""
        return next(iter(self.all(number)), _ABSENT)

    def text(self, number: int, component: int = 1) -> str:
        """The text of a component of the first repetition, or empty."""
        return self.first(number)(component)

    def is_null(self, number: int) -> bool:
        """Whether the field says that its value is to be deleted."""
        written = self.fields[number] if number < len(self.fields) else ()
        return any(repetition.components == ((NULL,),) for repetition in written)


@dataclass(frozen=True)
class V2Message:
    """One message, its segments in their order."""

    segments: tuple[Segment, ...]
    separators: Separators
    warnings: tuple[Problem, ...]

    def all(self, name: str) -> tuple[Segment, ...]:
        """Every segment of that name."""
        return tuple(segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment:
        """The first segment of that name; an empty one where there is none, so that `message.first("PV1").text(2)` is safe."""
        return next(iter(self.all(name)), Segment(name, 1, (), ""))

    def has(self, name: str) -> bool:
        return any(segment.name == name for segment in self.segments)

    @cached_property
    def header(self) -> Segment:
        return self.segments[0]

    @property
    def type(self) -> str:
        """MSH-9.1, e.g. `ADT`."""
        return self.header.text(9, 1).upper()

    @property
    def trigger(self) -> str:
        """MSH-9.2, e.g. `A05`; of older senders EVN-1."""
        return (self.header.text(9, 2) or self.first("EVN").text(1)).upper()

    @property
    def application(self) -> str:
        """MSH-3."""
        return self.header.text(3)

    @property
    def facility(self) -> str:
        """MSH-4: the namespace of the sending facility, in England its ODS code."""
        return self.header.text(4)

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.text(10)

    @property
    def extensions(self) -> tuple[str, ...]:
        """Z segments as they were written: kept, and read by nobody who does not know whose they are."""
        return tuple(segment.raw for segment in self.segments if segment.name.startswith("Z"))

    @property
    def tells_of_nobody(self) -> bool:
        """Whether it is marked as one for training or debugging (MSH-11, table 0103), which no real person stands behind."""
        return self.header.text(11).upper() in _OF_NOBODY

    @property
    def key(self) -> str:
        """What makes it the same message again: application, facility, type, trigger, control id, and the day of MSH-7.

        The control id need only be unique for its sender (2.14.9.10), and real senders begin again at 1 every night: with
        the control id alone, another day's event would be taken for this one and lost.
        """
        header = self.header
        return message_id(
            "hl7v2", self.application, self.facility, self.type, self.trigger, self.control_id, header.text(7)[:8]
        )

    @property
    def content_key(self) -> str:
        """Digest of all it says, without how it was carried: separators, times and numbers of sending, the character set."""
        return digest([[segment.name, *_said(segment)] for segment in self.segments])


_OF_NOBODY: Final = frozenset({"T", "D"})
TRAINING: Final = "The message is marked as one for training or debugging (MSH-11), so it tells of nobody."

_OF_THE_CARRYING: Final = frozenset({1, 2, 7, 8, 13, 14, 18})
"""Fields of MSH: separators, time, security (credentials), sequence number, continuation, character set."""


def _said(segment: Segment) -> list[object]:
    told: list[list[object]] = []
    for number, written in enumerate(segment.fields[1:], start=1):
        carrying = segment.name == "MSH" and number in _OF_THE_CARRYING
        told.append([] if carrying or not any(written) else [_trimmed(repetition) for repetition in written])
    return list(_without_the_empty_end(told))


def _without_the_empty_end(parts: list[list[object]]) -> list[list[object]]:
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _trimmed(repetition: Field) -> list[list[str]]:
    parts = [list(component) for component in repetition.components]
    while parts and not any(parts[-1]):
        parts.pop()
    return parts


def parse(body: bytes, content_type: str | None) -> V2Message | tuple[Problem, ...]:
    """The message in `body`, or the problems that keep it from being read. Never raises."""
    lines = lines_of(body, content_type)
    if isinstance(lines, Problem):
        return (lines,)
    header, mended = repaired(lines.lines[0])
    separators = separators_of(header)
    if isinstance(separators, Problem):
        return (separators,)
    written = (header, *lines.lines[1:])
    excess = _excess(written, separators)
    if excess is not None:
        return (excess,)
    message = V2Message(_segments(written, separators), separators, (*lines.warnings, *mended))
    problems = tuple(_of_the_header(message))
    return (*problems, *message.warnings) if problems else message


def _excess(lines: tuple[str, ...], separators: Separators) -> Problem | None:
    if any(line.startswith(("MSH", "BHS", "FHS")) for line in lines[1:]):
        return Problem("MSH", "stands more than once: send each message by itself", "not-supported")
    if len(lines) > MOST_SEGMENTS:
        return Problem("MSH", f"begins a message of more than {MOST_SEGMENTS} segments", "too-costly")
    between = (separators.field, separators.component, separators.repetition, separators.subcomponent)
    if sum(line.count(one) for line in lines for one in between) > MOST_PARTS:
        return Problem("MSH", f"begins a message of more than {MOST_PARTS} fields and components", "too-costly")
    return None


def _segments(lines: tuple[str, ...], separators: Separators) -> tuple[Segment, ...]:
    parsed = hl7.parse("\r".join(lines))
    seen: dict[str, int] = {}
    made: list[Segment] = []
    for line, segment in zip(lines, parsed, strict=True):
        name = line[:3]
        seen[name] = seen.get(name, 0) + 1
        made.append(_segment(name, seen[name], segment, line, separators))
    return tuple(made)


def _segment(name: str, position: int, parsed: hl7.Segment, line: str, separators: Separators) -> Segment:
    bare = Segment(name, position, (), line)
    fields: list[tuple[Field, ...]] = []
    for number, written in enumerate(parsed):
        literal = number == 0 or (name == "MSH" and number < 3)
        repetitions = written if isinstance(written, hl7.Field) else [written]
        fields.append(tuple(_field(one, bare.path(number), separators, literal=literal) for one in repetitions))
    return Segment(name, position, tuple(fields), line)


def _field(repetition: object, path: str, separators: Separators, *, literal: bool) -> Field:
    """The library makes a text of what has no separators inside, a list of lists of anything else."""
    if literal or not isinstance(repetition, hl7.Repetition):
        text = str(repetition)
        return Field(((text if literal else separators.unescaped(text),),), path)
    components = (component if isinstance(component, hl7.Component) else [str(component)] for component in repetition)
    return Field(tuple(tuple(separators.unescaped(str(part)) for part in component) for component in components), path)


def _of_the_header(message: V2Message) -> Iterator[Problem]:
    for number, what in ((9, "the type of the message"), (10, "its control id")):
        if not message.header.first(number):
            yield Problem(f"MSH-{number}", f"is required: {what}", "required")
    version = message.header.text(12)
    if version and version not in _VERSIONS:
        yield Problem("MSH-12", "is no version of HL7 v2 that Baton reads", "not-supported")
