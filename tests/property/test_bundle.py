"""Messages of every event survive being written and read; of anything else, reading neither raises nor repeats a word."""

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import examples
from schemas.bundle import read, trim_codes, write
from schemas.codes import Event, LawfulBasis, Priority, RelationshipKind, Standing
from schemas.events import FACTS, SPECS, EventSpec, FactSpec, FactType, Level, check
from schemas.identifiers import CRN, NHS_NUMBER
from schemas.message import (
    Coding,
    Fact,
    HouseholdMember,
    Identifier,
    Message,
    Person,
    PostalAddress,
    Professional,
    Relationship,
)
from schemas.structure import check_bundle
from tests.property.effort import TIMES

SOURCE = "https://broker.example/fhir"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20).filter(str.strip)
IDS = st.uuids().map(str) | st.from_regex(r"[a-z][a-z0-9\-.]{0,12}", fullmatch=True)
DATES = st.dates(date(1900, 1, 1), date(2100, 12, 31))
EARLIEST, LATEST = datetime(1900, 1, 1), datetime(2100, 12, 31)  # noqa: DTZ001 - Hypothesis adds the zone
INSTANTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
NUMBERS = st.decimals(0, 100_000, places=3, allow_nan=False, allow_infinity=False)
CODINGS = st.builds(Coding, system=st.just("http://snomed.info/sct"), code=IDS, display=st.none() | TEXT)


def codes(spec: FactSpec) -> st.SearchStrategy[Coding]:
    assert spec.binding is not None
    return st.builds(Coding, system=st.just(spec.binding.system), code=st.sampled_from(sorted(spec.binding.codes)))


VALUES: dict[FactType, Callable[[FactSpec], st.SearchStrategy[Any]]] = {
    FactType.BOOLEAN: lambda _: st.booleans(),
    FactType.INTEGER: lambda _: st.integers(0, 2**31 - 1),
    FactType.QUANTITY: lambda _: NUMBERS,
    FactType.DATE: lambda _: DATES,
    FactType.DATETIME: lambda _: DATES | INSTANTS,
    FactType.CODE: codes,
    FactType.CONCEPT: lambda _: TEXT | CODINGS,
    FactType.TEXT: lambda _: TEXT,
    FactType.STATEMENT: lambda _: TEXT | st.booleans(),
}

IDENTIFIERS = st.builds(
    Identifier,
    system=st.sampled_from([NHS_NUMBER, CRN, "https://fhir.baton.example/Id/local/swbh"]),
    value=st.from_regex(r"N[0-9]{4,9}", fullmatch=True),
    verified=st.none() | st.booleans(),
)
ADDRESSES = st.builds(
    PostalAddress,
    lines=st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    postcode=st.none() | st.just("B17 0HG"),
    protected=st.booleans(),
    since=st.none() | DATES,
    until=st.none() | DATES,
)


@st.composite
def people(draw: st.DrawFn, key: str) -> Person:
    unborn = draw(st.booleans())
    return Person(
        key=key,
        identifiers=tuple(draw(st.lists(IDENTIFIERS, max_size=2))),
        family=draw(st.none() | TEXT),
        given=tuple(draw(st.lists(TEXT, max_size=2))),
        birth_date=None if unborn else draw(st.none() | DATES),
        birth_order=draw(st.none() | st.integers(1, 5)),
        gender=draw(st.none() | st.sampled_from(["male", "female", "other", "unknown"])),
        unborn=unborn,
        expected=draw(st.none() | DATES) if unborn else None,
        deceased=draw(st.none() | st.booleans() | DATES | INSTANTS),
        addresses=tuple(draw(st.lists(ADDRESSES, max_size=2))),
        practice=draw(st.none() | st.just("Y90001")),
        protected=draw(st.booleans()),
    )


@st.composite
def facts(draw: st.DrawFn, code: str, keys: list[str]) -> Fact:
    spec = FACTS[code]
    return Fact(
        code=code,
        value=draw(VALUES[spec.type](spec)),
        about=draw(st.none() | st.sampled_from(keys)),
        unit=spec.unit,
        at=draw(st.none() | DATES | INSTANTS),
    )


def kinds(spec: EventSpec) -> st.SearchStrategy[str | None]:
    if spec.kinds is None:
        return st.none()
    coded = st.sampled_from(sorted(spec.kinds.values.codes))
    return coded if spec.kinds.level is Level.REQUIRED else st.none() | coded


