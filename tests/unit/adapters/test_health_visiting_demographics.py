"""What the Spine says of a person in NEMS events: practice, address, death, and a record that changed."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters import stu3
from adapters.port import Notifications, Pointer, Quarantine
from schemas.codes import Event
from schemas.events import check
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, PostalAddress

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "samples" / "nems-stu3"
GP = "nems-stu3/PDS-Change-Of-GP-ems-example.xml"
FORMAL = "nems-stu3/PDS-Death-Notification-formal-ems-example.xml"
INFORMAL = "nems-stu3/PDS-Death-Notification-informal-ems-example.xml"
RECORD = "nems-stu3/PDS-Record-Change.xml"

NEMS = sorted(f"nems-stu3/{path.name}" for path in SAMPLES.glob("P*.xml"))

DIED = b'<deceasedDateTime value="2017-11-01T15:00:00+00:00"/>'
HERSELF = (b"6101231234", b"9912003888")
"""In the samples header and Patient are of two people, the second with a number that fails its check digit."""


@pytest.fixture
def read(sample, translate):
    """What the adapter makes of a sample with some of its bytes replaced."""

    def read(name, *pairs):
        body = sample(name)
        for old, new in pairs:
            assert old in body, old
            body = body.replace(old, new)
        return translate("health-visiting", body)

    return read


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    return message


def _errors(message):
    return [problem for problem in check(message, NOW) if problem.severity == "error"]


# --- practice -----------------------------------------------------------------------------------------------------


def test_a_change_of_practice_names_both(read):
    message = _only(read(GP))
    assert (message.event, message.kind) == (Event.GP_REGISTRATION, "registered")
    assert message.occurred == datetime(2019, 11, 1, 15, tzinfo=UTC)
    assert message.person("person").practice == "B86056"
    assert [(fact.code, fact.value) for fact in message.facts] == [("previous-practice", "B85612")]
    assert check(message, NOW) == []


def test_a_practice_that_nothing_follows_is_a_removal_from_its_list(read):
    body = (b'<reference value="urn:uuid:59a63170-b769-44f7-acb1-95cc3a0cb067"/>', b"")
    message = _only(read(GP, body))
    assert (message.kind, message.person("person").practice) == ("removed", "B85612")
    assert message.facts == ()


# --- address ------------------------------------------------------------------------------------------------------

OLD = b'<address><use value="old"/><line value="1 Elm Street"/><postalCode value="WF14 0BQ"/></address>'
MOVED = (
    (b"pds-change-of-gp-1", b"pds-change-of-address-1"),
    (
        b'<address>\n\t\t\t\t\t<use value="home"/>',
        OLD + b'<address><use value="home"/>',
    ),
    (b'<postalCode value="LS17 7DF"/>', b'<postalCode value="LS17 7DF"/><period><start value="2019-10-30"/></period>'),
)


def test_a_change_of_address_tells_the_new_one_with_its_beginning(read):
    message = _only(read(GP, *MOVED))
    assert message.event is Event.CHANGE_OF_ADDRESS
    assert message.person("person").addresses == (
        PostalAddress(lines=("4 Sandmoor Drive", "LEEDS"), postcode="LS17 7DF", since=date(2019, 10, 30)),
    )
    assert _errors(message) == []


def test_a_change_of_address_with_only_the_old_one_is_quarantined(read):
    found = read(GP, *MOVED[:1], (b'<use value="home"/>', b'<use value="old"/>'))
    assert isinstance(found, Quarantine)
    assert found.problems[0].path == "Bundle.entry[3].resource.address"


# --- death --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [(FORMAL, "formal"), (INFORMAL, "informal")])
def test_a_death_is_told_with_its_standing(name, kind, read):
    message = _only(read(name))
    died = datetime(2017, 11, 1, 15, tzinfo=UTC)
    assert (message.event, message.kind, message.occurred) == (Event.DEATH, kind, died)
    assert message.person("person").deceased == died
    assert _errors(message) == []


def test_the_sample_names_two_people_and_completes_neither(read):
    found = read(FORMAL)
    assert _only(found).person("person").birth_date is None
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[2].resource.identifier"]


def test_two_whole_numbers_and_two_names_are_two_people_of_whom_no_death_is_told(read):
    found = read(FORMAL, (b"6101231234", b"9990000026"))
    assert isinstance(found, Quarantine)


def test_a_death_is_completed_with_the_date_of_birth_of_the_header(read):
    found = read(FORMAL, HERSELF, (b"JONES", b"DAWKINS"))
    assert _only(found).person("person").birth_date == date(2017, 10, 2)
    assert found.warnings == ()


def test_a_death_recorded_in_error_is_removed(read):
    message = _only(read(FORMAL, HERSELF, (b'<code value="2"/>', b'<code value="U"/>'), (DIED, b"")))
    assert (message.event, message.kind, message.person("person").deceased) == (Event.DEATH, "removal", False)
    assert check(message, NOW) == []


def test_a_deleted_death_is_a_removal_too(read):
    message = _only(read(INFORMAL, HERSELF, (b'<code value="new"/>', b'<code value="delete"/>')))
    assert message.kind == "removal"


def test_a_death_of_no_known_standing_is_told_and_questioned(read):
    found = read(FORMAL, HERSELF, (b'<code value="2"/>', b'<code value="7"/>'))
    assert _only(found).kind is None
    assert any("DeathNotificationStatus" in warning.path for warning in found.warnings)


def test_whether_somebody_died_is_never_guessed(read):
    found = read(FORMAL, HERSELF, (b'<code value="2"/>', b'<code value="7"/>'), (DIED, b""))
    assert isinstance(found, Quarantine)


def test_a_death_without_its_day_is_told_at_the_time_of_the_change(read):
    message = _only(read(FORMAL, HERSELF, (DIED, b"")))
    assert (message.occurred, message.person("person").deceased) == (datetime(2017, 11, 1, 15, 0, 33, tzinfo=UTC), True)


# --- what is not told, and the same again ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [RECORD, "nems-stu3/PDS-Record-Change-Citizen.xml"])
def test_a_record_that_changed_says_nothing_itself_and_points_to_it(name, read):
    found = read(name)
    assert isinstance(found, Pointer)
    assert found.lookup.subject == Identifier(system=NHS_NUMBER, value="9912003888")


def test_a_record_that_changed_of_nobody_is_quarantined(read):
    assert isinstance(read(RECORD, (b'<value value="9912003888"/>', b"")), Quarantine)


def test_two_changes_of_one_record_are_two_events(read):
    """Their focus is the Patient, and in the samples their headers share an id."""
    one = read(GP)
    assert read(GP, (b"2017-11-01T15:00:33", b"2017-11-02T15:00:33")).key != one.key
    assert read(GP, (b"B86056", b"B86057")).key != one.key
    assert read(GP, (b"2019-11-01T15:00:00", b"2019-11-01T15:01:00"), (b"\t", b" ")).key == one.key


def _typed(value):
    """FHIR's JSON form with booleans as JSON has them: `content` holds every value as text."""
    if isinstance(value, dict):
        return {name: _typed(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_typed(member) for member in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", NEMS)
def test_the_same_event_in_json_is_the_same(name, sample, translate):
    content = stu3.read(sample(name)).content
    xml = translate("health-visiting", sample(name))
    assert translate("health-visiting", json.dumps(_typed(content), indent=1).encode()) == xml
