"""How a Bundle is read, rule by rule, and what is written beside what a message says."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas import examples
from schemas.bundle import Answer, Kept, read, response_bundle, trim_codes, write
from schemas.codes import CANONICAL, Event, Priority, RelationshipKind, Standing
from schemas.content import dump, load
from schemas.examples.story import MESSAGES
from schemas.message import Fact, HouseholdMember, Message, PostalAddress, Relationship, RestrictedParty
from schemas.problem import Problem, operation_outcome
from schemas.structure import check_bundle

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SOURCE = "https://broker.example/fhir"

Json = dict[str, Any]


def resource(bundle: Json, resource_type: str, nth: int = 0) -> Json:
    """The nth resource of that type."""
    found = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == resource_type]
    return found[nth]


def fact(bundle: Json, code: str) -> Json:
    """The first Observation of that fact."""
    return next(
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Observation" and entry["resource"]["code"]["coding"][0]["code"] == code
    )


def add(bundle: Json, url: str, added: Json) -> None:
    bundle["entry"].append({"fullUrl": url, "resource": added})


def understood(bundle: Json) -> tuple[Message, list[Problem]]:
    message, problems = read(bundle)
    assert message is not None
    return message, problems


def found_in(bundle: Json) -> set[tuple[str, str, str]]:
    return {(problem.path, problem.severity, problem.code) for problem in read(bundle)[1]}


# --- the envelope


def test_an_example_is_read_without_a_word():
    assert read(examples.load("birth")) == (MESSAGES["birth"], [])


def drop_header(bundle: Json) -> None:
    del bundle["entry"][0]


def move_header(bundle: Json) -> None:
    bundle["entry"].append(bundle["entry"].pop(0))


def second_header(bundle: Json) -> None:
    add(bundle, "urn:uuid:00000000-0000-4000-8000-000000000001", copy.deepcopy(resource(bundle, "MessageHeader")))


def change(path: str, value: object) -> Callable[[Json], None]:
    """Sets an element of the header; an Ellipsis removes it."""

    def spoil(bundle: Json) -> None:
        target, *steps = resource(bundle, "MessageHeader"), *path.split(".")
        for step in steps[:-1]:
            target = target[step]
        target.pop(steps[-1]) if value is ... else target.__setitem__(steps[-1], value)

    return spoil


HEADER = "Bundle.entry[0].resource"

ENVELOPES = [
    (lambda bundle: bundle.__setitem__("type", "collection"), "Bundle.type", "value"),
    (lambda bundle: bundle.__setitem__("entry", []), HEADER, "structure"),
    (drop_header, HEADER, "structure"),
    (move_header, HEADER, "structure"),
    (second_header, "Bundle.entry", "structure"),
    (change("eventCoding.code", "teatime"), f"{HEADER}.eventCoding.code", "not-supported"),
    (change("eventCoding.system", "http://other.example"), f"{HEADER}.eventCoding.system", "not-supported"),
    (change("eventCoding", ...), f"{HEADER}.eventCoding.system", "not-supported"),
    (change("focus", ...), f"{HEADER}.focus", "required"),
    (change("focus", [{"reference": "urn:uuid:nowhere"}]), f"{HEADER}.focus[0].reference", "not-found"),
    (change("id", ...), f"{HEADER}.id", "required"),
]


@pytest.mark.parametrize(("spoil", "path", "code"), ENVELOPES)
def test_an_envelope_that_cannot_be_used_is_an_error_with_its_path(spoil: Callable[[Json], None], path: str, code: str):
    bundle = examples.load("birth")
    spoil(bundle)
    assert (path, "error", code) in found_in(bundle)


def test_the_focus_must_be_what_the_event_is_about():
    bundle = examples.load("birth")
    resource(bundle, "MessageHeader")["focus"] = [{"reference": bundle["entry"][1]["fullUrl"]}]
    assert (f"{HEADER}.focus", "error", "required") in found_in(bundle)


def test_two_entries_cannot_have_one_address():
    bundle = examples.load("birth")
    bundle["entry"][2]["fullUrl"] = bundle["entry"][1]["fullUrl"]
    assert ("Bundle.entry[2].fullUrl", "error", "duplicate") in found_in(bundle)


def test_two_patients_cannot_have_one_id():
    """A reference `Patient/1` would mean either."""
    bundle = examples.load("birth")
    resource(bundle, "Patient", 1)["id"] = resource(bundle, "Patient")["id"]
    assert ("duplicate", "error") in {(code, severity) for _, severity, code in found_in(bundle)}


def test_every_reference_is_followed():
    bundle = examples.load("birth")
    fact(bundle, "gestation")["performer"] = [{"reference": "Practitioner/lost"}]
    dangling = [path for path, _, code in found_in(bundle) if code == "not-found"]
    assert len(dangling) == 1
    assert dangling[0].endswith(".performer[0].reference")


@pytest.mark.parametrize(
    "reference",
    [
        {"identifier": {"system": "https://sds.example", "value": "1"}},
        {"reference": "urn:uuid:elsewhere", "identifier": {"system": "https://sds.example", "value": "1"}},
        {"reference": "https://directory.example/Practitioner/1"},
        {"display": "a midwife"},
    ],
)
def test_what_points_elsewhere_is_no_error(reference: Json):
    bundle = examples.load("birth")
    fact(bundle, "gestation")["performer"] = [reference]
    message, problems = understood(bundle)
    assert message == MESSAGES["birth"]
    assert [p for p in problems if p.severity != "information"] == []


def test_ids_may_be_referred_to_as_type_and_id():
    bundle = examples.load("birth")
    mother = MESSAGES["birth"].people[1].key
    resource(bundle, "RelatedPerson")["extension"][0]["valueReference"] = {"reference": f"Patient/{mother}"}
    assert read(bundle) == (MESSAGES["birth"], [])


def test_all_problems_are_told_at_once():
    bundle = examples.load("birth")
    bundle["type"] = "collection"
    fact(bundle, "gestation")["valueQuantity"] = {"unit": "wk"}
    resource(bundle, "RelatedPerson")["patient"] = {"reference": "urn:uuid:nobody"}
    assert len([found for found in found_in(bundle) if found[1] == "error"]) >= 3


# --- codes with stray spaces


def test_stray_spaces_round_codes_are_dropped_and_told():
    bundle = examples.load("concern-bruising")
    resource(bundle, "Flag")["code"]["coding"][0]["code"] = " bruising "
    resource(bundle, "Patient")["gender"] = "male "
    assert check_bundle(bundle) != []
    trimmed, problems = trim_codes(bundle)
    assert check_bundle(trimmed) == []
    assert [problem.severity for problem in problems] == ["warning", "warning"]
    assert read(trimmed) == (MESSAGES["concern-bruising"], [])
    assert understood(bundle)[0] == MESSAGES["concern-bruising"]


def test_what_is_clean_is_left_alone():
    bundle = examples.load("birth")
    assert trim_codes(bundle)[0] is bundle


# --- who, when, what


def test_who_is_about_comes_from_the_focus():
    twins = MESSAGES["birth-twins"]
    assert understood(examples.load("birth-twins"))[0].subjects == twins.subjects
    assert len(twins.subjects) == 2


def test_a_household_stated_of_nobody_in_particular_is_about_its_members():
    bundle = examples.load("household-update")
    header = resource(bundle, "MessageHeader")
    header["focus"] = header["focus"][:1]
    message, _ = understood(bundle)
    assert message.subjects == tuple(member.person for member in message.household)


@pytest.mark.parametrize(
    ("name", "spoil", "occurred"),
    [
        # The header's word goes before the focus, the focus before the Bundle's timestamp.
        ("birth", lambda b: resource(b, "MessageHeader").pop("extension"), datetime(2018, 2, 14, tzinfo=UTC)),
        ("measurement", lambda b: resource(b, "MessageHeader").pop("extension"), MESSAGES["measurement"].sent),
        ("child-admission", lambda b: resource(b, "Encounter").pop("period"), MESSAGES["child-admission"].sent),
        (
            "child-discharge",
            lambda b: resource(b, "Encounter").__setitem__("period", {"start": "2018-02-14", "end": "2018-02-24"}),
            datetime(2018, 2, 24, tzinfo=UTC),
        ),
        (
            "gp-registration",
            lambda b: resource(b, "EpisodeOfCare")["period"].__setitem__("start", "2018-05-03T11:00:00+01:00"),
            datetime(2018, 5, 3, 10, tzinfo=UTC),
        ),
    ],
)
def test_when_it_happened(name: str, spoil: Callable[[Json], object], occurred: datetime):
    bundle = examples.load(name)
    spoil(bundle)
    assert understood(bundle)[0].occurred == occurred


def test_a_birth_may_give_its_time_with_the_date_of_birth():
    bundle = examples.load("birth")
    del resource(bundle, "MessageHeader")["extension"]
    resource(bundle, "Patient")["_birthDate"] = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "2018-02-14T04:52:00+00:00",
            }
        ]
    }
    assert understood(bundle)[0].occurred == MESSAGES["birth"].occurred


def test_no_time_at_all_is_an_error():
    bundle = examples.load("measurement")
    del bundle["timestamp"]
    del resource(bundle, "MessageHeader")["extension"]
    assert (HEADER, "error", "required") in found_in(bundle)


def test_a_partial_date_of_birth_is_not_completed():
    bundle = examples.load("birth")
    resource(bundle, "Patient")["birthDate"] = "2018-02"
    message, problems = understood(bundle)
    assert message.people[0].birth_date is None
    assert [(p.severity, p.code) for p in problems] == [("warning", "incomplete")]


def test_a_partial_time_of_the_event_is_its_first_day_and_told():
    bundle = examples.load("child-admission")
    resource(bundle, "Encounter")["period"]["start"] = "2018-02"
    message, problems = understood(bundle)
    assert message.occurred == datetime(2018, 2, 1, tzinfo=UTC)
    assert [(p.severity, p.code) for p in problems] == [("warning", "incomplete")]


def test_a_death_on_an_unclear_day_is_a_death():
    bundle = examples.load("death")
    resource(bundle, "Patient")["deceasedDateTime"] = "2019"
    assert understood(bundle)[0].people[0].deceased is True


@pytest.mark.parametrize("name", ["measurement", "supervision-start"])
def test_an_id_that_is_an_identifier_is_not_carried_on_as_a_key(name: str):
    """PDS uses the NHS number as the resource's id, others will use theirs; a key goes to every recipient."""
    bundle = examples.load(name)
    patient = resource(bundle, "Patient")
    patient["id"] = patient["identifier"][0]["value"]
    message, _ = understood(bundle)
    assert message.subjects
    assert patient["id"] not in message.subjects[0]


