"""What somebody got to read: a message as its recipient has it, a task on the wire, an answer to a call. Reading only."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from schemas.codes import FACT_SYSTEM, SYSTEMS, Event
from schemas.identifiers import TEAM

Json = dict[str, Any]
ENDED = frozenset({"completed", "rejected", "cancelled", "entered-in-error"})


@dataclass(frozen=True)
class Reply:
    """An answer to a call."""

    status: int
    body: Json

    @cached_property
    def issues(self) -> list[Json]:
        """Issues of the OperationOutcome, alone or in a response Bundle."""
        outcomes = [self.body, *(entry["resource"] for entry in self.body.get("entry", []))]
        return [
            issue for one in outcomes if one.get("resourceType") == "OperationOutcome" for issue in one.get("issue", [])
        ]

    @property
    def text(self) -> str:
        """All that the issues say."""
        return "\n".join(issue["diagnostics"] for issue in self.issues)

    @property
    def warnings(self) -> list[str]:
        """What is missing or doubtful."""
        return [issue["diagnostics"] for issue in self.issues if issue["severity"] == "warning"]

    def names(self, team: str) -> bool:
        """Whether the sender is told of this team at all."""
        return f"({team})" in self.text


@dataclass(frozen=True)
class Copy:
    """One message as one team has it."""

    number: int
    id: str
    purpose: str
    body: Json

    @cached_property
    def resources(self) -> list[Json]:
        """Every resource of the Bundle."""
        return [entry["resource"] for entry in self.body["entry"]]

    @property
    def header(self) -> Json:
        """The MessageHeader, always first."""
        assert self.resources[0]["resourceType"] == "MessageHeader"
        return self.resources[0]

    @property
    def event(self) -> Event:
        """What it reports."""
        assert self.header["eventCoding"]["system"] == SYSTEMS[Event]
        return Event(self.header["eventCoding"]["code"])

    @property
    def sender(self) -> str | None:
        """The team that it says it is from."""
        identifier = self.header.get("sender", {}).get("identifier", {})
        return identifier.get("value") if identifier.get("system") == TEAM else None

    @property
    def marked(self) -> bool:
        """Whether it must not be shown to patient or family."""
        return any(label["code"] == "NOPAT" for label in self.header.get("meta", {}).get("security", []))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Facts by code; the last one's value where there are several."""
        return {
            coding["code"]: _value(one)
            for one in self.of_type("Observation")
            for coding in one["code"]["coding"]
            if coding["system"] == FACT_SYSTEM
        }

    @property
    def tasks(self) -> list[Json]:
        """The tasks that it brings or is about."""
        return self.of_type("Task")

    @property
    def task(self) -> Json:
        """The only task in it."""
        [task] = self.tasks
        return task

    def of_type(self, kind: str) -> list[Json]:
        """Its resources of a type."""
        return [resource for resource in self.resources if resource["resourceType"] == kind]

    @cached_property
    def text(self) -> str:
        """Everything in it, for what must not be there."""
        return json.dumps(self.body, ensure_ascii=False).casefold()

    def silent_about(self, *words: str) -> bool:
        """Whether none of the words stands anywhere in it. What does is named, so that a failure can be read."""
        found = [word for word in words if word.casefold() in self.text]
        assert not found, f"{self.event} number {self.number} says {found}"
        return True


def _value(observation: Json) -> Any:
    name = next((name for name in observation if name.startswith("value")), "")
    value = observation.get(name, {})
    if name == "valueQuantity":
        return value["value"]
    if name == "valueCodeableConcept":
        codings = value.get("coding", [])
        return codings[0]["code"] if codings else value.get("text")
    return value


def code_of(task: Json) -> str:
    """What a task asks."""
    return str(task["code"]["coding"][0]["code"])


def business_status(task: Json) -> str | None:
    """What FHIR has no status for."""
    return task["businessStatus"]["coding"][0]["code"] if "businessStatus" in task else None


def due(task: Json) -> datetime:
    """When it is due."""
    return datetime.fromisoformat(task["restriction"]["period"]["end"])


def owner(task: Json) -> str:
    """Whose it is."""
    return str(task["owner"]["identifier"]["value"])


def requester(task: Json) -> str | None:
    """Who waits for it, as far as the reader may know."""
    return task["requester"]["identifier"]["value"] if "requester" in task else None


def inputs(task: Json, code: str) -> list[str]:
    """What there is to choose from or to know, by its kind."""
    return [one["valueString"] for one in task.get("input", []) if one["type"]["coding"][0]["code"] == code]


def outputs(task: Json) -> dict[str, Any]:
    """What the answer said, by its kind."""
    return {one["type"]["coding"][0]["code"]: _output(one) for one in task.get("output", [])}


def _output(one: Json) -> Any:
    if "valueAnnotation" in one:
        return one["valueAnnotation"]["text"]
    return next(value for name, value in one.items() if name.startswith("value"))


def milestones(task: Json) -> dict[str, Json]:
    """Delivered, opened, answered: when, and by whom in which role."""
    found = {}
    for extension in task.get("extension", []):
        parts = {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
        found[parts.pop("kind")] = parts
    return found


def is_open(task: Json) -> bool:
    """Whether something is still to be done about it."""
    return task["status"] not in ENDED
