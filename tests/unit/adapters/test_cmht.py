"""Stays on mental health wards in three formats, and what becomes of each."""

from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event, RelationshipKind
from schemas.events import check
from schemas.message import Coding
from tests import itk3, wards

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
ADMITTED = datetime(2026, 2, 20, 16, 30, tzinfo=UTC)
WENT_HOME = datetime(2026, 2, 26, 11, tzinfo=UTC)


@pytest.fixture
def read(translate):
    def sent(content):
        return wards.raw({name: value for name, value in content.items() if value is not None})

    return lambda body: translate("cmht", body if isinstance(body, bytes) else sent(body))


def _only(found):
    assert isinstance(found, Notifications), found
    [message] = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


def _facts(message):
    return {fact.code: fact.value.code if isinstance(fact.value, Coding) else fact.value for fact in message.facts}


def _places(found):
    assert isinstance(found, Quarantine), found
    return {(problem.path, problem.code) for problem in found.problems if problem.severity == "error"}


def _asked_for(message):
    """What the sender is asked for in a data-quality task, nothing of which keeps anybody waiting."""
    paths = [problem.path for problem in check(message, NOW) if problem.code == "required"]
    return {code for code in ("risk-to-others-at-home", "staff-safety", "discharge-destination") if code in str(paths)}


# --- The three formats of one discharge ---------------------------------------------------------------------------

LEFT = {"pv1_45": "202602261100", "pv1_37": "19"}


@pytest.mark.parametrize(
    "body",
    [
        wards.adt("A03", **LEFT),
        itk3.in_json(wards.summary()),
        itk3.in_xml(wards.summary()),
        itk3.in_xml(itk3.message(wards.summary())),
        wards.raw(wards.message(wards.discharged())),
    ],
)
def test_a_discharge_is_one_in_every_format_and_what_is_not_said_is_asked_for(body, read):
    """F5: routed at once, and the sender has the task to say what the letter left out."""
    message = _only(read(body))
    assert (message.event, message.occurred) == (Event.MENTAL_HEALTH_DISCHARGE, WENT_HOME)
    [martin] = message.people
    assert (martin.family.title(), martin.birth_date, martin.identifiers[0].value) == (
        "Hartley",
        date(1968, 11, 2),
        wards.MARTIN,
    )
    assert _facts(message)["discharge-destination"] == "usual-home"
    assert _asked_for(message) == {"risk-to-others-at-home", "staff-safety"}


