"""One compiled validator for each R4 resource type: HL7's schema, made strict by the rules; reading errors is elsewhere.

HL7's schema alone takes a string for an object, empty lists and objects, any number for an integer, a Task without
status and two values for `value[x]`. What is added here is compiled along with it, so a valid message costs no walk
in Python. Keywords are those of JSON Schema 2020-12, where constraints may stand beside `$ref`.
"""

from collections.abc import Iterator
from functools import cache

from jsonschema_rs import Draft202012Validator, RegexOptions, Validator

from schemas.primitives import PRIMITIVES, primitive_of
from schemas.tables import Choice, Rule, Schema, definitions, resource_types, rules

# A resource inside another is checked by the validator of its own type. HL7's 150-way `oneOf` compiles the whole
# of FHIR for every type and reports 150 mismatches.
_RESOURCE: Schema = {}
# What a rule is about stands beside it, for whoever turns its error into words.
ELEMENT, RULE = "x-element", "x-rule"
REQUIRED, SINGLE = "required", "single"

_OBJECT: Schema = {"type": "object", "minProperties": 1}
_RESOURCE_REF = "#/definitions/ResourceList"

# Of a choice of fifty, nearly every object has one member and the few others it must have: counting is enough then.
_COUNTING_PAYS = 8


@cache
def validator_for(resource_type: str) -> Validator:
    """The validator of one resource type, compiled at first use (6 ms, 1.2 MB) and kept. KeyError for no R4 type."""
    if resource_type not in resource_types():
        raise KeyError
    return Draft202012Validator(
        {"$ref": f"#/definitions/{resource_type}", "definitions": _reachable(resource_type)},
        # Linear in the length of the text whatever the text; the default engine backtracks.
        pattern_options=RegexOptions(),
    )


def _reachable(name: str) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = strict_definition(name)
            waiting.extend(_mentioned_by(name))
    return found


@cache
def _mentioned_by(name: str) -> tuple[str, ...]:
    return tuple(_references(strict_definition(name)))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


@cache
def strict_definition(name: str) -> Schema:
    """HL7's definition of this name with the rules of R4 that it leaves out."""
    if name in PRIMITIVES:
        return PRIMITIVES[name]
    loose, rule = definitions()[name], rules().get(name, Rule())
    properties = {element: _strict_property(element, schema, rule) for element, schema in loose["properties"].items()}
    properties = _extensions_of_primitives(properties) | properties
    if name == "Extension":
        # The address of an extension takes no extension itself (R4, extensibility).
        del properties["_url"]
    return {
        "properties": properties,
        "additionalProperties": False,
        "required": [element for element in loose.get("required", ()) if element not in rule.get("required", ())],
        "allOf": [_OBJECT, *_required(rule, properties), *_choices(rule, properties)],
    }


def _extensions_of_primitives(properties: dict[str, Schema]) -> dict[str, Schema]:
    """`_baseDefinition` and the like: HL7's schema forgets those of type canonical."""
    extension = {"$ref": "#/definitions/Element"}
    extensions = {}
    for element, schema in properties.items():
        one = schema.get("items", schema)
        if str(one.get("$ref", "")).removeprefix("#/definitions/") in PRIMITIVES:
            extensions[f"_{element}"] = {**schema, "items": extension} if "items" in schema else extension
    return {name: schema for name, schema in extensions.items() if name not in {"_id", "_div"}}


def _strict_property(element: str, loose: Schema, rule: Rule) -> Schema:
    if loose.get("type") == "array":
        return {"type": "array", "minItems": 1, "items": _strict_property(element, loose["items"], rule)}
    if loose.get("$ref") == _RESOURCE_REF:
        return _RESOURCE
    if codes := rule.get("codes", {}).get(element):
        return {"enum": codes}
    if concepts := rule.get("concepts", {}).get(element):
        return {"$ref": loose["$ref"], "properties": {"coding": _one_of(concepts)}, "required": ["coding"]}
    return primitive_of(element, loose) or loose


def _one_of(concepts: dict[str, list[str]]) -> Schema:
    """A list of codings of which one is from the value set that the element is bound to."""
    systems = [
        {"properties": {"system": {"const": system}, "code": {"enum": codes}}, "required": ["system", "code"]}
        for system, codes in concepts.items()
    ]
    return {"contains": {"anyOf": systems}}


def _required(rule: Rule, properties: dict[str, Schema]) -> Iterator[Schema]:
    """A primitive is also present as `_birthDate`, by extensions alone."""
    for element in rule.get("required", ()):
        yield _about(element, REQUIRED, {"anyOf": [{"required": [element]}, *_extended(element, properties)]})


def _choices(rule: Rule, properties: dict[str, Schema]) -> Iterator[Schema]:
    for name, choice in rule.get("choices", {}).items():
        yield from _choice(name, choice, properties, len(rule.get("required", ())))


def _choice(name: str, choice: Choice, properties: dict[str, Schema], others: int) -> Iterator[Schema]:
    members = [{"required": [member]} for member in choice["members"]]
    extended = [schema for member in choice["members"] for schema in _extended(member, properties)]
    if choice["required"]:
        yield _about(name, REQUIRED, {"anyOf": members + extended})
    either = [
        {"anyOf": [{"required": [member]}, *_extended(member, properties)]} if f"_{member}" in properties else present
        for member, present in zip(choice["members"], members, strict=True)
    ]
    at_most_one: Schema = {"oneOf": [*either, {"not": {"anyOf": members + extended}}]}
    if len(members) >= _COUNTING_PAYS:
        at_most_one = {"anyOf": [{"maxProperties": others + 1}, at_most_one]}
    yield _about(name, SINGLE, at_most_one)


def _about(element: str, rule: str, schema: Schema) -> Schema:
    """A rule of ours, labelled with the element it is about; validators pass over keywords they do not know."""
    return {**schema, ELEMENT: element, RULE: rule}


def _extended(element: str, properties: dict[str, Schema]) -> Iterator[Schema]:
    if f"_{element}" in properties:
        yield {"required": [f"_{element}"]}
