"""Foreign R4: the same Bundle in JSON and XML, what is repaired, what is refused, and what a header says."""

import json
from functools import cache
from pathlib import Path

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import r4
from adapters.r4 import ForeignMessage, Parsed, contained_in, is_message, ods_code, read, read_message

SAMPLES = Path(__file__).parents[2] / "samples"
READABLE = [
    "bars-r4/Booking_POST_.json",
    "bars-r4/ValidationRequest_HTTP_Response_.json",
    "bars-r4/ValidationResponse_POST_.json",
    "mns-r4/patientflags-change-1__signal.json",
    "mns-r4/pds-change-of-gp-2__signal.json",
]
CANARY = "9990001234"
XMLNS = 'xmlns="http://hl7.org/fhir"'


def _header(**more):
    return {
        "resourceType": "MessageHeader",
        "id": "m-1",
        "eventCoding": {"system": "https://fhir.nhs.uk/CodeSystem/message-events-bars", "code": "servicerequest-request"},
        "source": {"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|1"},
        **more,
    }  # fmt: skip


def _patient(**more):
    return {"resourceType": "Patient", "id": "p-1", **more}


def _bundle(*resources, **more):
    entries = [{"fullUrl": f"urn:uuid:e-{number}", "resource": resource} for number, resource in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "message", "timestamp": "2026-03-02T09:00:00Z", "entry": entries, **more}


def _parsed(bundle):
    found = read(json.dumps(bundle).encode())
    assert isinstance(found, Parsed), found
    return found


def _message(*resources, **more):
    found = read_message(_parsed(_bundle(*resources, **more)))
    assert isinstance(found, ForeignMessage), found
    return found


def _refusal(found):
    assert isinstance(found, tuple)
    return found[0]


# --- JSON and XML -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READABLE)
def test_a_public_bundle_says_the_same_in_xml(name):
    """The library writes the XML; what it writes the same in another way (`+00:00` as `Z`) is let be."""
    body = (SAMPLES / name).read_bytes()
    from_json, from_xml = read(Bundle.model_validate_json(body).model_dump_json().encode()), read(_as_xml(body))
    assert isinstance(from_json, Parsed)
    assert isinstance(from_xml, Parsed)
    assert _zulu(from_xml.content) == _zulu(from_json.content)
    assert isinstance(read(body), Parsed)


def _as_xml(body):
    return Bundle.model_validate_json(body).model_dump_xml()


def _zulu(content):
    return json.dumps(content, sort_keys=True).replace("+00:00", "Z")


def test_values_of_xml_have_their_types_and_a_value_of_none_is_refused():
    body = (
        f'<Bundle {XMLNS}><type value="collection"/><entry><resource><Patient><active value="true"/>'
        '<birthDate value="2026-01-02"><extension url="http://e.example"><valueDecimal value="3.10"/></extension></birthDate>'
        '<multipleBirthInteger value="2"/></Patient></resource></entry></Bundle>'
    )
    found = read(body.encode())
    assert isinstance(found, Parsed)
    patient = found.content["entry"][0]["resource"]
    assert (patient["active"], patient["multipleBirthInteger"]) == (True, 2)
    assert patient["_birthDate"]["extension"][0]["valueDecimal"] == 3.1
    for value in ("perhaps", '"true"', "1", "null", "[]"):
        wrong = read(body.replace('"true"', f"'{value}'").encode())
        assert _refusal(wrong).path == "Bundle.entry[0].resource.active"


# --- Repairs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read_as", "because"),
    [
        ("2026-03-02T09:00", "2026-03-02T09:00:00+00:00", "has no offset from UTC"),
        ("2026-07-02T09:00:00", "2026-07-02T09:00:00+01:00", "has no offset from UTC"),
        ("2026-07-02T09:00+01:00", "2026-07-02T09:00:00+01:00", "has no seconds"),
        ("2026-07-02T09:00:01+01:00[Europe/London]", "2026-07-02T09:00:01+01:00", "has a zone in brackets"),
        (" 2026-07-02T09:00:01Z", "2026-07-02T09:00:01Z", "has no seconds, or has spaces"),
    ],
)
def test_a_time_is_repaired_with_a_warning(written, read_as, because):
    contact = {"resourceType": "Encounter", "status": "finished", "class": {"code": "IMP"}, "period": {"end": written}}
    found = _parsed(_bundle(_header(), contact))
    assert found.content["entry"][1]["resource"]["period"]["end"] == read_as
    [warning] = found.warnings
    assert (warning.path, warning.severity) == ("Bundle.entry[1].resource.period.end", "warning")
    assert warning.reason.startswith(because)


