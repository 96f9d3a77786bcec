"""NEMS Professional Contacts: who has a child on its caseload, what each state of an episode tells, and what takes it back."""

from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event
from schemas.events import check
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier
from schemas.records import is_record

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEW = "nems-stu3/Professional-Contacts-1-new.xml"
UPDATE = "nems-stu3/Professional-Contacts-1-update.xml"
DELETE = "nems-stu3/Professional-Contacts-1-delete.xml"

STATUS = b'<status value="active"/>'
START = b'<start value="2018-11-01T09:00:00+00:00"/>'


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


def _facts(message):
    return {fact.code: getattr(fact.value, "code", fact.value) for fact in message.facts}


def test_a_child_on_a_caseload_is_an_involvement_that_began(read):
    found = read(NEW)
    message = _only(found)
    assert (message.event, message.subjects) == (Event.INVOLVEMENT_START, ("person",))
    assert message.occurred == datetime(2018, 11, 1, 9, tzinfo=UTC)
    child = message.person("person")
    assert child.identifiers == (Identifier(system=NHS_NUMBER, value="9912003888", verified=True),)
    assert (child.family, child.given, child.birth_date) == ("DAWKINS", ("Jack",), date(2013, 10, 12))
    assert _facts(message) == {
        "involvement-evidence": "caseload",
        "contact-person": "Defoe Daniels, Silverdale Health Visiting Service Team A",
        "contact-phone": "0123 489 7854",
    }
    assert check(message, NOW) == []


def test_a_date_of_birth_that_the_routing_demographics_contradict_is_kept_and_questioned(read):
    """As in the public sample: five years lie between the two."""
    assert [(warning.path, warning.code) for warning in read(NEW).warnings] == [
        ("Bundle.entry[2].resource.birthDate", "conflict")
    ]


def test_an_update_tells_of_the_same_beginning_with_who_has_the_child_now(read):
    """Later evidence would outlive the delete that takes the first message back."""
    new, update = _only(read(NEW)), _only(read(UPDATE))
    assert (update.event, update.occurred, update.reference) == (Event.INVOLVEMENT_START, new.occurred, new.reference)
    assert _facts(update)["contact-person"].startswith("John Smith")
    assert update.id != new.id


def test_every_message_of_an_episode_has_its_id_within_the_record(read):
    messages = [_only(read(name)) for name in (NEW, UPDATE, DELETE)]
    assert all(is_record(message.reference) and message.id.startswith(message.reference) for message in messages)
    assert len({message.id for message in messages}) == len(messages)


def test_a_delete_takes_back_what_was_told(read):
    new, delete = _only(read(NEW)), _only(read(DELETE))
    assert (delete.event, delete.reference) == (Event.WITHDRAW, new.reference)
    assert (delete.subjects, delete.people) == ((), ())
    assert check(delete, NOW) == []


@pytest.mark.parametrize("status", [b"finished", b"cancelled"])
def test_an_episode_that_is_over_is_an_involvement_that_ended(status, read):
    over = START + b'<end value="2019-02-01"/>'
    message = _only(read(UPDATE, (STATUS, b'<status value="' + status + b'"/>'), (START, over)))
    assert (message.event, message.occurred) == (Event.INVOLVEMENT_END, datetime(2019, 2, 1, tzinfo=UTC))
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]


def test_an_end_without_its_date_is_that_of_the_change_and_questioned(read):
    found = read(UPDATE, (STATUS, b'<status value="finished"/>'))
    assert _only(found).occurred == datetime(2017, 11, 1, 15, 8, tzinfo=UTC)
    assert "Bundle.entry[3].resource.period.end" in {warning.path for warning in found.warnings}


@pytest.mark.parametrize("status", [b"planned", b"waitlist", b"onhold", b"entered-in-error", b"cancelled"])
def test_an_episode_in_which_nobody_works_with_the_child_is_ignored(status, read):
    found = read(NEW, (STATUS, b'<status value="' + status + b'"/>'))
    assert isinstance(found, Ignored)


def test_an_error_found_by_an_update_takes_back_too(read):
    message = _only(read(UPDATE, (STATUS, b'<status value="entered-in-error"/>')))
    assert (message.event, message.reference) == (Event.WITHDRAW, _only(read(NEW)).reference)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (STATUS, b'<status value="perhaps"/>', "Bundle.entry[3].resource.status"),
        (b"1078501000000104", b"310066004", "Bundle.entry[3].resource.type"),
        (
            b'<patient>\n\t\t\t\t\t<reference value="urn:uuid:6e82',
            b'<patient>\n\t\t\t\t\t<reference value="urn:uuid:6e83',
            "Bundle.entry[3].resource.patient",
        ),
        (
            b'<focus>\n\t\t\t\t\t<reference value="urn:uuid:5812',
            b'<focus>\n\t\t\t\t\t<reference value="urn:uuid:5813',
            "Bundle.entry[0].resource.focus",
        ),
        (b"professional-contacts-1", b"professional-contacts-9", "Bundle.entry[0].resource.event.code"),
    ],
)
def test_what_cannot_be_told_is_quarantined_with_its_place(old, new, path, read):
    found = read(NEW, (old, new))
    assert isinstance(found, Quarantine), found
    assert path in {problem.path for problem in found.problems if problem.severity == "error"}