# --- HL7 v2 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trigger", "visit", "event", "kind", "occurred"),
    [
        ("A01", {}, Event.MENTAL_HEALTH_ADMISSION, None, ADMITTED),
        ("A06", {}, Event.MENTAL_HEALTH_ADMISSION, None, ADMITTED),
        ("A21", {}, Event.MENTAL_HEALTH_LEAVE, "leave", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("A22", {}, Event.MENTAL_HEALTH_LEAVE, "returned", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("A03", LEFT, Event.MENTAL_HEALTH_DISCHARGE, None, WENT_HOME),
        ("A03", {}, Event.MENTAL_HEALTH_DISCHARGE, None, datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("A03", {"pv1_45": "20260226"}, Event.MENTAL_HEALTH_DISCHARGE, None, datetime(2026, 2, 26, tzinfo=UTC)),
        ("A07", LEFT, Event.MENTAL_HEALTH_DISCHARGE, None, WENT_HOME),
    ],
)
def test_an_adt_is_told_by_its_trigger(trigger, visit, event, kind, occurred, read):
    message = _only(read(wards.adt(trigger, **visit)))
    assert (message.event, message.kind, message.occurred) == (event, kind, occurred)


def test_what_an_adt_says_of_the_stay_and_of_kin(read):
    body = wards.adt(
        "A03",
        "NK1|1|HARTLEY^Susan|SPO",
        "NK1|2|HARTLEY^Chloe|CHD||||||||||||F|19990612",
        "NK1|3||FND||0121 496 0000",
        "DG1|1||F31.1^Bipolar affective disorder^I10",
        "OBX|1|TX|risk-to-others-at-home^^BATON||Hostile to his wife",
        "OBX|2|TX|staff-safety^^BATON||None known.",
        "OBX|3|NM|29463-7^Weight^LN||82|kg",
        **LEFT,
    )
    message = _only(read(body))
    assert _facts(message) == {
        "discharge-destination": "usual-home",
        "ward": "ELM BED3",
        "diagnosis": "Bipolar affective disorder",
        "risk-to-others-at-home": "Hostile to his wife",
        "staff-safety": False,
    }
    assert _asked_for(message) == set()
    assert [person.given for person in message.people] == [("Martin", "John"), ("Susan",), ("Chloe",)]
    assert {(one.person, one.kind, one.to) for one in message.relationships} == {
        ("kin-1", RelationshipKind.PARTNER, "patient"),
        ("patient", RelationshipKind.FATHER, "kin-2"),
    }
    assert (message.author.name, message.people[0].practice) == ("Dr Samuel Okoro", "Y90001")
    assert message.people[0].identifiers[0].verified is True


def test_leave_says_until_when(read):
    pv2 = "|".join(["PV2", *[""] * 46, "202603061700"])
    assert _facts(_only(read(wards.adt("A21", pv2))))["leave-until"] == datetime(2026, 3, 6, 17, tzinfo=UTC)


@pytest.mark.parametrize("visit", [{"pv1_36": "4"}, {"pv1_37": "79"}])
def test_who_died_on_the_ward_is_told_as_dead_and_not_as_coming_home(visit, read):
    message = _only(read(wards.adt("A03", **(LEFT | visit))))
    assert (message.event, message.kind, message.facts) == (Event.DEATH, "informal", ())
    assert message.people[0].deceased == WENT_HOME


@pytest.mark.parametrize(
    ("code", "destination"), [("53", "hospital"), ("38", "custody"), ("65", "care"), ("99", "not-known"), ("29", None)]
)
def test_where_somebody_goes(code, destination, read):
    assert (
        _facts(_only(read(wards.adt("A03", **(LEFT | {"pv1_37": code}))))).get("discharge-destination") == destination
    )


@pytest.mark.parametrize(("first", "cancel"), [("A01", "A11"), ("A06", "A11"), ("A03", "A13"), ("A07", "A13")])
def test_a_cancellation_takes_back_what_was_told_of_its_stay(first, cancel, read):
    told, again = (_only(read(wards.adt(first, control=name, **LEFT))) for name in ("C1", "C2"))
    message = _only(read(wards.adt(cancel, control="C3", stated="")))
    assert (message.event, message.people) == (Event.WITHDRAW, ())
    assert message.reference == told.reference == again.reference
    assert {one.id[:32] for one in (told, again, message)} == {message.reference}
    assert message.reference != _only(read(wards.adt(cancel, pv1_19="V-78"))).reference


@pytest.mark.parametrize(("first", "cancel"), [("A21", "A52"), ("A22", "A53")])
def test_a_cancellation_of_leave_names_its_time_for_a_stay_has_many(first, cancel, read):
    told, other = (_only(read(wards.adt(first, stated=time))) for time in ("20260302120007", "20260301120000"))
    message = _only(read(wards.adt(cancel, control="C2", stated="20260302120000")))
    assert message.reference == told.reference != other.reference
    assert _places(read(wards.adt(cancel, stated=""))) == {("EVN-6", "required")}


def test_a_cancellation_that_does_not_say_of_what_is_quarantined(read):
    assert _places(read(wards.adt("A13", pv1_19=""))) == {("PV1-19", "required")}


def test_the_same_adt_again_is_one_and_another_is_another(read):
    first, again = read(wards.adt("A03", **LEFT)), read(wards.adt("A03", sent="20260302235900", **LEFT))
    assert (first.key, first.content_key) == (again.key, again.content_key)
    assert read(wards.adt("A03", control="C9", **LEFT)).key != first.key


def test_a_stay_without_a_number_is_told_and_can_not_be_taken_back(read):
    assert _only(read(wards.adt("A01", pv1_19=""))).reference is None


@pytest.mark.parametrize("mark", ["T", "D"])
def test_a_message_for_training_tells_of_nobody(mark, read):
    assert isinstance(read(wards.adt("A01").replace(b"|P|2.4", f"|{mark}|2.4".encode())), Ignored)


@pytest.mark.parametrize("trigger", ["A02", "A04", "A05", "A08", "A28", "A31"])
def test_what_says_nothing_of_a_stay_to_those_at_home_is_ignored(trigger, read):
    assert isinstance(read(wards.adt(trigger)), Ignored)


@pytest.mark.parametrize("trigger", ["A01", "A03", "A11"])
@pytest.mark.parametrize("patient_class", ["O", "E", "P"])
def test_who_does_not_stay_is_ignored(trigger, patient_class, read):
    assert isinstance(read(wards.adt(trigger, pv1_2=patient_class)), Ignored)


def test_a_stay_of_another_specialty_is_told_and_questioned(read):
    assert [warning.path for warning in read(wards.adt("A01", pv1_10="300")).warnings] == ["PV1-10"]
    assert read(wards.adt("A01")).warnings == ()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (wards.adt("A40"), ("MSH-9", "not-supported")),
        (wards.adt("A01").replace(b"ADT^A01^ADT_A01", b"ORU^R01"), ("MSH-9", "not-supported")),
        (wards.adt("A01").replace(b"PID|", b"ZPI|"), ("PID", "required")),
        (wards.adt("A21", sent="", stated="").replace(b"20260302120430", b""), ("EVN", "required")),
    ],
)
def test_an_adt_that_cannot_be_told_is_quarantined(body, place, read):
    assert place in _places(read(body))


