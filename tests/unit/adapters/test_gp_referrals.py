"""What bookings, referrals, their answers and registrations in R4 come to."""

from datetime import UTC, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import ConcernKind, Event, Function, Priority
from schemas.events import check
from schemas.identifiers import ODS
from schemas.message import Identifier, Professional
from tests import bars

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
REQUEST, RESPONSE, BOOKING = "servicerequest-request", "servicerequest-response", "booking-request"


@pytest.fixture
def told(translate):
    """What a message of these resources comes to."""
    return lambda event, *resources, **more: translate("gp", bars.in_json(bars.message(event, *resources, **more)))


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


def _errors(found):
    assert isinstance(found, Quarantine), found
    return [(problem.path, problem.code) for problem in found.problems if problem.severity == "error"]


# --- the samples --------------------------------------------------------------------------------------------------


def test_a_validation_that_is_finished_is_the_outcome_of_a_referral(sample, translate):
    found = translate("gp", sample("bars-r4/ValidationResponse_POST_.json"))
    message = _only(found)
    assert (message.event, message.reference) == (Event.REFERRAL_OUTCOME, "86e3371d-1c15-4862-9552-d9560f8292ba")
    assert [(fact.code, fact.value.code) for fact in message.facts] == [("referral-decision", "completed")]


def test_a_booking_that_stands_is_nobodys_business(sample, translate):
    assert isinstance(translate("gp", sample("bars-r4/Booking_POST_.json")), Ignored)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Booking_HTTP_Response_.json", ("Bundle.entry[1].resource.participant[0].status", "required")),
        ("ValidationRequest_HTTP_Response_.json", ("Bundle.entry[1].resource.performer", "not-supported")),
    ],
)
def test_what_cannot_be_told_is_kept_for_people(name, first, sample, translate):
    assert _errors(translate("gp", sample(f"bars-r4/{name}")))[0] == first


# --- referrals ----------------------------------------------------------------------------------------------------


def test_a_referral_asks_the_service_that_its_code_names(told):
    message = _only(told(REQUEST, bars.request()))
    assert (message.event, message.kind, message.priority) == (
        Event.REFERRAL,
        Function.HEALTH_VISITING,
        Priority.URGENT,
    )
    assert message.occurred == datetime(2026, 2, 26, 16, 5, tzinfo=UTC)
    assert [(fact.code, fact.value) for fact in message.facts] == [("referral-reason", "Failure to thrive")]
    assert message.author == Professional(
        name="Dr Tom Marsh",
        role="General practitioner",
        identifier=Identifier(system="https://fhir.nhs.uk/Id/sds-user-id", value="555000000001"),
    )


@pytest.mark.parametrize("codes", [(), ("310000008", bars.HEALTH_VISITING)])
def test_a_referral_to_a_service_that_no_code_names_is_kept_for_people(codes, told):
    service = bars.service(*codes) if codes else {"resourceType": "HealthcareService", "id": "service", "name": "x"}
    assert _errors(told(REQUEST, bars.request(), service)) == [("Bundle.entry[1].resource.performer", "not-supported")]


def test_a_safeguarding_flag_is_told_though_the_referral_cannot_be(told):
    found = told(
        REQUEST, bars.request(), {"resourceType": "HealthcareService", "id": "service", "name": "x"}, bars.flag()
    )
    message = _only(found)
    assert (message.event, message.kind) == (Event.CONCERN, ConcernKind.OTHER)
    assert [(fact.code, fact.value) for fact in message.facts] == [
        ("concern-detail", "Mother says that she is afraid at home")
    ]
    assert "Bundle.entry[1].resource.performer" in {warning.path for warning in found.warnings}


@pytest.mark.parametrize(
    "flag",
    [bars.flag("SS"), bars.flag(category=[{"text": "Scene Safety"}]), bars.flag(text="No safeguarding concerns")],
)
def test_a_flag_of_something_else_or_of_nothing_is_no_concern(flag, told):
    assert _only(told(REQUEST, bars.request(), flag)).event is Event.REFERRAL


@pytest.mark.parametrize("text", ["Not known where the children are", "Unknown"])
def test_a_category_in_words_is_one_and_what_is_not_known_is_told(text, told):
    flag = bars.flag(text=text) | {"category": [{"text": "Safeguarding Concerns"}]}
    found = told(REQUEST, bars.request(), flag)
    assert isinstance(found, Notifications)
    assert [message.event for message in found.messages] == [Event.REFERRAL, Event.CONCERN]
    assert [fact.value for fact in found.messages[1].facts] == [text]


def test_a_reason_is_told_with_its_heading(told):
    reason = {
        "coding": [{"system": "https://x.example", "code": "4389", "display": "Bleeding"}],
        "text": "Chief complaint",
    }
    message = _only(told(REQUEST, bars.request(reasonCode=[reason])))
    assert [fact.value for fact in message.facts] == ["Chief complaint: Bleeding"]


