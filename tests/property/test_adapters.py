"""Whatever comes, an adapter answers: it never raises, answers the same twice, and repeats nothing that came in."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.port import (
    Completing,
    Ignored,
    Lookup,
    Notifications,
    Pointer,
    Quarantine,
    Receipt,
    Record,
    Reply,
    Translation,
)
from adapters.probation import Probation
from adapters.probation.event_types import TABLE
from adapters.probation.registers import NOT_TOLD, REGISTERS
from adapters.registry import ADAPTERS
from schemas import content
from schemas.events import check
from schemas.identifiers import CRN
from schemas.message import Identifier, Message
from tests import bars, cpis, itk3, mns, visits, wards
from tests.property.effort import TIMES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "samples"
EVENTS = [path.read_bytes() for path in sorted((SAMPLES / "hmpps").iterdir())]
BIRTHS = [path.read_bytes() for path in sorted((SAMPLES / "nems-stu3").glob("[Bn]*[twr].xml"))]
"""What maternity gets of the national feed: births, and outcomes of newborn screening that are new."""
CONTACTS = [path.read_bytes() for path in sorted((SAMPLES / "nems-stu3").glob("P*.xml"))]
"""What health visiting systems get of the same feed: episodes of care, and what the Spine says of a person."""
DOCUMENTS = [
    (SAMPLES / "gpconnect-stu3" / "consultation_report.xml").read_bytes(),
    itk3.in_xml(itk3.telling()),
    itk3.in_json(itk3.telling()),
]
PLANS = [
    cpis.bundle(cpis.flag(), cpis.plan(cpis.PROTECTION, ("plan-category", "neglect")), cpis.team(), cpis.child()),
    cpis.bundle(cpis.header("update"), cpis.flag("UPDATE"), cpis.plan(cpis.LOOKED_AFTER), cpis.child(), kind="message"),
    cpis.bundle(cpis.flag(), cpis.plan(cpis.UNBORN, status="completed"), cpis.team(), cpis.child()),
    cpis.bundle(cpis.answer(), kind="searchset", sent=None),
]
REFERRALS = [
    *(path.read_bytes() for path in sorted((SAMPLES / "bars-r4").iterdir())),
    bars.in_json(bars.message("servicerequest-request", bars.request(), bars.flag())),
    rb"MSH|^~\&|EMIS|M85001|BATON|X|20260227093000||REF^I12|m-1|P|2.4" + b"\r"
    b"RF1||A|1078501000000104^^SCT|||r-1||||^Weigh her\rPRD|RP^Referrer|Marsh^Tom\rPID|1||9990000018^^^NHS^NH||Okafor^Ada||20240814|F",
]
STAYS = [
    *(path.read_bytes() for path in sorted((SAMPLES / "hl7v2-ms").iterdir())),
    wards.adt(
        "A03", "NK1|1|HARTLEY^Chloe|CHD", "OBX|1|TX|staff-safety^^BATON||None", pv1_45="202602261100", pv1_37="19"
    ),
    wards.adt("A13", pv1_45="202602261100"),
    wards.adt("A21", "PV2" + "|" * 47 + "202603061700"),
]
WARDS = [
    wards.message(wards.discharged(), wards.observed("staff-safety", valueBoolean=False)),
    wards.message(wards.encounter("onleave", statusHistory=[{"status": "onleave", "period": {"start": "2026-02-24"}}])),
    wards.message(wards.encounter("cancelled"), reason="update"),
    wards.whole_summary(),
    itk3.message(wards.summary()),
]
RECORDS = [
    b"""{"identifiers": {"crn": "X540660", "nomsId": "A0001AA", "nhsNumber": "9990000018"},
      "name": {"forename": "Sam", "middleName": "Lee", "surname": "Cole"}, "dateOfBirth": "1994-05-05",
      "addresses": [{"fullAddress": "2 New Row, Leeds", "postcode": "LS17 6BA", "status": {"code": "M"}, "startDate": "2021-01-02"}]}"""
]
SIGNALS = [
    mns.cloud_event("pds-death-notification-2"),
    mns.cloud_event("patientflags-change-1", dataref="https://api.service.nhs.uk/x?code=NRAF"),
    mns.first_version("pds-death-notification-1", deathNotificationStatus="2"),
    mns.first_version("nhs-number-change-1", nhsNumberStatus="I"),
    mns.history("pds-change-of-gp-2", record=mns.patient()),
]
POINTED = [
    (mns.cloud_event("pds-change-of-gp-2", subject=mns.FORMER), mns.patient()),
    (mns.cloud_event("pds-death-notification-2"), mns.died("2", deceasedDateTime="2026-02-08")),
    (mns.cloud_event("imms-vaccination-1"), mns.immunization()),
]
"""A signal that points to a record, and the record."""
VISITS = [
    visits.bundle(visits.encounter(), visits.observation("http://loinc.org", "29463-7", 4.2, "kg"), visits.mother()),
    visits.bundle(visits.observation("http://snomed.info/sct", "27113001", 4.2, "kg")),
    visits.bundle(visits.encounter(), header_=visits.header(reason={"coding": [{"code": "delete"}]})),
]
CANARY = "Canary9990001234"

RECEIPT = Receipt(id="6f1f7d0e-2f30-4c0a-9d54-0000000000a1", at=NOW)
REPLY = Reply(id="6f1f7d0e-2f30-4c0a-9d54-0000000000a2", at=NOW, accepted=True)

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")

quick = settings(max_examples=100 * TIMES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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
        case Pointer():
            return (*found.warnings, found.key, found.content_key)
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
@given(body=damaged(RECORDS))
def test_damaged_records_of_persons(body):
    event = next(event for event in EVENTS if isinstance(Probation().translate(event, None, {}), Notifications))
    lookup = Lookup(client="probation-person", subject=Identifier(system=CRN, value="X540660"))
    found = Probation().complete(event, "application/json", lookup, Record(body, "application/json"))
    assert found == Probation().complete(event, "application/json", lookup, Record(body, "application/json"))
    if isinstance(found, Notifications):
        _is_sound(found.messages[0])
        found.messages[0].people[0].identifiers.index(lookup.subject)  # of nobody else
    else:
        assert CANARY not in repr(found)


@quick
@given(body=damaged(BIRTHS))
def test_damaged_birth_notifications(body):
    _answer("midwifery", body)


@quick
@given(body=damaged(CONTACTS))
def test_damaged_health_visiting_events(body):
    _answer("health-visiting", body)


@quick
@given(body=damaged(DOCUMENTS + REFERRALS))
def test_damaged_messages_of_general_practice(body):
    _answer("gp", body)


@settings(quick, max_examples=60)
@given(body=damaged(DOCUMENTS + REFERRALS), said=st.sampled_from([RECEIPT, REPLY]))
def test_whatever_came_it_can_be_answered(body, said):
    found = ADAPTERS["gp"].respond(said, body, "")
    assert found == ADAPTERS["gp"].respond(said, body, "")
    assert found is None or found.body


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
            holder[name] = deepcopy(draw(ODD))  # what is drawn is shared, and may be changed next
        else:
            holder[CANARY] = holder.pop(name)
    return event


@settings(quick, max_examples=250 * TIMES)
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
def rebuilt(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A Bundle in XML with some of its elements dropped, doubled, moved, emptied or given another value."""
    parser = etree.XMLParser(remove_comments=True)
    root = etree.fromstring(draw(st.sampled_from(samples)), parser)
    for _ in range(draw(st.integers(1, 6))):
        elements = list(_elements(root))
        if not elements:
            break
        element = draw(st.sampled_from(elements))
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