def test_a_sensitive_record_of_pds_protects_every_address():
    bundle = examples.load("measurement")
    resource(bundle, "Patient")["meta"] = {
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]
    }
    person = understood(bundle)[0].people[0]
    assert [address.protected for address in person.addresses] == [True]
    assert not person.protected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            {"line": ["1 The Row"], "city": "Birmingham", "postalCode": "B17 0HG"},
            (PostalAddress(lines=("1 The Row", "Birmingham"), postcode="B17 0HG"),),
        ),
        ({"text": "1 The Row, Birmingham"}, (PostalAddress(lines=("1 The Row, Birmingham",)),)),
        ({"use": "old", "line": ["1 The Row"]}, ()),
        (
            {"use": "old", "line": ["1 The Row"], "period": {"end": "2018-01-01"}},
            (PostalAddress(lines=("1 The Row",), until=date(2018, 1, 1)),),
        ),
    ],
)
def test_addresses_as_others_write_them(address: Json, expected: tuple[PostalAddress, ...]):
    bundle = examples.load("measurement")
    resource(bundle, "Patient")["address"] = [address]
    assert understood(bundle)[0].people[0].addresses == expected


def test_the_practice_may_be_an_organisation_of_the_bundle():
    bundle = examples.load("measurement")
    add(
        bundle,
        "urn:uuid:00000000-0000-4000-8000-0000000000aa",
        {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Y90002"}],
        },
    )
    resource(bundle, "Patient")["generalPractitioner"] = [
        {"reference": "urn:uuid:00000000-0000-4000-8000-0000000000aa"}
    ]
    assert understood(bundle)[0].people[0].practice == "Y90002"


