"""A task as an R4 Task resource, reduced to what the one who looks may know; reading a Task from outside lives in `web`."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from broker.domain.states import View
from broker.domain.tasks import SHOWS_PATIENT, SHOWS_REQUESTER, BusinessStatus, overdue
from broker.storage.task_values import HELD_BY, REPORTERS, Question, Scope, Stored, Who
from broker.workflow.reply import NO_REFERRAL
from schemas.codes import (
    BUSINESS_STATUS_SYSTEM,
    CANONICAL,
    SYSTEMS,
    Function,
    Priority,
    ResponseReason,
    TaskCode,
    TaskStatus,
)
from schemas.identifiers import TEAM

Json: TypeAlias = dict[str, Any]

TASK = f"{CANONICAL}/Id/task"
NOTIFICATION = f"{CANONICAL}/Id/notification"
MILESTONE = f"{CANONICAL}/StructureDefinition/task-milestone"
"""Extension of Task: one of the facts delivered, opened, answered, with when, and who as far as a person did it."""
DETAIL_SYSTEM = f"{CANONICAL}/CodeSystem/task-detail"
"""Types of Task.input and Task.output."""

BUSINESS_STATUS_WORDS: Mapping[BusinessStatus, str] = {
    BusinessStatus.OPENED: "Opened",
    BusinessStatus.QUESTION_ASKED: "Question asked",
    BusinessStatus.QUESTION_ANSWERED: "Question answered",
    BusinessStatus.EXTENDED: "Extended",
    BusinessStatus.ACTIONS_OPEN: "Actions open",
    BusinessStatus.LAPSED: "Acknowledged, but what was agreed does not get on",
    BusinessStatus.UNHELD: "Held by nobody of the team",
    BusinessStatus.ACTION_NOT_DONE: "Ended, an action was not done",
    BusinessStatus.NOTHING_SUPPLIED: "NOTHING SUPPLIED about this person",
    BusinessStatus.SUPPLIED: "Supplied by the sender since",
    BusinessStatus.HELD_ELSEWHERE: "Another team is responsible",
    BusinessStatus.HELD_HERE: "This team is responsible already",
    BusinessStatus.CARETAKING: "Looked after; the sender stays responsible until the review",
    BusinessStatus.EXCLUSION_PROPOSED: "One side wants to leave this person out",
    BusinessStatus.EXCLUSION_REFUSED: "The other side does not agree to leave this person out",
    BusinessStatus.EXCLUDED: "Left out, as both sides agree",
    BusinessStatus.LEFT_HOUSEHOLD: "Left the household",
    BusinessStatus.NO_LONGER_CURRENT: "No longer current",
    BusinessStatus.PARTLY_CONFIRMED: "Partly confirmed",
    BusinessStatus.AWAITING_SENDER: "Waits for the sender",
    BusinessStatus.REPLACED: "Replaced by another message",
    BusinessStatus.WITHDRAWN: "Withdrawn by the sender",
    BusinessStatus.ARRIVED: "What was expected has come",
    BusinessStatus.CLOSED_BY_LEAD: "Closed by the lead of its agency after a discussion; the team did not answer",
    BusinessStatus.REACHED: "Reached after all",
    BusinessStatus.ESCALATED: "Overdue, and raised to others",
    BusinessStatus.OVERDUE: "Overdue",
}
TASK_CODE_WORDS: Mapping[TaskCode, str] = {
    **{code: code.value.replace("-", " ").capitalize() for code in TaskCode},
    TaskCode.CONFIRM_CHILD: "Confirm one person of a transfer",
}


_SHARED = frozenset({TaskCode.TRANSFER, TaskCode.CONFIRM_CHILD})
"""Kinds of task of which both sides see what they are about, besides the answer."""
RESPONSIBLE = "responsible"
_UNSHOWN = frozenset({HELD_BY, REPORTERS, "place", "restricted"})
"""Options that are no choice: who holds it stands in the owner's display, the others serve Baton alone."""