@pytest.mark.parametrize("written", ["2026-03-02", "2026-03", "2026-03-02T09:00:00.123Z", "2026-03-02T09:00:00+00:00"])
def test_a_time_as_r4_has_it_is_left_alone(written):
    found = _parsed(_bundle(_header(), _patient(deceasedDateTime=written)))
    assert found.content["entry"][1]["resource"]["deceasedDateTime"] == written
    assert found.warnings == ()


@pytest.mark.parametrize(
    "written", ["2026-03-02T09:00:00+58:00", "2026-02-30T09:00", "tomorrow", "2026-13-02T09:00:00"]
)
def test_a_time_that_is_none_is_refused_with_its_place(written):
    body = json.dumps(_bundle(_header(), _patient(deceasedDateTime=written))).encode()
    assert _refusal(read(body)).path == "Bundle.entry[1].resource.deceasedDateTime"


def test_an_id_with_urn_uuid_before_it_is_repaired_and_still_found():
    identity = "urn:uuid:0c3a8a2e-6a53-4d7a-9d5f-0d0e5fc8a001"
    bundle = _bundle(
        _header(focus=[{"reference": identity}, {"reference": f"Patient/{identity}"}]), _patient(id=identity)
    )
    del bundle["entry"][1]["fullUrl"]
    message = read_message(_parsed(bundle))
    assert isinstance(message, ForeignMessage)
    assert [entry.resource["id"] for entry in message.foci] == ["0c3a8a2e-6a53-4d7a-9d5f-0d0e5fc8a001"] * 2
    assert [warning.path for warning in message.warnings] == ["Bundle.entry[1].resource.id"]


def test_a_byte_order_mark_is_dropped_with_a_warning():
    found = read(b"\xef\xbb\xbf" + json.dumps(_bundle(_header())).encode())
    assert isinstance(found, Parsed)
    assert [warning.path for warning in found.warnings] == ["Bundle"]


def test_a_reference_that_leads_nowhere_is_a_warning():
    found = _parsed(_bundle(_header(), _patient(managingOrganization={"reference": "Organization/none"})))
    assert [(warning.code, warning.severity) for warning in found.warnings] == [("not-found", "warning")]


# --- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bundle", "path"),
    [
        (_bundle(_header(), _patient(gender="woman")), "Bundle.entry[1].resource.gender"),
        (_bundle(_header(), _patient(nhsNumber=CANARY)), "Bundle.entry[1].resource"),
        (_bundle(_header(), _patient(), _patient()), "Bundle.entry[2].resource.id"),
        (_bundle(_header(), type="letter"), "Bundle.type"),
        (_patient(), "Bundle.resourceType"),
    ],
)
def test_what_is_not_r4_is_refused_with_its_place(bundle, path):
    found = read(json.dumps(bundle).encode())
    assert _refusal(found).path == path
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    "body", [b"", b"MSH|^~\\&|PAS", b"{", b"<Bundle/>", b"\xff\xfe{", f"<!DOCTYPE x><Bundle {XMLNS}/>".encode()]
)
def test_what_is_no_bundle_is_refused(body):
    assert _refusal(read(body)).path == "Bundle"


@pytest.mark.parametrize(
    ("bundle", "path"),
    [
        (_bundle(_header(), type="collection"), "Bundle"),
        (_bundle(_patient(), _header()), "Bundle"),
        (_bundle(), "Bundle"),
        (_bundle(_header(), _header(id="m-2")), "Bundle.entry"),
        (_bundle(_header(focus=[{"reference": "Patient/none"}])), "Bundle.entry[0].resource.focus[0]"),
    ],
)
def test_what_is_no_message_is_refused(bundle, path):
    if not bundle["entry"]:
        del bundle["entry"]
    assert _refusal(read_message(_parsed(bundle))).path == path


# --- What a message says ------------------------------------------------------------------------------------------


