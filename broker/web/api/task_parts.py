"""The operations on a Task: which parameters each takes, read from an R4 Parameters resource and published as definitions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, NoReturn, TypeAlias

from broker.domain.answers import (
    AgreedAction,
    Conversation,
    Discussion,
    DiscussionOutcome,
    Move,
    MoveRequest,
    ReleaseDecision,
)
from broker.errors import Unreadable
from schemas.codes import CANONICAL, Function, ResponseReason
from schemas.identifiers import TEAM
from schemas.message import Professional
from schemas.problem import Problem

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One parameter: its name, the R4 type it is published with, what it is for. Whether it must be there is the domain's."""

    name: str
    kind: str
    words: str
    many: bool = False
    parts: tuple["Part", ...] = ()
    whole_day: bool = False
    """A date alone means the end of that day (something is due), not its beginning (something happened)."""


PRACTITIONER: Final = Part(
    "practitioner",
    "",
    "Who does this, as your agency asserts; the role must be one that the policy lists.",
    parts=(Part("name", "string", "The person's name."), Part("role", "code", "The person's role.")),
)
NOTE: Final = Part(
    "note",
    "string",
    "What there is to say about it; required to reassign, to extend, to end an action, to look after, to leave out.",
)
REASON: Final = Part(
    "reason", "code", "Coded reason (ITK3 business response code); required to decline and to leave out."
)
ANSWER: Final = Part("answer", "string", "The answer to a question back; required for supply-information.")
CONVERSATION: Final = Part(
    "conversation",
    "",
    "The conversation that was held; required when the task is not routine.",
    parts=(Part("with", "string", "With whom."), Part("at", "dateTime", "When; not in the future.")),
)
AGREED_ACTION: Final = Part(
    "agreed-action",
    "",
    "Something your team will do; becomes a task of your team.",
    many=True,
    parts=(
        Part("action", "string", "What will be done."),
        Part("owner", "Reference", "A practitioner of your team by display, or your team by identifier."),
        Part("role", "code", "The role of the practitioner who will do it."),
        Part("due", "dateTime", "By when; in the future. A date means the end of that day.", whole_day=True),
    ),
)
DISCUSSION: Final = Part(
    "discussion",
    "",
    "The discussion with the safeguarding lead; required for discuss-with-safeguarding-lead.",
    parts=(
        Part("with", "string", "With whom; somebody other than the one who closes the task."),
        Part("at", "dateTime", "When; not in the future."),
        Part("outcome", "code", "referred | not-referred-because | early-help"),
        Part("because", "string", "Why it was not referred."),
    ),
)
DECISION: Final = Part(
    "decision",
    "",
    "What a safeguarding lead decides about what is held; required for release.",
    parts=(
        Part("release-to", "code", "A function that may be told; none is a refusal.", many=True),
        Part("because", "string", "Why nobody may be told; required with a refusal."),
    ),
)

PARTS: Final[Mapping[Move, tuple[Part, ...]]] = {
    Move.OPEN: (PRACTITIONER,),
    Move.ACCEPT: (
        PRACTITIONER,
        Part("meaning", "string", "What this means for your work; this or an agreed action is required."),
        AGREED_ACTION,
        CONVERSATION,
    ),
    Move.DECLINE: (PRACTITIONER, REASON, NOTE),
    Move.ASK: (PRACTITIONER, Part("question", "string", "The question to the team that waits for your answer.")),
    Move.ANSWER: (PRACTITIONER, ANSWER),
    Move.COMPLETE: (
        PRACTITIONER,
        NOTE,
        REASON,
        ANSWER,
        Part("choice", "code", "The one of the task's input that is right; required to confirm and to resolve."),
        DISCUSSION,
        DECISION,
    ),
    Move.REASSIGN: (
        PRACTITIONER,
        Part(
            "owner",
            "Reference",
            "The team of your own agency by identifier; or, of what was agreed, who of your team has it now, by display.",
        ),
        Part("role", "code", "The role of whoever has it now."),
        NOTE,
    ),
    Move.CARETAKE: (
        PRACTITIONER,
        Part(
            "review-date",
            "dateTime",
            "When this is reviewed; the sender stays responsible. A date means the end of that day.",
            whole_day=True,
        ),
        NOTE,
    ),
    Move.EXCLUDE: (PRACTITIONER, REASON, NOTE),
    Move.EXTEND: (
        PRACTITIONER,
        Part("due", "dateTime", "The new due date; a date means the end of that day.", whole_day=True),
        NOTE,
    ),
}
"""The moves that are operations, and what each takes."""