# --- Public samples ------------------------------------------------------------------------------------------------

SAMPLES = {
    "hl7v2-lfh/sample_win.hl7": "training",
    "hl7v2-ms/ADT-A01-01.hl7": "preadmission",
    "hl7v2-ms/ADT-A02-02.hl7": "moved",
    "hl7v2-ms/ADT-A05-02.hl7": "expected",
    "hl7v2-ms/ADT-A11-02.hl7": "preadmission",
    "hl7v2-ms/ADT-A13-02.hl7": "preadmission",
    "hl7v2-ms/ADT-A28-01.hl7": "record",
    "hl7v2-ms/ADT-A31-01.hl7": "record",
    "hl7v2-ms/ADT-A40-02.hl7": {("MSH-9", "not-supported")},
    "hl7v2-ms/ADT04-23.hl7": "outpatient",
    "hl7v2-ms/REF-I12-01.hl7": {("MSH-9", "not-supported")},
    "v2-to-fhir/FHIR_bundle.hl7_ADT_A01.json": {("Bundle.entry[11].resource.response.code", "required")},
    "gpconnect-stu3/consultation_report.xml": {("Bundle.entry[2].resource.entry[0].resource.type", "not-supported")},
    "bars-r4/ValidationResponse_POST_.json": "no stay",
    "bars-r4/Booking_POST_.json": {("Bundle.entry[0].resource.focus", "not-supported")},
}
"""What becomes of each: why it is ignored, or where it cannot be read."""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_public_sample_becomes_what_the_table_says(name, sample, read):
    found, expected = read(sample(name)), SAMPLES[name]
    if isinstance(expected, str):
        assert isinstance(found, Ignored), found
        assert expected in found.reason
    else:
        assert expected <= _places(found)


@pytest.mark.parametrize(
    ("name", "event"), [("ADT-A01-01", Event.MENTAL_HEALTH_ADMISSION), ("ADT-A13-02", Event.WITHDRAW)]
)
def test_a_public_sample_of_somebody_who_stays_is_told(name, event, sample, read):
    assert _only(read(sample(f"hl7v2-ms/{name}.hl7").replace(b"PV1|1|P|", b"PV1|1|I|"))).event is event


# --- Transfer of Care ---------------------------------------------------------------------------------------------


def test_rows_of_coded_sections_are_facts(read):
    message = _only(read(itk3.in_xml(wards.whole_summary())))
    assert _facts(message) == {
        "discharge-destination": "usual-home",
        "ward": "Elm ward",
        "diagnosis": "13746004",
        "risk-to-others-at-home": "Hostile to his wife",
        "staff-safety": False,
        "children-in-contact": "Lives with wife and a pregnant daughter",
        "concerns": False,
        "legal-status": "section-17a",
        "follow-up-plan": "Home visit on 2 March.",
        "contact-phone": "0121 496 0123",
    }
    assert not check(message, NOW)
    assert message.author.name


def test_what_a_summary_says_of_risk_to_self_is_not_passed_on(read):
    assert "Overdose" not in repr(_only(read(itk3.in_xml(wards.whole_summary()))))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("None", False),
        ("No known risks.", False),
        ("Was hostile", "Was hostile"),
        ("Not assessed", None),
        ("N/A", None),
        ("", None),
    ],
)
def test_nothing_known_is_not_the_same_as_nothing_said(words, value, read):
    section = itk3.section("Safety alerts", wards.SAFETY, wards.table(Risk_to_others_at_home=words))
    assert _facts(_only(read(itk3.in_xml(wards.summary(section))))).get("risk-to-others-at-home") == value


