"""What GP Connect documents come to: what their codes say, and nothing of what stands in a PDF."""

from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import ConcernKind, Event, Function
from schemas.events import check
from schemas.message import Identifier, Professional
from tests import itk3

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
REFERRAL = "3457005"


@pytest.fixture
def told(translate):
    """What a document of these resources comes to; `header` are elements of the message's header."""

    def of(*resources, composition=None, patient=None, **header):
        listed = (composition or itk3.composition(), patient or itk3.patient(), itk3.AUTHOR, *resources)
        return translate("gp", itk3.in_xml(itk3.message(itk3.document(*listed), **header)))

    return of


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


# --- the samples --------------------------------------------------------------------------------------------------


def test_the_published_consultation_report_asks_the_patients_practice(sample, translate):
    found = translate("gp", sample("gpconnect-stu3/consultation_report.xml"))
    message = _only(found)
    assert (message.event, message.kind) == (Event.INFORMATION, Function.GENERAL_PRACTICE)
    assert message.occurred == datetime(2019, 7, 10, 10, tzinfo=UTC)
    assert [fact.value for fact in message.facts] == [
        "Consultation report. The document itself is not passed on: ask its sender for it."
    ]
    assert message.author is not None
    assert message.author.name == "Dr Gary Pritchard"
    assert [person.birth_date for person in message.people] == [date(1957, 1, 9)]
    assert [warning.path for warning in found.warnings] == ["Bundle"]


# --- what a document says -----------------------------------------------------------------------------------------


def test_a_safeguarding_flag_is_a_concern_in_its_own_words(told):
    message = _only(told(itk3.flag(), event="ITK014M"))
    assert (message.event, message.kind, message.subjects) == (Event.CONCERN, ConcernKind.OTHER, ("patient",))
    assert [(fact.code, fact.value, fact.about) for fact in message.facts] == [
        ("concern-detail", "Bruise seen on a child who does not crawl", "patient")
    ]
    assert message.author == Professional(
        name="Dr Tom Marsh",
        identifier=Identifier(system="https://fhir.nhs.uk/Id/sds-user-id", value="555000000001"),
    )


def test_a_flag_whose_code_is_of_one_kind_is_a_concern_of_that_kind(told):
    coded = {"coding": [{"system": itk3.SNOMED, "code": "415685003", "display": "Suspected alcohol abuse"}]}
    message = _only(told(itk3.flag(code=coded)))
    assert (message.kind, message.facts[0].value) == (ConcernKind.SUBSTANCE_MISUSE, "Suspected alcohol abuse")


def test_a_flag_about_another_patient_is_a_concern_about_that_one(told):
    brother = itk3.patient(id="brother", identifier=[], birthDate="2020-05-02")
    message = _only(told(itk3.flag(subject={"reference": "urn:uuid:brother"}), brother))
    assert message.subjects == ("person-2",)
    assert [(person.key, person.birth_date) for person in message.people] == [("person-2", date(2020, 5, 2))]


@pytest.mark.parametrize(
    "elements", [{"status": "inactive"}, {"status": "entered-in-error"}, {"meta": {"versionId": "1"}}]
)
def test_a_flag_that_is_over_or_of_something_else_raises_no_concern(elements, told):
    assert _only(told(itk3.flag(**elements))).event is Event.INFORMATION


def test_a_flag_that_stands_twice_is_one_concern(told):
    assert _only(told(itk3.flag(), itk3.flag())).event is Event.CONCERN


@pytest.mark.parametrize("form", [itk3.in_xml, itk3.in_json])
def test_what_stands_beside_a_document_belongs_to_it(form, translate):
    found = translate("gp", form(itk3.scattered()))
    message = _only(found)
    assert (message.event, message.subjects, message.labels) == (Event.CONCERN, ("patient",), {"NOPAT"})
    assert message.author is not None
    assert message.author.name == "Dr Tom Marsh"
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[1].resource"]
    other = itk3.scattered()
    other["entry"][5]["resource"]["code"]["text"] = "Another"
    again = translate("gp", form(other))
    assert again.key == found.key
    assert again.content_key != found.content_key


def test_a_flag_about_nobody_is_quarantined(told):
    found = told(itk3.flag(subject={"reference": "urn:uuid:nobody"}))
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == ["Bundle.entry[2].resource.entry[3].resource.subject"]


def test_a_referral_asks_the_service_that_its_code_names(told):
    asked = itk3.section("Referral details", "referral-details", "<p>Please weigh her weekly.</p>")
    asked["code"]["coding"][0]["system"] = itk3.HEADINGS
    message = _only(told(itk3.service(itk3.HEALTH_VISITING), composition=itk3.composition(REFERRAL, section=[asked])))
    assert (message.event, message.kind) == (Event.REFERRAL, Function.HEALTH_VISITING)
    assert [(fact.code, fact.value) for fact in message.facts] == [("referral-reason", "Please weigh her weekly.")]


