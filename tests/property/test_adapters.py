"""Whatever comes, an adapter answers: it never raises, answers the same twice, and repeats nothing that came in."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.port import Ignored, Notifications, Quarantine, Translation
from adapters.probation.event_types import TABLE
from adapters.probation.registers import NOT_TOLD, REGISTERS
from adapters.registry import ADAPTERS
from schemas import content
from schemas.events import check
from schemas.message import Message

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "samples"
EVENTS = [path.read_bytes() for path in sorted((SAMPLES / "hmpps").iterdir())]
BIRTHS = [path.read_bytes() for path in sorted((SAMPLES / "nems-stu3").glob("BirthNotification*"))]
CANARY = "Canary9990001234"

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _answer(kind: str, body: bytes) -> Translation:
    """What the adapter says, once it has said the same twice and nothing it may not."""
    found = ADAPTERS[kind].translate(body, None, {})
    assert found == ADAPTERS[kind].translate(body, None, {})
    assert CANARY not in repr(_said_to_the_sender(found))
    if isinstance(found, Quarantine):
        assert any(problem.severity == "error" for problem in found.problems)
    if isinstance(found, Notifications):
        assert found.messages
        assert all(problem.severity == "warning" for problem in found.warnings)
        assert len({message.id for message in found.messages}) == len(found.messages)
        for message in found.messages:
            _is_sound(message)
    return found


def _said_to_the_sender(found: Translation) -> tuple[object, ...]:
    match found:
        case Quarantine(problems):
            return problems
        case Ignored():
            return (found,)
        case Notifications():
            return (*found.warnings, found.key, found.content_key, *(message.id for message in found.messages))


def _is_sound(message: Message) -> None:
    assert FHIR_ID.fullmatch(message.id)
    assert message.sender is None
    assert message.occurred.utcoffset() == NOW.utcoffset()
    keys = {person.key for person in message.people}
    assert keys.issuperset(message.subjects)
    assert keys.issuperset(fact.about for fact in message.facts if fact.about)
    check(message, NOW)  # may find much; never fails
    assert content.load(content.dump(message)) == message


# --- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ADAPTERS)
@quick
@given(body=st.binary(max_size=300))
def test_any_bytes(kind, body):
    _answer(kind, body)


@st.composite
def damaged(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A sample with some of its bytes cut, doubled or replaced."""
    body = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 200)))
        between = draw(
            st.sampled_from([b"", body[start:end] * 2, CANARY.encode(), b"\x00", b"\xff", b'"', b"<", b"&x;"])
        )
        body = body[:start] + between + body[end:]
    return body


@quick
@given(body=damaged(EVENTS))
def test_damaged_events(body):
    _answer("probation", body)


@quick
@given(body=damaged(BIRTHS))
def test_damaged_birth_notifications(body):
    _answer("midwifery", body)


# --- structure ----------------------------------------------------------------------------------------------------

ODD: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [CANARY, "", " ", [], {}, [CANARY], {CANARY: CANARY}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    ),
)


NUMBER = st.sampled_from(["X777519", "X777520", "A3645EA", "A3646EA", CANARY])
INFORMATION = st.fixed_dictionaries(
    {
        "registerTypeCode": st.sampled_from([*REGISTERS, *NOT_TOLD, CANARY]),
        "registrationId": st.sampled_from(["2500427774", 2500427774]),
        "registrationDate": st.sampled_from(["Mon Jun 19 18:35:59 BST 2023", CANARY]),
        "requirementID": st.sampled_from(["1", 1]),
        "requirementMainType": st.sampled_from(["Drug Rehabilitation", CANARY]),
        "breachNoticeId": st.just("1"),
        "reason": st.sampled_from(["RELEASED", "ADMISSION", "RELEASED_TO_HOSPITAL", "TRANSFERRED", CANARY]),
        "nomisMovementReasonCode": st.sampled_from(["DEC", "UAL", "CR", "N", "MRG", CANARY]),
        "prisonId": st.just("SWI"),
        "nomsNumber": st.just("A3645EA"),
        "removedNomsNumber": st.just("A3646EA"),
        "sourceCRN": st.just("X777519"),
        "targetCRN": st.just("X777520"),
        "unmergedCRN": st.just("X777519"),
        "reactivatedCRN": st.just("X777520"),
    },
)
IDENTIFIER = st.fixed_dictionaries({"type": st.sampled_from(["CRN", "NOMS", CANARY]), "value": NUMBER})
DOMAIN_EVENT = st.fixed_dictionaries(
    {
        "eventType": st.sampled_from(sorted(TABLE)),
        "occurredAt": st.sampled_from(["2024-06-11T15:13:21+01:00", "2024-06-11T15:13:21.1234567Z[Europe/London]"]),
        "personReference": st.fixed_dictionaries({"identifiers": st.lists(IDENTIFIER, min_size=1, max_size=3)}),
        "additionalInformation": INFORMATION,
        "version": st.sampled_from([1, "2"]),
        "publishedAt": ODD,
        "description": ODD,
    },
)