def test_no_risk_to_people_in_general_does_not_answer_for_those_at_home(read):
    """F5: the letter said nothing of the behaviour at home."""
    section = itk3.section("Safety alerts", wards.SAFETY, wards.table(Risks_to_others="None"))
    assert _asked_for(_only(read(itk3.in_xml(wards.summary(section))))) == {"risk-to-others-at-home", "staff-safety"}


def test_risks_to_others_are_those_of_caring_professionals_too_unless_they_are_named(read):
    section = itk3.section("Safety alerts", wards.SAFETY, wards.table(Risks_to_others="Hostile"))
    message = _only(read(itk3.in_xml(wards.summary(section))))
    assert _facts(message)["staff-safety"] == "Hostile"
    assert _asked_for(message) == set()


@pytest.mark.parametrize(("words", "codes"), [("From her brother", {"incomplete"}), ("None", set())])
def test_who_is_at_risk_from_whom_is_not_passed_on_and_the_sender_is_told(words, codes, read):
    section = itk3.section("Safety alerts", wards.SAFETY, wards.table(Risk_from_others=words))
    found = read(itk3.in_xml(wards.summary(section)))
    assert {warning.code for warning in found.warnings} == codes
    assert "brother" not in repr(_only(found).facts)


@pytest.mark.parametrize(
    "form",
    [
        "<table><tr><td>Risks to others</td><td>Hostile at home</td></tr></table>",
        "<table><tr><th>Risks to others</th></tr><tr><td>Hostile at home</td></tr></table>",
        "<h3>Risks to self</h3><p>None</p><h3>Risks to others:</h3><p>Hostile</p> at home<h3>Risk from others</h3>",
        "<dl><dt>Risks to others</dt><dd>Hostile</dd><dd>at home</dd></dl>",
    ],
)
def test_a_subheading_may_be_drawn_in_any_usual_way(form, read):
    section = itk3.section("Safety alerts", wards.SAFETY, form)
    assert _facts(_only(read(itk3.in_xml(wards.summary(section)))))["risk-to-others-at-home"] == "Hostile at home"


def test_a_row_of_another_section_is_not_taken(read):
    section = itk3.section("Clinical summary", "887181000000106", wards.table(Risks_to_others="Hostile"))
    assert "risk-to-others-at-home" not in _facts(_only(read(itk3.in_xml(wards.summary(section)))))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("Informal", "informal"),
        ("Formally detained under section 3", "section-3"),
        ("Section 117", None),
        ("s. 136", "section-136"),
        ("Formal CTO", "section-17a"),
        ("Section 2, then section 3", None),
        ("Discharged", None),
    ],
)
def test_the_legal_status_is_read_out_of_its_words(words, status, read):
    section = itk3.section("Discharge details", wards.DISCHARGE, wards.table(Legal_status_on_discharge=words))
    assert _facts(_only(read(itk3.in_xml(wards.summary(section))))).get("legal-status") == status


def test_the_legal_status_may_stand_with_the_legal_information(read):
    status = wards.table(Mental_Health_Act_or_equivalent_status="Patient subject to a Community Treatment Order.")
    message = _only(read(itk3.in_xml(wards.summary(itk3.section("Legal information", wards.LEGAL, status)))))
    assert _facts(message)["legal-status"] == "section-17a"


def test_a_discharge_method_in_words_tells_a_death(read):
    method = itk3.section("Discharge details", wards.DISCHARGE, wards.table(Discharge_method="Patient died"))
    assert _only(read(itk3.in_xml(wards.summary(method)))).event is Event.DEATH


def test_a_summary_without_a_stay_is_of_when_it_was_written_and_questioned(read):
    found = read(itk3.in_json(wards.summary(of=wards.stay(period={"start": "2026-02-20"}))))
    assert _only(found).occurred == datetime(2026, 2, 26, 16, 5, tzinfo=UTC)
    assert {warning.code for warning in found.warnings} == {"incomplete"}


def test_a_stay_that_the_summary_does_not_refer_to_is_its_own_when_it_is_the_only_one(read):
    found = read(itk3.in_json(wards.summary(encounter={"reference": "urn:uuid:patient"})))
    assert (_only(found).occurred, found.warnings) == (WENT_HOME, ())


