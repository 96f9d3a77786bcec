"""What each public NEMS sample comes to as a midwifery event, and birth notifications beyond the samples."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from adapters.port import Notifications, Quarantine
from adapters.stu3 import Parsed, read
from schemas.codes import Event, RelationshipKind
from schemas.events import check
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, PostalAddress, Professional, Relationship

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "samples" / "nems-stu3"
WITH_MOTHER = "nems-stu3/BirthNotificationWithMother.xml"
WITHOUT_MOTHER = "nems-stu3/BirthNotificationWithoutMother.xml"

BABY_URL = b"urn:uuid:dffd3330-dc21-11e7-9296-cec278b6b50a"
MOTHER_URL = b"urn:uuid:70e10b4b-9296-4cc7-816f-97b6fa676a04"

HEARING = "nems-stu3/newborn-hearing-1-new.xml"
HEARING_AGAIN = "nems-stu3/newborn-hearing-1-update.xml"
EXAMINED = "nems-stu3/nipe-outcome-1-new.xml"
EXAMINED_DELETED = "nems-stu3/nipe-outcome-1-delete.xml"
NOT_READ = sorted(path.name for path in SAMPLES.iterdir() if path.name.startswith(("PDS", "Professional")))


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    return message


def _replaced(body, *pairs):
    for old, new in pairs:
        assert body.count(old) >= 1, old
        body = body.replace(old, new)
    return body


@pytest.fixture
def birth(sample):
    """The older sample, with some of its bytes replaced."""
    return lambda *pairs: _replaced(sample(WITH_MOTHER), *pairs)


def _facts(message):
    return {fact.code: (getattr(fact.value, "code", fact.value), fact.unit, fact.about) for fact in message.facts}


# --- the samples --------------------------------------------------------------------------------------------------


def test_the_baby_behind_the_link_is_born_not_the_mother(sample, translate):
    found = translate("midwifery", sample(WITH_MOTHER))
    message = _only(found)
    assert (message.event, message.subjects) == (Event.BIRTH, ("baby",))
    assert message.occurred == datetime(2017, 10, 2, 20, 12, tzinfo=UTC)
    baby, mother = message.person("baby"), message.person("mother")
    assert baby.identifiers == (Identifier(system=NHS_NUMBER, value="9912003888", verified=True),)
    assert (baby.family, baby.given, baby.gender, baby.birth_order) == ("DAWKINS", ("Jack",), "male", 1)
    assert baby.birth_date == date(2017, 10, 2)
    assert baby.addresses == (PostalAddress(lines=("4 Sandmoor Drive", "LEEDS"), postcode="LS17 7DF"),)
    assert (mother.family, mother.birth_date, mother.practice) == ("DAWKINS", date(1987, 10, 2), "B86056")
    assert message.relationships == (Relationship(person="mother", kind=RelationshipKind.MOTHER, to="baby"),)
    assert _facts(message) == {
        "birth-weight": (Decimal(3980), "g", "baby"),
        "gestation": (Decimal(39), "wk", "baby"),
        "place-of-birth": ("hospital", None, "baby"),
        "number-of-fetuses": (1, None, "mother"),
    }
    assert message.author == Professional(name="JANE JONES", role="Notifying practitioner")
    assert (message.sender, message.reference, found.warnings) == (None, None, ())


def test_a_number_with_a_wrong_check_digit_is_kept_and_flagged(sample, translate):
    message = _only(translate("midwifery", sample(WITH_MOTHER)))
    assert message.person("mother").identifiers[0].value == "1112223330"
    assert [problem.path for problem in check(message, NOW)] == [
        "Bundle.entry.resource.ofType(Patient)[1].identifier[0].value"
    ]


def test_a_mother_without_a_number_is_told_as_far_as_she_is_known(sample, translate):
    found = translate("midwifery", sample(WITHOUT_MOTHER))
    message = _only(found)
    mother = message.person("mother")
    assert (mother.identifiers, mother.family, mother.birth_date) == ((), "AZERA", date(1990, 9, 9))
    assert message.person("baby").birth_order == 6
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]


def test_a_death_dated_before_the_birth_is_told_without_its_date(sample, translate):
    found = translate("midwifery", sample(WITHOUT_MOTHER))
    assert _only(found).person("baby").deceased is True
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[5].resource.deceasedDateTime"]


@pytest.mark.parametrize("name", NOT_READ)
def test_other_events_of_the_feed_are_kept_and_not_half_read(name, sample, translate):
    found = translate("midwifery", sample(f"nems-stu3/{name}"))
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems if problem.severity == "error"] == [
        "Bundle.entry[0].resource.event.code"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "gpconnect-stu3/consultation_report.xml",
        "bars-r4/Booking_POST_.json",
        "hmpps/tier-calculation.json",
    ],
)
def test_what_is_no_event_message_is_quarantined(name, sample, translate):
    assert isinstance(translate("midwifery", sample(name)), Quarantine)


# --- beyond the samples -------------------------------------------------------------------------------------------


def test_the_same_notification_again_is_the_same(birth, translate):
    again = birth(
        (b"7165ecd5-4abb-4dbe-922b-7c7db71accd4", b"00000000-0000-4000-8000-000000000001"),  # the header's own id
        (b"85b9d933-b3e2-41a7-a8f2-f5ee7be4ee82", b"00000000-0000-4000-8000-000000000002"),  # Bundle.id
        (b"2017-10-02T20:20:00+00:00", b"2017-10-03T09:00:00+00:00"),  # when it was sent
        (b"\t", b" "),
    )
    one, other = translate("midwifery", birth()), translate("midwifery", again)
    assert one.key == other.key
    assert one.messages[0].id == other.messages[0].id
    # The registration of the mother bears the same time as the message, and is content.
    restored = again.replace(b'<start value="2017-10-03T09', b'<start value="2017-10-02T20').replace(
        b"20:00:00+", b"20:20:00+"
    )
    assert one.content_key == translate("midwifery", restored).content_key


def test_other_content_under_the_same_key_is_told_apart(birth, translate):
    one, other = translate("midwifery", birth()), translate("midwifery", birth((b"3980", b"3890")))
    assert one.key == other.key
    assert one.content_key != other.content_key


def test_another_birth_is_another_message(sample, translate):
    one, other = translate("midwifery", sample(WITH_MOTHER)), translate("midwifery", sample(WITHOUT_MOTHER))
    assert one.key != other.key


@pytest.mark.parametrize(("change", "event"), [(b"update", Event.BIRTH), (b"delete", Event.WITHDRAW)])
def test_an_update_and_a_delete_refer_to_what_they_change(change, event, birth, translate):
    new = _only(translate("midwifery", birth()))
    later = _only(translate("midwifery", birth((b'code value="new"', b'code value="' + change + b'"'))))
    assert (later.event, later.reference) == (event, new.id)
    assert later.id != new.id
    assert not [problem for problem in check(later, NOW) if problem.severity == "error"]


@pytest.mark.parametrize("change", [b"perhaps", b"NEW"])
def test_an_unknown_life_cycle_is_quarantined(change, birth, translate):
    found = translate("midwifery", birth((b'code value="new"', b'code value="' + change + b'"')))
    assert isinstance(found, Quarantine)


@pytest.mark.parametrize("indicator", [b"2", b"3", b"4"])
def test_of_a_stillbirth_only_the_end_of_the_pregnancy_is_told(indicator, birth, translate):
    body = birth((b'<code value="1"/>\n\t\t\t\t\t\t<display value="Live"/>', b'<code value="' + indicator + b'"/>'))
    message = _only(translate("midwifery", body))
    assert (message.event, message.subjects, message.facts) == (Event.PREGNANCY_END, ("mother",), ())
    assert [person.key for person in message.people] == ["mother"]
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]


@pytest.mark.parametrize("indicator", [b"5", b""])
def test_whether_a_baby_lives_is_never_guessed(indicator, birth, translate):
    coded = b'<code value="' + indicator + b'"/>' if indicator else b""
    found = translate(
        "midwifery",
        birth((b'<code value="1"/>\n\t\t\t\t\t\t<display value="Live"/>', coded or b'<display value="Live"/>')),
    )
    assert isinstance(found, Quarantine)
    assert found.problems[0].path.endswith("valueCodeableConcept")


def test_a_link_that_leads_nowhere_is_quarantined_with_its_place(birth, translate):
    patient = b"<patient>\n\t\t\t\t\t<reference value=" + b'"' + BABY_URL + b'"'
    found = translate("midwifery", birth((patient, patient.replace(b"dffd3330", b"eeee3330"))))
    assert isinstance(found, Quarantine)
    assert "Bundle.entry[3].resource.patient" in {problem.path for problem in found.problems}


def test_a_mother_nobody_could_know_is_left_out(birth, translate):
    body = birth()
    start, end = body.index(b"<identifier>"), body.index(b"</identifier>") + len(b"</identifier>")
    name = body.index(b"<name>", end), body.index(b"</name>", end) + len(b"</name>")
    message = _only(translate("midwifery", body[:start] + body[end : name[0]] + body[name[1] :]))
    assert [person.key for person in message.people] == ["baby"]
    assert message.relationships == ()


def test_a_mother_without_a_link_is_found_as_the_subject(birth, translate):
    body = birth()
    start, end = body.index(b"<link>"), body.index(b"</link>") + len(b"</link>")
    message = _only(translate("midwifery", body[:start] + body[end:]))
    assert message.relationships == (Relationship(person="mother", kind=RelationshipKind.MOTHER, to="baby"),)


def test_a_relationship_that_is_no_mothers_is_kept_and_questioned(birth, translate):
    found = translate("midwifery", birth((b'<code value="12"/>', b'<code value="99"/>')))
    assert _only(found).relationships[0].kind is RelationshipKind.OTHER
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[3].resource.relationship"]


def test_a_birth_without_its_time_began_its_day(birth, translate):
    body = birth()
    start = body.index(b'<extension url="http://hl7.org/fhir/StructureDefinition/patient-birthTime">')
    end = body.index(b"</extension>", start) + len(b"</extension>")
    found = translate("midwifery", body[:start] + body[end:])
    assert _only(found).occurred == datetime(2017, 10, 2, tzinfo=UTC)
    assert [warning.code for warning in found.warnings] == ["incomplete"]


def test_a_weight_in_another_unit_is_left_out_and_questioned(birth, translate):
    found = translate("midwifery", birth((b'<code value="g"/>', b'<code value="kg"/>')))
    assert "birth-weight" not in _facts(_only(found))
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[9].resource.valueQuantity"]


def test_a_suspected_abnormality_is_noted(birth, translate):
    message = _only(translate("midwifery", birth((b'<code value="N"/>', b'<code value="Y"/>'))))
    assert _facts(message)["note"] == ("A congenital abnormality is suspected", None, "baby")


@pytest.mark.parametrize(
    ("code", "place"), [(b"0", "midwife-led-unit"), (b"1", None), (b"5", "other"), (b"9", None), (b"x", None)]
)
def test_the_place_of_birth_is_told_when_it_is_known(code, place, birth, translate):
    body = birth(
        (
            b'DeliveryPlaceType-1"/>\n\t\t\t\t\t\t<code value="4"/>',
            b'DeliveryPlaceType-1"/><code value="' + code + b'"/>',
        )
    )
    assert _facts(_only(translate("midwifery", body))).get("place-of-birth", (None,))[0] == place


def test_a_record_marked_sensitive_is_protected(birth, translate):
    profile = b'<profile value="https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Patient-1"/>'
    marked = profile + b'<security><system value="http://hl7.org/fhir/v3/Confidentiality"/><code value="R"/></security>'
    message = _only(translate("midwifery", birth((profile, marked))))
    assert all(person.protected for person in message.people)


def test_a_number_that_is_not_verified_is_said_to_be_so(birth, translate):
    message = _only(translate("midwifery", birth((b'<code value="01"/>', b'<code value="02"/>'))))
    assert {identifier.verified for person in message.people for identifier in person.identifiers} == {False}


def test_twins_in_one_message_are_two(birth, translate):
    """PDS sends a message for each; a trust's own system need not."""
    body = birth()
    entry = body.rindex(b"<entry>", 0, body.index(b'<id value="dffd3330'))
    first = body[entry : body.index(b"</entry>", entry) + len(b"</entry>")]
    link = body.rindex(b"<entry>", 0, body.index(b'<id value="d93aeee8'))
    related = body[link : body.index(b"</entry>", link) + len(b"</entry>")]
    twin = first.replace(b"dffd3330", b"dffd3331").replace(b"9912003888", b"9912003896").replace(b"Jack", b"Jill")
    to_twin = related.replace(b"dffd3330", b"dffd3331").replace(b"d93aeee8", b"d93aeee9")
    other = b'<link>\n\t\t\t\t\t<other>\n\t\t\t\t\t\t<reference value="urn:uuid:d93aeee8-91bf-4da5-8658-ce86cfee4751"/>'
    both = body.replace(b"</Bundle>", to_twin + twin + b"</Bundle>").replace(
        other, other.replace(b"d93aeee8", b"d93aeee9") + b'</other><type value="seealso"/></link>' + other
    )
    message = _only(translate("midwifery", both))
    assert message.subjects == ("baby-1", "baby-2")
    assert {relation.to for relation in message.relationships} == {"baby-1", "baby-2"}
    assert [person.given for person in message.people[:2]] == [("Jack",), ("Jill",)]