def test_the_present_name_is_read_and_not_a_former_one():
    bundle = examples.load("measurement")
    resource(bundle, "Patient")["name"].insert(0, {"use": "old", "family": "Former"})
    assert understood(bundle)[0].people[0].family == "Hartley"


# --- relationships and households


@pytest.mark.parametrize(
    ("code", "kind", "turned"),
    [
        ("MTH", RelationshipKind.MOTHER, False),
        ("STPFTH", RelationshipKind.CARER, False),
        ("MGRMTH", RelationshipKind.GRANDPARENT, False),
        ("DAUC", RelationshipKind.PARENT, True),
    ],
)
def test_relationships_by_hl7_codes(code: str, kind: RelationshipKind, *, turned: bool):
    bundle = examples.load("birth")
    related = resource(bundle, "RelatedPerson")
    related["relationship"] = [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}
    ]
    child, other = (person.key for person in MESSAGES["birth"].people[:2])
    expected = (
        Relationship(person=child, kind=kind, to=other) if turned else Relationship(person=other, kind=kind, to=child)
    )
    assert understood(bundle)[0].relationships[0] == expected


def test_an_unknown_relationship_is_kept_as_other_and_told():
    bundle = examples.load("birth")
    resource(bundle, "RelatedPerson")["relationship"] = [{"text": "landlady"}]
    message, problems = understood(bundle)
    assert message.relationships[0].kind is RelationshipKind.OTHER
    assert [(p.severity, p.code) for p in problems] == [("warning", "code-invalid")]


