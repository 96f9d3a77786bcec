"""Whatever comes in: reading and checking never raise, never repeat what came, and agree with a plainer reading."""

import copy
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schemas.limits import Limits, parse
from schemas.problem import operation_outcome
from schemas.structure import check_bundle, check_resource

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "fhir-r4").glob("*.json"))
RESOURCES = [json.loads(path.read_bytes()) for path in SAMPLES]
BUNDLE = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": resource} for resource in RESOURCES]}

# Nothing of FHIR is called so, and no reason of ours says so.
CANARY = "zqx9990000018zqx"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
FHIR_NAMES = st.sampled_from(
    "resourceType id extension contained entry resource parameter part response outcome url valueString _valueString "
    "given _given name status coding code system".split()
)
TYPES = st.sampled_from(["Bundle", "Parameters", "Patient", "Task", "MessageHeader", "ResourceList", "Element", ""])
FHIR_LIKE = st.recursive(
    st.none() | TYPES | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(FHIR_NAMES, inner, max_size=4)
        | st.builds(lambda kind, members: {"resourceType": kind} | members, TYPES, st.dictionaries(FHIR_NAMES, inner))
    ),
    max_leaves=25,
)


def places(value: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every member and item inside a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*above, step)
        yield from places(inner, (*above, step))


def changed(value: Any, place: tuple[str | int, ...], put: object) -> Any:
    """A copy with `put` at one place; Ellipsis takes the place away."""
    value = copy.deepcopy(value)
    target = value
    for step in place[:-1]:
        target = target[step]
    if put is ...:
        del target[place[-1]]
    else:
        target[place[-1]] = put
    return value


def depth_of(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(JSON | FHIR_LIKE)
def test_checking_never_raises(value):
    for problem in check_resource(value) + check_bundle(value):
        assert problem.path
        assert problem.reason


@given(st.sampled_from(list(places(BUNDLE))), JSON | FHIR_LIKE | st.just(...))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_checking_a_damaged_bundle_never_raises(place, put):
    problems = check_bundle(changed(BUNDLE, place, put))
    assert check_resource(operation_outcome(problems)) == []


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource["resourceType"])
@pytest.mark.parametrize("put", [CANARY, [CANARY], {CANARY: CANARY}, [{CANARY: [CANARY]}], {"resourceType": CANARY}])
def test_what_came_is_never_repeated_wherever_it_stood(resource, put):
    refused = 0
    bundle = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": resource}]}
    for place in places(bundle):
        problems = check_bundle(changed(bundle, place, put))
        assert CANARY not in repr(problems)
        refused += bool(problems)
    # A string may stand where text is asked for; most places ask for something else.
    assert refused > 10


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource["resourceType"])
def test_an_unknown_name_is_never_repeated_wherever_it_stood(resource):
    bundle = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": resource}]}
    for place in places(bundle):
        problems = check_bundle(changed(bundle, (*place[:-1], CANARY), "x")) if isinstance(place[-1], str) else ["list"]
        assert problems
        assert CANARY not in repr(problems)


@given(JSON)
def test_what_was_written_is_read(value):
    assume(finite(value))
    raw = json.dumps({"a": value}, indent=1)
    assume(encodable(raw))
    document = parse(raw.encode(), Limits(depth=60))
    assert document == orjson.loads(raw)


def finite(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def encodable(raw: str) -> bool:
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:  # a lone surrogate
        return False
    return True


@given(st.binary() | JSON.filter(finite).map(lambda value: json.dumps(value).encode()))
def test_reading_never_raises(raw):
    result = parse(raw)
    assert isinstance(result, dict) or all(problem.reason for problem in result)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON.filter(finite), min_size=1), st.data())
def test_depth_is_what_a_recursive_reading_finds(value, data):
    raw = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    assume(encodable(raw))
    depth = depth_of(value)
    assert isinstance(parse(raw.encode(), Limits(depth=depth)), dict)
    assert not isinstance(parse(raw.encode(), Limits(depth=depth - 1)), dict)


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=3), st.text(max_size=2)), max_size=5))
def test_a_repeated_name_is_always_found(members):
    raw = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(text)}" for name, text in members) + "}"
    assume(encodable(raw))
    repeated = len({name for name, _ in members}) < len(members)
    result = parse(raw.encode())
    assert isinstance(result, list) is repeated


@given(st.integers(0, 9999), st.integers(0, 14), st.integers(0, 32))
def test_a_day_is_accepted_when_the_calendar_has_it(year, month, day):
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        date.fromisoformat(text)
        exists = True
    except ValueError:
        exists = False
    assert (check_resource({"resourceType": "Patient", "birthDate": text}) == []) is exists
    assert (check_resource({"resourceType": "Patient", "deceasedDateTime": f"{text}T00:00:00Z"}) == []) is exists


@pytest.mark.parametrize("year", range(1896, 2105))
def test_leap_days_are_those_of_the_calendar(year):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    assert (check_resource({"resourceType": "Patient", "birthDate": f"{year}-02-29"}) == []) is leap
