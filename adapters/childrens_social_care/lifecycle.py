"""Where a plan stands in its life: running, ended, never true; and by what its messages are known again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from adapters.childrens_social_care.plans import Plan
from adapters.identity import id_in_record, record_id
from adapters.r4 import Parsed, codes_of, instant
from schemas.bundle.elements import Found, JsonObject, instant_of, object_in, objects_in, text_in
from schemas.problem import Problem


class Standing(StrEnum):
    """What is said of the plan."""

    RUNS = "runs"
    ENDED = "ended"
    UNTRUE = "untrue"
    DRAFT = "draft"


class Change(StrEnum):
    """What was done to the record: `MessageHeader.reason`, or the activity of the Provenance that the Flag contains."""

    NEW = "new"
    UPDATE = "update"
    DELETE = "delete"


_ACTIVITIES: Final = {"CREATE": Change.NEW, "UPDATE": Change.UPDATE, "DELETE": Change.DELETE}
_OVER: Final = frozenset({"completed", "revoked", "inactive"})
_RUNNING: Final = frozenset({"active", "on-hold"})
_NOT_YET: Final = frozenset({"draft", "proposed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A plan's place in its life, with its dates."""

    standing: Standing
    change: Change
    start: datetime | None
    end: datetime | None
    recorded: datetime | None
    """When the record was made or changed: the Provenance of the Flag, else when the Bundle was sent."""
    sent: datetime | None


def life_of(plan: Plan, parsed: Parsed, reason: frozenset[str], found: Found) -> Life | Problem:
    """Where the plan stands; a problem where what is said does not fit together."""
    sent = instant(text_in(parsed.content, "timestamp"))
    provenance = _provenance(plan)
    recorded = instant(text_in(provenance, "recorded")) or sent
    period = object_in(plan.resource, "period")
    start = instant_of(text_in(period, "start"), plan.at("period.start"), found)
    end = instant_of(text_in(period, "end"), plan.at("period.end"), found)
    change = _change(reason, provenance)
    standing = _standing(plan, change, end, recorded)
    if isinstance(standing, Problem):
        return standing
    return Life(standing=standing, change=change, start=start, end=end, recorded=recorded, sent=sent)


def _provenance(plan: Plan) -> JsonObject:
    """The contained Provenance, which says of the Flag when and how it was changed."""
    resource = plan.flag.resource if plan.flag else plan.resource
    held = (inner for _, inner in objects_in(resource, "contained"))
    return next((inner for inner in held if inner.get("resourceType") == "Provenance"), {})


def _change(reason: frozenset[str], provenance: JsonObject) -> Change:
    for change in Change:
        if change.value in reason:
            return change
    done = codes_of(object_in(provenance, "activity"))
    return next((change for code, change in _ACTIVITIES.items() if code in done), Change.NEW)


def _standing(plan: Plan, change: Change, end: datetime | None, recorded: datetime | None) -> Standing | Problem:
    status, flagged = text_in(plan.resource, "status"), text_in(plan.flag.resource, "status") if plan.flag else None
    if "entered-in-error" in (status, flagged):
        return Standing.UNTRUE
    if status in _NOT_YET:
        return Standing.DRAFT
    # A day that is still to come is when the plan is planned to end; of a Bundle without a time, any day was.
    past = end is not None and (recorded is None or end <= recorded)
    if status in _OVER or past:
        return Standing.ENDED
    if change is Change.DELETE:
        return Problem(plan.at("status"), "says neither that the plan ended nor that it never was", "incomplete")
    if flagged == "inactive":
        return Problem(plan.at("status"), "is of a plan that runs, and the flag is inactive: one is wrong", "conflict")
    if status is None or status in _RUNNING:
        return Standing.RUNS
    return Problem(plan.at("status"), "does not say whether the plan runs", "code-invalid")


@dataclass(frozen=True, slots=True)
class Record:
    """By what the messages of one plan are known."""

    plan: Plan
    life: Life
    version: str
    """What tells one update from another: the id of its header, when it was recorded, or all it says."""

    @property
    def id(self) -> str:
        """The record, to which its messages refer (`schemas.records`)."""
        return record_id("cpis", *_identity(self.plan))

    def message(self, what: str) -> str:
        """Id of the message that tells `what`: of an update of its version too."""
        versions = () if self.life.change is Change.NEW else (self.version,)
        return id_in_record(self.id, what, *versions)


def _identity(plan: Plan) -> tuple[str, ...]:
    """The identifier the authority gave the plan, else the id of its resource."""
    for _, identifier in objects_in(plan.resource, "identifier"):
        value = text_in(identifier, "value")
        if value is not None:
            return (plan.kind, text_in(identifier, "system") or "", value)
    return (plan.kind, "", text_in(plan.resource, "id") or "")
