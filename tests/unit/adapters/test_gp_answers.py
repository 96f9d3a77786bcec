"""Acknowledgements in the sender's own standard: what is asked for, whom it answers, and that it can be read again."""

import json
from datetime import UTC, datetime

import pytest

from adapters import itk3 as reader
from adapters.port import Ignored, Notifications, Receipt, Reply
from adapters.registry import ADAPTERS
from schemas.codes import Event, ResponseReason
from schemas.problem import Problem
from tests import bars, itk3

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
ID = "6f1f7d0e-2f30-4c0a-9d54-0000000000a1"
UNREADABLE, UNSUPPORTED, INVALID = "10009", "10004", "20009"
V2 = (
    rb"MSH|^~\&|EMIS|M85001|BATON|X|20260227093000+0000||REF^I12|m-1|P|2.4||||||UNICODE UTF-8" + b"\r"
    b"RF1||A|1078501000000104^^SCT|||r-1\rPRD|RP|Marsh^Tom\rPID|1||9990000018^^^NHS^NH||Okafor^Ad\xc3\xa4||20240814|F\rNTE||secret\r"
)


def receipt(*problems):
    return Receipt(id=ID, at=AT, problems=tuple(Problem("Bundle.type", "is wrong", code) for code in problems))


def reply(accepted=True, reason=None):
    return Reply(id=ID, at=AT, accepted=accepted, reason=reason, by="Y90002")


def answered(answer, original):
    return ADAPTERS["gp"].respond(answer, original, "x")


def read(rendered):
    """The Bundle of an answer in FHIR's JSON form, by resource type."""
    content, _ = reader.parsed(rendered.body)
    assert content is not None
    return {entry["resource"]["resourceType"]: entry["resource"] for entry in content.content["entry"]}


# --- ITK3 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "kind"), [(itk3.in_xml, "application/fhir+xml; charset=utf-8"), (itk3.in_json, "application/fhir+json")]
)
def test_an_itk3_message_is_answered_in_the_form_in_which_it_came(form, kind):
    found = answered(reply(), form(itk3.message()))
    assert found is not None
    assert (found.content_type, found.workflow) == (kind, "GPFED_CONSULT_REPORT_ACK")
    header = read(found)["MessageHeader"]
    assert (header["event"]["code"], header["response"]["identifier"]) == ("ITK008M", "m-1")
    assert header["id"] == ID
    again = reader.read(found.body)
    assert isinstance(again, reader.Itk3)
    assert (again.handling.business, again.handling.infrastructure) == (False, False)
    assert again.handling.sender_reference == "consultation-1"
    assert answered(reply(), form(itk3.message())) == found
    assert isinstance(ADAPTERS["gp"].translate(found.body, None, {}), Ignored)


@pytest.mark.parametrize(
    ("answer", "said", "code", "severity"),
    [
        (receipt(), "ok", "20013", "information"),
        (receipt("structure"), "fatal-error", UNREADABLE, "fatal"),
        (receipt("not-supported"), "fatal-error", UNSUPPORTED, "fatal"),
        (receipt("required", "structure"), "fatal-error", INVALID, "fatal"),
        (reply(), "ok", "30001", "information"),
        (reply(reason=ResponseReason.ACCEPTED), "ok", "30001", "information"),
        (reply(accepted=False), "fatal-error", "30017", "fatal"),
        *((reply(accepted=False, reason=reason), "fatal-error", reason.value, "fatal") for reason in
          (ResponseReason.NOT_KNOWN, ResponseReason.NO_LONGER_HERE, ResponseReason.DECEASED)),
    ],
)  # fmt: skip
def test_what_became_of_it_is_said_in_itk3s_codes(answer, said, code, severity):
    parts = read(answered(answer, itk3.in_xml(itk3.message())))
    issue = parts["OperationOutcome"]["issue"][0]
    assert parts["MessageHeader"]["response"]["code"] == said
    assert (issue["severity"], issue["details"]["coding"][0]["code"]) == (severity, code)
    assert issue["details"]["coding"][0]["display"]


def test_a_message_without_an_id_is_answered_by_its_address():
    parts = read(answered(reply(), itk3.in_xml(itk3.scattered())))
    assert parts["MessageHeader"]["response"]["identifier"] == "h"