def task_resource(task: Stored, viewer: Scope, now: datetime) -> Json:
    """The R4 Task as this viewer may know it. The owner and auditors see what there is to choose from; the requester does not."""
    row = task.row
    resource: Json = {
        "resourceType": "Task",
        "id": row.id,
        "meta": {"versionId": str(row.version), "lastUpdated": instant(row.changed_at)},
        "extension": list(_milestones(task)),
        "identifier": [{"system": TASK, "value": row.id}],
        "partOf": [{"reference": f"Task/{row.part_of}"}] if row.part_of else [],
        "status": row.status,
        "statusReason": _reason(row.reason_code),
        "businessStatus": _business_status(task, now),
        "intent": "order",
        "priority": row.priority,
        "code": _coded(SYSTEMS[TaskCode], row.code, TASK_CODE_WORDS[TaskCode(row.code)]),
        "description": _description(task),
        "focus": _logical(NOTIFICATION, row.notification_id),
        "for": _patient(task, viewer),
        "authoredOn": instant(row.authored_at),
        "lastModified": instant(row.changed_at),
        "requester": _team(_shown_requester(task, viewer)),
        "owner": _team(row.owner_team_id) | _holder(task),
        "note": [_annotation(note["text"], note["by"]) for note in task.content.get("notes", ())],
        "restriction": {"period": {"end": instant(row.due_at)}} if row.due_at else None,
        "input": list(_inputs(task, owns=_owns(task, viewer))) if _owns(task, viewer) or row.code in _SHARED else [],
        "output": list(_outputs(task, decided=_owns(task, viewer))),
    }
    return {name: value for name, value in resource.items() if value or not (value is None or value in ([], {}))}


def instant(at: datetime) -> str:
    """An R4 instant in UTC."""
    return at.isoformat().replace("+00:00", "Z")


# --- who may know what --------------------------------------------------------------------------------------------


def _owns(task: Stored, viewer: Scope) -> bool:
    return viewer.everything or viewer.team == task.row.owner_team_id


def _knows(task: Stored, viewer: Scope, views: frozenset[View]) -> bool:
    """Whether the viewer may know what only these views show: auditors, whoever waits, and the owner by its delivery."""
    if viewer.everything or viewer.team == task.requester:
        return True
    return viewer.team == task.row.owner_team_id and (task.view is None or task.view in views)


def _shown_requester(task: Stored, viewer: Scope) -> str | None:
    return task.row.requester_team_id if _knows(task, viewer, SHOWS_REQUESTER) else None


def patient_of(task: Stored, viewer: Scope) -> str | None:
    """The id of the person whom it is about, as far as the viewer may know."""
    return task.row.person_id if _knows(task, viewer, SHOWS_PATIENT) else None


def patients_of(tasks: Iterable[Stored], viewer: Scope) -> list[str]:
    """The ids of all whom these are about, as far as the viewer may know."""
    return sorted({id_ for task in tasks if (id_ := patient_of(task, viewer)) is not None})


def _patient(task: Stored, viewer: Scope) -> Json | None:
    id_ = patient_of(task, viewer)
    return None if id_ is None else {"reference": f"Patient/{id_}"}


def _description(task: Stored) -> str | None:
    """What is urgent says that Baton is not the referral; what a team has agreed to is its own words."""
    text = task.content.get("description")
    said = task.row.priority is Priority.ROUTINE or task.row.code == TaskCode.AGREED_ACTION
    return text if text is None or said or "Baton is not" in text else f"{text} {NO_REFERRAL}"


# --- elements -----------------------------------------------------------------------------------------------------


def _coded(system: str, code: str, words: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}


def _reason(code: str | None) -> Json | None:
    if code is None:
        return None
    words = ResponseReason(code).name.replace("_", " ").capitalize()
    return _coded(SYSTEMS[ResponseReason], code, words)


def _business_status(task: Stored, now: datetime) -> Json | None:
    codes = list(_standing(task, now))
    counted = task.content.get("lines")
    if not codes:
        return None
    words = BUSINESS_STATUS_WORDS[codes[0]]
    if counted is not None:
        words = f"{words}: {counted['confirmed']} of {counted['of']} confirmed"
    coding = [
        {"system": BUSINESS_STATUS_SYSTEM, "code": code.value, "display": BUSINESS_STATUS_WORDS[code]} for code in codes
    ]
    coding[0]["display"] = words
    return {"coding": coding, "text": words}


_BESIDE = frozenset({BusinessStatus.LAPSED, BusinessStatus.UNHELD})
"""What is shown beside that it is late, because it says why."""


def _standing(task: Stored, now: datetime) -> Iterator[BusinessStatus]:
    kept = task.business_status
    late = overdue(TaskStatus(task.row.status), task.row.progress_by or task.row.due_at, now)
    if late:
        yield BusinessStatus.ESCALATED if task.row.level else BusinessStatus.OVERDUE
    if kept is not None and (not late or kept in _BESIDE):
        yield kept


def _logical(system: str, value: str | None) -> Json | None:
    return None if value is None else {"identifier": {"system": system, "value": value}}


def _team(team_id: str | None) -> Json:
    return {} if team_id is None else {"type": "Organization", "identifier": {"system": TEAM, "value": team_id}}


def _holder(task: Stored) -> Json:
    """The practitioner who said to do it; the task stays the team's."""
    held_by = task.content.get("options", {}).get(HELD_BY)
    return {"display": held_by} if held_by else {}


