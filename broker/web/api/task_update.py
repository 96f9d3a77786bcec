"""Reading a PUT of a Task: the one move that its difference from the stored resource asks for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NoReturn, TypeAlias

from broker.domain.answers import Move, MoveRequest
from broker.errors import Conflict, Invalid, Unreadable
from schemas.codes import SYSTEMS, ResponseReason, TaskCode, TaskStatus
from schemas.identifiers import TEAM
from schemas.message import Professional
from schemas.problem import Problem

Json: TypeAlias = dict[str, Any]

CHANGEABLE: Final = frozenset({"status", "statusReason", "owner", "note"})
OURS: Final = frozenset({"meta", "text", "businessStatus", "lastModified"})
"""The server's own: what comes back in these is not looked at."""

_MOVES: Final[Mapping[TaskStatus, Move]] = {
    TaskStatus.ACCEPTED: Move.ACCEPT,
    TaskStatus.REJECTED: Move.DECLINE,
    TaskStatus.COMPLETED: Move.COMPLETE,
    TaskStatus.ON_HOLD: Move.ASK,
    TaskStatus.CANCELLED: Move.CANCEL,
}


_CONFIRMED: Final = frozenset({TaskCode.ACKNOWLEDGE, TaskCode.CONFIRM_CHILD})
"""Kinds of task that are accepted, whatever status a client asks for."""


def read(given: Json, stored: Json, version: int, allowed: Sequence[str]) -> MoveRequest | None:
    """The move that makes `stored` into `given`; None when they differ in nothing.

    Who does it is the author of the new note, as `name, role`. Unreadable when it is another task; Invalid when
    something else changes too; Conflict when no move leads to the status, with those that are allowed.
    """
    if given.get("resourceType") != "Task" or given.get("id") != stored["id"]:
        raise Unreadable(problems=[Problem("Task.id", "must be the id of the task at this address", "value")])
    _only_changeable(given, stored)
    note = _new_note(given, stored)
    to_team, status = _new_owner(given, stored), given.get("status")
    status_changes = status != stored["status"]
    if status_changes and to_team is not None:
        _refuse("Task.owner", "changes together with the status: one move at a time")
    if (
        not status_changes
        and "statusReason" in given
        and not _same(given.get("statusReason"), stored.get("statusReason"))
    ):
        _refuse("Task.statusReason", "changes without the status")
    if status_changes:
        if status not in _MOVES:
            raise Conflict("No move of yours leads to this status.", allowed=allowed)
        return _status_move(TaskStatus(str(status)), given, stored, note, version)
    if to_team is not None:
        return _request(Move.REASSIGN, note, version, text=_text(note), to_team=to_team)
    return _request(Move.NOTE, note, version, text=_text(note)) if note else None


def _status_move(status: TaskStatus, given: Json, stored: Json, note: Json | None, version: int) -> MoveRequest:
    move, code = _MOVES[status], TaskCode(stored["code"]["coding"][0]["code"])
    if code in _CONFIRMED and move in (Move.ACCEPT, Move.COMPLETE):
        return _request(Move.ACCEPT, note, version, meaning=_text(note))
    return _request(move, note, version, text=_text(note), reason=_reason(given))


def _request(move: Move, note: Json | None, version: int, **said: Any) -> MoveRequest:  # noqa: ANN401 - its fields
    return MoveRequest(move=move, practitioner=_author(note), expected_version=version, **said)


def located(problems: tuple[Problem, ...]) -> list[Problem]:
    """Problems of a move where a PUT has them: nearly all that is said stands in the new note."""
    places = {"practitioner.name": "Task.note.authorString", "practitioner.role": "Task.note.authorString"}
    places |= {"reason": "Task.statusReason", "owner": "Task.owner"}
    words = {"practitioner.name": "must be the name and role of who does this: name, role"}
    return [p if p.path.startswith("Task.") else _placed(p, places, words) for p in problems]


def _placed(p: Problem, places: Mapping[str, str], words: Mapping[str, str]) -> Problem:
    return Problem(places.get(p.path, "Task.note"), words.get(p.path, p.reason), p.code, p.severity)


def _refuse(path: str, reason: str) -> NoReturn:
    raise Invalid(problems=[Problem(path, reason, "business-rule")])


def _only_changeable(given: Json, stored: Json) -> None:
    """Everything but status, statusReason, owner and notes is as it was, or left out."""
    wrong = sorted(
        name for name, value in given.items() if name not in CHANGEABLE | OURS and not _same(value, stored.get(name))
    )
    if wrong:
        reason = f"cannot be changed: only {', '.join(sorted(CHANGEABLE))}"
        raise Invalid(problems=[Problem(f"Task.{name}", reason, "business-rule") for name in wrong])


def _same(one: object, other: object) -> bool:
    """Equal as FHIR values: clients write the same time in other words."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other or (_time(one) is not None and _time(one) == _time(other))


def _time(value: object) -> datetime | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _new_note(given: Json, stored: Json) -> Json | None:
    """The note that was added; the earlier ones may be left out but not changed."""
    before = stored.get("note", [])
    added = [note for note in given.get("note", []) if not any(_same(note, known) for known in before)]
    if len(added) > 1:
        _refuse("Task.note", "has more than one new note, or one that was changed")
    return added[0] if added else None


def _text(note: Json | None) -> str | None:
    return (note or {}).get("text", "").strip() or None


def _author(note: Json | None) -> Professional | None:
    written = (note or {}).get("authorString") or (note or {}).get("authorReference", {}).get("display") or ""
    name, _, role = written.rpartition(",")
    return Professional(name=name.strip() or None, role=role.strip() or None) if written else None


def _new_owner(given: Json, stored: Json) -> str | None:
    identifier = given.get("owner", {}).get("identifier", {})
    if not identifier or _same(identifier, stored.get("owner", {}).get("identifier")):
        return None
    if identifier.get("system") != TEAM or not identifier.get("value"):
        _refuse("Task.owner", f"must be a team, by its identifier of {TEAM}")
    return str(identifier["value"])


def _reason(given: Json) -> ResponseReason | None:
    system = SYSTEMS[ResponseReason]
    codings = given.get("statusReason", {}).get("coding", [])
    codes = [coding.get("code") for coding in codings if coding.get("system") == system]
    if codes and codes[0] not in set(ResponseReason):
        _refuse("Task.statusReason", f"must be one of {', '.join(ResponseReason)}")
    return ResponseReason(codes[0]) if codes else None
