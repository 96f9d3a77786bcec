"""Messages that somebody spoilt, posted to the API: never a fault of ours, never half done, always kept, never quoted."""

import copy
import json
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.domain.states import NotificationState
from broker.storage.tables import (
    Address,
    Delivery,
    Household,
    Identifier,
    Involvement,
    Membership,
    Notification,
    Person,
    Relationship,
    Subject,
    Task,
)
from schemas import examples
from schemas.codes import Function, TaskCode
from tests.contract.calling import MIDWIVES, Broker, Json, issues, message, sender
from tests.contract.conftest import postgres_town, sqlite_town, standing_broker  # noqa: F401 - fixtures

CANARY = "Quillon Xanthe"
"""Of a form that a code and a text may have and an id may not: the answer repeats the message's id."""
PEOPLE = (Person, Identifier, Household, Membership, Relationship, Address, Involvement, Subject)

TOWNS = {"Birmingham", "London", "Smethwick", "West Bromwich", "Sandwell"}

ids = count(1)
bases = {name: message(name) for name in examples.names()}

# --- spoiling a Bundle ---------------------------------------------------------------------------------------------

ODD_VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e308,
        10**400,
        "",
        " ",
        CANARY,
        f"{CANARY}\x00",
        f"{CANARY}\n\r\t",
        CANARY * 2000,
        "\U0001f9ff\u202e" + CANARY,
        [],
        {},
        [[CANARY]],
        {"resourceType": CANARY},
        {CANARY: CANARY},
        [None],
    ]
)
ODD_TIMES = st.sampled_from(
    [
        "0001-01-01",
        "9999-12-31",
        "0000-00-00",
        "2026",
        "2026-02-30",
        "2026-03-02T24:00:00Z",
        "2026-03-02T12:00:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2126-03-02T12:00:00Z",
        "1026-03-02",
        "2026-03-02T12:00:00",
        "2026-03-02T12:00:00.123456789Z",
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in ((*path, key), *places(item, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, Json]:
    """The team that sends it, and a golden example that one to three things happened to."""
    name = draw(st.sampled_from(sorted(bases)))
    bundle = copy.deepcopy(bases[name])
    bundle["entry"][0]["resource"]["id"] = str(UUID(int=next(ids), version=4))
    for _ in range(draw(st.integers(1, 3))):
        spoil = draw(st.sampled_from([drop, double, replace, invent, shuffle, misdate, misrefer, mix, nest]))
        spoil(draw, bundle)
    return sender(bases[name]), bundle


def chosen(draw: st.DrawFn, bundle: Json, wanted: Any = lambda _: True) -> tuple[Any, Any] | None:
    found = [path for path in places(bundle) if wanted(at(bundle, path))]
    if not found:
        return None
    *above, key = draw(st.sampled_from(found))
    return at(bundle, tuple(above)), key


def drop(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle):
        del place[0][place[1]]


def double(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle, lambda value: isinstance(value, list)):
        place[0][place[1]] *= draw(st.sampled_from([2, 30]))


def replace(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle):
        place[0][place[1]] = copy.deepcopy(draw(ODD_VALUES))


def invent(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle, lambda value: isinstance(value, dict)):
        name = draw(st.sampled_from([CANARY, "id", "extension", "_status", "value", "resourceType", "contained"]))
        place[0][place[1]][name] = copy.deepcopy(draw(ODD_VALUES))


def shuffle(draw: st.DrawFn, bundle: Json) -> None:
    if isinstance(bundle.get("entry"), list):
        bundle["entry"] = draw(st.permutations(bundle["entry"]))


def misdate(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle, lambda value: isinstance(value, str) and value[:2] in ("20", "19")):
        place[0][place[1]] = draw(ODD_TIMES)


def misrefer(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle, lambda value: isinstance(value, str) and value.startswith("urn:uuid:")):
        others = [at(bundle, p) for p in places(bundle) if p[-1] == "fullUrl" and isinstance(at(bundle, p), str)]
        place[0][place[1]] = draw(
            st.sampled_from([*others, "urn:uuid:0", "Patient/1", "https://h.example/Patient/1", "#"])
        )


def mix(draw: st.DrawFn, bundle: Json) -> None:
    other = bases[draw(st.sampled_from(sorted(bases)))]
    if isinstance(bundle.get("entry"), list):
        bundle["entry"] = [*bundle["entry"], *copy.deepcopy(other["entry"])[draw(st.integers(0, 3)) :]]


def nest(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle):
        value: Any = CANARY
        for _ in range(draw(st.sampled_from([5, 39, 60, 400]))):
            value = draw(st.sampled_from([[value], {"extension": [value]}]))
        place[0][place[1]] = value


# --- spoiling bytes ------------------------------------------------------------------------------------------------


@st.composite
def spoilt_bytes(draw: st.DrawFn) -> bytes:
    """A golden example as bytes that are no UTF-8, no JSON, or not whole."""
    raw = json.dumps(bases["birth"]).encode()
    at_ = draw(st.integers(0, len(raw)))
    return draw(
        st.sampled_from(
            [
                raw[:at_],
                raw[:at_] + b"\xff\xfe" + raw[at_:],
                raw[:at_] + b"\x00" + raw[at_:],
                raw[:at_] + b'"\\ud800"' + raw[at_:],
                b"\xef\xbb\xbf" + raw,
                raw.decode().encode("utf-16"),
                raw + raw,
                raw + b"}",
                b"[" * at_ + raw,
                raw.replace(b'"type"', b'"type": "message", "type"', 1),
                raw.replace(b'"Hartley"', b"NaN"),
                raw.replace(b'"Hartley"', b"1e999"),
                b"",
                b" \n",
                b"null",
                b"[]",
                b"3",
                b'"text"',
                b"{}",
                CANARY.encode(),
                draw(st.binary(max_size=200)),
            ]
        )
    )


# --- what must hold ------------------------------------------------------------------------------------------------


def values_of(bundle: Any) -> set[str]:
    """Names, numbers and addresses of the people in a message; a town alone also stands in the names of services."""
    found = {CANARY}
    for path in places(bundle):
        value = at(bundle, path)
        named = {"family", "given", "line", "postalCode"} & set(path) or "identifier" in path and path[-1] == "value"
        if isinstance(value, str) and len(value) > 3 and named and value not in TOWNS:
            found.add(value)
    return found


def kept(broker: Broker, known: set[str]) -> list[Notification]:
    return [row for row in broker.rows(Notification) if row.id not in known]


def post_and_check(broker: Broker, team: str, raw: bytes, secrets: set[str]) -> int:
    """Post, and hold the database against the answer."""
    known = {row.id for row in broker.rows(Notification)}
    people, others = broker.counts(*PEOPLE), broker.counts(Task, Delivery)
    answer = broker.post(raw, team)
    assert answer.status_code in (200, 400, 403, 409, 422), answer.text
    told = answer.text
    assert not [secret for secret in secrets if secret in told]
    new = kept(broker, known)
    if answer.status_code == 200:
        check_accepted(broker, answer.json(), new, raw)
    elif answer.status_code in (403, 409):
        assert new == []
        assert (broker.counts(*PEOPLE), broker.counts(Task, Delivery)) == (people, others)
    else:
        assert all(issue["diagnostics"] for issue in issues(answer))
        assert broker.counts(*PEOPLE) == people
        check_refused(broker, new, raw, team)
    return answer.status_code


def check_accepted(broker: Broker, body: Json, new: list[Notification], raw: bytes) -> None:
    assert body["entry"][0]["resource"]["response"]["code"] == "ok"
    [row] = new
    assert row.state is NotificationState.ACCEPTED
    assert broker.raw(row) == raw
    assert row.content is not None
    told = broker.rows(Delivery, notification_id=row.id, cause="")
    assert len({delivery.team_id for delivery in told}) == len(told)
    assert told or broker.tasks_of(row)


def check_refused(broker: Broker, new: list[Notification], raw: bytes, team: str) -> None:
    if not new:  # the same bytes were refused before, by an earlier example
        assert raw in [broker.raw(row) for row in broker.rows(Notification, state=NotificationState.REFUSED)]
        return
    [row] = new
    assert (row.state, row.content, row.event) == (NotificationState.REFUSED, None, None)
    assert broker.raw(row) == raw
    tasks = broker.tasks_of(row)
    assert {task.code for task in tasks} == {TaskCode.DATA_QUALITY}
    assert {task.owner_team_id for task in tasks} == {team, *steward(broker, team)}
    assert broker.rows(Delivery, notification_id=row.id, cause="") == []


def steward(broker: Broker, team: str) -> set[str]:
    """The partnership of a team's area."""
    directory = broker.runtime.store.read(broker.runtime.context).directory
    partnership = directory.provider(directory.teams[team].area_id, Function.PARTNERSHIP)
    return {partnership.id} if partnership else set()


QUICK = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@settings(QUICK, max_examples=150)
@given(case=spoilt())
def test_a_spoilt_bundle_is_never_a_fault_of_ours_nor_half_done(standing_broker, case):  # noqa: F811 - the fixture
    team, bundle = case
    post_and_check(standing_broker, team, json.dumps(bundle).encode(), values_of(bundle))


@settings(QUICK, max_examples=60)
@given(raw=spoilt_bytes())
def test_spoilt_bytes_are_400_and_kept(standing_broker, raw):  # noqa: F811 - the fixture
    status = post_and_check(standing_broker, MIDWIVES, raw, values_of(bases["birth"]))
    assert status in (200, 400, 422)
