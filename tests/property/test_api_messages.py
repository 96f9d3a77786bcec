"""Messages that somebody spoilt, posted to the API: never a fault of ours, never half done, always kept, never quoted."""

import copy
import json
import re
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broker.domain.rules import Nobody
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

NAMING = {"family", "given", "line", "postalCode"}
TOWNS = {"Birmingham", "London", "Smethwick", "West Bromwich", "Sandwell"}

NUMBER = re.compile(r"[A-Z]?\d{6,10}")
"""NHS numbers, case reference numbers, practices' own numbers."""
ID = "message-id-of-this-try"
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
        CANARY * 200,
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
    bundle["entry"][0]["resource"]["id"] = ID
    for spoil in draw(st.lists(st.sampled_from(GENTLE), max_size=3)) + draw(
        st.lists(st.sampled_from(ROUGH), max_size=2)
    ):
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
        place[0][place[1]] *= draw(st.sampled_from([2, 3]))


def replace(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle):
        place[0][place[1]] = copy.deepcopy(draw(ODD_VALUES))


def invent(draw: st.DrawFn, bundle: Json) -> None:
    if place := chosen(draw, bundle, lambda value: isinstance(value, dict)):
        name = draw(st.sampled_from([CANARY, "id", "extension", "_status", "value", "resourceType", "contained"]))
        place[0][place[1]][name] = copy.deepcopy(draw(ODD_VALUES))


def shuffle(draw: st.DrawFn, bundle: Json) -> None:
    if isinstance(bundle.get("entry"), list):
        first = draw(st.integers(0, 1))
        bundle["entry"] = [*bundle["entry"][:first], *draw(st.permutations(bundle["entry"][first:]))]


def reword(draw: st.DrawFn, bundle: Json) -> None:
    """Another text where text is free: names, addresses, notes, displays."""
    if place := chosen(draw, bundle, lambda value: isinstance(value, str) and (" " in value or value.istitle())):
        place[0][place[1]] = draw(st.sampled_from([CANARY, f"{CANARY}\x00", "\U0001f9ff\u202e" + CANARY, CANARY * 200]))


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


GENTLE = [shuffle, reword, misdate, misrefer, mix]
"""Mostly survived, with warnings."""
ROUGH = [drop, double, replace, invent, nest]


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
        if isinstance(value, str) and ((NAMING & set(path) and len(value) > 3) or NUMBER.fullmatch(value)):
            found.add(value)
    return found - TOWNS


def kept(broker: Broker, known: set[str]) -> list[Notification]:
    return [broker.rows(Notification, id=id_)[0] for id_ in sorted(broker.ids(Notification) - known)]


def post_and_check(broker: Broker, team: str, raw: bytes, secrets: set[str]) -> int:
    """Post, and hold the database against the answer."""
    known = broker.ids(Notification)
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
    incident = broker.runtime.policy.events[row.event].nobody is Nobody.INCIDENT
    assert told or broker.tasks_of(row) or not incident


def check_refused(broker: Broker, new: list[Notification], raw: bytes, team: str) -> None:
    if not new:  # the same was refused before, in an earlier try
        refused = [broker.raw(row) for row in broker.rows(Notification, state=NotificationState.REFUSED)]
        assert what_it_says(raw) in map(what_it_says, refused)
        return
    [row] = new
    assert (row.state, row.content, row.event) == (NotificationState.REFUSED, None, None)
    assert broker.raw(row) == raw
    tasks = broker.tasks_of(row)
    assert {task.code for task in tasks} == {TaskCode.DATA_QUALITY}
    assert {task.owner_team_id for task in tasks} == {team, *steward(broker, team)}
    assert broker.rows(Delivery, notification_id=row.id, cause="") == []


def what_it_says(raw: bytes) -> object:
    """What makes two messages the same: their content without Bundle.id, meta and timestamp."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return {key: said[key] for key in said.keys() - {"id", "meta", "timestamp"}} if isinstance(said, dict) else said


def steward(broker: Broker, team: str) -> set[str]:
    """The partnership of a team's area."""
    directory = broker.runtime.store.read(broker.runtime.context).directory
    partnership = directory.provider(directory.teams[team].area_id, Function.PARTNERSHIP)
    return {partnership.id} if partnership else set()


QUICK = settings(
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # each try is a message to a whole broker: making a failure smaller would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@settings(QUICK, max_examples=60)
@given(case=spoilt())
def test_a_spoilt_bundle_is_never_a_fault_of_ours_nor_half_done(standing_broker, case):  # noqa: F811 - the fixture
    team, bundle = case
    raw = json.dumps(bundle).replace(ID, str(UUID(int=next(ids), version=4)), 1).encode()
    post_and_check(standing_broker, team, raw, values_of(bundle))


@settings(QUICK, max_examples=30)
@given(raw=spoilt_bytes())
def test_spoilt_bytes_are_400_and_kept(standing_broker, raw):  # noqa: F811 - the fixture
    status = post_and_check(standing_broker, MIDWIVES, raw, values_of(bases["birth"]))
    assert status in (200, 400, 422)


# --- native events -------------------------------------------------------------------------------------------------

SAMPLES = Path(__file__).parents[1] / "samples"
NATIVE = {
    "midwifery": ("application/fhir+xml", (SAMPLES / "nems-stu3/BirthNotificationWithMother.xml").read_bytes()),
    "probation": ("application/json", (SAMPLES / "hmpps/registration-added.json").read_bytes()),
}
ENTITY = b'<!DOCTYPE x [<!ENTITY a "%s"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Bundle>&b;</Bundle>' % (b"lol" * 99)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Bundle xmlns="http://hl7.org/fhir">&a;</Bundle>'
HOSTILE = [
    ENTITY,
    OUTSIDE,
    b"<a>" * 5000,
    b'{"a":' * 5000,
    b"<",
    b"{}",
    b"",
    b"\x00",
    b"[" * 100_000,
    b'{"Message": "{}"}',
]


@st.composite
def spoilt_native(draw: st.DrawFn) -> tuple[str, str, bytes]:
    kind = draw(st.sampled_from(sorted(NATIVE)))
    media, raw = NATIVE[kind]
    start = draw(st.integers(0, len(raw)))
    end = min(len(raw), start + draw(st.integers(0, 40)))
    put = draw(st.sampled_from([b"", b"\x00", b"\xff", b"<", b'"', b"9" * 30, b"&a;", CANARY.encode(), raw[:200]]))
    return kind, media, draw(st.sampled_from([raw[:start] + put + raw[end:], *HOSTILE]))


@settings(QUICK, max_examples=60)
@given(case=spoilt_native())
def test_a_spoilt_native_event_is_never_a_fault_of_ours_and_kept(standing_broker, case):  # noqa: F811 - the fixture
    kind, media, raw = case
    known = standing_broker.ids(Notification)
    answer = standing_broker.call(
        "POST", f"/adapters/{kind}/events", content=raw, headers={"Content-Type": media}, team=SENDERS[kind]
    )
    assert answer.status_code in (200, 400, 409, 422), answer.text
    assert CANARY not in answer.text
    assert "root:" not in answer.text
    for row in kept(standing_broker, known):
        assert standing_broker.raw(row) == raw
        assert row.via == kind


SENDERS = {"midwifery": MIDWIVES, "probation": "bcrc-probation"}
