"""How each type of focus resource carries the subject, time and kind of an event, for reading and writing alike."""

from dataclasses import dataclass, field
from typing import Final, Literal

from schemas.bundle.elements import JsonObject
from schemas.bundle.profile import ACT_CODE, ENCOUNTER_CLASS, GROUP, HOUSEHOLD_GROUP
from schemas.codes import SYSTEMS, Event, TaskCode


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusType:
    """Element names of one resource type.

    `subject` refers to the Patient; None where the type refers to none, or to several in its own way. `start` is the
    element of the time, inside `period` where `in_period`. `kind` is the element of the sub-kind, the header's `reason`
    where the type has none; `kinds` says whether that is a list. `base` is what R4 requires besides.
    """

    subject: str | None = None
    start: str | None = None
    in_period: bool = False
    kind: str | None = None
    kinds: bool = True
    base: JsonObject = field(default_factory=dict)


FOCUS_TYPES: Final[dict[str, FocusType]] = {
    "EpisodeOfCare": FocusType(subject="patient", in_period=True, kind="type", base={"status": "active"}),
    "Patient": FocusType(),
    "Encounter": FocusType(subject="subject", in_period=True, kind="type", base={"status": "finished"}),
    "Appointment": FocusType(start="start", kind="appointmentType", kinds=False, base={"status": "noshow"}),
    "Immunization": FocusType(subject="patient", start="occurrenceDateTime", base={"status": "completed"}),
    "Observation": FocusType(subject="subject", start="effectiveDateTime"),
    "Flag": FocusType(subject="subject", in_period=True, kind="code", kinds=False, base={"status": "active"}),
    "ServiceRequest": FocusType(
        subject="subject",
        start="authoredOn",
        kind="performerType",
        kinds=False,
        base={"status": "active", "intent": "order"},
    ),
    "CarePlan": FocusType(
        subject="subject", in_period=True, kind="category", base={"status": "active", "intent": "plan"}
    ),
    "Group": FocusType(
        base={
            "type": "person",
            "actual": True,
            "code": {"coding": [{"system": GROUP, "code": HOUSEHOLD_GROUP}]},
        }
    ),
    "Task": FocusType(
        subject="for",
        start="authoredOn",
        kind="performerType",
        base={
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": SYSTEMS[TaskCode], "code": TaskCode.TRANSFER.value}]},
        },
    ),
    "CommunicationRequest": FocusType(
        subject="subject", start="authoredOn", kind="category", base={"status": "active"}
    ),
    "Communication": FocusType(subject="subject", start="sent", kind="category", base={"status": "completed"}),
}
"""By resource type."""

IDENTIFYING: Final = frozenset({"Patient", "Group", "Observation"})
"""Types that do not say by themselves whom the event is about: beside them the header's focus lists the Patients."""

_ENDED: Final = {"EpisodeOfCare": "finished", "CarePlan": "completed", "Flag": "inactive"}

_STATUS: Final[dict[Event, str]] = {
    Event.NO_ACCESS: "cancelled",  # R4 has no code for "we came and nobody opened"
    Event.CHILD_ADMISSION: "in-progress",
    Event.MENTAL_HEALTH_ADMISSION: "in-progress",
    Event.MENTAL_HEALTH_LEAVE: "onleave",
    Event.CUSTODY_START: "in-progress",
}

EncounterClass = Literal["AMB", "IMP", "EMER", "custody"]

_CLASS: Final[dict[Event, EncounterClass]] = {
    Event.EMERGENCY_ATTENDANCE: "EMER",
    Event.CHILD_ADMISSION: "IMP",
    Event.CHILD_DISCHARGE: "IMP",
    Event.MENTAL_HEALTH_ADMISSION: "IMP",
    Event.MENTAL_HEALTH_LEAVE: "IMP",
    Event.MENTAL_HEALTH_DISCHARGE: "IMP",
    Event.CUSTODY_START: "custody",
    Event.CUSTODY_RELEASE: "custody",
}


def base_of(resource_type: str, event: Event, *, ended: bool) -> JsonObject:
    """A new focus resource with what R4 requires of it whatever the message says."""
    resource: JsonObject = {"resourceType": resource_type, **FOCUS_TYPES[resource_type].base}
    if ended and resource_type in _ENDED:
        resource["status"] = _ENDED[resource_type]
    elif event in _STATUS:
        resource["status"] = _STATUS[event]
    if resource_type == "Encounter":
        encounter_class = _CLASS.get(event, "AMB")
        system = ENCOUNTER_CLASS if encounter_class == "custody" else ACT_CODE
        resource["class"] = {"system": system, "code": encounter_class}
    if event is Event.ADVICE_TO_ATTEND:
        resource["intent"] = "proposal"
    return resource
