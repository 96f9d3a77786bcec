"""What a team says when it moves a task, and what each answer must contain; who may move what when lives in `tasks.py`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from schemas.codes import Function, Priority, ResponseReason, TaskCode
from schemas.message import Professional
from schemas.problem import Problem

FURTHEST = timedelta(days=2 * 366)
"""An action due later than in two years is followed up by nobody: most such dates are slips of the keyboard."""
MOST_ACTIONS = 20
"""Agreed actions in one answer; more are a care plan, which Baton is not."""
LONGEST_TEXT = 4000
"""Characters of one text: an answer to a colleague, not a record."""

NOT_A_DECLINE = frozenset({ResponseReason.ACCEPTED, ResponseReason.KNOWN_HERE})


class Move(StrEnum):
    """What a caller may do with a task."""

    OPEN = "open"  # a person has looked at it; says nothing of whether it was understood
    ACCEPT = "accept"  # positive acknowledgement: what it means here, or what will be done
    DECLINE = "decline"  # negative acknowledgement, with a coded reason
    ASK = "ask"  # a question back: the task waits for the answer
    ANSWER = "answer"  # the answer to such a question
    COMPLETE = "complete"  # done, with what each kind of task must record
    REASSIGN = "reassign"  # to another team of the same agency
    EXTEND = "extend"  # a later due date, with the reason
    CARETAKE = "caretake"  # look after somebody until a review date; the sender stays responsible
    EXCLUDE = "exclude"  # this person is not part of the transfer; counts once both sides say so
    CANCEL = "cancel"  # whoever asked needs it no longer
    NOTE = "note"  # a remark, and nothing else


class DiscussionOutcome(StrEnum):
    """What a discussion came to (F16)."""

    REFERRED = "referred"
    NOT_REFERRED = "not-referred-because"
    EARLY_HELP = "early-help"  # early help, or another level of service, was agreed (F28)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedAction:
    """Something the answering team will do. The owner is one of its practitioners, or the team itself."""

    action: str | None = None
    owner: Professional | None = None
    team: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation that was held, with whom and when."""

    with_whom: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discussion:
    """A discussion with the safeguarding lead and its outcome."""

    with_whom: str | None = None
    at: datetime | None = None
    outcome: DiscussionOutcome | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDecision:
    """What a safeguarding lead decides about held deliveries: the functions that may be told; none of them is a refusal."""

    functions: tuple[Function, ...] = ()
    because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """One move with everything it brings. Times are aware; texts are stripped, and None when empty."""

    move: Move
    practitioner: Professional | None = None
    expected_version: int | None = None
    meaning: str | None = None
    """What it means here."""
    actions: tuple[AgreedAction, ...] = ()
    conversation: Conversation | None = None
    reason: ResponseReason | None = None
    text: str | None = None
    """The question, the answer, the note, the reason in words."""
    discussion: Discussion | None = None
    decision: ReleaseDecision | None = None
    choice: str | None = None
    to_team: str | None = None
    holder: Professional | None = None
    """Who of the team has it from now on."""
    due_at: datetime | None = None

    def fingerprint(self, team: str) -> str:
        """The same for the same request of the same team, so that a retry is known as one; hexadecimal."""
        plain = asdict(self) | {"expected_version": None, "team": team}
        return sha256(json.dumps(plain, default=str, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a check needs to know of the task."""

    code: TaskCode
    priority: Priority
    due_at: datetime | None
    choices: frozenset[str]
    """What may be chosen; empty when the task does not list it."""
    functions: frozenset[Function]
    """What may be released to; empty when the task does not list it."""
    team: str
    """The team that answers."""
    owner: str
    """Whose task it is."""
    agency_teams: frozenset[str]
    """The open teams of its agency, itself included."""
    caretaking_at_most: timedelta
    """The furthest review date of a caretaking."""
    as_lead: bool = False
    """Who answers is the lead of the owner's agency, and not the owner."""
    agrees: bool = False
    """The other side has proposed what is answered now."""
    reporters: frozenset[str] = frozenset()
    """Who may not close it, because they reported what it is about."""


Check = Callable[[MoveRequest, Asked, datetime], Iterator[Problem]]


def check(request: MoveRequest, asked: Asked, now: datetime) -> tuple[Problem, ...]:
    """What is missing from the answer or wrong with it; empty when it will do. Paths name parts of the operation."""
    if asked.as_lead and request.move is Move.COMPLETE:
        return (*_too_long(request), *_discussion(request, asked, now))
    special = _CHECKS_OF.get((asked.code, request.move)) or _CHECKS.get(request.move, _nothing)
    return (*_too_long(request), *special(request, asked, now))


def _required(path: str, reason: str) -> Problem:
    return Problem(path, reason, "required")


def _nothing(_request: MoveRequest, _asked: Asked, _now: datetime) -> Iterator[Problem]:
    yield from ()


def _accept(request: MoveRequest, asked: Asked, now: datetime) -> Iterator[Problem]:
    """F25: an acknowledgement says what it means here, or what will be done, by whom and by when."""
    if request.meaning is None and not request.actions:
        yield _required("meaning", "say what this means here, or name at least one agreed action")
    yield from _confirm(request, asked, now)


def _confirm(request: MoveRequest, asked: Asked, now: datetime) -> Iterator[Problem]:
    """To confirm a person is to take them on, which means the same everywhere; what else was agreed is checked as ever."""
    if len(request.actions) > MOST_ACTIONS:
        yield Problem("agreed-action", f"there may be at most {MOST_ACTIONS}", "too-long")
    for index, action in enumerate(request.actions):
        yield from _action(f"agreed-action[{index}]", action, asked, now)
    if asked.priority is not Priority.ROUTINE:
        yield from _conversation(request.conversation, now)


def _action(path: str, action: AgreedAction, asked: Asked, now: datetime) -> Iterator[Problem]:
    """F15: an action without owner or due date is refused with a clear message."""
    if action.action is None:
        yield _required(f"{path}.action", "say what will be done")
    named = action.owner is not None and (action.owner.name or action.owner.role)
    if not named and action.team is None:
        yield _required(f"{path}.owner", "name who will do it: a practitioner by name or role, or your team")
    if action.team is not None and action.team != asked.team:
        yield Problem(
            f"{path}.owner", "must be of the team that answers; ask another team by a referral", "business-rule"
        )
    yield from _due(f"{path}.due", action.due_at, now, "say by when")


def _due(path: str, due_at: datetime | None, now: datetime, wanted: str) -> Iterator[Problem]:
    if due_at is None:
        yield _required(path, wanted)
    elif due_at <= now:
        yield Problem(path, "must lie in the future", "business-rule")
    elif due_at > now + FURTHEST:
        yield Problem(path, "must lie within the next two years", "business-rule")


def _conversation(held: Conversation | None, now: datetime) -> Iterator[Problem]:
    """An urgent hand-over is spoken: the message does not replace the call (F6)."""
    if held is None or held.with_whom is None:
        yield _required("conversation.with", "an urgent task needs a conversation: say with whom you spoke")
    yield from _happened("conversation.at", held.at if held else None, now)


def _happened(path: str, at: datetime | None, now: datetime) -> Iterator[Problem]:
    if at is None:
        yield _required(path, "say when")
    elif at > now:
        yield Problem(path, "must not lie in the future", "business-rule")


def _decline(request: MoveRequest, _asked: Asked, _now: datetime) -> Iterator[Problem]:
    if request.reason is None:
        yield _required("reason", "choose why it is declined (a coded reason)")
    elif request.reason in NOT_A_DECLINE:
        yield Problem("reason", "is not a reason to decline", "business-rule")


def _text(path: str, wanted: str) -> Check:
    def needs(request: MoveRequest, _asked: Asked, _now: datetime) -> Iterator[Problem]:
        if request.text is None:
            yield _required(path, wanted)

    return needs


_note = _text("note", "say what was done and what came of it")


def _discussion(request: MoveRequest, asked: Asked, now: datetime) -> Iterator[Problem]:
    """F16: closing it needs the recorded discussion and its outcome. F17: nobody closes it alone."""
    held = request.discussion or Discussion()
    if held.with_whom is None:
        yield _required("discussion.with", "say with whom it was discussed")
    elif request.practitioner and _same_name(held.with_whom, request.practitioner.name):
        yield Problem("discussion.with", "must be somebody other than the one who closes the task", "business-rule")
    if request.practitioner and any(_same_name(name, request.practitioner.name) for name in asked.reporters):
        yield Problem("practitioner.name", "must be somebody other than who reported it", "business-rule")
    yield from _happened("discussion.at", held.at, now)
    if held.outcome is None:
        yield _required("discussion.outcome", "say whether it was referred, or not referred and why")
    elif held.outcome is not DiscussionOutcome.REFERRED and held.because is None:
        yield _required("discussion.because", _BECAUSE[held.outcome])


_BECAUSE: Final = {
    DiscussionOutcome.NOT_REFERRED: "say why it was not referred",
    DiscussionOutcome.EARLY_HELP: "say what was agreed",
}


def _same_name(one: str, other: str | None) -> bool:
    return other is not None and one.casefold().split() == other.casefold().split()


def _decision(request: MoveRequest, asked: Asked, _now: datetime) -> Iterator[Problem]:
    """Sharing principle 7: released to named functions, or refused with a reason."""
    if request.decision is None:
        yield _required("decision", "name the functions to release to, or refuse with a reason")
    elif not request.decision.functions and request.decision.because is None:
        yield _required("decision.because", "say why nobody may be told")
    elif asked.functions and not asked.functions.issuperset(request.decision.functions):
        yield Problem("decision.release-to", "names a function that nothing is held for", "not-found")


_YES_OR_NO: Final = frozenset({"yes", "no"})
"""The choices of whoever is asked whether it still works with somebody."""


def _choice(request: MoveRequest, asked: Asked, _now: datetime) -> Iterator[Problem]:
    offered = asked.choices or (_YES_OR_NO if asked.code is TaskCode.CONFIRM_INVOLVEMENT else frozenset())
    if request.choice is None:
        yield _required("choice", "say which of the choices listed in the task's input is right")
    elif offered and request.choice not in offered:
        yield Problem("choice", "is not one of the choices listed in the task's input", "not-found")


def _reassign(request: MoveRequest, asked: Asked, _now: datetime) -> Iterator[Problem]:
    if request.holder is not None:
        yield from _held(request.holder, request, asked)
        return
    if request.to_team is None:
        yield _required("owner", "name the team")
    elif request.to_team == asked.owner:
        yield Problem("owner", "is this team already", "business-rule")
    elif request.to_team == asked.team and asked.code is TaskCode.TRANSFER:
        yield Problem(
            "owner", "must be a team that does this work: care is taken over by those who give it", "business-rule"
        )
    elif request.to_team not in asked.agency_teams:
        yield Problem("owner", "must be an open team of your own agency", "business-rule")
    if request.text is None:
        yield _required("note", "say why")


def _held(holder: Professional, request: MoveRequest, asked: Asked) -> Iterator[Problem]:
    """Somebody of the team takes what it has agreed (F20)."""
    if asked.code is not TaskCode.AGREED_ACTION:
        yield Problem("owner", "only what was agreed is held by somebody; name the team", "business-rule")
    if request.to_team not in (None, asked.team):
        yield Problem("owner", "names a practitioner of your team, or another team, and not both", "business-rule")
    if not holder.name or not holder.role:
        yield _required("owner", "name the practitioner and the role")


def _caretake(request: MoveRequest, asked: Asked, now: datetime) -> Iterator[Problem]:
    """F3: caretaking without a review date is how nobody came to be responsible."""
    yield from _due(
        "review-date", request.due_at, now, "say when this is reviewed; until then the sender stays responsible"
    )
    if request.due_at is not None and request.due_at > now + asked.caretaking_at_most:
        days = asked.caretaking_at_most.days
        yield Problem("review-date", f"must lie within {days} days: for longer, confirm or decline", "business-rule")
    if request.text is None:
        yield _required("note", "say what your team does until then, and what it does not")


def _exclude(request: MoveRequest, asked: Asked, _now: datetime) -> Iterator[Problem]:
    """Whoever proposes gives the reason; whoever agrees need not repeat it."""
    if asked.agrees:
        return
    if request.reason is None:
        yield _required("reason", "choose why this person is left out (a coded reason)")
    elif request.reason is ResponseReason.ACCEPTED:
        yield Problem("reason", "is not a reason to leave somebody out", "business-rule")
    if request.text is None:
        yield _required("note", "say in words why this person is not part of it")


def _extend(request: MoveRequest, asked: Asked, now: datetime) -> Iterator[Problem]:
    yield from _due("due", request.due_at, now, "say until when")
    if request.due_at is not None and asked.due_at is not None and request.due_at <= asked.due_at:
        yield Problem("due", "must be later than the date it was due", "business-rule")
    if request.text is None:
        yield _required("note", "say why")


_CHECKS: dict[Move, Check] = {
    Move.ACCEPT: _accept,
    Move.DECLINE: _decline,
    Move.ASK: _text("question", "write the question"),
    Move.ANSWER: _text("answer", "write the answer"),
    Move.REASSIGN: _reassign,
    Move.EXTEND: _extend,
    Move.CARETAKE: _caretake,
    Move.EXCLUDE: _exclude,
    Move.COMPLETE: _note,
    Move.NOTE: _text("note", "write the note"),
}

_CHECKS_OF: dict[tuple[TaskCode, Move], Check] = {
    (TaskCode.CONFIRM_CHILD, Move.ACCEPT): _confirm,
    (TaskCode.SUPPLY_INFORMATION, Move.COMPLETE): _text("answer", "write the answer"),
    (TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, Move.COMPLETE): _discussion,
    (TaskCode.PATTERN_REVIEW, Move.COMPLETE): _discussion,
    (TaskCode.RELEASE, Move.COMPLETE): _decision,
    (TaskCode.DATA_QUALITY, Move.COMPLETE): _nothing,  # the mended message is the answer; a word about it is welcome
    (TaskCode.CONFIRM_HOUSEHOLD, Move.COMPLETE): _choice,
    (TaskCode.CONFIRM_INVOLVEMENT, Move.COMPLETE): _choice,
    (TaskCode.RESOLVE_IDENTITY, Move.COMPLETE): _choice,
    (TaskCode.RESOLVE_ADDRESS, Move.COMPLETE): _choice,
}
"""What some kinds of task need for a move, in place of what any task needs."""


def _too_long(request: MoveRequest) -> Iterator[Problem]:
    texts = {
        "meaning": request.meaning,
        "note": request.text,
        "discussion.because": request.discussion.because if request.discussion else None,
        "decision.because": request.decision.because if request.decision else None,
        **{f"agreed-action[{n}].action": action.action for n, action in enumerate(request.actions)},
    }
    for path, text in texts.items():
        if text is not None and len(text) > LONGEST_TEXT:
            yield Problem(path, f"may have at most {LONGEST_TEXT} characters", "too-long")