# --- newborn screening --------------------------------------------------------------------------------------------


def _outcomes(message):
    return [fact.value.code for fact in message.facts]


@pytest.fixture
def blood_spot(sample):
    """Made of the public examination: the Bundle is the same but for its codes and the report."""
    return _replaced(
        sample(EXAMINED),
        (b"nipe-outcome-1", b"blood-spot-test-outcome-1"),
        (b"985531000000102", b"314081000"),
        (b"988361000000105", b"314090007"),
        (b"988371000000103", b"314080004"),
        (b"988351000000107", b"400984005"),
        (b"985891000000104", b"946431000000102"),
    )


def test_a_hearing_screening_tells_each_test_and_what_became_of_the_whole(sample, translate):
    message = _only(translate("midwifery", sample(HEARING)))
    assert (message.event, message.subjects, message.occurred) == (
        Event.MEASUREMENT,
        ("child",),
        datetime(2017, 10, 31, tzinfo=UTC),
    )
    assert _outcomes(message) == [
        "1085451000000103",
        "1085431000000105",
        "1085501000000100",
        "1085491000000106",
        "276781000000109",
    ]
    assert {fact.code for fact in message.facts} == {"screening-outcome"}
    assert message.facts[0].at == datetime(2017, 10, 31, 9, tzinfo=UTC)
    assert message.person("child").identifiers[0].value == "9912003888"
    assert message.author == Professional(name="Gladys EMMANUEL", role="Screener")
    assert check(message, NOW) == []