def test_a_header_is_understood():
    message = _message(
        _header(
            focus=[{"reference": "Patient/p-1"}, {"identifier": {"value": "x"}}],
            reason={"coding": [{"system": "https://fhir.nhs.uk/CodeSystem/message-reason-bars", "code": "update"}]},
            sender={"reference": "Organization/o-1"},
            response={"identifier": "m-0", "code": "ok"},
        ),
        _patient(),
        {"resourceType": "Organization", "id": "o-1", "name": "Sending trust"},
    )
    assert (message.event, message.system) == (
        "servicerequest-request",
        "https://fhir.nhs.uk/CodeSystem/message-events-bars",
    )
    assert (message.id, message.response_to, message.response_code) == ("m-1", "m-0", "ok")
    assert message.reason == {"update"}
    assert message.source == "https://fhir.nhs.uk/Id/dos-service-id|1"
    assert message.sender is not None
    assert message.sender.type == "Organization"
    assert [entry.type for entry in message.foci] == ["Patient"]
    assert message.sent is not None
    assert message.sent.isoformat() == "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize("name", READABLE[:3])
def test_a_message_is_known_for_r4_before_it_is_read_and_one_of_stu3_is_not(name):
    body = (SAMPLES / name).read_bytes()
    assert is_message(body)
    assert is_message(_as_xml(body))
    assert not is_message((SAMPLES / "nems-stu3" / "Professional-Contacts-1-new.xml").read_bytes())


def test_an_event_may_be_a_uri():
    header = _header(eventUri="https://events.example/admitted")
    del header["eventCoding"]
    assert (_message(header).event, _message(header).system) == ("https://events.example/admitted", "")


def test_persons_are_those_of_our_own_messages():
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990554412"}
    message = _message(
        _header(),
        _patient(identifier=[number], name=[{"family": "Ashdown", "given": ["Ivy"]}], birthDate="2026-01-02"),
        {"resourceType": "RelatedPerson", "id": "r-1", "patient": {"reference": "Patient/p-1"}},
    )
    [ivy] = message.people.all
    assert (ivy.family, ivy.given, ivy.identifiers[0].value) == ("Ashdown", ("Ivy",), "9990554412")
    assert message.people.key_of({"reference": "Patient/p-1"}) == ivy.key


def test_the_same_message_again_has_the_same_content():
    once = _parsed(_bundle(_header(), _patient(), id="a", meta={"versionId": "1"}))
    again = _parsed(_bundle(_header(id="m-9"), _patient(), id="b", timestamp="2026-03-02T10:00:00Z"))
    other = _parsed(_bundle(_header(), _patient(gender="female")))
    assert once.content_key == again.content_key != other.content_key


def test_what_is_contained_is_found_by_its_fragment():
    flag = {"contained": [{"resourceType": "Provenance", "id": "prov"}]}
    assert contained_in(flag, {"reference": "#prov"}) == {"resourceType": "Provenance", "id": "prov"}
    assert contained_in(flag, {"reference": "#"}) is None


ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"


@pytest.mark.parametrize(
    ("organisation", "code"),
    [
        ({"identifier": [{"value": "x"}, {"system": ODS_SYSTEM, "value": "RX1"}]}, "RX1"),
        ({"identifier": {"system": ODS_SYSTEM, "value": "RX1"}}, "RX1"),
        ({"identifier": [{"system": ODS_SYSTEM, "value": "no/code"}]}, None),
        ({}, None),
    ],
)
def test_the_ods_code_of_an_organisation_or_of_a_reference_to_one(organisation, code):
    assert ods_code(organisation) == code


@pytest.mark.parametrize("text", [None, "", "2026-03-02", "2026-03-02T09:00:00", "0001-01-01T00:00:00+14:00"])
def test_an_instant_is_a_whole_one(text):
    assert r4.instant(text) is None


# --- Whatever comes -----------------------------------------------------------------------------------------------


@cache
def _whole():
    """In JSON, and some in XML; made when it is wanted, because the library takes seconds."""
    bodies = [(SAMPLES / name).read_bytes() for name in READABLE]
    return [*bodies, *map(_as_xml, bodies[:3])]


@settings(max_examples=150, deadline=None)
@given(body=st.deferred(lambda: st.sampled_from(_whole())), cut=st.data())
def test_a_damaged_bundle_is_read_or_refused(body, cut):
    start = cut.draw(st.integers(0, len(body)))
    end = cut.draw(st.integers(start, min(len(body), start + 80)))
    between = cut.draw(st.sampled_from([b"", body[start:end] * 2, CANARY.encode(), b"\x00", b"null", b"[]", b"1e999"]))
    found = read(body[:start] + between + body[end:])
    refused = read_message(found) if isinstance(found, Parsed) else found
    if isinstance(refused, tuple):
        assert any(problem.severity == "error" for problem in refused)
        assert CANARY not in repr(refused)
