"""Who a case number belongs to, as HMPPS services answer, and what leaves it open; invented people only."""

import json
from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Lookup, Notifications, Pointer, Quarantine, Record
from adapters.probation import Probation
from schemas.codes import Event
from schemas.events import check
from schemas.identifiers import CRN, NHS_NUMBER, NOMS_NUMBER
from schemas.message import Identifier, PostalAddress

BODY = json.dumps(
    {
        "eventType": "probation-case.sentence.created",
        "version": 1,
        "occurredAt": "2026-03-02T10:00:00Z",
        "personReference": {"identifiers": [{"type": "CRN", "value": "X540660"}, {"type": "NOMS", "value": "A0001AA"}]},
    }
).encode()
CASE, PRISONER = Identifier(system=CRN, value="X540660"), Identifier(system=NOMS_NUMBER, value="A0001AA")
OF_A_CASE = {
    "identifiers": {"deliusId": 1, "crn": "X540660", "nomsId": "A0001AA", "pnc": "2004/0712343H", "nhsNumber": "999 000 0018"},
    "name": {"forename": "Sam", "middleName": "Lee Jo", "surname": "Cole", "preferred": "Sammy"},
    "dateOfBirth": "1994-05-05",
    "gender": {"code": "M", "description": "Male"},
    "contactDetails": {"telephone": "0121 496 0000"},
    "aliases": [{"name": {"forename": "Al", "surname": "Ias"}, "dateOfBirth": "1990-01-01"}],
    "addresses": [
        {"fullAddress": "Gate, 1 Old Row, Leeds, LS1 1AA", "postcode": "LS1 1AA", "noFixedAbode": False, "status": {"code": "P"},
         "startDate": "2020-01-01", "endDate": "2021-01-01"},
        {"fullAddress": "2 New Row, Leeds, LS17 6BA", "postcode": "LS17 6BA", "noFixedAbode": False, "status": {"code": "M"},
         "startDate": "2021-01-02", "endDate": None},
        {"fullAddress": "3 Aunt Row, Leeds, LS2 2BB", "postcode": "LS2 2BB", "noFixedAbode": False, "status": {"code": "B"}},
    ],
    "excludedFrom": None,
    "restrictedTo": None,
    "sentences": [],
}  # fmt: skip
OF_A_PRISONER = {
    "prisonerNumber": "A0001AA",
    "pncNumber": "04/712343H",
    "firstName": "SAM",
    "middleNames": "LEE",
    "lastName": "COLE",
    "dateOfBirth": "1994-05-05",
    "gender": "Male",
    "addresses": [{"fullAddress": "2 New Row, Leeds", "postalCode": "LS17 6BA", "primaryAddress": True}],
}


def complete(said: object, subject: Identifier = CASE):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Probation().complete(
        BODY, "application/json", Lookup(client="x", subject=subject), Record(body, "application/json")
    )


def test_an_event_asks_by_crn_where_it_has_one():
    event = json.loads(BODY)
    assert [(one.client, one.subject) for one in Probation().translate(BODY, None, {}).lookups] == [
        ("probation-person", CASE)
    ]
    event["personReference"]["identifiers"].pop(0)
    only_noms = Probation().translate(json.dumps(event).encode(), None, {})
    assert [(one.client, one.subject) for one in only_noms.lookups] == [("prison-person", PRISONER)]


def test_a_case_record_says_who_it_is_and_no_more_than_is_needed():
    [message] = complete(OF_A_CASE).messages
    assert (message.event, message.kind) == (Event.IDENTIFIER_CHANGE, "resolved")
    [person] = message.people
    assert person.identifiers == (CASE, PRISONER, Identifier(system=NHS_NUMBER, value="9990000018"))
    assert (person.family, person.given, person.birth_date, person.gender) == (
        "Cole",
        ("Sam", "Lee", "Jo"),
        date(1994, 5, 5),
        "male",
    )
    assert person.addresses == (
        PostalAddress(lines=("2 New Row", "Leeds"), postcode="LS17 6BA", since=date(2021, 1, 2)),
    )


def test_a_prison_record_says_who_it_is():
    [message] = complete(OF_A_PRISONER, PRISONER).messages
    [person] = message.people
    assert (person.identifiers, person.family, person.given) == ((PRISONER,), "COLE", ("SAM", "LEE"))
    assert person.addresses == (PostalAddress(lines=("2 New Row", "Leeds"), postcode="LS17 6BA"),)