def test_social_services_are_those_of_children_when_it_is_a_child(told):
    referral = itk3.composition("306238000")
    assert _only(told(composition=referral)).kind == Function.CHILDRENS_SOCIAL_CARE
    adult = told(composition=referral, patient=itk3.patient(birthDate="1990-01-01"))
    assert isinstance(adult, Quarantine)


@pytest.mark.parametrize("codes", [(), ("310000008", itk3.HEALTH_VISITING), ("310080006",)])
def test_a_referral_whose_service_is_not_certain_is_kept_for_people(codes, told):
    found = told(itk3.service(*codes) if codes else itk3.ATTACHMENT, composition=itk3.composition(REFERRAL))
    assert isinstance(found, Quarantine)
    assert [(problem.path, problem.code) for problem in found.problems] == [
        ("Bundle.entry[2].resource.entry[0].resource.type", "not-supported")
    ]


def test_a_referral_with_a_flag_is_a_referral_and_a_concern(told):
    found = told(itk3.service(itk3.HEALTH_VISITING), itk3.flag(), composition=itk3.composition(REFERRAL))
    assert isinstance(found, Notifications)
    assert [message.event for message in found.messages] == [Event.REFERRAL, Event.CONCERN]
    assert found.key == found.messages[0].id


@pytest.mark.parametrize(("born", "event"), [("2008-02-26", Event.NOT_BROUGHT), ("2008-02-25", Event.DID_NOT_ATTEND)])
def test_a_missed_appointment_is_a_childs_until_eighteen(born, event, told):
    message = _only(told(itk3.appointment(), patient=itk3.patient(birthDate=born)))
    assert (message.event, message.kind) == (event, "paediatrics")
    assert message.occurred == datetime(2026, 2, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        ({"participant": [{"status": "accepted"}]}, "participant"),
        ({"start": None}, "start"),
        ({"participant": [{"actor": {"reference": "urn:uuid:undated"}, "status": "accepted"}]}, "participant"),
    ],
)
def test_a_missed_appointment_of_nobody_knows_whom_or_when_is_quarantined(elements, place, told):
    made = {name: value for name, value in itk3.appointment(**elements).items() if value is not None}
    undated = itk3.patient(id="undated")
    del undated["birthDate"]
    found = told(made, undated)
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == [f"Bundle.entry[2].resource.entry[3].resource.{place}"]


def test_a_document_for_information_without_any_of_these_is_nobodys_business(told):
    found = told(extension=[itk3.handling(recipient="FI")])
    assert isinstance(found, Ignored)


def test_a_document_of_which_nobody_says_what_to_do_is_not_lost(translate):
    assert _only(translate("gp", itk3.in_json(itk3.document()))).event is Event.INFORMATION


def test_a_pdf_is_not_read(told):
    assert itk3.PDF not in repr(told(itk3.ATTACHMENT))


# --- the same again -----------------------------------------------------------------------------------------------


def test_a_document_sent_again_in_another_message_is_the_same(translate):
    one = translate("gp", itk3.in_xml(itk3.message()))
    other = translate("gp", itk3.in_json(itk3.message(id_="m-2", timestamp="2026-03-01T00:00:00+00:00")))
    assert (one.key, one.content_key, one.messages[0].id) == (other.key, other.content_key, other.messages[0].id)
    changed = translate("gp", itk3.in_xml(itk3.message(itk3.document(itk3.composition(title="Other"), itk3.patient()))))
    assert changed.key == one.key
    assert changed.content_key != one.content_key


def test_a_document_entered_in_error_withdraws_it(translate):
    one = translate("gp", itk3.in_xml(itk3.message()))
    found = translate(
        "gp", itk3.in_xml(itk3.message(itk3.document(itk3.composition(status="entered-in-error"), itk3.patient())))
    )
    message = _only(found)
    assert (message.event, message.reference, message.people) == (Event.WITHDRAW, one.messages[0].id, ())
    assert message.id != one.messages[0].id


def test_a_next_version_refers_to_the_one_before(told):
    replaced = {"code": "replaces", "targetIdentifier": {"system": "https://gp.example/document", "value": "doc-1"}}
    before = _only(told(itk3.flag()))
    after = _only(told(itk3.flag(), composition=itk3.composition(identifier="doc-2", relatesTo=[replaced])))
    assert after.reference == before.id


def test_an_acknowledgement_is_nobodys_business(translate):
    answer = itk3.bundle(
        itk3.message(response={"identifier": "m-1", "code": "ok"}, focus=[{"reference": "urn:uuid:x"}])["entry"][0][
            "resource"
        ]
    )
    assert isinstance(translate("gp", itk3.in_xml(answer)), Ignored)


@pytest.mark.parametrize("reference", ["urn:uuid:author", "urn:uuid:nobody"])
def test_a_document_about_nobody_is_quarantined(reference, told):
    found = told(composition=itk3.composition(subject={"reference": reference}))
    assert isinstance(found, Quarantine)
    assert found.problems[0].path == "Bundle.entry[2].resource.entry[0].resource.subject"
