"""How the calls are described in `/openapi.json` beyond what their signatures say; nothing here is executed by a call."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from fastapi import FastAPI

from broker.web.outcomes import FHIR_JSON, RETRY_AFTER_SECONDS
from schemas import examples

Json: TypeAlias = dict[str, Any]
Responses: TypeAlias = dict[int | str, Json]

FORM: Final = "application/x-www-form-urlencoded"
EXAMPLE: Final = "birth"
"""The golden example that stands in the document; every event has one."""

_REF: Final = "#/components/schemas"
_MEANING: Final[Mapping[int, str]] = {
    400: "It could not be read: not the format, or a parameter is wrong",
    401: "No token, or one that is not valid (any more)",
    403: "The token lacks the scope that is named, or its client is bound to no team",
    404: "There is nothing here for this caller, whether or not it exists for another",
    406: "The answer cannot be had in what Accept or _format asks for",
    408: "The body did not come in time",
    409: "No longer possible; the answer says what still is",
    412: "It was changed since the version that If-Match names",
    413: "The body is larger than is accepted",
    415: "The body's media type is not read here",
    422: "It was understood and cannot be used",
    429: "More calls than the agency's share: wait as long as Retry-After says",
    425: "The same is being handled at this moment: send it again",
    503: "It could not be done just now and nothing was kept: send it again",
}
_OUTCOME: Final[Json] = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["severity", "code", "diagnostics"],
                "properties": {
                    "severity": {"enum": ["fatal", "error", "warning", "information"]},
                    "code": {"type": "string", "description": "FHIR issue type"},
                    "diagnostics": {"type": "string", "description": "The reason, never a value that came in"},
                    "expression": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "Where"},
                },
            },
        },
    },
}


def _resource(kind: str, **properties: Json) -> Json:
    required = ["resourceType", *properties]
    return {"type": "object", "required": required, "properties": {"resourceType": {"const": kind}, **properties}}


_SCHEMAS: Final[Mapping[str, Json]] = {
    "OperationOutcome": _OUTCOME,
    "Resource": {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string"}},
        "description": "A FHIR R4 resource",
    },
    "Message": _resource(
        "Bundle",
        type={"const": "message"},
        timestamp={"type": "string", "format": "date-time"},
        entry={
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {"fullUrl": {"type": "string"}, "resource": {"$ref": f"{_REF}/Resource"}},
            },
        },
    ),
    "Task": _resource("Task", id={"type": "string"}, status={"type": "string"}),
}


def refusals(*statuses: int) -> Responses:
    """Answers with an OperationOutcome, as `responses=` of a route; those that follow from its shape are added by `describe`."""
    return {status: _refusal(status) for status in statuses}


def takes(schema: str, *, description: str = "", example: Json | None = None) -> Json:
    """A request body that is FHIR JSON, as `openapi_extra=` of a route: the name of one of the schemas here."""
    media: Json = {"schema": {"$ref": f"{_REF}/{schema}"}}
    if example is not None:
        media["examples"] = {"example": {"value": example}}
    return {"requestBody": {"required": True, "description": description, "content": {FHIR_JSON: media}}}


def takes_parameters(operation: str, names: Sequence[str]) -> Json:
    """The body of an operation on a Task: the parameters that its OperationDefinition describes, as `openapi_extra=`."""
    value = {"valueString": {"type": "string"}, "valueCode": {"type": "string"}, "valueDateTime": {"type": "string"}}
    parts = {
        "part": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, **value}}}
    }
    item = {"type": "object", "required": ["name"], "properties": {"name": {"enum": [*names]}, **value, **parts}}
    schema = _resource("Parameters", parameter={"type": "array", "minItems": 1, "items": item})
    words = f"As /fhir/OperationDefinition/Task-{operation} describes it."
    return {"requestBody": {"required": True, "description": words, "content": {FHIR_JSON: {"schema": schema}}}}


def takes_form(**fields: str) -> Json:
    """A request body that is a form, as `openapi_extra=`: each field with its meaning."""
    properties = {name: {"type": "string", "description": words} for name, words in fields.items()}
    return {"requestBody": {"content": {FORM: {"schema": {"type": "object", "properties": properties}}}}}


def secured(scope: str) -> Json:
    """The scope that a handler asks for itself, as `openapi_extra=`."""
    return {"security": [{"OAuth2": [scope]}]}


def takes_native() -> Json:
    """A request body in an agency's own format."""
    fhir = ("application/fhir+xml", "application/fhir+json", "application/json", "application/xml", "text/xml")
    kinds = (*fhir, "x-application/hl7-v2+er7", "application/cloudevents+json")
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    return {"requestBody": {"required": True, "description": "One event as the system sends it", "content": content}}


def asks(names: Sequence[str]) -> Json:
    """FHIR search parameters that a handler reads for itself, as `openapi_extra=`."""
    return asks_for(dict.fromkeys(names, "A FHIR search parameter"))


def asks_for(parameters: Mapping[str, str]) -> Json:
    """Query parameters that a handler reads for itself, each with its meaning, as `openapi_extra=`."""
    return {"parameters": [_parameter(name, "query", words) for name, words in parameters.items()]}


def header(name: str, words: str, *, required: bool = False) -> Json:
    """A header that a handler reads for itself, as `openapi_extra=`."""
    return {"parameters": [{**_parameter(name, "header", words), "required": required}]}


def _parameter(name: str, where: str, words: str) -> Json:
    return {"name": name, "in": where, "required": False, "description": words, "schema": {"type": "string"}}


def describe(app: FastAPI) -> None:
    """Serve `/openapi.json` with every answer a route can give: most follow from its shape and are added in one place."""
    generate = app.openapi

    def document() -> Json:
        made = generate()
        schemas: Json = made.setdefault("components", {}).setdefault("schemas", {})
        if schemas.keys() >= _SCHEMAS.keys():
            return made
        for path, operations in made["paths"].items():
            for operation in operations.values():
                _complete(path, operation)
        schemas.update(_SCHEMAS)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return made

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def message() -> Json:
    """The body of `$process-message` with the golden example."""
    words = "One R4 message Bundle; what each event must say stands in its MessageDefinition."
    return takes("Message", description=words, example=examples.load(EXAMPLE))


def _complete(path: str, operation: Json) -> None:
    """Add the refusals that follow from a route's shape, and take away FastAPI's own, which is never sent."""
    responses: Json = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status in _of_shape(path, operation):
        responses.setdefault(str(status), _refusal(status))
    for media, content in responses.get("200", {}).get("content", {}).items():
        if media == FHIR_JSON and content.get("schema", {}).get("type") == "string":
            content["schema"] = {"$ref": f"{_REF}/Resource"}


def _of_shape(path: str, operation: Json) -> list[int]:
    """Statuses that any call of this shape may get."""
    found = [406] if path.startswith("/fhir") else []
    if "security" in operation:
        found += [401, 403, 429, 503]
    if operation.get("parameters"):
        found.append(400)
    if "{" in path:
        found.append(404)
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        found += [400, 408, 413, 415, 503]
    if any(media.endswith("json") for media in body):
        found.append(422)
    return found


def _refusal(status: int) -> Json:
    described: Json = {
        "description": _MEANING.get(status, HTTPStatus(status).phrase),
        "content": {FHIR_JSON: {"schema": {"$ref": f"{_REF}/OperationOutcome"}}},
    }
    if status in RETRY_AFTER_SECONDS:
        described["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds to wait"}}
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}
    return described