@settings(quick, max_examples=120 * TIMES)
@given(body=rebuilt(BIRTHS))
def test_rebuilt_birth_notifications(body):
    _answer("midwifery", body)


@settings(quick, max_examples=120 * TIMES)
@given(body=rebuilt(CONTACTS))
def test_rebuilt_health_visiting_events(body):
    _answer("health-visiting", body)


@settings(quick, max_examples=120 * TIMES)
@given(body=rebuilt([itk3.in_xml(itk3.telling())]))
def test_rebuilt_documents(body):
    _answer("gp", body)


@st.composite
def reset(draw: st.DrawFn, content: itk3.Resource) -> bytes:
    """A Bundle in JSON with some of its members gone, turned into something odd, or of another name."""
    made = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 4))):
        holders = list(_holders(made))
        if not holders:
            break
        holder = draw(st.sampled_from(holders))
        name = draw(st.sampled_from(sorted(holder)))
        match draw(st.sampled_from(["drop", "odd", "rename"])):
            case "drop":
                del holder[name]
            case "odd":
                holder[name] = draw(ODD)
            case "rename":
                holder[draw(st.sampled_from([CANARY, "resourceType", "status", f"_{name}"]))] = holder.pop(name)
    return json.dumps(made).encode()


def _holders(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict) and value:
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _holders(inner)