def test_an_examination_of_a_newborn(sample, translate):
    found = translate("midwifery", sample(EXAMINED))
    message = _only(found)
    assert _outcomes(message) == ["985891000000104", "989071000000108", "988931000000101", "988511000000100"]
    assert message.facts[0].at == date(2018, 2, 1)
    assert [warning.path for warning in found.warnings] == [
        "Bundle.entry[2].resource.providedBy.display",
        "Bundle.entry[3].resource.birthDate",  # not that of the routing demographics
    ]


def test_a_blood_spot(blood_spot, translate):
    message = _only(translate("midwifery", blood_spot))
    assert (message.event, _outcomes(message)[0]) == (Event.MEASUREMENT, "946431000000102")


def test_a_result_that_changed_is_another_message_about_the_same_record(sample, translate):
    first, again = (_only(translate("midwifery", sample(name))) for name in (HEARING, HEARING_AGAIN))
    assert first.id != again.id
    assert first.reference == again.reference == first.id[:32] == again.id[:32]


def test_the_same_change_is_the_same_message_whatever_its_header_is_called(sample, translate):
    again = _replaced(
        sample(HEARING), (b"85c8a1c5-a8a1-41c9-bb99-20956fa66218", b"00000000-0000-4000-8000-000000000001")
    )
    one, other = translate("midwifery", sample(HEARING)), translate("midwifery", again)
    assert (one.key, one.content_key) == (other.key, other.content_key)


