"""Every structural rule once: what R4 allows passes, what it refuses is named by place, reason and code."""

import json
from pathlib import Path

import pytest

from schemas.primitives import PATTERN_IN_WORDS, PRIMITIVES
from schemas.problem import Problem, operation_outcome
from schemas.structure import MOST_PROBLEMS, check_bundle, check_resource
from schemas.tables import resource_types
from schemas.validators import validator_for

SAMPLES = sorted((Path(__file__).parents[2] / "samples" / "fhir-r4").glob("*.json"))

HEADER = {
    "resourceType": "MessageHeader",
    "id": "7b2f0a34-0000-4000-8000-000000000001",
    "eventCoding": {"system": "https://fhir.baton.example/CodeSystem/message-event", "code": "birth"},
    "source": {"endpoint": "https://midwifery.example/fhir"},
    "focus": [{"reference": "urn:uuid:7b2f0a34-0000-4000-8000-000000000002"}],
}
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
    "name": [{"family": "Example", "given": ["Ann", "Bo"]}],
    "gender": "female",
    "birthDate": "2024-02-29",
}
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}}
ENCOUNTER = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
CONDITION = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
EXTENSION = {"url": "https://fhir.baton.example/StructureDefinition/example", "valueString": "x"}


def bundle_of(*resources: object) -> dict[str, object]:
    entries = [{"fullUrl": f"urn:uuid:{index}", "resource": resource} for index, resource in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "message", "entry": entries}


def found(resource: object) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in check_resource(resource)]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_specifications_examples_pass(path):
    assert check_resource(json.loads(path.read_bytes())) == []


def test_a_message_bundle_passes():
    assert check_bundle(bundle_of(HEADER, PATIENT, TASK, OBSERVATION, ENCOUNTER, CONDITION)) == []