def test_the_same_record_is_the_same_message_and_another_is_another():
    first, again = complete(OF_A_CASE), complete(json.dumps(OF_A_CASE, indent=1).encode())
    assert first == again
    assert isinstance(first, Notifications)
    assert first.messages[0].id not in {message.id for message in Probation().translate(BODY, None, {}).messages}
    assert complete(OF_A_CASE | {"dateOfBirth": "1994-05-06"}).messages[0].id != first.messages[0].id


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        [{"fullAddress": "x", "postcode": "NF1 1NF", "noFixedAbode": True, "status": {"code": "M"}}],
        [{"fullAddress": "1 A", "status": {"code": "B"}}, {"fullAddress": "2 A", "status": {"code": "B"}}],
        [None, 7, {"fullAddress": 7}],
        {},
    ],
)
def test_where_somebody_lives_is_not_guessed(addresses):
    assert complete(OF_A_CASE | {"addresses": addresses}).messages[0].people[0].addresses == ()


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (OF_A_CASE | {"identifiers": {"crn": "X540661"}}, "identifiers.crn"),
        (OF_A_CASE | {"identifiers": None}, "identifiers.crn"),
        (OF_A_CASE | {"name": {"forename": "Sam"}}, "name"),
        (OF_A_CASE | {"dateOfBirth": "5 May 1994"}, "dateOfBirth"),
        (OF_A_CASE | {"restrictedTo": {"users": [{"username": "x"}]}}, "restrictedTo"),
        (OF_A_CASE | {"excludedFrom": {"message": "x", "users": []}}, "restrictedTo"),
        ([OF_A_CASE], "$"),
        (b"<html>", "$"),
        ({}, "identifiers.crn"),
    ],
)
def test_what_says_nobody_for_certain_is_kept_for_people(said, path):
    outcome = complete(said)
    assert isinstance(outcome, Quarantine)
    assert [problem.path for problem in outcome.problems] == [path]
    assert not any("X540661" in problem.reason or "1994" in problem.reason for problem in outcome.problems)


# --- where somebody lives, and who has their case now -------------------------------------------------------------

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OFFICER = {"id": 7, "case": {"crn": "X540660"}, "team": {"code": "N07ACH", "description": "x"}, "provider": {"code": "N07"},
           "unallocated": False, "name": {"forename": "A", "surname": "Officer"}}  # fmt: skip


def of(event_type: str) -> bytes:
    return json.dumps(json.loads(BODY) | {"eventType": event_type}).encode()


def completed(event_type: str, client: str, said: object):
    lookup = Lookup(client=client, subject=CASE, completes=True)
    return Probation().complete(
        of(event_type), "application/json", lookup, Record(json.dumps(said).encode(), "application/json")
    )


@pytest.mark.parametrize("event_type", ["probation-case.address.updated", "approved-premises.person.arrived"])
def test_an_address_is_read_from_the_record_of_the_case(event_type):
    pointer = Probation().translate(of(event_type), None, {})
    assert isinstance(pointer, Pointer)
    assert pointer.lookup == Lookup(client="probation-person", subject=CASE)
    [message] = completed(event_type, "probation-person", OF_A_CASE).messages
    assert (message.event, message.id != pointer.key) == (Event.CHANGE_OF_ADDRESS, True)
    assert message.people[0].addresses[0].postcode == "LS17 6BA"
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    assert isinstance(completed(event_type, "probation-person", OF_A_CASE | {"addresses": []}), Ignored)


def test_changed_particulars_are_read_from_the_record_of_the_case():
    assert isinstance(Probation().translate(of("probation-case.personal-details.updated"), None, {}), Pointer)
    assert completed("probation-case.personal-details.updated", "probation-person", OF_A_CASE) == complete(OF_A_CASE)


def test_a_case_that_goes_to_another_provider_is_a_transfer_to_the_team_that_has_it_now():
    event_type = "person.community.manager.transferred"
    told = Probation().translate(of(event_type), None, {})
    assert [message.event for message in told.messages] == [
        Event.SUPERVISION_CHANGE
    ]  # at once, to whoever it may concern
    assert told.lookups[1:] == (Lookup(client="probation-manager", subject=CASE, completes=True),)
    [message] = completed(event_type, "probation-manager", OFFICER).messages
    assert (message.event, message.to, message.people[0].identifiers) == (
        Event.TRANSFER,
        ("delius-n07ach",),
        (CASE, PRISONER),
    )
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    assert "Officer" not in repr(message)
    assert len(Probation().translate(of("person.community.manager.allocated"), None, {}).lookups) == 1


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (OFFICER | {"case": {"crn": "X540661"}}, "case.crn"),
        (OFFICER | {"team": {"code": "N07 / ACH"}}, "team.code"),
        (OFFICER | {"team": None}, "team.code"),
        ([], "$"),
    ],
)
def test_who_has_a_case_is_not_guessed(said, path):
    found = completed("person.community.manager.transferred", "probation-manager", said)
    assert [problem.path for problem in found.problems] == [path]
    assert isinstance(
        completed("person.community.manager.transferred", "probation-manager", OFFICER | {"unallocated": True}), Ignored
    )