def test_what_is_deleted_is_taken_back_by_its_record_with_nobody_named(sample, translate):
    new, deleted = (_only(translate("midwifery", sample(name))) for name in (EXAMINED, EXAMINED_DELETED))
    assert (deleted.event, deleted.people, deleted.reference) == (Event.WITHDRAW, (), new.id[:32])
    assert check(deleted, NOW) == []


def test_a_result_whose_header_is_of_another_child_is_quarantined(sample, translate):
    body = sample(EXAMINED)
    header = body.index(b"</MessageHeader>")
    other = _replaced(body[:header], (b"9912003888", b"9990000018"), (b"DAWKINS", b"TWIST"))
    found = translate("midwifery", other + body[header:])
    assert isinstance(found, Quarantine)
    assert [problem.code for problem in found.problems if problem.severity == "error"] == ["conflict"]


def test_an_encounter_without_an_identifier_is_known_by_its_id_and_questioned(sample, translate):
    found = translate("midwifery", _replaced(sample(EXAMINED), (b'<value value="abc1111"/>', b"")))
    assert "Bundle.entry[8].resource.identifier" in {warning.path for warning in found.warnings}


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b"Encounter>", b"EpisodeOfCare>", "Bundle.entry"),
        (b"<outcome>", b"<!--outcome>", "Bundle.entry"),
        (
            b'<subject>\n\t\t\t\t\t<reference value="urn:uuid:5d5845f3',
            b'<subject>\n\t\t\t\t\t<reference value="urn:uuid:6d5845f3',
            "Bundle.entry[8].resource.subject",
        ),
    ],
)
def test_a_result_of_nobody_or_nothing_is_quarantined(old, new, path, sample, translate):
    body = _replaced(sample(EXAMINED), (old, new))
    if new == b"<!--outcome>":
        body = body.replace(b"</outcome>", b"</outcome-->")
    if old == b"Encounter>":
        encounter = body.index(b"<EpisodeOfCare>")
        body = (
            body[:encounter]
            + b'<Basic><code><text value="x"/></code></Basic>'
            + body[body.index(b"</EpisodeOfCare>") + 16 :]
        )
    found = translate("midwifery", body)
    assert isinstance(found, Quarantine)
    assert path in {problem.path for problem in found.problems}


def test_a_test_that_was_entered_in_error_or_says_no_outcome_is_left_out(sample, translate):
    body = sample(EXAMINED)
    one = body.replace(b'<status value="completed"/>', b'<status value="entered-in-error"/>', 1)
    assert len(_only(translate("midwifery", one)).facts) == 3
    start, end = body.index(b"<outcome>"), body.index(b"</outcome>") + len(b"</outcome>")
    found = translate("midwifery", body[:start] + body[end:])
    assert len(_only(found).facts) == 3
    assert "Bundle.entry[4].resource.outcome" in {warning.path for warning in found.warnings}


@pytest.mark.parametrize("name", [WITH_MOTHER, WITHOUT_MOTHER, HEARING, HEARING_AGAIN, EXAMINED, EXAMINED_DELETED])
def test_the_same_in_json_is_the_same(name, sample, translate):
    parsed = read(sample(name))
    assert isinstance(parsed, Parsed)
    written = translate("midwifery", orjson.dumps(parsed.content))
    assert isinstance(written, Notifications)
    original = translate("midwifery", sample(name))
    assert written.messages == original.messages
    assert (written.key, written.content_key) == (original.key, original.content_key)