@pytest.mark.parametrize("resource_type", sorted(resource_types()))
def test_every_type_compiles_and_refuses_what_it_does_not_know(resource_type):
    assert not validator_for(resource_type).is_valid({"resourceType": resource_type, "patientName": "x"})


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        # required elements, which HL7's schema demands of complex types only
        ({"resourceType": "Task"}, [("Task.status", "required"), ("Task.intent", "required")]),
        (TASK | {"restriction": {"repetitions": 0}}, [("Task.restriction.repetitions", "value")]),
        ({"resourceType": "Bundle"}, [("Bundle.type", "required")]),
        (PATIENT | {"communication": [{"preferred": True}]}, [("Patient.communication[0].language", "required")]),
        (PATIENT | {"link": [{"other": {"reference": "#a"}}]}, [("Patient.link[0].type", "required")]),
        (PATIENT | {"extension": [{"valueString": "x"}]}, [("Patient.extension[0].url", "required")]),
        # choices
        (HEADER | {"eventUri": "urn:x"}, [("MessageHeader.event[x]", "structure")]),
        ({k: v for k, v in HEADER.items() if k != "eventCoding"}, [("MessageHeader.event[x]", "required")]),
        (
            PATIENT | {"deceasedBoolean": True, "deceasedDateTime": "2024-01-01"},
            [("Patient.deceased[x]", "structure")],
        ),
        (PATIENT | {"deceasedString": "yes"}, [("Patient.deceasedString", "structure")]),
        (OBSERVATION | {"valueString": "a", "_valueInteger": {"id": "x"}}, [("Observation.value[x]", "structure")]),
        (TASK | {"input": [{"type": {"text": "t"}}]}, [("Task.input[0].value[x]", "required")]),
        (
            TASK | {"input": [{"type": {"text": "t"}, "valueCode": "a", "valueString": "b"}]},
            [("Task.input[0].value[x]", "structure")],
        ),
        (
            PATIENT | {"extension": [EXTENSION | {"valueCode": "x"}]},
            [("Patient.extension[0].value[x]", "structure")],
        ),
        # codes of required bindings
        (ENCOUNTER | {"status": "bogus"}, [("Encounter.status", "code-invalid")]),
        ({"resourceType": "Bundle", "type": "nonsense"}, [("Bundle.type", "code-invalid")]),
        (TASK | {"status": "done"}, [("Task.status", "code-invalid")]),
        (TASK | {"priority": "soon"}, [("Task.priority", "code-invalid")]),
        (PATIENT | {"gender": "F"}, [("Patient.gender", "code-invalid")]),
        ({"resourceType": "Communication", "status": "sent"}, [("Communication.status", "code-invalid")]),
        (
            CONDITION | {"clinicalStatus": {"coding": [{"system": "http://example.org", "code": "active"}]}},
            [("Condition.clinicalStatus.coding", "code-invalid")],
        ),
        (CONDITION | {"clinicalStatus": {"text": "active"}}, [("Condition.clinicalStatus.coding", "required")]),
        # nothing empty
        (PATIENT | {"name": []}, [("Patient.name", "structure")]),
        (PATIENT | {"name": [{}]}, [("Patient.name[0]", "structure")]),
        (PATIENT | {"name": None}, [("Patient.name", "structure")]),
        (PATIENT | {"gender": None}, [("Patient.gender", "code-invalid")]),
        (PATIENT | {"birthDate": ""}, [("Patient.birthDate", "value")]),
        (PATIENT | {"name": [{"family": ""}]}, [("Patient.name[0].family", "value")]),
        (PATIENT | {"implicitRules": ""}, [("Patient.implicitRules", "value")]),
        (PATIENT | {"name": [{"given": ["Ann", None]}]}, [("Patient.name[0].given[1]", "structure")]),
        (
            PATIENT | {"name": [{"given": ["A", None], "_given": [{"id": "x"}, None]}]},
            [("Patient.name[0].given[1]", "structure"), ("Patient.name[0]._given[1]", "structure")],
        ),
        (PATIENT | {"_birthDate": {}}, [("Patient._birthDate", "structure")]),
        # types, which HL7's schema leaves open for objects and whole numbers
        (PATIENT | {"name": ["Ann"]}, [("Patient.name[0]", "structure")]),
        (PATIENT | {"name": {"family": "x"}}, [("Patient.name", "structure")]),
        (PATIENT | {"active": "true"}, [("Patient.active", "structure")]),
        (PATIENT | {"multipleBirthInteger": 1.5}, [("Patient.multipleBirthInteger", "structure")]),
        (PATIENT | {"multipleBirthInteger": 2**31}, [("Patient.multipleBirthInteger", "value")]),
        (PATIENT | {"text": {"status": "generated", "div": 1}}, [("Patient.text.div", "structure")]),
        (PATIENT | {"name": [{"family": "a\u0000b"}]}, [("Patient.name[0].family", "value")]),
        # unknown elements are named only when R4 knows the name
        (PATIENT | {"birthPlace": "x"}, [("Patient", "structure")]),
        (PATIENT | {"birthdate": "2024-01-01"}, [("Patient.birthDate", "structure")]),
        (PATIENT | {"intent": "order"}, [("Patient.intent", "structure")]),
        (PATIENT | {"extension": [EXTENSION | {"_url": {"id": "x"}}]}, [("Patient.extension[0]._url", "structure")]),
        # resources that are none
        ([], [("Resource", "structure")]),
        (None, [("Resource", "structure")]),
        ({}, [("Resource.resourceType", "required")]),
        ({"resourceType": "Person of interest"}, [("Resource.resourceType", "value")]),
        ({"resourceType": ["Patient"]}, [("Resource.resourceType", "value")]),
    ],
)
def test_refuses(resource, expected):
    assert found(resource) == expected


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"name": "x"}, "must be a list"),
        ({"name": ["x"]}, "must be an object"),
        ({"active": 1}, "must be true or false"),
        ({"multipleBirthInteger": "1"}, "must be a whole number"),
        ({"birthDate": 1}, "must be text"),
        ({"birthDate": "1.1.2024"}, "must be a date that exists: YYYY, YYYY-MM or YYYY-MM-DD"),
        ({"name": []}, "must not be an empty list"),
        ({"name": [{}]}, "must not be an empty object"),
        ({"gender": "F"}, "must be one of male, female, other, unknown"),
        ({"telecom": [{"rank": 0}]}, "must be at least 1"),
        ({"multipleBirthInteger": 2**31}, "must be at most 2147483647"),
        ({"deceasedBoolean": True, "deceasedDateTime": "2024"}, "may be given in one type only"),
        ({"communication": [{"preferred": True}]}, "is required"),
        ({"intent": "order"}, "is not an element R4 has here"),
        ({"Ann": "Example"}, "has an element that R4 does not have here"),
        ({"birthdate": "2024"}, "is not written as R4 writes it: capitals matter"),
    ],
)
def test_says_why(elements, reason):
    (problem,) = check_resource({"resourceType": "Patient"} | elements)
    assert problem.reason == reason


@pytest.mark.parametrize(
    "resource",
    [
        PATIENT | {"name": [{"given": ["Ann", None], "_given": [None, {"extension": [EXTENSION]}]}]},
        {k: v for k, v in PATIENT.items() if k != "birthDate"} | {"_birthDate": {"extension": [EXTENSION]}},
        {"resourceType": "Task", "intent": "order", "_status": {"extension": [EXTENSION]}},
        OBSERVATION | {"valueInteger": 1, "_valueInteger": {"id": "x"}},
        PATIENT | {"extension": [EXTENSION | {"_valueString": {"id": "x"}, "id": "y"}]},
        PATIENT | {"name": [{"family": "O\u2019Brien\u00a0Example"}]},  # HL7's own pattern refuses the no-break space
        PATIENT | {"meta": {"profile": ["urn:x"], "_profile": [{"id": "x"}]}},  # and the extension of a canonical
        CONDITION
        | {
            "clinicalStatus": {
                "coding": [
                    {"system": "http://example.org", "code": "laufend"},
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"},
                ]
            }
        },
    ],
)
def test_allows(resource):
    assert check_resource(resource) == []