def test_a_summary_may_have_neither_stay_nor_author_and_a_diagnosis_in_words(read):
    content = wards.summary(author=[{"reference": "urn:uuid:practice"}])
    kept = [entry for entry in content["entry"] if entry["resource"]["resourceType"] not in ("Encounter", "Location")]
    illness = wards.ILLNESS | {"code": {"text": "Low mood"}}
    kept[-1] = {"fullUrl": "urn:uuid:illness", "resource": illness}
    message = _only(read(itk3.in_json(content | {"entry": kept})))
    assert (_facts(message), message.author) == ({"diagnosis": "Low mood"}, None)


def test_an_answer_to_an_earlier_document_is_ignored(read):
    header = itk3.message()["entry"][0]["resource"] | {"response": {"identifier": "m-0", "code": "ok"}, "focus": []}
    del header["focus"]
    assert isinstance(read(itk3.in_json(itk3.bundle(header, itk3.organisation("sender")))), Ignored)


def test_a_summary_of_who_died_is_a_death(read):
    died = {"coding": [{"code": "79"}]}
    message = _only(read(itk3.in_json(wards.summary(of=wards.stay(hospitalization={"dischargeDisposition": died})))))
    assert (message.event, message.people[0].deceased) == (Event.DEATH, WENT_HOME)


def test_a_summary_again_its_next_version_and_one_made_in_error(read):
    first, carried = read(itk3.in_xml(wards.summary())), read(itk3.in_json(itk3.message(wards.summary())))
    assert (first.key, first.content_key) == (carried.key, carried.content_key)
    replaces = [{"code": "replaces", "targetIdentifier": wards.summary()["entry"][0]["resource"]["identifier"]}]
    following = _only(read(itk3.in_json(wards.summary(identifier="doc-2", relatesTo=replaces))))
    assert (following.id != first.key, following.reference) == (True, first.key)
    wrong = _only(read(itk3.in_json(wards.summary(status="entered-in-error"))))
    assert (wrong.event, wrong.reference) == (Event.WITHDRAW, first.key)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (itk3.document(), ("Bundle.entry[0].resource.type", "not-supported")),
        (wards.summary(subject={"reference": "urn:uuid:nobody"}), ("Bundle.entry[0].resource.subject", "not-found")),
        (wards.summary(status="entered-in-error", date="2026-02"), ("Bundle.entry[0].resource.date", "required")),
        (
            wards.summary(date="2026-02", of=wards.stay(period={"start": "2026-02-20"})),
            ("Bundle.entry[0].resource.date", "required"),
        ),
    ],
)
def test_a_document_that_cannot_be_told_is_quarantined(content, place, read):
    assert place in _places(read(itk3.in_json(content)))


# --- R4 -----------------------------------------------------------------------------------------------------------

LEAVE = {"status": "onleave", "period": {"start": "2026-02-24T10:00:00Z"}}
BACK = {"status": "onleave", "period": {"start": "2026-02-24T10:00:00Z", "end": "2026-02-25T18:00:00Z"}}


@pytest.mark.parametrize(
    ("stay", "event", "kind", "occurred"),
    [
        (wards.encounter(), Event.MENTAL_HEALTH_ADMISSION, None, ADMITTED),
        (wards.encounter("onleave", statusHistory=[LEAVE]), Event.MENTAL_HEALTH_LEAVE, "leave", datetime(2026, 2, 24, 10, tzinfo=UTC)),
        (wards.encounter("onleave"), Event.MENTAL_HEALTH_LEAVE, "leave", datetime(2026, 3, 2, 12, 5, tzinfo=UTC)),
        (wards.encounter(statusHistory=[BACK]), Event.MENTAL_HEALTH_LEAVE, "returned", datetime(2026, 2, 25, 18, tzinfo=UTC)),
        (wards.discharged(statusHistory=[BACK]), Event.MENTAL_HEALTH_DISCHARGE, None, WENT_HOME),
    ],
)  # fmt: skip
def test_an_encounter_is_told_by_where_the_stay_stands(stay, event, kind, occurred, read):
    message = _only(read(wards.message(stay)))
    assert (message.event, message.kind, message.occurred) == (event, kind, occurred)
    assert _facts(message)["ward"] == "Elm ward"


