"""ITK3 messages and documents: what is carried, how it is to be handled, what the sections say."""

from datetime import UTC, datetime

import pytest

from adapters.itk3 import HANDLING, Handling, Itk3, narrative, read, sections
from adapters.patients import person
from tests import itk3

NARRATIVE = "<table><tr><th>Referral to</th><td>Paediatrics<br/>Ward 3</td></tr></table><p>Seen <b>today</b></p>"


def _read(body):
    found = read(body)
    assert isinstance(found, Itk3), found
    return found


def _document(body):
    found = _read(body).document
    assert found is not None
    return found


@pytest.mark.parametrize("form", [itk3.in_xml, itk3.in_json])
def test_a_message_is_read_in_either_form(form):
    found = _read(form(itk3.message()))
    assert (found.event, found.sender, found.sent) == ("ITK007C", "M85001", datetime(2026, 2, 27, 9, 30, tzinfo=UTC))
    assert found.handling == Handling(
        infrastructure=True,
        business=True,
        for_action=True,
        definition="https://fhir.nhs.uk/MessageDefinition/x",
        sender_reference="consultation-1",
        local="SendDocument-ConsultationSummary",
    )
    document = found.document
    assert document is not None
    assert (document.types, document.written) == ({"371531000"}, datetime(2026, 2, 26, 16, 5, tzinfo=UTC))
    assert document.subject is not None
    somebody, doubts = person(document.subject, "patient", document)
    assert (somebody.family, somebody.given, doubts, found.warnings) == ("Okafor", ("Ada",), (), ())


def test_the_published_sample_is_read_out_of_the_page_it_stands_in(sample):
    found = _read(sample("gpconnect-stu3/consultation_report.xml"))
    assert (found.event, found.sender, found.handling.business) == ("ITK007C", "GP0001", True)
    assert [warning.path for warning in found.warnings] == ["Bundle"]
    assert found.document is not None
    assert found.document.subject is not None
    assert found.document.subject.path == "Bundle.entry[2].resource.entry[4].resource"


def test_a_document_by_itself_wants_no_acknowledgement():
    found = _read(itk3.in_xml(itk3.document()))
    assert (found.header, found.event, found.sender) == (None, None, "M85001")
    assert found.handling == Handling(infrastructure=False)
    assert _document(itk3.in_xml(itk3.document())).id == _document(itk3.in_xml(itk3.message())).id


def test_the_same_document_in_another_message_is_the_same():
    one = _document(itk3.in_xml(itk3.message()))
    again = itk3.message(
        itk3.document() | {"id": "document", "meta": {"versionId": "2"}},
        id_="m-2",
        timestamp="2026-03-01T08:00:00+00:00",
    )
    other = _document(itk3.in_json(again))
    assert (other.id, other.content_key) == (one.id, one.content_key)


@pytest.mark.parametrize("form", [itk3.in_xml, itk3.in_json])
def test_a_large_file_is_not_read_and_another_file_is_other_content(form):
    def attached(letter):
        pdf = itk3.ATTACHMENT | {"content": letter * 1_200_000}
        return _document(form(itk3.message(itk3.document(itk3.composition(), itk3.patient(), pdf))))

    one, other = attached("A"), attached("B")
    assert (one.id, one.content_key) == (attached("A").id, attached("A").content_key)
    assert one.id == other.id
    assert one.content_key != other.content_key
    assert all(len(repr(document.content)) < 10_000 for document in (one, other))


def test_a_next_version_names_the_one_it_replaces():
    replaced = {"code": "replaces", "targetIdentifier": {"system": "https://gp.example/document", "value": "doc-1"}}
    newer = itk3.composition(identifier="doc-2", relatesTo=[replaced])
    found = _document(itk3.in_xml(itk3.message(itk3.document(newer, itk3.patient()))))
    assert found.replaces == _document(itk3.in_xml(itk3.message())).id
    assert found.id != found.replaces


def test_without_its_handling_receipt_is_acknowledged():
    found = _read(itk3.in_xml(itk3.message(extension=[{"url": "https://gp.example/x", "valueString": "x"}])))
    assert found.handling == Handling(infrastructure=True, business=False, for_action=None)
    assert [warning.path for warning in found.warnings] == [f"Bundle.entry[0].resource.extension('{HANDLING}')"]


def test_an_answer_carries_no_document():
    answer = itk3.message(response={"identifier": "m-1", "code": "ok"}, focus=[{"reference": "urn:uuid:outcome"}])
    answer["entry"][2] = {
        "fullUrl": "urn:uuid:outcome",
        "resource": {
            "resourceType": "OperationOutcome",
            "id": "outcome",
            "issue": [{"severity": "information", "code": "informational"}],
        },
    }
    assert _read(itk3.in_xml(answer)).document is None


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (itk3.bundle(itk3.patient()), "Bundle"),
        (itk3.bundle(itk3.message()["entry"][0]["resource"], itk3.patient()), "Bundle.entry[0].resource.focus"),
        (itk3.message(focus=[{"reference": "urn:uuid:sender"}]), "Bundle.entry[0].resource.focus"),
        (itk3.message(itk3.document() | {"type": "collection"}), "Bundle.entry[2].resource.type"),
        (itk3.message(itk3.document(itk3.patient())), "Bundle.entry[2].resource"),
        (itk3.document(itk3.patient()), "Bundle"),
    ],
)
def test_what_is_no_document_is_a_problem_with_its_place(content, path):
    found = read(itk3.in_json(content))
    assert isinstance(found, tuple)
    assert found[0].path == path


def test_a_forgotten_focus_is_the_one_document_there_is():
    content = itk3.message()
    del content["entry"][0]["resource"]["focus"]
    assert _document(itk3.in_json(content)).id == _document(itk3.in_json(itk3.message())).id


def test_sections_are_told_with_their_rows_and_text():
    inner = itk3.section("Inside", "2")
    outer = itk3.section("Outside", "1", NARRATIVE, "pdf") | {"section": [inner]}
    one, two = sections(
        _document(itk3.in_xml(itk3.message(itk3.document(itk3.composition(section=[outer]), itk3.patient()))))
    )
    assert (one.title, one.codes, one.rows) == ("Outside", frozenset("1"), (("Referral to", "Paediatrics Ward 3"),))
    assert one.text == "Referral to Paediatrics Ward 3 Seen today"
    assert (two.title, two.rows, two.text) == ("Inside", (), "")
    assert two.path == "Bundle.entry[2].resource.entry[0].resource.section[0].section[0]"


@pytest.mark.parametrize(
    "div", [None, "", "<div>", "<div>&nbsp;</div>", '<!DOCTYPE d [<!ENTITY a "b">]><div>&a;</div>']
)
def test_a_narrative_that_cannot_be_read_says_nothing(div):
    assert narrative(div) == ((), "")