@pytest.mark.parametrize(
    ("value", "exists"),
    [
        ("2024", True),
        ("2024-02", True),
        ("2024-02-29", True),
        ("2000-02-29", True),
        ("2023-02-29", False),
        ("1900-02-29", False),
        ("2024-02-30", False),
        ("2024-04-31", False),
        ("2024-13-01", False),
        ("2024-00-01", False),
        ("0000-01-01", False),
        ("0000-02-29", False),
        ("24-01-01", False),
        ("2024-1-1", False),
        ("2024-01-01T10:00:00Z", False),
        ("2024-01-01\n", False),
        (20240101, False),
    ],
)
def test_a_date_must_exist(value, exists):
    assert (check_resource(PATIENT | {"birthDate": value}) == []) is exists


@pytest.mark.parametrize(
    ("value", "exists"),
    [
        ("2024-01-01T10:00:00Z", True),
        ("2024-01-01T10:00:00.123456789+01:00", True),
        ("2024-01-01T23:59:59-14:00", True),
        ("2024-02-30T10:00:00Z", False),
        ("2024-01-01T24:00:00Z", False),
        ("2024-01-01T10:00:60Z", False),
        ("2024-01-01T10:00:00", False),
        ("2024-01-01T10:00Z", False),
        ("2024-01-01", False),
        ("2024-01-01T10:00:00+15:00", False),
        ("2024-01-01T10:00:00+58:00", False),  # seen in a national sample
    ],
)
def test_an_instant_must_exist(value, exists):
    assert (check_bundle(bundle_of(HEADER) | {"timestamp": value}) == []) is exists


def test_resources_are_checked_by_their_own_type_wherever_they_are():
    bad = {"resourceType": "Patient", "gender": "F"}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "part": [{"name": "b", "resource": bad}]}],
    }
    outcome = bundle_of() | {"entry": [{"response": {"status": "200", "outcome": bad}}]}
    bundle = bundle_of(PATIENT | {"contained": [bad]}, parameters, outcome, None, {"resourceType": "patient"}, {})
    assert sorted(found(bundle)) == [
        ("Bundle.entry[0].resource.contained[0].gender", "code-invalid"),
        ("Bundle.entry[1].resource.parameter[0].part[0].resource.gender", "code-invalid"),
        ("Bundle.entry[2].resource.entry[0].response.outcome.gender", "code-invalid"),
        ("Bundle.entry[3].resource", "structure"),
        ("Bundle.entry[4].resource.resourceType", "value"),
        ("Bundle.entry[5].resource.resourceType", "required"),
    ]


@pytest.mark.parametrize("other", [PATIENT, {}, {"resourceType": "bundle"}])
def test_a_bundle_must_be_a_bundle(other):
    assert check_bundle(other) == [Problem("Bundle.resourceType", "must be Bundle", "value")]


@pytest.mark.parametrize("depth", [300, 5_000, 100_000])
def test_hostile_nesting_is_refused(depth):
    nested: dict[str, object] = {**EXTENSION}
    for _ in range(depth):
        nested = {"url": "urn:x", "extension": [nested]}
    reason = "is nested too deep, or holds a number or text that JSON cannot carry"
    assert check_resource(PATIENT | {"extension": [nested]}) == [Problem("Patient", reason)]


@pytest.mark.parametrize("value", [{1: 2}, {"resourceType": "Patient", "active": object()}, "\ud800", 10**40, b"x"])
def test_what_is_not_json_is_refused(value):
    assert len(check_resource(value)) == 1


def test_the_list_of_problems_ends():
    problems = check_resource(PATIENT | {"name": [{"use": "bad"}] * 1_000})
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].reason == "has further problems, which are not listed"


def test_of_a_long_resource_the_first_problem_is_named():
    problems = check_resource(PATIENT | {"name": [{"use": "bad"}] * 5_000})
    assert [(problem.path, problem.severity) for problem in problems] == [
        ("Patient.name[0].use", "error"),
        ("Patient", "information"),
    ]


def test_a_path_may_be_given():
    assert check_resource({"resourceType": "Patient", "gender": "F"}, "Task.input[0]")[0].path == "Task.input[0].gender"


def test_every_pattern_has_words():
    assert {schema["pattern"] for schema in PRIMITIVES.values() if "pattern" in schema} == set(PATTERN_IN_WORDS)


def test_an_outcome_carries_place_and_reason_and_is_itself_r4():
    problem = Problem("Bundle.entry[2].resource.birthDate", "must be a date that exists", "value")
    outcome = operation_outcome([problem, Problem("", "was ignored", "informational", "information")])
    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "value",
                "diagnostics": "must be a date that exists",
                "expression": ["Bundle.entry[2].resource.birthDate"],
            },
            {"severity": "information", "code": "informational", "diagnostics": "was ignored"},
        ],
    }
    assert check_resource(outcome) == []
    assert check_resource(operation_outcome([])) == []


def test_every_code_used_is_an_issue_type_of_r4():
    resource = {"name": [], "gender": "F", "birthDate": "x", "contact": [{"organization": {"identifier": {}}}]}
    problems = check_resource({"resourceType": "Patient"} | resource)
    assert len(problems) == 4
    assert check_resource(operation_outcome(problems)) == []
