"""MessageDefinition of every event: what it is about, and which facts it must, should and may say."""

from collections.abc import Iterator
from typing import Final

from schemas.bundle.foci import IDENTIFYING
from schemas.codes import FACT_SYSTEM, SYSTEMS, Event
from schemas.definitions.metadata import canonical, published
from schemas.definitions.structures import FACT_USE, KINDS
from schemas.events import COMMON, FACTS, SPECS, EventSpec, Level
from schemas.events.specification import Time


def messages() -> Iterator[dict[str, object]]:
    """One MessageDefinition an event."""
    for spec in SPECS.values():
        yield _definition(spec)


def _definition(spec: EventSpec) -> dict[str, object]:
    title = spec.event.value.replace("-", " ").capitalize()
    definition = published("MessageDefinition", spec.event.value, title, spec.text)
    uses = [_use(fact, level, kind) for fact, level, kind in facts_of(spec)]
    if spec.kinds is not None:
        uses.append({"url": canonical("StructureDefinition", KINDS), "valueCanonical": _value_set_of(spec)})
    return {
        **definition,
        **({"extension": uses} if uses else {}),
        "purpose": "\n".join(_purpose(spec)),
        "eventCoding": {"system": SYSTEMS[Event], "code": spec.event.value},
        "category": "notification",
        "focus": _foci(spec),
        "responseRequired": "always",
    }


def _value_set_of(spec: EventSpec) -> str:
    return "" if spec.kinds is None else canonical("ValueSet", spec.kinds.values.id)


def facts_of(spec: EventSpec) -> Iterator[tuple[str, Level, str | None]]:
    """Every fact of an event with its level, and the kind where it is wanted of one kind only."""
    yield from ((code, Level.REQUIRED, None) for code in spec.required)
    yield from ((code, Level.EXPECTED, None) for code in spec.expected)
    for kind, codes in spec.expected_for.items():
        yield from ((code, Level.EXPECTED, kind) for code in codes)
    wanted = {*spec.required, *spec.expected}
    others = (*spec.required_one_of, *spec.expected_one_of, *spec.optional, *(() if spec.exhaustive else COMMON))
    yield from ((code, Level.OPTIONAL, None) for code in dict.fromkeys(others) if code not in wanted)


def _use(fact: str, level: Level, kind: str | None) -> dict[str, object]:
    parts: list[dict[str, object]] = [
        {"url": "fact", "valueCoding": {"system": FACT_SYSTEM, "code": fact, "display": FACTS[fact].text}},
        {"url": "level", "valueCode": level.value},
    ]
    if kind is not None:
        parts.append({"url": "kind", "valueCode": kind})
    return {"url": canonical("StructureDefinition", FACT_USE), "extension": parts}


def _foci(spec: EventSpec) -> list[dict[str, object]]:
    many = "*" if spec.many or spec.focus == "Observation" else "1"
    foci: list[dict[str, object]] = [{"code": spec.focus, "min": 1, "max": "1" if spec.focus == "Group" else many}]
    if spec.focus in IDENTIFYING and spec.focus != "Patient":
        # Whom the event is about, where the focus itself does not say.
        foci.append({"code": "Patient", "min": 0, "max": "*"})
    return foci


def _purpose(spec: EventSpec) -> Iterator[str]:
    """The rules in words, as Markdown lines."""
    yield f"Time: {_TIMES[spec.time]}; the header's extension `occurred` goes before it, Bundle.timestamp after."
    number = "one or more" if spec.many else "one"
    yield f"About: {spec.subject.value}, {number}."
    if spec.kinds is not None:
        yield f"Kind ({spec.kinds.level.value}): ValueSet {spec.kinds.values.id}."
    for words, codes in (
        ("Required facts", spec.required),
        ("Required, one at least", spec.required_one_of),
        ("Expected facts", spec.expected),
        ("Expected, one at least", spec.expected_one_of),
        ("Required of each person", spec.persons_have),
        ("Expected of each person", spec.persons_should_have),
        ("Expected relationships to each child", tuple(kind.value for kind in spec.relationships)),
    ):
        if codes:
            yield f"{words}: {', '.join(codes)}."
    for kind, codes in spec.expected_for.items():
        yield f"Expected of {kind}: {', '.join(codes)}."
    yield from _further(spec)


_TIMES: Final = {
    Time.START: "the start of the focus",
    Time.END: "the end of the focus",
    Time.HEADER: "not in the focus, which began earlier",
}


def _further(spec: EventSpec) -> Iterator[str]:
    if spec.household is not Level.OPTIONAL:
        yield f"Who lives together: {spec.household.value}."
    elif spec.household_expected_for:
        yield f"Who lives together: expected of {', '.join(spec.household_expected_for)}."
    if spec.reference is not Level.OPTIONAL:
        yield f"Reference to the earlier message: {spec.reference.value}."
    if spec.addressed:
        unless = ", unless an earlier message is answered" if spec.answers else ""
        yield f"A team is addressed by id, or a function by the kind{unless}."
    if spec.exhaustive:
        yield "Nothing else is passed on."
    if spec.cites:
        yield f"See: {', '.join(spec.cites)}."
