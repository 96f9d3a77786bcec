"""What a move leaves in a task's content and in its event, as plain values; nothing is decided or written here."""

from datetime import datetime
from typing import Any

from broker.domain.answers import Conversation, Discussion, Move, MoveRequest
from broker.domain.tasks import BusinessStatus, Moved, RoleKind
from broker.storage.task_values import HELD_BY, Content, Exclusion, Note, Who
from schemas.codes import TaskCode


def who(request: MoveRequest, kind: RoleKind, now: datetime) -> Who:
    """The practitioner who moved it, as the agency asserts."""
    asserted = request.practitioner
    assert asserted is not None
    return Who(name=asserted.name or "", role=asserted.role or "", kind=kind.value, at=now.isoformat())


def content_after(
    before: Content, code: TaskCode, request: MoveRequest, moved: Moved, team: str, now: datetime
) -> Content:
    """The task's content once the move is made."""
    by = who(request, moved.kind, now)
    after = Content(**{**before, "last": request.fingerprint(team)})
    if moved.business_status is BusinessStatus.EXCLUSION_REFUSED:
        after.pop("exclusion", None)
        _remark(after, request, by, team)
        return after
    match request.move:
        case Move.OPEN:
            after["opened"] = by
        case Move.ACCEPT | Move.DECLINE | Move.ANSWER | Move.COMPLETE:
            after["closed" if moved.business_status is BusinessStatus.CLOSED_BY_LEAD else "answered"] = by
            _answered(after, code, request, by, team)
        case Move.CARETAKE:
            after["caretaking"] = Note(text=request.text or "", by=by, team=team)
        case Move.EXCLUDE:
            _excluded(after, request, by, team)
        case Move.REASSIGN if request.holder is not None:
            held_by = f"{request.holder.name}, {request.holder.role}"
            after["options"] = {**after.get("options", {}), HELD_BY: held_by}
            _remark(after, request, by, team)
        case Move.REASSIGN:
            after.pop("opened", None)
            after["options"] = {name: value for name, value in after.get("options", {}).items() if name != HELD_BY}
            _remark(after, request, by, team)
        case Move.EXTEND | Move.NOTE | Move.CANCEL:
            _remark(after, request, by, team)
        case Move.ASK:
            pass
    return after


def detail(request: MoveRequest, moved: Moved, now: datetime) -> dict[str, Any]:
    """What the event keeps: who did it and the words it brought."""
    brought: dict[str, Any] = {
        "by": who(request, moved.kind, now),
        "meaning": request.meaning,
        "text": request.text,
        "reason": moved.reason,
        "to": request.to_team,
        "due": request.due_at.isoformat() if request.due_at else None,
        "choice": request.choice,
        "actions": len(request.actions) or None,
    }
    return {name: value for name, value in brought.items() if value is not None}


def _excluded(after: Content, request: MoveRequest, by: Who, team: str) -> None:
    """A proposal, or the other side's agreement to it."""
    before = after.get("exclusion")
    if before is not None and before["team"] != team and "agreed_by" not in before:
        after["exclusion"] = Exclusion(**{**before, "agreed_by": by})
    else:
        reason = request.reason.value if request.reason else ""
        after["exclusion"] = Exclusion(team=team, reason=reason, text=request.text or "", by=by)


def _answered(after: Content, code: TaskCode, request: MoveRequest, by: Who, team: str) -> None:
    if request.move is Move.ACCEPT:
        _acknowledged(after, request)
    elif request.move is Move.DECLINE:
        after |= {"because": request.text} if request.text else {}
    else:
        _completed(after, code, request, by, team)


def _acknowledged(after: Content, request: MoveRequest) -> None:
    if request.meaning is not None:
        after["meaning"] = request.meaning
    if request.conversation is not None:
        after["conversation"] = _conversation(request.conversation)


def _completed(after: Content, code: TaskCode, request: MoveRequest, by: Who, team: str) -> None:
    if code is TaskCode.SUPPLY_INFORMATION:
        after["answer"] = request.text or ""
    else:
        _remark(after, request, by, team)
    if request.choice is not None:
        after["choice"] = request.choice
    if request.discussion is not None:
        after["discussion"] = _discussion(request.discussion)
    if request.decision is not None:
        functions = [function.value for function in request.decision.functions]
        after["decision"] = {"functions": functions, "because": request.decision.because}


def _remark(after: Content, request: MoveRequest, by: Who, team: str) -> None:
    if request.text is not None:
        after["notes"] = [*after.get("notes", ()), Note(text=request.text, by=by, team=team)]


def _conversation(held: Conversation) -> dict[str, str]:
    return {"with": held.with_whom or "", "at": held.at.isoformat() if held.at else ""}


def _discussion(held: Discussion) -> dict[str, str | None]:
    return {
        "with": held.with_whom,
        "at": held.at.isoformat() if held.at else None,
        "outcome": held.outcome.value if held.outcome else None,
        "because": held.because,
    }