def _milestones(task: Stored) -> Iterator[Json]:
    """Received, delivered, opened, acknowledged are separate facts with who and when (invariant 6)."""
    if task.row.delivered_at is not None:
        yield _milestone("delivered", instant(task.row.delivered_at), None)
    if "opened" in task.content:
        yield _milestone("opened", task.content["opened"]["at"], task.content["opened"])
    if "answered" in task.content:
        yield _milestone("answered", task.content["answered"]["at"], task.content["answered"])


def _milestone(kind: str, at: str, by: Who | None) -> Json:
    parts: list[Json] = [{"url": "kind", "valueCode": kind}, {"url": "at", "valueDateTime": _zulu(at)}]
    if by is not None:
        parts += [
            {"url": "by", "valueString": by["name"]},
            {"url": "role", "valueString": by["role"]},
            {"url": "role-kind", "valueCode": by["kind"]},
        ]
    return {"url": MILESTONE, "extension": parts}


def _zulu(at: str) -> str:
    return at.replace("+00:00", "Z")


def _annotation(text: str, by: Who) -> Json:
    return {"authorString": f"{by['name']}, {by['role']}", "time": _zulu(by["at"]), "text": text}


def _detail(code: str, **value: object) -> Json:
    return {"type": _coded(DETAIL_SYSTEM, code, code.replace("-", " ").capitalize()), **value}


def _inputs(task: Stored, *, owns: bool) -> Iterator[Json]:
    """What the answer chooses among or is about. Which third team is responsible was decided for the owner to know, and for nobody else."""
    unshown = _UNSHOWN if owns else _UNSHOWN | {RESPONSIBLE}
    for name, value in task.content.get("options", {}).items():
        for each in [value] if isinstance(value, str) else value:
            if name not in unshown:
                yield _detail(name, valueString=each)


def _outputs(task: Stored, *, decided: bool) -> Iterator[Json]:
    """What the answer said. To whom something was released is the lead's to know, not the sender's (principle 9)."""
    content, by = task.content, task.content.get("answered")
    if "meaning" in content and by:
        yield _detail("meaning", valueAnnotation=_annotation(content["meaning"], by))
    for action in content.get("actions", ()):
        yield _detail("agreed-action", valueReference={"reference": f"Task/{action}"})
    if "because" in content:
        yield _detail("because", valueString=content["because"])
    if "answer" in content and by:
        yield _detail("answer", valueAnnotation=_annotation(content["answer"], by))
    if "choice" in content:
        yield _detail("choice", valueString=content["choice"])
    yield from _of_line(task)
    for question in content.get("questions", ()):
        yield from _question(question)
    yield from _spoken(task)
    if decided and "decision" in content:
        yield from _decision(content["decision"]["functions"])


def _of_line(task: Stored) -> Iterator[Json]:
    """How a person of a transfer is looked after, or why they are left out."""
    if "caretaking" in task.content:
        kept = task.content["caretaking"]
        yield _detail("caretaking", valueAnnotation=_annotation(kept["text"], kept["by"]))
    if "exclusion" in task.content:
        left_out = task.content["exclusion"]
        yield _detail("exclusion", valueAnnotation=_annotation(left_out["text"], left_out["by"]))
        yield _detail("exclusion-reason", valueCodeableConcept=_reason(left_out["reason"]))
        yield _detail("exclusion-proposed-by", valueReference=_team(left_out["team"]))


def _question(question: Question) -> Iterator[Json]:
    yield _detail("question", valueAnnotation=_annotation(question["text"], question["by"]))
    if "answer" in question and "answered_by" in question:
        yield _detail("answer", valueAnnotation=_annotation(question["answer"], question["answered_by"]))
    if "declined" in question:
        yield _detail("not-answered", valueCodeableConcept=_reason(question["declined"]))


def _spoken(task: Stored) -> Iterator[Json]:
    content = task.content
    if "conversation" in content:
        held = content["conversation"]
        yield _detail("conversation", valueAnnotation=_held("Spoken", held))
    if "discussion" in content:
        talk = content["discussion"]
        yield _detail("discussion", valueAnnotation=_held(talk["because"] or "Discussed", talk))
        yield _detail("discussion-outcome", valueCode=talk["outcome"])


def _decision(functions: list[str]) -> Iterator[Json]:
    yield _detail("decision", valueCode="released" if functions else "refused")
    for function in functions:
        yield _detail("released-to", valueCoding={"system": SYSTEMS[Function], "code": function})


def _held(words: str, held: Mapping[str, str | None]) -> Json:
    return {"authorString": held["with"], "time": _zulu(held["at"] or ""), "text": words}