def test_facts_of_observations_and_parents_of_children_are_told_with_a_stay(read):
    child = {"resourceType": "Patient", "id": "chloe", "birthDate": "2019-06-12", "name": [{"family": "Hartley"}]}
    father = {
        "resourceType": "RelatedPerson",
        "id": "as-father",
        "patient": {"reference": "Patient/chloe"},
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "FTH"}]}],
        "extension": [
            {
                "url": "https://fhir.baton.example/StructureDefinition/related-patient",
                "valueReference": {"reference": "Patient/martin"},
            }
        ],
    }
    risk = wards.observed("risk-to-others-at-home", valueString="Hostile to his wife")
    safety = wards.observed("staff-safety", valueBoolean=False)
    message = _only(read(wards.message(wards.discharged(), risk, safety, child, father)))
    assert _asked_for(message) == set()
    assert message.subjects == ("martin",)
    assert [(one.person, one.kind, one.to) for one in message.relationships] == [
        ("martin", RelationshipKind.FATHER, "chloe")
    ]


def test_an_update_is_told_when_it_says_something_of_risk(read):
    told = _only(read(wards.message(wards.encounter())))
    assert isinstance(read(wards.message(wards.encounter(), reason="update", identity="m-2")), Ignored)
    risk = wards.observed("risk-to-others-at-home", valueString="Hostile to his wife")
    update = _only(read(wards.message(wards.encounter(), risk, reason="update", identity="m-2")))
    assert (update.reference, update.id != told.id, update.occurred) == (told.reference, True, told.occurred)
    moved = [{"location": {"display": "Elm"}}, {"location": {"display": "Oak"}}]
    assert isinstance(read(wards.message(wards.encounter(location=moved))), Ignored)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_stay_that_never_was_is_taken_back(status, read):
    told = _only(read(wards.message(wards.encounter())))
    message = _only(read(wards.message(wards.encounter(status), identity="m-2")))
    assert (message.event, message.reference) == (Event.WITHDRAW, told.reference)
    assert told.id[:32] == told.reference != _only(read(wards.message(wards.discharged()))).reference


def test_the_same_encounter_again_is_one_while_its_header_keeps_its_id(read):
    bundle = wards.message(wards.discharged())
    first, again = read(bundle), read(bundle | {"id": "other", "timestamp": "2026-03-02T13:00:00Z"})
    assert (first.key, first.content_key) == (again.key, again.content_key)
    assert read(wards.message(wards.discharged(), identity="m-2")).key != first.key


def test_a_stay_without_a_number_is_known_by_the_id_of_its_resource(read):
    stays = [{**wards.encounter(), "identifier": [{"system": "x"}]}, wards.encounter()]
    one, other = (_only(read(wards.message(stay))).reference for stay in stays)
    assert one != other


def test_who_died_on_the_ward_is_told_as_dead_in_r4_too(read):
    assert _only(read(wards.message(wards.discharged("79")))).event is Event.DEATH


@pytest.mark.parametrize(
    "stay",
    [wards.encounter("planned"), wards.encounter("triaged"), wards.encounter(**{"class": {"code": "AMB"}})],
)
def test_an_encounter_that_is_no_stay_is_ignored(stay, read):
    assert isinstance(read(wards.message(stay)), Ignored)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (wards.message(wards.encounter("unknown")), ("Bundle.entry[1].resource.status", "code-invalid")),
        (wards.message(wards.encounter(period={})), ("Bundle.entry[1].resource.period", "structure")),
        (wards.message(wards.encounter("finished")), ("Bundle.entry[1].resource.period.end", "required")),
        ({**wards.message(wards.encounter("cancelled")), "timestamp": None}, ("Bundle.timestamp", "required")),
        (wards.message(wards.encounter(subject={"display": "Martin"})), ("Bundle.entry[1].resource.subject", "not-found")),
        (wards.message(wards.discharged(), wards.observed("staff-safety")), ("Bundle.entry[2].resource", "value")),
        (wards.message(wards.encounter(), focus="Patient/martin"), ("Bundle.entry[0].resource.focus", "not-supported")),
        (wards.message(wards.encounter(), focus="Encounter/none"), ("Bundle.entry[0].resource.focus[0]", "not-found")),
    ],
)  # fmt: skip
def test_an_encounter_that_cannot_be_told_is_quarantined(content, place, read):
    assert place in _places(read(content))


@pytest.mark.parametrize("body", [b"", b"{}", b"MSH", b"<Bundle/>", b'{"eventCoding": 1}', b"<eventUri/>"])
def test_what_is_none_of_the_three_is_quarantined(body, read):
    assert isinstance(read(body), Quarantine)
