"""Whether JSON has the structure of FHIR R4: elements, types, cardinality, choices, bound codes; not what it means.

Validity is asked first, which takes microseconds; problems are listed only of what is refused, which takes
milliseconds. Resources inside resources are each checked against their own type.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias, cast

import orjson
from jsonschema_rs import ValidationError, Validator

from schemas.problem import Problem
from schemas.reasons import problems_of
from schemas.tables import resource_types
from schemas.validators import validator_for

JsonObject: TypeAlias = dict[str, object]

# Enough to mend a message by; a hostile one could earn a hundred thousand.
MOST_PROBLEMS = 100

# The validator finds all errors before it hands out the first: 85,000 in one megabyte took two seconds.
MOST_LISTED_BYTES = 32_768


def check_bundle(bundle: object) -> list[Problem]:
    """As `check_resource`, and that it is a Bundle."""
    if isinstance(bundle, dict) and bundle.get("resourceType") != "Bundle":
        return [Problem("Bundle.resourceType", "must be Bundle", "value")]
    return check_resource(bundle, "Bundle")


def check_resource(resource: object, path: str | None = None) -> list[Problem]:
    """What keeps any JSON value from being an R4 resource, at most `MOST_PROBLEMS` of it; empty when nothing does.

    `path` is how problems name the resource, by default its type. Never raises, whatever the value.
    """
    root = path or _type_of(resource) or "Resource"
    if not _is_json(resource):
        return [Problem(root, "is nested too deep, or holds a number or text that JSON cannot carry")]
    listed = list(islice(_problems(resource, root), MOST_PROBLEMS + 1))
    if len(listed) > MOST_PROBLEMS:
        listed[MOST_PROBLEMS] = Problem(root, "has further problems, which are not listed", "too-costly", "information")
    return listed


def _is_json(value: object) -> bool:
    """Whether it can be sent as JSON. orjson stops at depth 254; the validator, in native code, overflows its stack."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _type_of(resource: object) -> str | None:
    """The resource's type when it is one of R4's."""
    named = resource.get("resourceType") if isinstance(resource, dict) else None
    return named if isinstance(named, str) and named in resource_types() else None


def _problems(resource: object, root: str) -> Iterator[Problem]:
    waiting = deque([(root, resource)])
    while waiting:
        path, resource = waiting.popleft()
        resource_type = _type_of(resource)
        if not isinstance(resource, dict):
            yield Problem(path, "must be an object")
        elif resource_type is None:
            named = "resourceType" in resource
            reason, code = ("must be a resource type of R4", "value") if named else ("is required", "required")
            yield Problem(f"{path}.resourceType", reason, code)
        else:
            yield from _own_problems(resource, resource_type, path)
            waiting.extend(_inner(resource, resource_type, path))


def _own_problems(resource: JsonObject, resource_type: str, path: str) -> Iterator[Problem]:
    validator = validator_for(resource_type)
    if validator.is_valid(resource):
        return
    if len(orjson.dumps(resource)) > MOST_LISTED_BYTES:
        yield from _first_problem(validator, resource, path)
        return
    for error in validator.iter_errors(resource):
        if not _stands_for_extensions(error, resource):
            yield from problems_of(error, path)


def _first_problem(validator: Validator, resource: JsonObject, path: str) -> Iterator[Problem]:
    try:
        validator.validate(resource)
    except ValidationError as error:
        yield from problems_of(error, path)
        yield Problem(path, "is too long for its further problems to be listed", "too-costly", "information")


def _stands_for_extensions(error: ValidationError, resource: JsonObject) -> bool:
    """Whether the error is a null that R4 wants: it keeps `given` and `_given` in step where one has nothing to say."""
    match error.instance_path:
        case [*above, str(name), int(index)] if error.instance is None:
            parent = resource
            for step in above:
                parent = cast(JsonObject, parent[cast(str, step)])
            twin = parent.get(name[1:] if name.startswith("_") else f"_{name}")
            return isinstance(twin, list) and index < len(twin) and twin[index] is not None
    return False


def _inner(resource: JsonObject, resource_type: str, path: str) -> Iterator[tuple[str, object]]:
    """The resources directly inside a resource, with their paths; none from what is not as R4 has it."""
    yield from _members(resource, "contained", path)
    if resource_type == "Bundle":
        for place, entry in _members(resource, "entry", path):
            yield from _member(entry, "resource", place)
            if isinstance(entry, dict):
                yield from _member(entry.get("response"), "outcome", f"{place}.response")
    elif resource_type == "Parameters":
        parameters = list(_members(resource, "parameter", path))
        while parameters:
            place, parameter = parameters.pop()
            yield from _member(parameter, "resource", place)
            parameters.extend(_members(parameter, "part", place))


def _member(parent: object, name: str, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(parent, dict) and name in parent:
        yield f"{path}.{name}", parent[name]


def _members(parent: object, name: str, path: str) -> Iterator[tuple[str, object]]:
    members = parent.get(name) if isinstance(parent, dict) else None
    if isinstance(members, list):
        yield from ((f"{path}.{name}[{index}]", member) for index, member in enumerate(members))