BOOKED = bars.message("booking-request", bars.appointment(), reason="update")
ASKED = bars.message("servicerequest-request", bars.request(), bars.flag())
ANSWERED = bars.message("servicerequest-response", bars.encounter("finished"), bars.request())


@settings(quick, max_examples=150 * TIMES)
@given(body=st.sampled_from([itk3.telling(), itk3.scattered(), BOOKED, ASKED, ANSWERED]).flatmap(reset))
def test_messages_of_general_practice_with_other_members(body):
    _answer("gp", body)


@settings(quick, max_examples=150 * TIMES)
@given(
    event=st.sampled_from(
        [*(("midwifery", body) for body in BIRTHS), *(("health-visiting", body) for body in CONTACTS)]
    ),
    moves=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400) | VALUES), min_size=1, max_size=4),
)
def test_nems_events_with_other_values(event, moves):
    """Values alone are changed, for others of the message or odd ones: most are still read, references go astray."""
    kind, body = event
    root = etree.fromstring(body, etree.XMLParser(remove_comments=True))
    valued = [element for element in _elements(root) if "value" in element.attrib]
    for place, value in moves:
        other = valued[value % len(valued)].get("value") if isinstance(value, int) else value
        valued[place % len(valued)].set("value", other)
    _answer(kind, etree.tostring(root))


@pytest.mark.parametrize(
    ("kind", "body"), [*(("midwifery", body) for body in BIRTHS), *(("health-visiting", body) for body in CONTACTS)]
)
def test_nems_events_whose_references_lead_elsewhere(kind, body):
    """Every reference to a part of every type: each is the wrong kind of resource somewhere."""
    root = etree.fromstring(body, etree.XMLParser(remove_comments=True))
    entries = list(root.iter("{http://hl7.org/fhir}entry"))
    by_type = {entry[1][0].tag: entry[0].get("value") for entry in entries}
    for reference in list(root.iter("{http://hl7.org/fhir}reference")):
        before = reference.get("value")
        for url in (*by_type.values(), CANARY):
            reference.set("value", url)
            ADAPTERS[kind].translate(etree.tostring(root), None, {})
        reference.set("value", before or "")


# --- R4 in JSON ---------------------------------------------------------------------------------------------------


def _nodes(value: Any) -> Iterator[Any]:
    """Every object and list of a document that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _nodes(inner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _strings(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every member of a document that is a text: the object that holds it, and its name."""
    return (
        (node, name)
        for node in _nodes(value)
        if isinstance(node, dict)
        for name, inner in node.items()
        if isinstance(inner, str)
    )