@st.composite
def messages(draw: st.DrawFn, event: Event) -> Message:
    spec = SPECS[event]
    keys = draw(st.lists(IDS, min_size=1, max_size=4, unique=True))
    needed = [*spec.required, *spec.required_one_of[:1]]
    wanted = needed + draw(st.lists(st.sampled_from(sorted(FACTS)), max_size=4))
    pairs = st.tuples(st.sampled_from(keys), st.sampled_from(list(RelationshipKind)), st.sampled_from(keys))
    members = draw(st.lists(st.sampled_from(keys), max_size=3, unique=True))
    subjects = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3 if spec.many else 1, unique=True))
    return Message(
        id=draw(IDS),
        event=event,
        sender=draw(st.none() | st.just("swbh-midwifery")),
        occurred=draw(INSTANTS),
        sent=draw(st.none() | INSTANTS),
        kind=draw(kinds(spec)),
        subjects=() if spec.subject_level is Level.OPTIONAL and draw(st.booleans()) else tuple(subjects),
        people=tuple(draw(people(key)) for key in keys),
        relationships=tuple(Relationship(person=a, kind=k, to=b) for a, k, b in draw(st.lists(pairs, max_size=3))),
        household=tuple(
            HouseholdMember(
                person=key,
                standing=draw(st.sampled_from(list(Standing))),
                since=draw(st.none() | DATES),
                until=draw(st.none() | DATES),
            )
            for key in members
        ),
        facts=tuple(draw(facts(code, keys)) for code in wanted),
        author=draw(
            st.none()
            | st.builds(
                Professional,
                name=st.none() | TEXT,
                role=st.none() | TEXT | st.just("health-visitor"),
                identifier=st.none() | st.builds(Identifier, system=st.just("https://sds.example"), value=IDS),
            )
        ),
        basis=draw(st.none() | st.sampled_from(list(LawfulBasis))),
        priority=draw(st.sampled_from(list(Priority))),
        to=tuple(draw(st.lists(st.sampled_from(["bcht-health-visiting", "lcrc-probation"]), max_size=2))),
        reference=draw(st.none() | IDS),
        conversation=draw(st.none() | TEXT),
        labels=draw(st.frozensets(st.sampled_from(["NOPAT", "R", "held-for-release", "refuge"]))),
    )


@pytest.mark.parametrize("event", list(Event), ids=lambda event: event.value)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_written_is_read_back(event: Event, data: st.DataObject):
    message = data.draw(messages(event))
    wire = orjson.loads(orjson.dumps(write(message, source=SOURCE)))
    assert check_bundle(wire) == []
    Bundle.model_validate(wire)
    assert read(wire) == (message, [])
    check(message, NOW)  # judges it somehow, and does not fail


def test_writing_twice_gives_the_same_bytes():
    message, _ = read(examples.load("birth-twins"))
    assert message is not None
    assert orjson.dumps(write(message, source=SOURCE)) == orjson.dumps(write(message, source=SOURCE))


# --- whatever else comes in

# Nothing of FHIR is called so, and no reason of ours says so.
CANARY = "zqx9990000018zqx"

ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, -1, 3.5, float("inf"), "", " ", CANARY, [], {}, [None], [[]], {"reference": CANARY}, [{"url": 1}]]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def places(value: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*above, step)
        yield from places(inner, (*above, step))


def changed(value: Any, place: tuple[str | int, ...], put: object) -> Any:
    value = copy.deepcopy(value)
    target = value
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = put
    return value


@settings(max_examples=200 * TIMES, deadline=None)
@given(data=st.data())
def test_reading_a_spoilt_message_never_raises_and_repeats_nothing(data: st.DataObject):
    spoilt = examples.load(data.draw(st.sampled_from(examples.names())))
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt = changed(spoilt, data.draw(st.sampled_from(list(places(spoilt)))), data.draw(ODD))
    message, problems = read(spoilt)
    said = [*problems, *(check(message, NOW) if message is not None else [])]
    assert all(problem.path and problem.reason for problem in said)
    assert CANARY not in repr(said)
    refused = any(problem.severity == "error" for problem in said) or check_bundle(spoilt)
    if message is not None and not refused:
        assert check_bundle(write(message, source=SOURCE)) == []


@settings(max_examples=100 * TIMES, deadline=None)
@given(
    document=st.dictionaries(st.sampled_from(["entry", "type", "timestamp"]), JSON) | st.dictionaries(st.text(), JSON)
)
def test_reading_any_object_never_raises(document: dict[str, Any]):
    message, problems = read(document)
    assert message is None
    assert problems
    trim_codes(document)


def test_uuid_keys_are_the_addresses():
    """A key that is a UUID stands as it is: systems that know their own urn find it again."""
    key = str(UUID(int=7))
    message, _ = read(examples.load("measurement"))
    assert message is not None
    person = Person(key=key, family="Okafor", birth_date=date(2018, 2, 14))
    mine = Message(
        id="m1",
        event=Event.MEASUREMENT,
        sender=None,
        occurred=NOW,
        subjects=(key,),
        people=(person,),
        facts=(Fact(code="weight", value=Decimal(3200), unit="g", about=key),),
    )
    urls = [entry["fullUrl"] for entry in write(mine, source=SOURCE)["entry"]]  # type: ignore[attr-defined]
    assert f"urn:uuid:{key}" in urls