# --- reading ------------------------------------------------------------------------------------------------------


def read(move: Move, parameters: Json, expected_version: int | None) -> MoveRequest:
    """The move that a Parameters resource asks for. Unreadable when a parameter is not one of this operation or has another type."""
    given = _values(parameters.get("parameter", []), PARTS[move], "Parameters.parameter")
    return MoveRequest(
        move=move,
        practitioner=_built(given.get("practitioner"), _professional),
        expected_version=expected_version,
        meaning=given.get("meaning"),
        actions=tuple(_action(each) for each in given.get("agreed-action", ())),
        conversation=_built(
            given.get("conversation"), lambda it: Conversation(with_whom=it.get("with"), at=it.get("at"))
        ),
        reason=_member(ResponseReason, given.get("reason"), "reason"),
        text=given.get("question") or given.get("answer") or given.get("note"),
        discussion=_built(given.get("discussion"), _discussion),
        decision=_built(given.get("decision"), _decision),
        choice=given.get("choice"),
        to_team=_team_of(given.get("owner")),
        holder=_holder(given),
        due_at=given.get("due") or given.get("review-date"),
    )


def located(problems: Iterable[Problem]) -> list[Problem]:
    """Problems of a move with paths into the Parameters resource, as FHIRPath."""
    return [Problem(_fhirpath(p.path), p.reason, p.code, p.severity) for p in problems]


def _fhirpath(path: str) -> str:
    steps: list[str] = []
    for step in path.split("."):
        name, bracket, index = step.partition("[")
        element = "part" if steps else "parameter"
        steps.append(f"{element}.where(name='{name}'){bracket}{index}")
    return ".".join(["Parameters", *steps])


def _values(given: list[Json], allowed: tuple[Part, ...], path: str) -> dict[str, Any]:
    by_name = {part.name: part for part in allowed}
    found: dict[str, Any] = {}
    for index, parameter in enumerate(given):
        here, part = f"{path}[{index}]", by_name.get(parameter.get("name", ""))
        if part is None:
            _refuse(f"{here}.name", f"is none of {', '.join(by_name)}", "not-supported")
        value = (
            _values(parameter.get("part", []), part.parts, f"{here}.part")
            if part.parts
            else _value(part, parameter, here)
        )
        if part.many:
            found.setdefault(part.name, []).append(value)
        elif part.name in found:
            _refuse(here, "may be there only once", "structure")
        else:
            found[part.name] = value
    return found


def _value(part: Part, parameter: Json, path: str) -> Any:  # noqa: ANN401 - text, time or reference, by the part's type
    name = next((name for name in parameter if name.startswith("value")), "")
    reader = _READERS[part.kind].get(name)
    if reader is None:
        _refuse(path, f"must have one of {', '.join(_READERS[part.kind])}", "structure")
    try:
        return _at(parameter[name], part) if part.kind == "dateTime" else reader(parameter[name])
    except (ValueError, OverflowError):
        _refuse(path, "must be a day or a time", "value")


def _stripped(value: str) -> str | None:
    return value.strip() or None


def _coded(value: Json) -> str | None:
    code = value.get("code") or next((coding.get("code") for coding in value.get("coding", ())), None)
    return str(code) if code else None


def _at(value: str, part: Part) -> datetime:
    """A time in UTC, or the beginning or the end of a day. Years and months alone are no day: ValueError."""
    if "T" in value:
        return datetime.fromisoformat(value).astimezone(UTC)
    return datetime.combine(date.fromisoformat(value), time(23, 59, 59) if part.whole_day else time(), UTC)


