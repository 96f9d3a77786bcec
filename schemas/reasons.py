"""The validator's errors as problems in our own words; the validator's words quote its input, so none of them is kept."""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from jsonschema_rs import ValidationError, ValidationErrorKind

from schemas.primitives import PATTERN_IN_WORDS
from schemas.problem import Problem
from schemas.tables import Schema, element_names
from schemas.validators import ELEMENT, REQUIRED, RULE, strict_definition

_TYPE_IN_WORDS: Final = {
    "string": "must be text",
    "number": "must be a number",
    "integer": "must be a whole number",
    "boolean": "must be true or false",
    "array": "must be a list",
    "object": "must be an object",
}

_MOST_CODES_NAMED: Final = 20


def problems_of(error: ValidationError, root: str) -> Iterator[Problem]:
    """The problems one error stands for, `root` being the path of the resource that was checked."""
    path = root + fhir_path(error.instance_path)
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        allowed = _schema_at(error.schema_path[:-1])["properties"]
        yield from (_unknown_element(path, name, allowed) for name in kind.unexpected)
    elif isinstance(kind, ValidationErrorKind.Required):
        yield Problem(f"{path}.{kind.property}", "is required", "required")
    elif isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfMultipleValid):
        # On anything but an object the rules of objects are moot; that it is none is an error of its own.
        if isinstance(error.instance, dict):
            yield _broken_rule(path, _schema_at(error.schema_path[:-1]))
    else:
        yield Problem(path, *_reason(kind))


def fhir_path(instance_path: Sequence[str | int]) -> str:
    """A path inside a resource as FHIRPath writes it: `.name[0].given[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in instance_path)


def _reason(kind: ValidationErrorKind) -> tuple[str, str]:
    """A reason without the value, and FHIR's issue-type code."""
    match kind:
        case ValidationErrorKind.Type(types):
            return _TYPE_IN_WORDS[types[0]], "structure"
        case ValidationErrorKind.Pattern(pattern):
            return PATTERN_IN_WORDS[pattern], "value"
        case ValidationErrorKind.Enum(options) if len(options) <= _MOST_CODES_NAMED:
            return f"must be one of {', '.join(map(str, options))}", "code-invalid"
        case ValidationErrorKind.Enum() | ValidationErrorKind.Contains():
            return "must have a code of the value set that R4 binds here", "code-invalid"
        case ValidationErrorKind.Minimum(limit):
            return f"must be at least {limit}", "value"
        case ValidationErrorKind.Maximum(limit):
            return f"must be at most {limit}", "value"
        case ValidationErrorKind.MinItems():
            return "must not be an empty list", "structure"
        case ValidationErrorKind.MinProperties():
            return "must not be an empty object", "structure"
        case _:
            return "does not have the structure that R4 demands", "structure"


def _broken_rule(path: str, rule: Schema) -> Problem:
    element = f"{path}.{rule[ELEMENT]}"
    if rule[RULE] == REQUIRED:
        return Problem(element, "is required", "required")
    return Problem(element, "may be given in one type only", "structure")


def _unknown_element(path: str, name: str, allowed: Schema) -> Problem:
    """An unknown name is input as any value is: it is repeated only where FHIR itself has an element so called."""
    meant = [element for element in allowed if element.casefold() == name.casefold()]
    if meant:
        return Problem(f"{path}.{meant[0]}", "is not written as R4 writes it: capitals matter")
    if name in element_names():
        return Problem(f"{path}.{name}", "is not an element R4 has here")
    return Problem(path, "has an element that R4 does not have here")


def _schema_at(schema_path: Sequence[str | int]) -> Schema:
    """The strict schema at a path such as `definitions/Task/allOf/1`."""
    place: object = strict_definition(str(schema_path[1]))
    for step in schema_path[2:]:
        place = cast(dict[str | int, object], place)[step]
    return cast(Schema, place)
