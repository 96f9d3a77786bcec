"""The generated rules against a second, independent reading of the standard: the models of fhir.resources R4B."""

from collections.abc import Iterator
from typing import Any

import pytest
from fhir.resources import R4B
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.tables import Rule, definitions, rules
from schemas.validators import strict_definition

# What a message Bundle may carry, and what the broker publishes.
TYPES = (
    "Appointment Bundle CarePlan CareTeam CodeSystem Communication CommunicationRequest Composition Condition Consent "
    "Device DocumentReference Encounter EpisodeOfCare Flag Group HealthcareService Immunization List Location "
    "MessageDefinition MessageHeader Observation OperationOutcome Organization Parameters Patient Practitioner "
    "PractitionerRole Procedure Provenance QuestionnaireResponse RelatedPerson ServiceRequest StructureDefinition Task "
    "ValueSet"
).split()

# Types a choice may have in R4B and not in R4; and Meta, which R4 allows and HL7's R4 schema forgot.
NOT_IN_THE_SCHEMA = ("CodeableReference", "RatioRange", "Meta")


def elements_of(model: type[BaseModel]) -> dict[str, tuple[FieldInfo, dict[str, Any]]]:
    return {
        info.alias or name: (info, dict(info.json_schema_extra))
        for name, info in model.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("element_property")
    }


def model_within(annotation: Any) -> type[BaseModel] | None:
    """The model of an annotation such as `list[HumanNameType] | None`."""
    if hasattr(annotation, "get_model_klass"):
        return annotation.get_model_klass()
    return next(filter(None, map(model_within, getattr(annotation, "__args__", ()))), None)


def pairs(resource_type: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each of HL7's definitions a type reaches, with the R4B model of the same element."""
    seen: set[str] = set()
    waiting: list[tuple[str, type[BaseModel]]] = [(resource_type, R4B.get_fhir_model_class(resource_type))]
    while waiting:
        name, model = waiting.pop()
        if name in seen or "properties" not in definitions().get(name, {}):
            continue
        seen.add(name)
        yield name, model
        for element, (info, _) in elements_of(model).items():
            schema = definitions()[name]["properties"].get(element, {})
            inner = model_within(info.annotation)
            if inner:
                waiting.append((schema.get("items", schema).get("$ref", "").rpartition("/")[2], inner))


def read_from(model: type[BaseModel]) -> Rule:
    rule = Rule(required=[], choices={})
    for element, (info, extra) in elements_of(model).items():
        if "one_of_many" in extra:
            choice = rule["choices"].setdefault(f"{extra['one_of_many']}[x]", {"members": [], "required": False})
            choice["members"].append(element)
            choice["required"] |= bool(extra.get("one_of_many_required"))
        elif extra.get("element_required") or info.is_required():
            rule["required"].append(element)
    return rule


def comparable(rule: Rule) -> object:
    members = {
        name: ({m for m in choice["members"] if not m.endswith(NOT_IN_THE_SCHEMA)}, choice["required"])
        for name, choice in rule.get("choices", {}).items()
    }
    return set(rule.get("required", ())), members


@pytest.mark.parametrize("resource_type", TYPES)
def test_required_elements_and_choices_agree(resource_type):
    compared = 0
    for name, model in pairs(resource_type):
        assert comparable(rules().get(name, {})) == comparable(read_from(model)), name
        compared += 1
    assert compared > 3


@pytest.mark.parametrize("resource_type", TYPES)
def test_bound_codes_agree(resource_type):
    """As far as R4B lists them: it abbreviates long lists with a plus sign and leaves some out."""
    for name, model in pairs(resource_type):
        for element, (_, extra) in elements_of(model).items():
            listed = set(extra.get("enum_values", ())) - {"+"}
            schema = strict_definition(name)["properties"].get(element, {})
            if listed and (name, element) != ("Expression", "language"):  # no required binding in R4; see data/README
                assert listed <= set(schema.get("items", schema).get("enum", ())), (name, element)
