"""HL7's R4 schema and the generated rules beside it, as read from `schemas/data`; how they are applied lives elsewhere."""

from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypeAlias, TypedDict, cast

import orjson

DATA = Path(__file__).parent / "data"
SCHEMA_FILE = DATA / "fhir-r4.schema.json"
RULES_FILE = DATA / "fhir-r4.rules.json"

# A JSON Schema has keywords of every type; jsonschema-rs takes it so.
Schema: TypeAlias = dict[str, Any]


class Choice(TypedDict):
    """The members of `value[x]`: at most one may be present, one must be where `required`."""

    members: list[str]
    required: bool


class Rule(TypedDict):
    """What R4 says of one definition and HL7's schema does not.

    `required`: elements with a minimum of 1. `choices`: by name, as `event[x]`. `codes`: the codes of an element
    with a required binding. `concepts`: the same for a CodeableConcept, by code system.
    """

    required: NotRequired[list[str]]
    choices: NotRequired[dict[str, Choice]]
    codes: NotRequired[dict[str, list[str]]]
    concepts: NotRequired[dict[str, dict[str, list[str]]]]


@cache
def definitions() -> dict[str, Schema]:
    """HL7's definitions by name: resource types, data types, and nested elements such as `Bundle_Entry`."""
    return cast(dict[str, Schema], orjson.loads(SCHEMA_FILE.read_bytes())["definitions"])


@cache
def rules() -> dict[str, Rule]:
    """The rules by name of definition; a definition without rules is absent."""
    return cast(dict[str, Rule], orjson.loads(RULES_FILE.read_bytes()))


@cache
def resource_types() -> frozenset[str]:
    """The 148 resource types of R4."""
    members = definitions()["ResourceList"]["oneOf"]
    return frozenset(member["$ref"].rpartition("/")[2] for member in members)


@cache
def element_names() -> frozenset[str]:
    """Every element name R4 knows: all that a path or a reason may repeat of what came in."""
    return frozenset(name for definition in definitions().values() for name in definition.get("properties", ()))