@st.composite
def reworded(draw: st.DrawFn, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A Bundle with some values exchanged for others that stand under the same name: R4 still, and it says something else."""
    bundle: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(samples))))
    known = [(name, node[name]) for node, name in _strings(samples)]
    for name, value in draw(st.lists(st.sampled_from(known), max_size=4)):
        holders = [node for node, held in _strings(bundle) if held == name]
        if holders:
            draw(st.sampled_from(holders))[name] = value
    return bundle


@st.composite
def rewritten(draw: st.DrawFn, samples: list[dict[str, Any]]) -> bytes:
    """The same, as often as not with values dropped, put elsewhere, renamed, or turned into something odd."""
    bundle = draw(reworded(samples))
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        node = draw(st.sampled_from([*_nodes(bundle), {"x": 1}]))
        place = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        match draw(st.sampled_from(["drop", "odd", "text", "other", "rename"])):
            case "drop":
                node.pop(place)
            case "odd":
                node[place] = draw(ODD)
            case "text":
                node[place] = draw(st.sampled_from([*_texts(bundle), CANARY]) | VALUES)
            case "other":
                node[place] = json.loads(json.dumps(draw(st.sampled_from([*_nodes(bundle), []]))))
            case "rename" if isinstance(node, dict):
                node[draw(st.sampled_from([CANARY, "id", "_birthDate", "contained", "period"]))] = node.pop(place)
    return json.dumps(bundle).encode()


@quick
@given(body=rewritten(PLANS))
def test_rewritten_plans(body):
    _answer("childrens-social-care", body)


@quick
@given(body=rewritten(WARDS))
def test_rewritten_stays_on_wards(body):
    _answer("cmht", body)


@settings(quick, max_examples=150 * TIMES)
@given(body=rewritten([*SIGNALS, *VISITS]))
def test_rewritten_signals_and_contacts(body):
    _answer("health-visiting", body)


@settings(quick, max_examples=150 * TIMES)
@given(data=st.data())
def test_signals_with_rewritten_records(data):
    adapter = ADAPTERS["health-visiting"]
    assert isinstance(adapter, Completing)
    event, record = data.draw(st.sampled_from(POINTED))
    pointer = adapter.translate(mns.raw(event), None, {})
    assert isinstance(pointer, Pointer)
    brought = Record(data.draw(rewritten([record]) | damaged([mns.raw(record)])), "application/fhir+json")
    found = adapter.complete(mns.raw(event), "", pointer.lookup, brought)
    assert found == adapter.complete(mns.raw(event), "", pointer.lookup, brought)
    assert CANARY not in repr(_said_to_the_sender(found))
    for message in found.messages if isinstance(found, Notifications) else ():
        assert message.id != pointer.key
        _is_sound(message)


# --- HL7 v2 -------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [CANARY, "", '""', "^", "~", "&", "|||", "99999999999999", "20261345", "NHS", "I", "P", "A11", "\\X0D\\"]
)


@st.composite
def refielded(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A message with some of its fields given another value, and some of its segments dropped, doubled or moved."""
    lines = draw(st.sampled_from(samples)).decode("latin-1").replace("\n", "\r").split("\r")
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, len(lines) - 1))
        fields = lines[place].split("|")
        match draw(st.sampled_from(["field", "field", "other", "drop", "double"])):
            case "field":
                fields[draw(st.integers(0, len(fields) - 1))] = draw(PIECES)
                lines[place] = "|".join(fields)
            case "other":
                other = draw(st.sampled_from(lines)).split("|")
                fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(other))
                lines[place] = "|".join(fields)
            case "drop" if len(lines) > 1:
                del lines[place]
            case "double":
                lines.append(lines[place])
    return "\r".join(lines).encode("latin-1")


@settings(quick, max_examples=120 * TIMES)
@given(body=refielded(STAYS))
def test_refielded_stays_on_wards(body):
    _answer("cmht", body)


@quick
@given(body=damaged(STAYS))
def test_damaged_stays_on_wards(body):
    _answer("cmht", body)