def test_the_record_is_known_by_its_identifier_whatever_its_id(read):
    other_id = (b"5812bce1-58c4-43c0-bd17-30d5a567d87e", b"5812bce1-58c4-43c0-bd17-30d5a567d87f")
    assert _only(read(DELETE, other_id)).reference == _only(read(NEW)).reference
    assert _only(read(NEW, (b"abc1111", b"abc1112"))).id != _only(read(NEW)).id


def test_the_same_event_again_is_the_same(read):
    again = read(
        NEW,
        (b"6e825372-9b0a-11e8-9eb6-529269fb1459", b"00000000-0000-4000-8000-000000000001"),  # the header's own id
        (b"6e824ff8-9b0a-11e8-9eb6-529269fb1459", b"00000000-0000-4000-8000-000000000002"),  # Bundle.id
        (b"2018-11-30T09:00:00+00:00", b"2018-12-01T09:00:00+00:00"),  # when it was sent
        (b"\t", b" "),
    )
    assert (again.key, again.content_key) == (read(NEW).key, read(NEW).content_key)
    assert read(NEW, (b"Defoe", b"Daniel")).content_key != again.content_key


def test_a_record_that_is_restored_after_it_was_deleted_is_told_again(read):
    """The same content under the same identifier: only when it changed tells it from the first."""
    restored = read(NEW, (b"2017-11-01T15:00:33", b"2017-11-03T09:00:00"))
    assert (_only(restored).reference, restored.content_key) == (_only(read(NEW)).reference, read(NEW).content_key)
    assert restored.key != read(NEW).key


# --- a request for transfer -----------------------------------------------------------------------------------------

REQUEST = b"""<entry><fullUrl value="urn:uuid:0c2f0a31-3f5e-4d5c-9d0a-5a1b6a3c7e10"/><resource><ReferralRequest>
<id value="0c2f0a31-3f5e-4d5c-9d0a-5a1b6a3c7e10"/><status value="active"/><intent value="order"/>
<type><coding><system value="http://snomed.info/sct"/><code value="308292007"/></coding></type>
<subject><reference value="urn:uuid:6e82624a-9b0a-11e8-9eb6-529269fb1459"/></subject>
<context><reference value="urn:uuid:5812bce1-58c4-43c0-bd17-30d5a567d87e"/></context>
<authoredOn value="2019-01-28T10:00:00+00:00"/>
<recipient><display value="Health visiting where the family moved"/></recipient>
<description value="Weighed monthly; 9-12 month review is due in March."/>
</ReferralRequest></resource></entry></Bundle>"""


def test_a_request_for_transfer_made_in_the_episode_goes_before_its_end(read):
    over = START + b'<end value="2019-02-01"/>'
    found = read(UPDATE, (STATUS, b'<status value="finished"/>'), (START, over), (b"</Bundle>", REQUEST))
    transfer, end = found.messages
    assert (transfer.event, transfer.kind, transfer.occurred) == (
        Event.TRANSFER,
        "health-visiting",
        datetime(2019, 1, 28, 10, tzinfo=UTC),
    )
    assert _facts(transfer)["care-summary"].startswith("Weighed monthly")
    assert end.event is Event.INVOLVEMENT_END
    assert found.key == transfer.id != end.id
    assert not [problem for message in found.messages for problem in check(message, NOW) if problem.severity == "error"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"308292007", b"3457005"),
        (b'<context><reference value="urn:uuid:5812', b'<context><reference value="urn:uuid:5'),
    ],
)
def test_another_request_is_no_transfer(old, new, read):
    found = read(NEW, (b"</Bundle>", REQUEST.replace(old, new)))
    assert [message.event for message in found.messages] == [Event.INVOLVEMENT_START]


# --- whom it is about -----------------------------------------------------------------------------------------------

BORN = b'<birthDate value="2013-10-12">\n\t\t\t\t\t<extension url="http://hl7.org/fhir/StructureDefinition/patient-birthTime">\n\t\t\t\t\t\t<valueDateTime value="2017-10-02T12:00:00+00:00"/>\n\t\t\t\t\t</extension>\n\t\t\t\t</birthDate>'
ROUTED = b'<valueIdentifier>\n\t\t\t\t\t\t\t<system value="https://fhir.nhs.uk/Id/nhs-number"/>\n\t\t\t\t\t\t\t<value value="'


def test_what_only_the_routing_demographics_say_completes_the_person(read):
    found = read(NEW, (BORN, b""))
    assert _only(found).person("person").birth_date == date(2017, 10, 2)
    assert found.warnings == ()


def test_header_and_patient_of_two_people_tell_of_neither(read):
    found = read(NEW, (ROUTED + b"9912003888", ROUTED + b"9990000026"))
    assert isinstance(found, Quarantine)
    assert [problem.code for problem in found.problems if problem.severity == "error"] == ["conflict"]


def test_another_number_in_the_header_alone_is_questioned_and_completes_nothing(read):
    """A superseded number still routes."""
    found = read(NEW, (ROUTED + b"9912003888", ROUTED + b"9990000026"), (BORN, b""))
    assert _only(found).person("person").birth_date is None
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[2].resource.identifier"]


def test_a_birth_in_a_summer_night_is_on_the_day_of_londons_clocks(read):
    night = (
        b'<valueDateTime value="2017-10-02T12:00:00+00:00"/>\n\t\t\t\t\t</extension>\n\t\t\t\t</extension>',
        b'<valueDateTime value="2017-06-30T23:30:00+00:00"/></extension></extension>',
    )
    assert _only(read(NEW, night, (BORN, b""))).person("person").birth_date == date(2017, 7, 1)
