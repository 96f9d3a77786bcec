"""OperationDefinition of `$process-message`, and our SearchParameter; those on Task are defined where they are read."""

from collections.abc import Iterator

from schemas.definitions.metadata import published


def operations() -> Iterator[dict[str, object]]:
    """What is ours beside messages and codes."""
    yield _process_message()
    yield _due()
    yield _flag_status()


def _process_message() -> dict[str, object]:
    text = (
        "Takes one message Bundle. Answers 200 with a response Bundle once everything is on disk; its OperationOutcome "
        "lists warnings, and who is told and not told as far as the caller may know."
    )
    return {
        **published("OperationDefinition", "process-message", "Process message", text),
        "kind": "operation",
        "affectsState": True,
        "code": "process-message",
        "base": "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
        "system": True,
        "type": False,
        "instance": False,
        "parameter": [
            _parameter("content", "in", "The message: a Bundle that one of the MessageDefinitions describes."),
            _parameter("return", "out", "The answer: a Bundle whose header has `response`."),
        ],
    }


def _parameter(name: str, use: str, text: str) -> dict[str, object]:
    return {"name": name, "use": use, "min": 1, "max": "1", "documentation": text, "type": "Bundle"}


def _due() -> dict[str, object]:
    return {
        **_search("Task", "due", "When a task is due: the end of its restriction's period."),
        "type": "date",
        "expression": "Task.restriction.period.end",
        "xpath": "f:Task/f:restriction/f:period/f:end",
        "xpathUsage": "normal",
        "comparator": ["eq", "ge", "le", "gt", "lt"],
    }


def _flag_status() -> dict[str, object]:
    return {
        **_search("Flag", "status", "Whether a flag is active, or was withdrawn: inactive."),
        "type": "token",
        "expression": "Flag.status",
        "xpath": "f:Flag/f:status",
        "xpathUsage": "normal",
    }


def _search(resource: str, code: str, text: str) -> dict[str, object]:
    """The beginning of a search parameter that R4 does not have."""
    described = published("SearchParameter", f"{resource.lower()}-{code}", code.capitalize(), text)
    del described["title"]  # which a SearchParameter does not have
    return {**described, "code": code, "base": [resource]}
