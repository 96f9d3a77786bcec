"""A practice sends a document as GP systems send it, and its own system reads what became of it: ITK3 in, ITK3 back."""

from datetime import UTC, datetime

import pytest

from adapters.itk3 import Itk3, parsed, read
from schemas.codes import Event, ResponseReason
from tests import itk3
from tests.journeys.actors import FHIR, Somebody

ENGINES = ["sqlite"]  # what is kept and told is any notification's; which bytes leave does not depend on the database
XML = "application/fhir+xml; charset=utf-8"
DOCTOR = Somebody("Dr Imran Shah", "general-practitioner")


def letter(event="ITK007C", **handling):
    """A consultation report of Harborne about a man who is registered in Sandwell."""
    registered = itk3.patient(
        birthDate="1987-01-09", gender="male", generalPractitioner=[{"reference": "urn:uuid:registered"}]
    )
    document = itk3.document(itk3.composition(), registered, itk3.AUTHOR, itk3.organisation("registered", "Y90002"))
    return itk3.message(document, event=event, extension=[itk3.handling(**handling)])


@pytest.fixture
def practices(office, clock):
    """Harborne, whose system reads ITK3, and Sandwell, whose system reads FHIR."""
    clock.time = datetime(2026, 2, 27, 9, 31, tzinfo=UTC)
    office.put("/admin/teams/harborne-practice/channel", {"kind": "mailbox", "format": "native"})
    return office.system("harborne-practice"), office.system("sandwell-practice")


def told(team):
    """Everything in a mailbox as its media type and bytes."""
    entries = team.inbox(after=0, limit=500)
    answers = [team.call("GET", f"/mailbox/inbox/{entry['id']}") for entry in entries]
    return [(answer.headers["content-type"], answer.content) for answer in answers]


def acknowledgement(body):
    """Of an ITK Response: what it answers, code of the response, ITK3 code, ODS code of whoever answers."""
    found = read(body)
    assert isinstance(found, Itk3), found
    assert (found.event, found.document) == ("ITK008M", None)
    said = found.header.response
    outcome = _resource(body, "OperationOutcome")
    return said.identifier, said.code, outcome["issue"][0]["details"]["coding"][0]["code"], found.sender


def _resource(body, kind):
    bundle, _ = parsed(body)
    assert bundle is not None
    return next(one["resource"] for one in bundle.content["entry"] if one["resource"]["resourceType"] == kind)


def test_receipt_and_answer_come_back_in_the_senders_own_standard(practices):
    sender, registered = practices
    assert sender.sends_native("gp", itk3.in_xml(letter()), XML).status == 200
    [(kind, receipt)] = told(sender)
    assert kind == XML
    assert acknowledgement(receipt) == ("m-1", "ok", "20013", None)

    copy = registered.copy_of(Event.INFORMATION)
    assert copy.facts["note"].startswith("Document. The document itself is not passed on")
    registered.accepts(copy.task, "Registered here; his doctor rings him tomorrow.")
    _, (kind, answer) = told(sender)
    assert kind == XML
    assert acknowledgement(answer) == ("m-1", "ok", ResponseReason.KNOWN_HERE, "Y90002")
    assert told(sender)[1] == (kind, answer)  # the same whenever it is asked for


def test_a_patient_who_is_not_known_is_a_fatal_error_of_itk3(practices):
    sender, registered = practices
    assert sender.sends_native("gp", itk3.in_json(letter(infrastructure=False)), FHIR).status == 200
    registered.declines(registered.copy_of(Event.INFORMATION).task, ResponseReason.NOT_KNOWN, "Left in May.")
    [(kind, answer)] = told(sender)
    assert kind == FHIR  # ITK3 in the form in which it came
    assert acknowledgement(answer) == ("m-1", "fatal-error", ResponseReason.NOT_KNOWN, "Y90002")


def test_what_is_not_asked_for_in_itk3_is_told_in_fhir(practices):
    sender, registered = practices
    quiet = letter(business=False, infrastructure=False)
    assert sender.sends_native("gp", itk3.in_xml(quiet), XML).status == 200
    registered.accepts(registered.copy_of(Event.INFORMATION).task, "Registered here.")
    [(kind, body)] = told(sender)
    assert kind == FHIR
    assert b'"resourceType":"Task"' in body


def test_a_document_that_cannot_be_used_is_acknowledged_as_such(practices):
    sender, _ = practices
    nobody = itk3.message(itk3.document(itk3.composition(subject={"reference": "urn:uuid:x"}), itk3.patient()))
    assert sender.sends_native("gp", itk3.in_xml(nobody), XML).status == 400
    [(kind, body)] = told(sender)
    assert kind == XML
    assert acknowledgement(body) == ("m-1", "fatal-error", "20009", None)


def test_of_several_who_are_asked_the_first_yes_is_the_answer(practices, office):
    """A safeguarding flag goes to the child's health visitors and practice; one knows nothing of the child, which ends nothing."""
    sender, registered = practices
    visitors = office.system("bcht-health-visiting")
    child = itk3.patient(
        address=[{"line": ["1 Vivian Road"], "postalCode": "B17 0DT"}],
        generalPractitioner=[{"reference": "urn:uuid:registered"}],
    )
    record = itk3.document(
        itk3.composition(), child, itk3.AUTHOR, itk3.organisation("registered", "Y90002"), itk3.flag()
    )
    flagged = itk3.message(record, event="ITK014M", extension=[itk3.handling(infrastructure=False)])
    assert sender.sends_native("gp", itk3.in_xml(flagged), XML).status == 200
    registered.declines(registered.copy_of(Event.CONCERN).task, ResponseReason.NOT_KNOWN, "Not on our list.")
    [(kind, _)] = told(sender)
    assert kind == FHIR
    visitors.accepts(visitors.copy_of(Event.CONCERN).task, "Known to us; she is visited today.")
    kind, answer = told(sender)[-1]
    assert kind == XML
    assert acknowledgement(answer) == ("m-1", "ok", ResponseReason.KNOWN_HERE, None)
