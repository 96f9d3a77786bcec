"""Signals of MNS: what each public sample comes to, what a signal says itself, and what it comes to with the record it points to."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.port import Completing, Ignored, Lookup, Notifications, Pointer, Quarantine, Record
from adapters.registry import ADAPTERS
from schemas.codes import Event
from schemas.events import check
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier
from tests.mns import FORMER, KEPT, OTHER, cloud_event, died, first_version, history, immunization, patient, raw

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "samples"
SIGNALS = sorted(f"{path.parent.name}/{path.name}" for path in SAMPLES.glob("mns-*/*.json"))
OF_THE_SPINE = Lookup(client="pds", subject=Identifier(system=NHS_NUMBER, value="9912003888"))
CONTENT_TYPE = "application/cloudevents+json"


@pytest.fixture
def read(translate):
    return lambda body: translate("health-visiting", body if isinstance(body, bytes) else raw(body))


@pytest.fixture
def complete():
    """What the adapter makes of an event with a record."""
    adapter = ADAPTERS["health-visiting"]
    assert isinstance(adapter, Completing)

    def complete(event, record):
        body = raw(event)
        pointer = adapter.translate(body, CONTENT_TYPE, {})
        assert isinstance(pointer, Pointer), pointer
        found = adapter.complete(
            body, CONTENT_TYPE, pointer.lookup, Record(json.dumps(record).encode(), "application/fhir+json")
        )
        assert found == adapter.complete(
            body, CONTENT_TYPE, pointer.lookup, Record(json.dumps(record).encode(), "application/fhir+json")
        )
        if isinstance(found, Notifications):
            # The row of the pointer has reserved its key.
            assert pointer.key not in {message.id for message in found.messages}
        return found

    return complete


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


# --- the samples ----------------------------------------------------------------------------------------------------

COMES_TO = {
    "mns-cloudevents/baseMnsCloudEventSignal.json": OF_THE_SPINE,
    "mns-cloudevents/gpregChangeGpRequestSignal.json": Ignored,
    "mns-cloudevents/nhsNumberChange2Signal.json": OF_THE_SPINE,
    "mns-cloudevents/pdsChangeOfGp2Signal.json": OF_THE_SPINE,
    "mns-cloudevents/pdsDeath2Signal.json": OF_THE_SPINE,
    "mns-r4/gpreg-change-gp-req-1__hydrated-signal.json": Ignored,
    "mns-r4/patientflags-change-1__signal.json": Ignored,
    "mns-r4/pds-change-of-gp-2__signal.json": OF_THE_SPINE,
    "mns-r4/pds-record-change-2__signal.json": OF_THE_SPINE,
}


def test_the_table_has_every_sample():
    assert sorted(COMES_TO) == SIGNALS


@pytest.mark.parametrize("name", SIGNALS)
def test_a_sample_comes_to(name, sample, read):
    found = read(sample(name))
    expected = COMES_TO[name]
    assert found.lookup == expected if isinstance(expected, Lookup) else isinstance(found, expected)


@pytest.mark.parametrize(
    "name",
    [
        "nems-stu3/BirthNotificationWithMother.xml",
        "nems-stu3/nipe-outcome-1-new.xml",
        "gpconnect-stu3/consultation_report.xml",
        "hl7v2-ms/ADT-A05-02.hl7",
        "bars-r4/Booking_POST_.json",
        "bars-r4/ValidationResponse_POST_.json",
        "fhir-r4/bundle-transaction.json",
        "v2-to-fhir/FHIR_bundle.hl7_ADT_A01.json",
        "hmpps/tier-calculation.json",
    ],
)
def test_what_is_no_event_of_health_visiting_is_quarantined(name, sample, read):
    assert isinstance(read(sample(name)), Quarantine)


# --- the same event again -------------------------------------------------------------------------------------------


def test_a_cloud_event_and_an_r4_bundle_of_one_event_are_one(read):
    one, other = read(cloud_event("pds-change-of-gp-2")), read(history("pds-change-of-gp-2"))
    assert (one.key, one.content_key) == (other.key, other.content_key)


def test_a_type_or_an_id_of_its_own_is_another_event(read):
    """The samples share one id."""
    events = [
        cloud_event("pds-change-of-gp-2"),
        cloud_event("pds-death-notification-2"),
        cloud_event("pds-change-of-gp-2", id="0"),
    ]
    assert len({read(body).key for body in events}) == len(events)


def test_another_subject_under_the_same_id_is_told_apart(read):
    one, other = read(cloud_event("pds-change-of-gp-2")), read(cloud_event("pds-change-of-gp-2", subject=OTHER))
    assert one.key == other.key
    assert one.content_key != other.content_key


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (cloud_event("pds-change-of-gp-2", subject=...), "subject"),
        (cloud_event("pds-change-of-gp-2", subject="Canary"), "subject"),
        (cloud_event("pds-change-of-gp-2", subject={"familyName": "SMITH"}), "subject.nhsNumber"),
        (cloud_event("pds-change-of-gp-2", time="2026-02-10T09:30:00"), "time"),
        (cloud_event("pds-change-of-gp-2", id=...), "id"),
        (cloud_event("teatime-1"), "type"),
        (cloud_event(...), "type"),
        (cloud_event("patientflags-change-1", dataref="https://api.service.nhs.uk/x?code=OTHER"), "type"),
        (history("pds-change-of-gp-2", entry=[]), "Bundle.entry[0].resource"),
        (b"[]", "Bundle"),
        (b'{"a":1}', "type"),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_its_place(body, path, read):
    found = read(body)
    assert isinstance(found, Quarantine), found
    assert path in {problem.path for problem in found.problems if problem.severity == "error"}


@pytest.mark.parametrize("kind", ["handshake", "heartbeat"])
def test_a_subscription_itself_is_ignored(kind, read):
    assert isinstance(read(history("pds-change-of-gp-2", kind=kind)), Ignored)


# --- what a signal of the first version says itself -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "deceased"), [("1", "informal", True), ("2", "formal", True), ("U", "removal", False)]
)
def test_a_death_of_the_first_version_is_told_at_once(status, kind, deceased, read):
    message = _only(read(first_version("pds-death-notification-1", deathNotificationStatus=status)))
    person = message.person("person")
    assert (message.event, message.kind, person.deceased) == (Event.DEATH, kind, deceased)
    assert (person.family, person.birth_date) == ("SMITH", date(2024, 5, 1))
    assert person.identifiers == (Identifier(system=NHS_NUMBER, value=KEPT, verified=True),)


def test_an_invalidated_number_is_sealed(read):
    message = _only(read(first_version("nhs-number-change-1", nhsNumberStatus="I")))
    assert (message.event, message.kind, message.facts) == (Event.IDENTIFIER_CHANGE, "sealed", ())


@pytest.mark.parametrize(
    "body",
    [
        first_version("nhs-number-change-1", nhsNumberStatus="R"),
        first_version("pds-death-notification-1", deathNotificationStatus="9"),
        first_version("pds-death-notification-1", deathNotificationStatus={}),
        first_version("pds-change-of-gp-1", registrationEncounterCode="3"),
        cloud_event(
            "pds-death-notification-1",
            subject={"nhsNumber": KEPT, "familyName": "SMITH", "dob": "2024"},
            data={"deathNotificationStatus": "2"},
        ),
    ],
)
def test_what_the_first_version_does_not_say_is_looked_up(body, read):
    assert read(body).lookup.subject.value == KEPT


def test_a_vaccination_of_the_first_version_is_told_in_its_words(read):
    message = _only(read(first_version("imms-vaccinations-1", immunisationType="FLU")))
    assert [(fact.code, fact.value) for fact in message.facts] == [("immunisation", "FLU")]


# --- with the record of the Spine -----------------------------------------------------------------------------------


def test_a_change_of_practice_with_its_record(complete):
    message = _only(complete(cloud_event("pds-change-of-gp-2"), patient()))
    assert (message.event, message.kind) == (Event.GP_REGISTRATION, "registered")
    assert message.occurred == datetime(2026, 2, 10, 9, 30, tzinfo=UTC)
    person = message.person("person")
    assert (person.family, person.birth_date, person.practice) == ("Smith", date(2024, 5, 1), "Y12345")


def test_a_record_without_a_practice_is_a_removal(complete):
    message = _only(complete(cloud_event("pds-change-of-gp-2"), patient(generalPractitioner=...)))
    assert message.kind == "removed"


@pytest.mark.parametrize(
    ("record", "kind", "deceased"),
    [
        (died("2", deceasedDateTime="2026-02-08"), "formal", date(2026, 2, 8)),
        (died("1"), "informal", True),
        (died("U"), "removal", False),
        (patient(), "removal", False),
        (patient(deceasedDateTime="2026-02-08T04:10:00+00:00"), None, datetime(2026, 2, 8, 4, 10, tzinfo=UTC)),
    ],
)
def test_a_death_with_its_record(record, kind, deceased, complete):
    """The signal is sent when a death is removed too: it alone never says that somebody died."""
    message = _only(complete(cloud_event("pds-death-notification-2"), record))
    assert (message.kind, message.person("person").deceased) == (kind, deceased)


@pytest.mark.parametrize("event_type", ["nhs-number-change-2", "pds-record-change-2"])
def test_a_record_that_stands_under_another_number_replaces_the_one_asked_for(event_type, complete):
    message = _only(complete(cloud_event(event_type, subject=FORMER), patient()))
    assert (message.event, message.kind) == (Event.IDENTIFIER_CHANGE, "replaced")
    assert [(fact.code, fact.value) for fact in message.facts] == [("previous-nhs-number", FORMER)]
    assert [identifier.value for identifier in message.person("person").identifiers] == [KEPT]


def test_another_event_of_a_superseded_number_tells_of_the_number_first(complete):
    found = complete(cloud_event("pds-change-of-gp-2", subject=FORMER), patient())
    assert [message.event for message in found.messages] == [Event.IDENTIFIER_CHANGE, Event.GP_REGISTRATION]


def test_the_numbers_of_a_sensitive_record_are_never_linked(complete):
    record = patient(meta={"security": [{"code": "R"}]})
    assert isinstance(complete(cloud_event("nhs-number-change-2", subject=FORMER), record), Quarantine)


def test_a_record_whose_address_began_with_its_change_tells_of_the_move(complete):
    home = {"use": "home", "period": {"start": "2026-02-09"}, "line": ["2 Oak Road"], "postalCode": "LS17 7DF"}
    work = {"use": "temp", "period": {"start": "2026-02-09"}, "line": ["A hostel"], "postalCode": "LS2 7DF"}
    message = _only(complete(cloud_event("pds-record-change-2"), patient(address=[home, work])))
    assert message.event is Event.CHANGE_OF_ADDRESS
    assert [address.postcode for address in message.person("person").addresses] == ["LS17 7DF"]


@pytest.mark.parametrize("event_type", ["pds-record-change-2", "nhs-number-change-2"])
def test_a_record_with_nothing_new_tells_nothing(event_type, complete):
    assert isinstance(complete(cloud_event(event_type), patient()), Ignored)


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"resourceType": "OperationOutcome"}, "Patient"),
        (patient(identifier=...), "Patient.identifier"),
        (patient(birthDate="Canary"), "Patient.birthDate"),
        ([], "Patient"),
    ],
)
def test_a_record_that_cannot_be_read_is_quarantined_at_its_own_place(record, path, complete):
    found = complete(cloud_event("pds-change-of-gp-2"), record)
    assert isinstance(found, Quarantine)
    assert path in {problem.path for problem in found.problems}
    assert "Canary" not in repr(found)


def test_a_record_that_came_with_its_signal_is_read_at_once(read):
    message = _only(read(history("pds-change-of-gp-2", record=patient())))
    assert (message.event, message.person("person").practice) == (Event.GP_REGISTRATION, "Y12345")


def test_a_record_change_of_nems_tells_of_the_number_alone(sample):
    body = sample("nems-stu3/PDS-Record-Change.xml")
    adapter = ADAPTERS["health-visiting"]
    assert isinstance(adapter, Completing)
    pointer = adapter.translate(body, None, {})
    assert isinstance(pointer, Pointer)
    home = [{"use": "home", "period": {"start": "2019-11-01"}, "postalCode": "LS17 7DF"}]
    record = Record(json.dumps(patient(address=home, birthDate="2017-10-02")).encode(), "application/fhir+json")
    message = _only(adapter.complete(body, "", pointer.lookup, record))
    assert (message.event, message.facts[0].value) == (Event.IDENTIFIER_CHANGE, "9912003888")


# --- with the record of a vaccination -------------------------------------------------------------------------------


VACCINATED = cloud_event(
    "imms-vaccination-record-change-1", dataref="https://api.service.nhs.uk/immunisation-fhir-api/Immunization/1"
)


def test_a_vaccination_is_looked_up_at_its_own_address(read):
    assert read(VACCINATED).lookup == Lookup(
        client="immunisations", reference="https://api.service.nhs.uk/immunisation-fhir-api/Immunization/1"
    )


def test_a_vaccination_with_its_record(complete):
    message = _only(complete(VACCINATED, immunization()))
    assert (message.event, message.occurred) == (Event.IMMUNISATION, datetime(2026, 2, 9, 10, tzinfo=UTC))
    assert [fact.value.code for fact in message.facts] == ["34925411000001109"]
    assert message.person("person").family == "Smith"


def test_a_vaccination_that_was_declined(complete):
    why = {"coding": [{"system": "http://snomed.info/sct", "code": "310376006"}]}
    message = _only(complete(VACCINATED, immunization(status="not-done", statusReason=why)))
    assert message.facts[1].value.code == "declined"


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (immunization(status="entered-in-error"), Ignored),
        (immunization(contained=..., patient={"display": "x"}), Quarantine),
        (immunization(vaccineCode={"coding": [{"display": "x"}]}), Quarantine),
        (patient(), Quarantine),
    ],
)
def test_a_vaccination_that_is_not_told(record, outcome, complete):
    assert isinstance(complete(VACCINATED, record), outcome)


def test_a_vaccination_of_an_adult_is_theirs(complete):
    record = immunization()
    record["contained"][0]["birthDate"] = "1990-01-01"
    assert isinstance(complete(VACCINATED, record), Ignored)
