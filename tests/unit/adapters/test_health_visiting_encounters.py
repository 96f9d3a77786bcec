"""R4 messages of health visiting systems: contacts, measurements, what takes them back, and what is none."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from fhir.resources.R4B.bundle import Bundle

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event, RelationshipKind
from schemas.events import check
from schemas.message import Relationship
from tests.visits import ACTIVITY, CHILD, bundle, child, encounter, header, mother, observation, raw

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def read(translate):
    return lambda *resources, **more: translate("health-visiting", raw(bundle(*resources, **more)))


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


def _facts(message):
    return {fact.code: getattr(fact.value, "code", fact.value) for fact in message.facts}


# --- contacts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        (ACTIVITY, "08", "new-birth"),
        (ACTIVITY, "9", "6-8-week"),
        (ACTIVITY, "10", "9-12-month"),
        (ACTIVITY, "11", "2-year"),
        ("https://fhir.baton.example/CodeSystem/contact-kind", "antenatal", "antenatal"),
    ],
)
def test_an_encounter_is_the_contact_that_its_type_says(system, code, kind, read):
    found = read(encounter(type=[{"coding": [{"system": system, "code": code}]}]))
    message = _only(found)
    assert (message.event, message.kind) == (Event.CHILD_CONTACT, kind)
    assert message.occurred == datetime(2026, 2, 10, 10, tzinfo=UTC)
    assert message.person(message.subjects[0]).birth_date == date(2026, 1, 30)
    assert found.warnings == ()


@pytest.mark.parametrize("code", ["01", "97", "8888"])
def test_an_encounter_of_another_type_is_told_as_another_and_questioned(code, read):
    found = read(encounter(code))
    assert _only(found).kind == "other"
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[1].resource.type"]


def test_a_code_of_the_dictionary_means_nothing_in_another_system(read):
    found = read(encounter(type=[{"coding": [{"system": "https://supplier.example/types", "code": "08"}]}]))
    assert _only(found).kind == "other"


@pytest.mark.parametrize(
    ("where", "facts"),
    [
        ("HH", {"setting": "home", "seen": True}),
        ("AMB", {"setting": "clinic", "seen": True}),
        ("VR", {"setting": "remote"}),
        ("IMP", {}),
    ],
)
def test_where_a_contact_took_place_says_whether_the_child_was_seen(where, facts, read):
    assert _facts(_only(read(encounter(**{"class": {"code": where}})))) == facts


def test_what_was_measured_at_a_contact_is_told_with_it(read):
    message = _only(
        read(
            encounter(),
            observation("http://snomed.info/sct", "27113001", 4.2, "kg"),
            observation("http://loinc.org", "9843-4", 371, "mm"),
            observation("http://snomed.info/sct", "75367002", 80, "mm[Hg]"),
        )
    )
    measured = [(fact.code, fact.value, fact.unit) for fact in message.facts if fact.unit]
    assert measured == [("weight", Decimal("4200.0"), "g"), ("head-circumference", Decimal("37.1"), "cm")]


def test_the_mother_beside_the_child_is_told_as_what_she_is(read):
    message = _only(read(encounter(), mother()))
    jane = next(person for person in message.people if person.given == ("Jane",))
    assert message.relationships == (
        Relationship(person=jane.key, kind=RelationshipKind.MOTHER, to=message.subjects[0]),
    )


@pytest.mark.parametrize("status", ["planned", "cancelled", "unknown"])
def test_a_contact_that_did_not_take_place_is_ignored(status, read):
    assert isinstance(read(encounter(status=status)), Ignored)


def test_a_message_that_names_the_child_is_about_its_only_contact(read):
    assert _only(read(encounter(), header_=header(focus=[{"reference": CHILD}]))).kind == "new-birth"
    assert isinstance(read(encounter(), encounter("09"), header_=header(focus=[{"reference": CHILD}])), Quarantine)


# --- measurements ---------------------------------------------------------------------------------------------------


def test_an_observation_alone_is_a_measurement(read):
    message = _only(read(observation("http://loinc.org", "29463-7", 4.2, "kg")))
    assert (message.event, message.occurred) == (Event.MEASUREMENT, datetime(2026, 2, 10, 10, 15, tzinfo=UTC))
    assert _facts(message) == {"weight": Decimal("4200.0")}


def test_an_observation_that_measures_nothing_known_cannot_be_told(read):
    found = read(observation("http://snomed.info/sct", "75367002", 80, "mm[Hg]"))
    assert [problem.severity for problem in check(found.messages[0], NOW)] == ["error"]


# --- life cycle -----------------------------------------------------------------------------------------------------


def _reason(code):
    return {"coding": [{"system": "https://supplier.example/reasons", "code": code}]}


def _later(code):
    return header(id="b0000000-0000-4000-8000-000000000002", reason=_reason(code))


def test_a_contact_is_known_by_its_identifier(read):
    new = _only(read(encounter()))
    update = _only(read(encounter("09"), header_=_later("update")))
    assert _only(read(encounter())).id == new.id
    assert (update.reference, update.kind) == (new.reference, "6-8-week")
    assert update.id != new.id


@pytest.mark.parametrize("status", ["finished", "entered-in-error"])
def test_a_contact_that_is_deleted_is_taken_back(status, read):
    message = _only(read(encounter(status=status), header_=_later("delete")))
    assert (message.event, message.reference) == (Event.WITHDRAW, _only(read(encounter())).reference)
    assert message.people == ()


def test_an_error_that_was_never_told_is_ignored(read):
    assert isinstance(read(encounter(status="entered-in-error")), Ignored)


def test_a_contact_without_an_identifier_is_known_by_its_message(read):
    one, other = read(encounter(identifier=...)), read(encounter(identifier=...), header_=_later("new"))
    assert one.key != other.key
    assert one.key == read(encounter(identifier=...)).key


def test_the_same_contact_in_xml_is_read_as_r4(read, translate):
    body = raw(bundle(encounter(), observation("http://snomed.info/sct", "27113001", 4.2, "kg")))
    xml = Bundle.model_validate_json(body).model_dump_xml()
    assert translate("health-visiting", xml).messages == translate("health-visiting", body).messages


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("focus", "more", "path"),
    [
        (child() | {"id": "p-2"}, {}, "Bundle.entry[0].resource.focus"),
        (encounter(subject=...), {}, "Bundle.entry[1].resource.subject"),
        (encounter(period=...), {"timestamp": ...}, "Bundle.entry[1].resource"),
        (encounter(status="teatime"), {}, "Bundle.entry[1].resource.status"),
    ],
)
def test_what_cannot_be_told_is_quarantined_with_its_place(focus, more, path, read):
    found = read(focus, **more)
    assert isinstance(found, Quarantine), found
    assert path in {problem.path for problem in found.problems if problem.severity == "error"}