@st.composite
def domain_events(draw: st.DrawFn) -> dict[str, object]:
    """An event of a known type, as often as not with a member or two gone or turned into something odd."""
    event: dict[str, object] = draw(DOMAIN_EVENT)
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        holder = draw(
            st.sampled_from([value for value in (event, *event.values()) if isinstance(value, dict) and value])
        )
        name = draw(st.sampled_from(sorted(holder)))
        if draw(st.booleans()):
            holder[name] = draw(ODD)
        else:
            holder[CANARY] = holder.pop(name)
    return event


@settings(quick, max_examples=500)
@given(
    event=domain_events(),
    outside=st.sampled_from([None, "Notification", CANARY, ["x"]]),
    attribute=st.sampled_from(sorted(TABLE)),
)
def test_any_domain_event_bare_or_enveloped(event, outside, attribute):
    inner = json.dumps(event)
    bare = _answer("probation", inner.encode())
    envelope = {"Type": outside, "Message": inner, "MessageAttributes": {"eventType": {"Value": attribute}}}
    wrapped = _answer("probation", json.dumps(envelope).encode())
    if not isinstance(bare, Quarantine):
        assert not isinstance(wrapped, Quarantine)
        assert (wrapped.key, wrapped.content_key) == (bare.key, bare.content_key)


def _elements(root: etree._Element) -> Iterator[etree._Element]:
    return (element for element in root.iter() if isinstance(element.tag, str) and element is not root)


VALUES = st.sampled_from(
    [
        CANARY,
        "",
        " ",
        "1",
        "2",
        "-1",
        "1e999999999",
        "NaN",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "urn:uuid:x",
        "new",
    ]
)


@st.composite
def rebuilt(draw: st.DrawFn) -> bytes:
    """A birth notification with some of its elements dropped, doubled, moved, emptied or given another value."""
    parser = etree.XMLParser(remove_comments=True)
    root = etree.fromstring(draw(st.sampled_from(BIRTHS)), parser)
    for _ in range(draw(st.integers(1, 6))):
        element = draw(st.sampled_from(list(_elements(root))))
        parent = element.getparent()
        match draw(st.sampled_from(["drop", "double", "move", "empty", "value", "rename"])):
            case "drop":
                parent.remove(element)
            case "double":
                parent.append(etree.fromstring(etree.tostring(element)))
            case "move":
                draw(st.sampled_from([root, *_elements(root)])).append(etree.fromstring(etree.tostring(element)))
            case "empty":
                element.clear()
            case "value":
                element.set("value", draw(VALUES))
            case "rename":
                element.tag = f"{{http://hl7.org/fhir}}{draw(st.sampled_from([CANARY, 'Patient', 'id', 'extension', 'contained', 'div']))}"
    return etree.tostring(root)


@settings(quick, max_examples=200)
@given(body=rebuilt())
def test_rebuilt_birth_notifications(body):
    _answer("midwifery", body)


@settings(quick, max_examples=150)
@given(
    body=st.sampled_from(BIRTHS),
    moves=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400) | VALUES), min_size=1, max_size=4),
)
def test_birth_notifications_with_other_values(body, moves):
    """Values alone are changed, for others of the message or odd ones: most are still read, references go astray."""
    root = etree.fromstring(body, etree.XMLParser(remove_comments=True))
    valued = [element for element in _elements(root) if "value" in element.attrib]
    for place, value in moves:
        other = valued[value % len(valued)].get("value") if isinstance(value, int) else value
        valued[place % len(valued)].set("value", other)
    _answer("midwifery", etree.tostring(root))


@pytest.mark.parametrize("body", BIRTHS)
def test_birth_notifications_whose_references_lead_elsewhere(body):
    """Every reference to a part of every type: each is the wrong kind of resource somewhere."""
    root = etree.fromstring(body, etree.XMLParser(remove_comments=True))
    entries = list(root.iter("{http://hl7.org/fhir}entry"))
    by_type = {entry[1][0].tag: entry[0].get("value") for entry in entries}
    for reference in list(root.iter("{http://hl7.org/fhir}reference")):
        before = reference.get("value")
        for url in (*by_type.values(), CANARY):
            reference.set("value", url)
            ADAPTERS["midwifery"].translate(etree.tostring(root), None, {})
        reference.set("value", before or "")