def test_why_it_could_not_be_used_is_said_by_place_and_reason():
    parts = read(answered(receipt("required"), itk3.in_xml(itk3.message())))
    assert parts["OperationOutcome"]["issue"][0]["diagnostics"] == "Bundle.type is wrong"


@pytest.mark.parametrize(
    ("business", "infrastructure", "wanted"),
    [
        (True, True, (True, True)),
        (False, True, (True, False)),
        (True, False, (False, True)),
        (False, False, (False, False)),
    ],
)
def test_only_what_is_asked_for_is_acknowledged(business, infrastructure, wanted):
    asked = itk3.in_xml(itk3.message(extension=[itk3.handling(business=business, infrastructure=infrastructure)]))
    assert tuple(answered(one, asked) is not None for one in (receipt(), reply())) == wanted


def test_what_could_not_be_read_is_acknowledged_all_the_same():
    parts = read(answered(receipt("structure"), b"<Bundle"))
    assert parts["MessageHeader"]["response"] == parts["MessageHeader"]["response"] | {
        "identifier": "unknown",
        "code": "fatal-error",
    }
    assert answered(reply(), b"<Bundle") is None


def test_a_discharge_summary_is_answered_as_any_document_is():
    discharge = itk3.in_xml(itk3.message(event="ITK004D"))
    found = ADAPTERS["cmht"].respond(reply(), discharge, "x")
    assert found is not None
    assert read(found)["MessageHeader"]["response"]["identifier"] == "m-1"
    assert found.workflow is None
    assert ADAPTERS["cmht"].respond(reply(), V2, "x") is None


def test_a_document_by_itself_is_not_acknowledged():
    assert answered(receipt(), itk3.in_xml(itk3.document())) is None


# --- BaRS ---------------------------------------------------------------------------------------------------------


REQUEST = bars.message("servicerequest-request", bars.request())


@pytest.mark.parametrize(("accepted", "decision"), [(True, "accepted"), (False, "not-accepted")])
def test_a_referral_of_bars_gets_its_response(accepted, decision):
    found = answered(reply(accepted, None if accepted else ResponseReason.NOT_ACCEPTED), bars.in_json(REQUEST))
    assert found is not None
    assert found.content_type == "application/fhir+json"
    translated = ADAPTERS["gp"].translate(found.body, None, {})
    assert isinstance(translated, Notifications)
    [message] = translated.messages
    assert (message.event, message.reference) == (Event.REFERRAL_OUTCOME, "m-1")
    assert [fact.value.code for fact in message.facts] == [decision]
    # Only what says which referral and whose it was goes back.
    assert "Failure to thrive" not in found.body.decode()
    assert "Okafor" not in found.body.decode()


def test_nothing_else_of_bars_is_answered():
    assert answered(receipt(), bars.in_json(REQUEST)) is None
    booking = bars.message("booking-request", bars.appointment(), reason="update")
    assert answered(reply(), bars.in_json(booking)) is None
    nameless = json.loads(json.dumps(REQUEST))
    del nameless["entry"][0]["resource"]["id"]
    assert answered(reply(), bars.in_json(nameless)) is None


# --- HL7 v2 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accepted", "decision"), [(True, "accepted"), (False, "not-accepted")])
def test_a_referral_in_hl7_v2_gets_its_rri(accepted, decision):
    found = answered(reply(accepted), V2)
    assert found is not None
    assert found.content_type == "x-application/hl7-v2+er7; charset=utf-8"
    assert b"Ad\xc3\xa4" in found.body
    assert b"secret" not in found.body
    translated = ADAPTERS["gp"].translate(found.body, None, {})
    assert isinstance(translated, Notifications)
    [message] = translated.messages
    assert (message.event, message.reference) == (Event.REFERRAL_OUTCOME, "m-1")
    assert [fact.value.code for fact in message.facts] == [decision]


@pytest.mark.parametrize(
    "original",
    [V2.replace(b"REF^I12", b"ADT^A31"), V2.replace(b"2.4||||||", b"2.4||||NE||"), V2.replace(b"RF1", b"ZZ1"), b"MSH|"],
)
def test_an_rri_is_sent_to_a_referral_that_wants_one_alone(original):
    assert answered(reply(), original) is None


def test_receipt_of_hl7_v2_is_the_listeners_to_acknowledge():
    assert answered(receipt(), V2) is None