def test_a_mother_linked_as_uk_core_does():
    bundle = examples.load("birth")
    related = resource(bundle, "RelatedPerson")
    del related["extension"]
    url = next(entry["fullUrl"] for entry in bundle["entry"] if entry["resource"] is related)
    resource(bundle, "Patient", 1)["link"] = [{"other": {"reference": url}, "type": "seealso"}]
    assert understood(bundle)[0].relationships == MESSAGES["birth"].relationships


def test_a_related_person_who_is_described_and_no_patient_is_a_person():
    bundle = examples.load("birth-without-mother")
    child = bundle["entry"][0]["resource"]["focus"][0]["reference"]
    add(
        bundle,
        "urn:uuid:00000000-0000-4000-8000-0000000000bb",
        {
            "resourceType": "RelatedPerson",
            "patient": {"reference": child},
            "relationship": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "FTH"}]}
            ],
            "name": [{"family": "Osei", "given": ["Daniel"]}],
            "birthDate": "1997-09-03",
        },
    )
    message, _ = understood(bundle)
    father = message.people[1]
    assert (father.family, father.birth_date) == ("Osei", date(1997, 9, 3))
    assert [(relation.kind, relation.person) for relation in message.relationships] == [
        (RelationshipKind.FATHER, father.key)
    ]


def test_a_message_states_one_household():
    """To read two as one would join two homes."""
    bundle = examples.load("household-update")
    add(bundle, "urn:uuid:00000000-0000-4000-8000-0000000000cc", copy.deepcopy(resource(bundle, "Group")))
    assert ("not-supported", "error") in {(code, severity) for _, severity, code in found_in(bundle)}


def test_a_member_who_is_inactive_has_left():
    bundle = examples.load("household-update")
    member = resource(bundle, "Group")["member"][0]
    del member["extension"]
    member["inactive"] = True
    first: HouseholdMember = understood(bundle)[0].household[0]
    assert first.standing is Standing.LEFT


# --- facts


@pytest.mark.parametrize(
    ("quantity", "grams"),
    [
        ({"value": 3.15, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}, Decimal(3150)),
        ({"value": 3150, "unit": "g"}, Decimal(3150)),
    ],
)
def test_weights_in_kilograms_are_weights(quantity: Json, grams: Decimal):
    bundle = examples.load("birth")
    fact(bundle, "birth-weight")["valueQuantity"] = quantity
    weight = next(each for each in understood(bundle)[0].facts if each.code == "birth-weight")
    assert (weight.value, weight.unit) == (grams, "g")


def test_gestation_in_days_is_completed_weeks():
    bundle = examples.load("birth")
    fact(bundle, "gestation")["valueQuantity"] = {"value": 285, "unit": "days", "code": "d"}
    assert next(f.value for f in understood(bundle)[0].facts if f.code == "gestation") == 40