def test_an_update_and_a_delete_name_the_referral_they_change(told):
    new = _only(told(REQUEST, bars.request()))
    update = _only(told(REQUEST, bars.request(priority="routine"), reason="update", id_="m-2"))
    delete = _only(told(REQUEST, bars.request(), reason="delete", id_="m-3"))
    assert (update.event, update.reference) == (Event.REFERRAL, new.id)
    assert (delete.event, delete.reference, delete.people) == (Event.WITHDRAW, new.id, ())
    assert len({new.id, update.id, delete.id}) == 3


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
def test_a_referral_that_is_taken_back_is_withdrawn(status, told):
    new = _only(told(REQUEST, bars.request()))
    gone = _only(told(REQUEST, bars.request(status=status), reason="update", id_="m-2"))
    assert (gone.event, gone.reference) == (Event.WITHDRAW, new.id)


def test_the_same_referral_in_another_message_is_the_same(told):
    one, other = told(REQUEST, bars.request()), told(REQUEST, bars.request(), id_="m-2")
    assert (one.key, one.content_key) == (other.key, other.content_key)
    assert told(REQUEST, bars.request(priority="stat")).content_key != one.content_key


@pytest.mark.parametrize(
    ("event", "resources", "more", "path"),
    [
        (REQUEST, [bars.request()], {"reason": "perhaps"}, "Bundle.entry[0].resource.reason"),
        (REQUEST, [bars.request()], {"focus": []}, "Bundle.entry[0].resource.focus"),
        (
            REQUEST,
            [bars.request(subject={"reference": "urn:uuid:service"})],
            {},
            "Bundle.entry[1].resource.subject",
        ),
        ("dos-search", [bars.request()], {}, "Bundle.entry[0].resource.eventCoding.code"),
        (RESPONSE, [bars.encounter("planned"), bars.request()], {}, "Bundle.entry[1].resource.status"),
        (RESPONSE, [bars.encounter("finished")], {"reason": "delete"}, "Bundle.entry[0].resource.reason"),
    ],
)
def test_what_is_not_certain_is_quarantined_with_its_place(event, resources, more, path, told):
    if more.get("focus") == []:
        more = {"focus": [{"display": "nothing"}]}
    assert [place for place, _ in _errors(told(event, *resources, **more))] == [path]


@pytest.mark.parametrize(
    ("status", "visit", "decision"),
    [
        ("revoked", "planned", "not-accepted"),
        ("completed", "planned", "completed"),
        ("active", "triaged", "accepted"),
        ("active", "finished", "completed"),
    ],
)
def test_a_response_says_what_became_of_a_referral(status, visit, decision, told):
    answers = {"response": {"identifier": "delivery-7", "code": "ok"}}
    message = _only(told(RESPONSE, bars.encounter(visit), bars.request(status=status), **answers))
    assert (message.event, message.reference) == (Event.REFERRAL_OUTCOME, "delivery-7")
    assert [fact.value.code for fact in message.facts] == [decision]


# --- bookings and registrations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("born", "event"), [("2008-02-26", Event.NOT_BROUGHT), ("2008-02-25", Event.DID_NOT_ATTEND)])
def test_a_booking_that_nobody_came_to_is_told(born, event, told):
    message = _only(told(BOOKING, bars.appointment(), bars.patient(birthDate=born), reason="update"))
    assert (message.event, message.occurred) == (event, datetime(2026, 2, 25, 10, tzinfo=UTC))


@pytest.mark.parametrize(("status", "reason"), [("booked", "new"), ("cancelled", "update"), ("booked", "delete")])
def test_other_bookings_are_nobodys_business(status, reason, told):
    assert isinstance(told(BOOKING, bars.appointment(status), reason=reason), Ignored)


def test_that_nobody_came_is_taken_back_when_it_was_an_error(told):
    missed = _only(told(BOOKING, bars.appointment(), reason="update"))
    wrong = _only(told(BOOKING, bars.appointment("entered-in-error"), reason="update", id_="m-2"))
    assert (wrong.event, wrong.reference) == (Event.WITHDRAW, missed.id)


@pytest.mark.parametrize(
    ("elements", "place"),
    [({"participant": [{"status": "accepted"}]}, "participant"), ({"start": None, "end": None}, "start")],
)
def test_a_missed_booking_of_nobody_knows_whom_or_when_is_quarantined(elements, place, told):
    made = {name: value for name, value in bars.appointment(**elements).items() if value is not None}
    assert [path for path, _ in _errors(told(BOOKING, made))] == [f"Bundle.entry[1].resource.{place}"]


def test_a_child_without_a_date_of_birth_is_not_guessed_to_be_one(told):
    undated = bars.patient()
    del undated["birthDate"]
    assert _errors(told(BOOKING, bars.appointment(), undated)) == [("Bundle.entry[1].resource.participant", "required")]


def _registered(ods="M85001"):
    return bars.patient(generalPractitioner=[{"identifier": {"system": ODS, "value": ods}}])


def test_a_record_that_names_its_practice_is_a_registration(told):
    message = _only(told("patient", _registered()))
    assert (message.event, message.kind) == (Event.GP_REGISTRATION, "registered")
    assert [person.practice for person in message.people] == ["M85001"]


def test_another_practice_later_is_another_message(told):
    one, other = told("patient", _registered()), told("patient", _registered("M85002"), id_="m-2")
    assert one.key != other.key


def test_a_record_without_a_practice_says_nothing_of_a_registration(told):
    assert isinstance(told("patient", bars.patient()), Ignored)
    assert _errors(told("patient", _registered(), reason="delete")) == [
        ("Bundle.entry[0].resource.reason", "not-supported")
    ]
