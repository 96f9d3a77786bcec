"""What the page of one handover's evidence shows: from the first byte to the last answer, in one line of time; pure, without words about anybody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from broker.domain.answers import Move
from broker.domain.responsibility import Holding
from broker.domain.states import AttemptOutcome
from broker.storage.task_values import Who
from broker.web.pages import words
from broker.web.pages.handover_list import Names, children, tags
from broker.web.pages.task_page import reason_words
from broker.web.pages.task_words import ASKS, Tag, due_at, standing, what
from broker.workflow.evidence import Event, Evidence, TaskTrail
from schemas.codes import TaskCode

_MOVES: Final[Mapping[str, str]] = {
    Move.OPEN: "Opened",
    Move.ACCEPT: "Acknowledged",
    Move.DECLINE: "Declined",
    Move.ASK: "Question asked",
    Move.ANSWER: "Question answered",
    Move.COMPLETE: "Closed",
    Move.REASSIGN: "Given to somebody else",
    Move.EXTEND: "More time taken",
    Move.CARETAKE: "Looked after until a review",
    Move.EXCLUDE: "Left out",
    Move.CANCEL: "Taken back",
    Move.NOTE: "Note added",
    "raised": "Asked for",
    "delivered": "Said to be delivered",
    "escalated": "Raised to others",
}
_TRIED: Final[Mapping[AttemptOutcome, str]] = {
    AttemptOutcome.TAKEN: "taken",
    AttemptOutcome.REFUSED: "refused",
    AttemptOutcome.UNREACHABLE: "could not be reached",
    AttemptOutcome.UNANSWERED: "no answer",
}
_RUNGS: Final[Mapping[str, str]] = {
    "opening": "Told that nobody had opened it",
    "reminder": "Reminded before the date",
    "out-of-hours": "Told out of hours",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened."""

    at: datetime
    what: str
    who: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A team that came into question."""

    team: str
    decision: str
    asked: str
    reason: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A task of the handover."""

    what: str
    id: str
    owner: str
    standing: str
    due: datetime | None
    answered: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An entry of the audit."""

    at: datetime
    action: str
    outcome: str
    who: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """The page."""

    id: str
    what: str
    sent: datetime
    at: datetime
    sender: str
    receiver: str
    tags: tuple[Tag, ...]
    children: str
    why: str
    facts: tuple[tuple[str, str], ...]
    """Of the message, by name."""
    moments: tuple[Moment, ...]
    policy: str
    decided: tuple[Decided, ...]
    tasks: tuple[Asked, ...]
    written: tuple[Written, ...]


def view_of(found: Evidence, names: Names, now: datetime) -> EvidenceView:
    """The page of one handover."""
    seen = found.handover
    return EvidenceView(
        id=seen.handover.id,
        what=what(seen.event, None) or words.title(seen.handover.code.value),
        sent=seen.handover.sent,
        at=now,
        sender=seen.sender.name,
        receiver=seen.receiver.name,
        tags=tags(seen),
        children=children(seen),
        why=seen.told.reason if seen.told else "",
        facts=tuple(_facts(found)),
        moments=tuple(sorted(_moments(found, names), key=lambda one: one.at)),
        policy=found.routing.policy_version,
        decided=tuple(
            Decided(
                team=row["name"] or row["team"],
                decision=words.title(row["decision"]),
                asked=", ".join(filter(None, (words.plain(row["purpose"]), _view(row["view"])))),
                reason=row["reason"],
                rule=" · ".join(filter(None, (row["rule"], row["cites"]))),
            )
            for row in found.routing.rows
        ),
        tasks=tuple(_task(trail, names) for trail in found.tasks),
        written=tuple(
            Written(
                at=entry.at,
                action=words.title(entry.action),
                outcome=words.plain(entry.outcome),
                who=", ".join(filter(None, (entry.client_name, _team(entry.team_id, names)))),
                about=words.plain(entry.entity),
            )
            for entry in found.written_down
        ),
    )


def _view(view: str) -> str:
    return f"{words.plain(view)} view" if view else ""


def _facts(found: Evidence) -> Iterator[tuple[str, str]]:
    came = found.received
    message = came.notification
    yield "Notification", message.id
    yield "The sender’s own id of the message", message.message_id or "none"
    yield "Came by", ", ".join((message.via, *came.clients))
    yield "Came", words.moment(message.received_at)
    if message.occurred_at:
        yield "Happened, as it says", words.moment(message.occurred_at)
    yield "Size and kind", f"{came.size} bytes of {message.content_type or 'an unnamed kind'}"
    yield "SHA-256 of the bytes as they came", came.sha256
    if message.withdrawn_at:
        yield "Withdrawn", words.moment(message.withdrawn_at)


def _moments(found: Evidence, names: Names) -> Iterator[Moment]:
    came = found.received.notification
    yield _moment(came.received_at, "The message came, was kept and decided on", _team(came.sender_team_id, names))
    for delivery, attempts in found.deliveries:
        team, told = _team(delivery.team_id, names), _carried(delivery.cause)
        for attempt in attempts:
            more = f"{_TRIED[attempt.outcome]}{f': {attempt.detail}' if attempt.detail else ''}"
            yield _moment(attempt.at, f"Tried to hand over {told}", team, more)
        if delivery.delivered_at:
            yield _moment(delivery.delivered_at, f"The team’s system has {told}", team)
    for trail in found.tasks:
        about = ASKS[TaskCode(trail.task.row.code)]
        for event in trail.events:
            yield _moment(event.at, f"{_move(event.move)}: {about.lower()}", _by(event, names), _brought(event, names))
        for rung in trail.escalations:
            told_so = _RUNGS.get(rung.rung, f"Nobody had answered: raised to the {words.plain(rung.rung)}")
            yield _moment(rung.at, told_so, _team(rung.team_id, names) or "nobody could be told")
    for period in found.periods:
        yield _moment(
            period.since, f"Responsible for {words.plain(period.function)} from then on", _held(period, names)
        )


def _moment(at: datetime, happened: str, who: str, more: str = "") -> Moment:
    return Moment(at=at, what=happened, who=who, more=more)


def _carried(cause: str) -> str:
    """What a delivery carried, by its cause."""
    kind = cause.partition(":")[0]
    known = {
        "": "the message",
        "task": "the task",
        "outcome": "news of how it stands",
        "escalated": "that nobody had answered",
    }
    return known.get(kind, f"a message ({words.plain(kind)})")


def _move(move: str) -> str:
    return _MOVES.get(move, words.title(move))


def _by(event: Event, names: Names) -> str:
    return ", ".join(filter(None, (_person(event.by), _team(event.team, names)))) or "Baton"


def _person(who: Who | None) -> str:
    return f"{who['name']}, {words.plain(who['role'])} ({words.plain(who['kind'])})" if who else ""


def _brought(event: Event, names: Names) -> str:
    """Codes, teams and times in words; of what else there was, its name."""
    said = [_said(name, value, names) for name, value in event.brought.items()]
    hidden = f"also brought, not shown here: {', '.join(map(words.plain, event.not_shown))}" if event.not_shown else ""
    return "; ".join(filter(None, (*said, hidden)))


def _said(name: str, value: Any, names: Names) -> str:  # noqa: ANN401 - what a move brought, by its own shape
    match name, value:
        case "reason", str():
            return f"reason: {_reason(value)}"
        case "to", str():
            return f"to: {_team(value, names)}"
        case "due", str():
            return f"due: {words.moment(datetime.fromisoformat(value))}"
        case "choice", str():
            return f"choice: {words.plain(value)}"
        case "actions", list():
            return f"agreed actions: {len(value)}"
        case _:
            return ""


def _reason(code: str) -> str:
    try:
        return reason_words(code)
    except ValueError:
        return words.plain(code)


def _held(period: Holding, names: Names) -> str:
    return _team(period.team_id, names) or f"nobody: {words.plain(period.unheld or '')}"


def _team(team_id: str | None, names: Names) -> str:
    team = names.directory.teams.get(team_id or "")
    return team.name if team else team_id or ""


def _task(trail: TaskTrail, names: Names) -> Asked:
    row = trail.task.row
    return Asked(
        what=ASKS[TaskCode(row.code)],
        id=row.id,
        owner=_team(row.owner_team_id, names),
        standing=standing(trail.task),
        due=due_at(trail.task),
        answered=row.answered_at,
    )