def test_loinc_codes_are_understood():
    bundle = examples.load("birth")
    fact(bundle, "birth-weight")["code"] = {"coding": [{"system": "http://loinc.org", "code": "8339-4"}]}
    assert "birth-weight" in {each.code for each in understood(bundle)[0].facts}


def test_an_observation_nobody_knows_is_left_and_told():
    bundle = examples.load("birth")
    fact(bundle, "feeding")["code"] = {"coding": [{"system": "http://loinc.org", "code": "0000-0"}]}
    message, problems = understood(bundle)
    assert "feeding" not in {each.code for each in message.facts}
    assert [p.severity for p in problems] == ["information"]


def test_an_observation_entered_in_error_says_nothing():
    bundle = examples.load("birth")
    fact(bundle, "feeding")["status"] = "entered-in-error"
    assert "feeding" not in {each.code for each in understood(bundle)[0].facts}


def test_what_is_said_to_be_unknown_is_no_fact():
    bundle = examples.load("birth")
    weight = fact(bundle, "birth-weight")
    del weight["valueQuantity"]
    weight["dataAbsentReason"] = {"text": "not weighed"}
    message, problems = understood(bundle)
    assert "birth-weight" not in {each.code for each in message.facts}
    assert [p.severity for p in problems] == ["information"]


def test_a_value_of_another_type_is_an_error():
    bundle = examples.load("birth")
    weight = fact(bundle, "birth-weight")
    del weight["valueQuantity"]
    weight["valueString"] = "heavy"
    assert [(p.severity, p.reason) for p in read(bundle)[1]] == [("error", "must have valueQuantity")]


def test_an_immunisation_speaks_for_itself():
    """A plain FHIR sender does not repeat the vaccine as an Observation."""
    bundle = examples.load("immunisation-not-given")
    header, shot, child = (resource(bundle, name) for name in ("MessageHeader", "Immunization", "Patient"))
    kept = [entry for entry in bundle["entry"] if any(entry["resource"] is one for one in (header, shot, child))]
    bundle["entry"] = kept
    del header["author"]
    facts = {each.code: each.value for each in understood(bundle)[0].facts}
    assert facts["immunisation"] == "6-in-1, second dose"
    assert "not-given-reason" in facts


