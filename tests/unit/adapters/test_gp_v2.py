"""What HL7 v2 of practice systems comes to: registrations, referrals and their answers."""

from datetime import UTC, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event, Function, Priority
from schemas.events import check
from schemas.message import Professional

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PID = "PID|1||9990000018^^^NHS^NH||Okafor^Ada||20240814|F"
PRACTICE = "PD1|||Northern Practice^^M85001"
SERVICE = "1078501000000104^Health visiting service^SCT"


def v2(kind, *segments, control="m-1", at="20260227093000+0000"):
    """A message of a practice's system."""
    header = rf"MSH|^~\&|EMIS|M85001|BATON|X|{at}||{kind}|{control}|P|2.4"
    return "\r".join((header, *segments)).encode()


def rf1(status="", urgency="R", service=SERVICE, number="r-1", reason="^Please weigh her weekly"):
    return f"RF1|{status}|{urgency}|{service}|||{number}||||{reason}"


PRD = "PRD|RP^Referring provider|Marsh^Tom^^^Dr"


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


def _errors(found):
    assert isinstance(found, Quarantine), found
    return [(problem.path, problem.code) for problem in found.problems if problem.severity == "error"]


@pytest.mark.parametrize(
    ("name", "outcome", "path"),
    [
        ("REF-I12-01.hl7", Quarantine, "RF1-3"),
        ("ADT-A05-02.hl7", Quarantine, "MSH-9"),
        ("ADT04-23.hl7", Ignored, None),
    ],
)
def test_what_each_public_sample_comes_to(name, outcome, path, sample, translate):
    found = translate("gp", sample(f"hl7v2-ms/{name}"))
    assert isinstance(found, outcome)
    if path is not None:
        assert _errors(found) == [(path, "not-supported")]


@pytest.mark.parametrize("trigger", ["A04", "A08", "A28", "A31"])
def test_a_record_that_names_its_practice_is_a_registration(trigger, translate):
    message = _only(translate("gp", v2(f"ADT^{trigger}", "EVN||20260226", PID, PRACTICE)))
    assert (message.event, message.kind, message.people[0].practice) == (Event.GP_REGISTRATION, "registered", "M85001")
    assert isinstance(translate("gp", v2(f"ADT^{trigger}", "EVN||20260226", PID)), Ignored)


def test_a_referral_asks_the_service_that_its_code_names(translate):
    message = _only(translate("gp", v2("REF^I12", rf1(urgency="A"), PRD, PID)))
    assert (message.event, message.kind, message.priority) == (Event.REFERRAL, Function.HEALTH_VISITING, Priority.ASAP)
    assert [(fact.code, fact.value) for fact in message.facts] == [("referral-reason", "Please weigh her weekly")]
    assert message.author == Professional(name="Dr Tom Marsh", role="Referring provider")


def test_a_change_and_a_cancellation_name_the_referral_by_its_number(translate):
    new = _only(translate("gp", v2("REF^I12", rf1(), PRD, PID)))
    changed = _only(translate("gp", v2("REF^I13", rf1(urgency="S"), PRD, PID, control="m-2")))
    gone = _only(translate("gp", v2("REF^I14", rf1(service=""), PID, control="m-3")))
    assert (changed.event, changed.reference) == (Event.REFERRAL, new.id)
    assert (gone.event, gone.reference, gone.people) == (Event.WITHDRAW, new.id, ())
    assert _errors(translate("gp", v2("REF^I14", rf1(number=""), PID))) == [("RF1-6", "required")]


def test_the_same_referral_in_another_message_is_the_same(translate):
    one, other = (translate("gp", v2("REF^I12", rf1(), PRD, PID, control=control)) for control in ("m-1", "m-2"))
    assert one.key == other.key
    nameless, later = (translate("gp", v2("REF^I12", rf1(number=""), PID, control=control)) for control in ("1", "2"))
    assert nameless.key != later.key


@pytest.mark.parametrize(("status", "decision"), [("A", "accepted"), ("R", "not-accepted")])
def test_an_answer_says_what_became_of_a_referral(status, decision, translate):
    message = _only(translate("gp", v2("RRI^I12", "MSA|AA|delivery-7", rf1(status), PID)))
    assert (message.event, message.reference) == (Event.REFERRAL_OUTCOME, "delivery-7")
    assert [fact.value.code for fact in message.facts] == [decision]


def test_what_is_not_decided_yet_is_nobodys_business(translate):
    assert isinstance(translate("gp", v2("RRI^I12", "MSA|AA|delivery-7", rf1("P"), PID)), Ignored)
    assert isinstance(translate("gp", v2("REF^I15", rf1(), PID)), Ignored)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (v2("RRI^I12", "MSA|AA|x", rf1("E"), PID), "RF1-1"),
        (v2("REF^I12", rf1(), PRD), "PID"),
        (v2("REF^I12", rf1(service="Med^Medical^HL70281"), PID), "RF1-3"),
        (v2("ADT^A03", PID, PRACTICE), "MSH-9"),
    ],
)
def test_what_cannot_be_told_is_quarantined_with_its_place(body, path, translate):
    assert [place for place, _ in _errors(translate("gp", body))] == [path]