_TEXT: Final[dict[str, Callable[[Any], Any]]] = {"valueString": _stripped, "valueMarkdown": _stripped}
_READERS: Final[Mapping[str, dict[str, Callable[[Any], Any]]]] = {
    "string": _TEXT,
    "code": {"valueCode": _stripped, "valueString": _stripped, "valueCoding": _coded, "valueCodeableConcept": _coded},
    "dateTime": {"valueDateTime": str, "valueDate": str, "valueInstant": str},
    "Reference": {
        "valueReference": lambda it: it,
        "valueIdentifier": lambda it: {"identifier": it},
        "valueString": lambda it: {"display": it},
    },
}


def _refuse(path: str, reason: str, code: str) -> NoReturn:
    raise Unreadable(problems=[Problem(path, reason, code)])


def _built(given: dict[str, Any] | None, build: Callable[[dict[str, Any]], Any]) -> Any:  # noqa: ANN401 - what `build` gives
    return None if given is None else build(given)


def _member(kind: Any, code: str | None, path: str) -> Any:  # noqa: ANN401 - a member of the enumeration
    if code is None:
        return None
    if code not in set(kind):
        _refuse(_fhirpath(path), f"must be one of {', '.join(kind)}", "code-invalid")
    return kind(code)


def _professional(given: dict[str, Any]) -> Professional:
    return Professional(name=given.get("name"), role=given.get("role"))


def _action(given: dict[str, Any]) -> AgreedAction:
    owner, role = given.get("owner") or {}, given.get("role")
    named = _stripped(owner.get("display", ""))
    return AgreedAction(
        action=given.get("action"),
        owner=Professional(name=named, role=role) if named or role else None,
        team=_team_of(owner),
        due_at=given.get("due"),
    )


def _holder(given: dict[str, Any]) -> Professional | None:
    named = _stripped((given.get("owner") or {}).get("display", ""))
    return Professional(name=named, role=given.get("role")) if named else None


def _discussion(given: dict[str, Any]) -> Discussion:
    outcome = _member(DiscussionOutcome, given.get("outcome"), "discussion.outcome")
    return Discussion(with_whom=given.get("with"), at=given.get("at"), outcome=outcome, because=given.get("because"))


def _decision(given: dict[str, Any]) -> ReleaseDecision:
    functions = {_member(Function, code, "decision.release-to") for code in given.get("release-to", ()) if code}
    return ReleaseDecision(functions=tuple(sorted(functions)), because=given.get("because"))


def _team_of(reference: Json | None) -> str | None:
    """The team id of a logical reference; None when it names none."""
    identifier = (reference or {}).get("identifier", {})
    return identifier.get("value") if identifier.get("system") == TEAM else None


# --- publishing ---------------------------------------------------------------------------------------------------


def operation_definition(move: Move) -> Json:
    """The R4 OperationDefinition of a move, served at `/fhir/OperationDefinition/Task-{move}`."""
    return {
        "resourceType": "OperationDefinition",
        "id": f"Task-{move.value}",
        "url": f"{CANONICAL}/OperationDefinition/Task-{move.value}",
        "name": f"Task{move.value.capitalize()}",
        "status": "active",
        "kind": "operation",
        "code": move.value,
        "resource": ["Task"],
        "system": False,
        "type": False,
        "instance": True,
        "affectsState": True,
        "parameter": [*(_published(part) for part in PARTS[move]), _RETURNED],
    }


_RETURNED: Final[Json] = {
    "name": "return",
    "use": "out",
    "min": 1,
    "max": "1",
    "type": "Task",
    "documentation": "The task as it is afterwards.",
}


def _published(part: Part) -> Json:
    more: Json = {"part": [_published(each) for each in part.parts]} if part.parts else {"type": part.kind}
    return {
        "name": part.name,
        "use": "in",
        "min": 0,
        "max": "*" if part.many else "1",
        "documentation": part.words,
        **more,
    }