def test_a_question_may_stand_in_the_payload():
    bundle = examples.load("information-request")
    bundle["entry"] = [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Observation"]
    resource(bundle, "CommunicationRequest")["payload"] = [{"contentString": "Which weights do you hold?"}]
    assert [each.value for each in understood(bundle)[0].facts] == ["Which weights do you hold?"]


# --- the header's other words


def test_the_sender_may_be_left_to_the_credentials():
    bundle = examples.load("birth")
    resource(bundle, "MessageHeader")["sender"] = {"display": "Maternity"}
    message, problems = understood(bundle)
    assert message.sender is None
    assert [p.severity for p in problems] == ["information"]


def test_a_team_may_be_an_organisation_of_the_bundle():
    bundle = examples.load("referral")
    add(
        bundle,
        "urn:uuid:00000000-0000-4000-8000-0000000000dd",
        {
            "resourceType": "Organization",
            "identifier": [{"system": "https://fhir.baton.example/Id/team", "value": "bcht-health-visiting"}],
        },
    )
    receiver = {"reference": "urn:uuid:00000000-0000-4000-8000-0000000000dd"}
    resource(bundle, "MessageHeader")["destination"] = [{"endpoint": "https://x.example", "receiver": receiver}]
    assert understood(bundle)[0].to == ("bcht-health-visiting",)


def test_the_more_urgent_word_counts():
    bundle = examples.load("referral")
    resource(bundle, "ServiceRequest")["priority"] = "asap"
    assert understood(bundle)[0].priority is Priority.ASAP


def test_a_mark_on_a_part_marks_the_whole():
    bundle = examples.load("concern-bruising")
    del resource(bundle, "MessageHeader")["meta"]
    assert understood(bundle)[0].labels == frozenset({"NOPAT"})


CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


@pytest.mark.parametrize(
    ("part", "system", "code", "expected"),
    [
        ("Bundle", CONFIDENTIALITY, "R", {"R"}),
        ("MessageHeader", CONFIDENTIALITY, "V", {"V"}),
        ("Observation", CONFIDENTIALITY, "R", {"R"}),
        ("Observation", CONFIDENTIALITY, "U", {"N"}),
        ("Observation", "https://elsewhere.example", "N", {"N", "unrecognised"}),  # opens only where HL7 says so
        ("Observation", "https://elsewhere.example", "R", {"R"}),
        ("Encounter", f"{CANONICAL}/CodeSystem/label", "held-for-release", {"N", "held-for-release"}),
        ("Observation", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIV", {"N", "unrecognised"}),
        ("Patient", CONFIDENTIALITY, "R", {"N"}),  # of the identity: its address is protected
        ("Patient", "https://elsewhere.example", "x", {"N", "unrecognised"}),
    ],
)
def test_the_strictest_label_of_any_part_rules_the_message(part, system, code, expected):
    bundle = examples.load("child-contact")
    resource(bundle, "MessageHeader")["meta"] = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    marked = bundle if part == "Bundle" else resource(bundle, part)
    marked.setdefault("meta", {}).setdefault("security", []).append({"system": system, "code": code})
    message, problems = understood(bundle)
    assert message.labels == expected
    told = [problem for problem in problems if "label" in problem.reason]
    assert bool(told) == ("unrecognised" in expected)
    assert code not in [word for problem in told for word in problem.reason.split()]


def test_a_label_of_a_resource_within_another_counts():
    bundle = examples.load("child-contact")
    within = {"resourceType": "Basic", "code": {"text": "x"}, "meta": {"security": [{"code": "V"}]}}
    resource(bundle, "Encounter")["contained"] = [within]
    assert understood(bundle)[0].labels == {"V"}


def test_whom_a_message_is_kept_from_is_read_and_written_again():
    message = replace(
        MESSAGES["birth"],
        kept_from=(RestrictedParty(person=MESSAGES["birth"].people[-1].key, employer="bsmhft"),),
    )
    written = write(message, source=SOURCE)
    assert check_bundle(written) == []
    [again] = understood(written)[0].kept_from
    assert again.employer == "bsmhft"
    assert understood(written)[0].person(again.person).given == message.people[-1].given
    assert load(dump(message)) == message


def test_a_message_that_is_kept_from_nobody_of_its_own_is_refused():
    bundle = write(MESSAGES["birth"], source=SOURCE)
    resource(bundle, "MessageHeader")["extension"].append(
        {"url": f"{CANONICAL}/StructureDefinition/restricted-party", "extension": [{"url": "employer", "valueId": "x"}]}
    )
    assert ("not-found", "error") in {(code, severity) for _, severity, code in found_in(bundle)}


def test_a_basis_that_is_not_listed_is_refused():
    bundle = examples.load("birth")
    extensions = resource(bundle, "MessageHeader")["extension"]
    next(each for each in extensions if "valueCoding" in each)["valueCoding"]["code"] = "because"
    assert ("code-invalid", "error") in {(code, severity) for _, severity, code in found_in(bundle)}


# --- writing


def test_every_clinical_part_of_a_marked_message_bears_the_mark():
    bundle = write(MESSAGES["concern-bruising"], source=SOURCE)
    unmarked = ("MessageHeader", "Patient", "Practitioner", "PractitionerRole")
    parts = [entry["resource"] for entry in bundle["entry"]]  # type: ignore[attr-defined]
    clinical = [part for part in parts if part["resourceType"] not in unmarked]
    assert clinical
    assert all(part["meta"]["security"][0]["code"] == "NOPAT" for part in clinical)


TASK: Json = {
    "resourceType": "Task",
    "id": "0197c0de-0000-7000-8000-000000000001",
    "status": "requested",
    "intent": "order",
    "description": "Please acknowledge",
}


@pytest.mark.parametrize("name", ["birth", "concern-bruising"])
def test_a_task_travels_beside_the_message(name: str):
    message = MESSAGES[name]
    bundle = write(message, source=SOURCE, source_name="Baton", extra=[TASK], timestamp=NOW, bundle_id="delivery-1")
    assert check_bundle(bundle) == []
    Bundle.model_validate(bundle)
    assert bundle["id"] == "delivery-1"
    entries: list[Json] = bundle["entry"]  # type: ignore[assignment]
    assert entries[-1]["fullUrl"] == f"urn:uuid:{TASK['id']}"
    assert ("meta" in entries[-1]["resource"]) == ("NOPAT" in message.labels)
    assert read(bundle) == (replace(message, sent=NOW), [])


def test_a_message_may_answer_a_message():
    outcome = operation_outcome([])
    answer = Answer(identifier="m-1", code="ok", outcome=outcome)
    bundle = write(MESSAGES["information"], source=SOURCE, response=answer)
    assert check_bundle(bundle) == []
    response = bundle["entry"][0]["resource"]["response"]
    assert (response["identifier"], response["code"]) == ("m-1", "ok")
    assert response["details"]["reference"] == bundle["entry"][-1]["fullUrl"]


@pytest.mark.parametrize("code", ["ok", "transient-error", "fatal-error"])
@pytest.mark.parametrize(("request_id", "identifier"), [("m-1", "m-1"), ("no id at all!", "unknown")])
@pytest.mark.parametrize("event", [None, Event.BIRTH])
def test_the_answer_to_process_message(code: Any, request_id: str, identifier: str, event: Event | None):
    outcome = operation_outcome([Problem("Bundle.type", "must be message", "value")])
    bundle = response_bundle(request_id, code, outcome, id="answer-1", timestamp=NOW, source=SOURCE, event=event)
    assert check_bundle(bundle) == []
    Bundle.model_validate(bundle)
    entries: list[Json] = bundle["entry"]  # type: ignore[assignment]
    response = entries[0]["resource"]["response"]
    assert (response["identifier"], response["code"]) == (identifier, code)
    assert response["details"]["reference"] == entries[1]["fullUrl"]
    assert entries[1]["resource"] == outcome


def test_the_runtime_path_does_not_load_the_models():
    """Importing R4B's models takes 0.3 to 2 s and 45 to 112 MB."""
    import subprocess
    import sys

    program = (
        "import sys; from schemas import bundle, events, definitions, examples;"
        "bundle.read(examples.load('birth')); definitions.all_definitions();"
        "sys.exit(any(name.split('.')[0] in ('fhir', 'pydantic') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- what several messages have in common


def as_written(message: Message, kept: Kept | None = None) -> bytes:
    return orjson.dumps(write(message, source=SOURCE, kept=kept))


@pytest.mark.parametrize("name", MESSAGES)
def test_what_was_written_for_others_changes_nothing_in_a_message(name: str):
    message = MESSAGES[name]
    less = [
        replace(message, facts=message.facts[:1], labels=frozenset()),
        replace(message, labels=message.labels | {"NOPAT"}),
        replace(message, people=message.people[1:]),
        replace(message, people=tuple(replace(person, identifiers=(), addresses=()) for person in message.people)),
        replace(message, facts=tuple(replace(fact, about=None) for fact in message.facts)),
        message,
    ]
    kept = Kept()
    assert [as_written(one, kept) for one in less] == [as_written(one) for one in less]
    assert [as_written(one, kept) for one in reversed(less)] == [as_written(one) for one in reversed(less)]


def test_values_that_only_seem_the_same_are_each_written_as_what_they_are():
    message = MESSAGES["birth"]
    values = (True, 1, Decimal(1), Decimal("1.0"))
    messages = [replace(message, facts=(Fact(code="parity", value=value),)) for value in values]
    kept = Kept()
    assert [as_written(one, kept) for one in messages] == [as_written(one) for one in messages]


def test_a_person_whom_a_message_does_not_name_is_not_referred_to_because_another_names_them():
    message = MESSAGES["birth"]
    about = next(fact for fact in message.facts if fact.about is not None)
    named, unnamed = replace(message, facts=(about,)), replace(message, facts=(about,), people=())
    kept = Kept()
    as_written(named, kept)
    assert as_written(unnamed, kept) == as_written(unnamed) != as_written(named)
    assert str(about.about).encode() not in as_written(replace(unnamed, subjects=(), relationships=()), kept)


def test_what_is_kept_stays_that_of_the_very_thing_it_was_written_of():
    kept = Kept()
    for number in range(1000):  # what is gone leaves its place in memory to others
        assert kept.of(Fact(code="parity", value=number), write=lambda n=number: {"n": n}) == {"n": number}  # type: ignore[misc]
