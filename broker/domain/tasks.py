"""The state machine of a task: which moves there are, who may make them, what each leads to. Nothing is stored or told here.

The picture is in `docs/states.md`; what each answer must contain stands in `answers.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from broker.domain.answers import Asked, Move, MoveRequest, check
from broker.domain.states import View
from schemas.codes import Function, Priority, ResponseReason, TaskCode, TaskStatus
from schemas.problem import Problem

TERMINAL: Final = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.REJECTED, TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR}
)
"""Nothing follows: a change of mind is a new task."""

_WAITING: Final = (TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.ON_HOLD)
_AGREED: Final = (TaskStatus.ACCEPTED, *_WAITING)


class RoleKind(StrEnum):
    """What a role may end (F13); policy lists which role is which."""

    PROFESSIONAL = "professional"
    CLERICAL = "clerical"


class BusinessStatus(StrEnum):
    """What FHIR has no status for."""

    OPENED = "opened"  # somebody of the team has looked at it
    QUESTION_ASKED = "question-asked"  # waits for the answer to a question back
    QUESTION_ANSWERED = "question-answered"  # has the answer, and waits for the team again
    EXTENDED = "extended"  # has a later due date, with the reason
    ACTIONS_OPEN = "actions-open"  # acknowledged; what was agreed is not all done yet
    LAPSED = "lapsed"  # acknowledged; what was agreed did not get on, and it climbs again
    UNHELD = "unheld"  # whoever had it is not there any more; it is the team's, and nobody of it has taken it
    ACTION_NOT_DONE = "action-not-done"  # ended; something that was agreed will not be done, with the reason
    NOTHING_SUPPLIED = "nothing-supplied"  # the transfer says nothing of this person
    SUPPLIED = "supplied"  # and by now the sender has said something
    HELD_ELSEWHERE = "held-elsewhere"  # a third team is responsible for this person
    HELD_HERE = "held-here"  # the receiver is responsible already, by registration or before
    CARETAKING = "caretaking"  # looked after for the sender, who stays responsible, until the review date
    EXCLUSION_PROPOSED = "exclusion-proposed"  # one side says that this person is not part of it; the other is asked
    EXCLUSION_REFUSED = "exclusion-refused"  # and the other side says they are
    EXCLUDED = "excluded"  # both sides agree on the reason
    LEFT_HOUSEHOLD = "left-household"  # does not live there any more
    NO_LONGER_CURRENT = "no-longer-current"  # nobody can be transferred under this record any more, and no more is said
    PARTLY_CONFIRMED = "partly-confirmed"  # some of the transfer's persons are confirmed, others not
    AWAITING_SENDER = "awaiting-sender"  # everybody named is answered; the sender has something to settle first
    REPLACED = "replaced"  # the sender sent another in its place
    WITHDRAWN = "withdrawn"  # the sender took the notification back
    ARRIVED = "arrived"  # what was expected has come
    CLOSED_BY_LEAD = "closed-by-lead"  # nobody of the team answered; the lead of its agency ended it after a discussion
    REACHED = "reached-after-all"  # the team could not be reached, and has been since
    ESCALATED = "escalated"  # computed when it is shown: overdue, and told to others because nobody answered
    OVERDUE = "overdue"  # computed when it is shown: not ended and past its due date


_ANSWERABLE: Final = frozenset({Move.OPEN, Move.REASSIGN, Move.EXTEND, Move.NOTE})
_OWNER: Final[Mapping[TaskCode, tuple[tuple[TaskStatus, ...], frozenset[Move]]]] = {
    TaskCode.ACKNOWLEDGE: (_WAITING, _ANSWERABLE | {Move.ACCEPT, Move.DECLINE, Move.ASK}),
    TaskCode.SUPPLY_INFORMATION: (_WAITING, _ANSWERABLE | {Move.ANSWER, Move.COMPLETE, Move.DECLINE}),
    # Answered line by line; saying no to the whole says it of every line that is open.
    TaskCode.TRANSFER: ((*_WAITING, TaskStatus.IN_PROGRESS), _ANSWERABLE | {Move.DECLINE}),
    TaskCode.CONFIRM_CHILD: (
        _WAITING,
        frozenset({Move.OPEN, Move.NOTE, Move.ACCEPT, Move.DECLINE, Move.ASK, Move.CARETAKE, Move.EXCLUDE}),
    ),
    # Agreed by the team that owns it, so accepted from the start (F14).
    TaskCode.AGREED_ACTION: (_AGREED, _ANSWERABLE | {Move.COMPLETE, Move.DECLINE}),
    # Done although no message says so, or not needed, or put off to a date: each with the reason.
    TaskCode.EXPECTED_EVENT: (_WAITING, _ANSWERABLE | {Move.COMPLETE, Move.DECLINE}),
    TaskCode.DATA_QUALITY: (_WAITING, _ANSWERABLE | {Move.COMPLETE, Move.DECLINE}),
    TaskCode.UNDELIVERABLE: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    # No decline: closing it needs the discussion (F16), the decision, the choice.
    TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    TaskCode.PATTERN_REVIEW: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    TaskCode.RELEASE: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    TaskCode.CONFIRM_HOUSEHOLD: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    TaskCode.CONFIRM_INVOLVEMENT: (_WAITING, _ANSWERABLE - {Move.REASSIGN} | {Move.COMPLETE}),
    TaskCode.RESOLVE_IDENTITY: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
    TaskCode.RESOLVE_ADDRESS: (_WAITING, _ANSWERABLE | {Move.COMPLETE}),
}

MOVES: Final[Mapping[tuple[TaskCode, TaskStatus], frozenset[Move]]] = {
    (code, status): moves for code, (statuses, moves) in _OWNER.items() for status in statuses
}
"""What the owner may do, by task code and status: the one table. What is not in it has no move."""

_REQUESTER: Final[Mapping[TaskCode, frozenset[Move]]] = {
    TaskCode.SUPPLY_INFORMATION: frozenset({Move.NOTE, Move.CANCEL}),  # whoever asked may need it no longer
    TaskCode.TRANSFER: frozenset({Move.NOTE, Move.CANCEL}),
    TaskCode.CONFIRM_CHILD: frozenset({Move.NOTE, Move.EXCLUDE}),
}
_REQUESTER_ALWAYS: Final = frozenset({Move.NOTE})

_NOT_WHILE_ASKING: Final = frozenset({Move.ASK, Move.REASSIGN})
"""One question at a time, and its answer goes to the team that asked."""

_RELEASE: Final = frozenset({Function.SAFEGUARDING_LEAD, Function.PARTNERSHIP})
"""Who releases what is held: the originating agency's lead, and the partnership where the agency has none (principle 7)."""

_CLERICAL_ENDS: Final = frozenset({TaskCode.DATA_QUALITY, TaskCode.RESOLVE_IDENTITY, TaskCode.RESOLVE_ADDRESS})
_CLERICAL_ALWAYS: Final = frozenset({Move.OPEN, Move.NOTE})


SHOWS_PATIENT: Final = frozenset({View.FULL, View.RISK})
"""Views whose recipients may know by a task whom it is about; the others learn no more than their message says."""
SHOWS_REQUESTER: Final = frozenset(View) - {View.EXISTENCE, View.ENDED}
"""Views whose recipients may know who waits: the sender's function alone can say too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNow:
    """A task as far as its moves depend on it."""

    code: TaskCode
    status: TaskStatus
    version: int
    owner: str
    requester: str | None
    priority: Priority = Priority.ROUTINE
    due_at: datetime | None = None
    business_status: BusinessStatus | None = None
    asking: bool = False
    """A question back is open."""
    excluding: str | None = None
    """The team that proposed to leave this person out of a transfer, while the other side has not answered."""
    elsewhere: bool = False
    """A third team is responsible for this person: there is nothing for the sender to give."""
    opened_as: RoleKind | None = None
    choices: frozenset[str] = frozenset()
    functions: frozenset[Function] = frozenset()
    """What a release may name; empty when the task does not list it."""
    reporters: frozenset[str] = frozenset()
    """Who reported what it is about and may not close it, by name; empty when anybody of the team may."""
    last: str | None = None
    """Fingerprint of the last request that moved it."""

    @property
    def ended(self) -> bool:
        """Nothing follows."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """The team that moves, and what its directory and policy say of it."""

    team: str
    function: Function
    agency_teams: frozenset[str]
    roles: Mapping[str, RoleKind]
    caretaking_at_most: timedelta
    """The furthest review date that policy allows."""
    leads: frozenset[str] = frozenset()
    """The teams of whose agency this team is the safeguarding lead or the executive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What the task becomes. Its version rises by one with every move."""

    move: Move
    status: TaskStatus
    business_status: BusinessStatus | None
    kind: RoleKind
    owner: str
    due_at: datetime | None
    reason: ResponseReason | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same request again: nothing happens, the answer is the same."""


@dataclass(frozen=True, slots=True)
class OutOfDate:
    """The caller decided on an earlier version."""


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """This cannot be done now, or not by this role; `allowed` can."""

    allowed: tuple[Move, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Wanting:
    """The move is possible, and what came with it is not enough."""

    problems: tuple[Problem, ...]


Verdict: TypeAlias = Moved | Repeated | OutOfDate | NotAllowed | Wanting


def move(task: TaskNow, request: MoveRequest, mover: Mover, now: datetime) -> Verdict:
    """What follows from this request: one of the verdicts, in the order a caller needs to hear them."""
    if task.last is not None and request.fingerprint(mover.team) == task.last:
        return Repeated()
    if request.expected_version not in (None, task.version):
        return OutOfDate()
    possible = allowed(task, mover.team) | _as_lead(task, mover)
    if request.move not in possible:
        return NotAllowed(_listed(possible), _why_not(task))
    kind = _kind(request, mover)
    if isinstance(kind, Wanting):
        return kind
    refusal = _role_refusal(task, request.move, possible, kind, mover)
    if refusal is not None:
        return refusal
    if request.move is Move.OPEN and _seen(task, kind):
        return Repeated()
    problems = check(request, _asked(task, mover), now)
    return Wanting(problems) if problems else _moved(task, request, mover.team, kind)


def allowed(task: TaskNow, team: str) -> frozenset[Move]:
    """What this team may do with the task as it stands, whatever the role."""
    if task.ended:
        return frozenset()
    if team == task.owner:
        possible = MOVES.get((task.code, task.status), frozenset()) - _not_here(task, team)
        return possible - _NOT_WHILE_ASKING if task.asking else possible
    if team == task.requester:
        possible = _REQUESTER.get(task.code, _REQUESTER_ALWAYS) - _not_here(task, team)
        possible |= {Move.DECLINE} if task.excluding == task.owner else frozenset()
        return possible | {Move.ANSWER} if task.asking else possible
    return frozenset()


_LEAD: Final = frozenset({Move.EXTEND, Move.NOTE, Move.REASSIGN})
"""What a lead to whom a task has climbed may do in its team's place: give it more time, or to another team, their own included."""
_LEAD_TALKS: Final = frozenset({TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.PATTERN_REVIEW})
"""Kinds of task that end by a discussion, whoever of the agency holds it."""
_LEAD_ENDS: Final = _LEAD_TALKS | {TaskCode.ACKNOWLEDGE, TaskCode.EXPECTED_EVENT}
"""What such a lead may close, with the discussion. Never a transfer or what somebody is asked or has agreed to: that must be answered."""


def _as_lead(task: TaskNow, mover: Mover) -> frozenset[Move]:
    if not _leads(task, mover) or task.ended:
        return frozenset()
    owners = MOVES.get((task.code, task.status), frozenset())
    ends = {Move.COMPLETE} if owners and task.code in _LEAD_ENDS else set()
    return (_LEAD & owners | ends) - (_NOT_WHILE_ASKING if task.asking else frozenset())


def _leads(task: TaskNow, mover: Mover) -> bool:
    """Whether the mover is the lead of the owner's agency; that it has climbed to them is who may see it at all."""
    return mover.team != task.owner and task.owner in mover.leads


def _not_here(task: TaskNow, team: str) -> frozenset[Move]:
    """Of a line of a transfer: nobody agrees with itself, and nobody takes over what is not the sender's to give."""
    own = {Move.EXCLUDE} if task.excluding == team else set()
    return frozenset(own | ({Move.ACCEPT, Move.CARETAKE} if task.elsewhere else set()))


def allowed_by(task: TaskNow, team: str, kind: RoleKind) -> frozenset[Move]:
    """What a practitioner of that kind of role may do."""
    possible = allowed(task, team)
    if kind is RoleKind.PROFESSIONAL or task.code in _CLERICAL_ENDS:
        return possible
    return possible & _CLERICAL_ALWAYS


def offered(task: TaskNow, mover: Mover, kind: RoleKind) -> frozenset[Move]:
    """The same, with what the lead of its agency may do beside the team itself."""
    by_kind = allowed_by(task, mover.team, kind)
    return by_kind | _as_lead(task, mover) if kind is RoleKind.PROFESSIONAL else by_kind


def delivered(status: TaskStatus) -> TaskStatus:
    """The status once the team's system has said it has it: received, unless the team was quicker."""
    return TaskStatus.RECEIVED if status is TaskStatus.REQUESTED else status


def after_actions(statuses: Collection[TaskStatus]) -> tuple[TaskStatus, BusinessStatus | None]:
    """What an accepted task is, given its agreed actions: completed once all have ended, done or not (F10: each by itself)."""
    if any(status not in TERMINAL for status in statuses):
        return TaskStatus.ACCEPTED, BusinessStatus.ACTIONS_OPEN
    done = all(status is TaskStatus.COMPLETED for status in statuses)
    return TaskStatus.COMPLETED, None if done else BusinessStatus.ACTION_NOT_DONE


def overdue(status: TaskStatus, due_at: datetime | None, now: datetime) -> bool:
    """Not ended and past its due date."""
    return status not in TERMINAL and due_at is not None and due_at < now


def _listed(moves: frozenset[Move]) -> tuple[Move, ...]:
    return tuple(member for member in Move if member in moves)


def _why_not(task: TaskNow) -> str:
    if task.ended:
        return f"This task has ended ({task.status.value}); a change of mind is a new task."
    if task.status is TaskStatus.ACCEPTED and task.code is TaskCode.ACKNOWLEDGE:
        return "This task was accepted; what was agreed are tasks of their own."
    return "This move is not possible now."


def _kind(request: MoveRequest, mover: Mover) -> RoleKind | Wanting:
    """The kind of role of who moves, as the agency asserts it; policy must list the role."""
    who = request.practitioner
    missing = [
        Problem(f"practitioner.{part}", reason, "required")
        for part, reason, value in (
            ("name", "name the person who does this", who and who.name),
            ("role", "name the role of the person who does this", who and who.role),
        )
        if not value
    ]
    if missing or who is None or who.role is None:
        return Wanting(tuple(missing))
    kind = mover.roles.get(who.role)
    return kind or Wanting((Problem("practitioner.role", "is not a role that the policy lists", "code-invalid"),))


def _role_refusal(
    task: TaskNow, wanted: Move, possible: frozenset[Move], kind: RoleKind, mover: Mover
) -> NotAllowed | None:
    by_kind = offered(task, mover, kind)
    if wanted not in by_kind:
        return NotAllowed(_listed(by_kind), "This needs a professional role; a clerical one may open it.")
    if task.code is TaskCode.RELEASE and wanted is Move.COMPLETE and mover.function not in _RELEASE:
        return NotAllowed(_listed(possible - {wanted}), "Only the team of a safeguarding lead releases.")
    return None


def _seen(task: TaskNow, kind: RoleKind) -> bool:
    """A clerical opening after any, or a professional one after a professional one, is nothing new (F13)."""
    return task.opened_as is not None and (task.opened_as is kind or kind is RoleKind.CLERICAL)


def _asked(task: TaskNow, mover: Mover) -> Asked:
    return Asked(
        code=task.code,
        priority=task.priority,
        due_at=task.due_at,
        choices=task.choices,
        functions=task.functions,
        team=mover.team,
        owner=task.owner,
        as_lead=_leads(task, mover),
        agency_teams=mover.agency_teams,
        caretaking_at_most=mover.caretaking_at_most,
        agrees=task.excluding not in (None, mover.team),
        reporters=task.reporters,
    )


def _moved(task: TaskNow, request: MoveRequest, team: str, kind: RoleKind) -> Moved:
    status, business = (
        _next_of_line(task, request, team)
        or _closed(task, request, team)
        or _taken(task, request)
        or _next(task, request)
    )
    return Moved(
        move=request.move,
        status=status,
        business_status=business,
        kind=kind,
        owner=request.to_team or task.owner if request.move is Move.REASSIGN else task.owner,
        due_at=request.due_at if request.move in (Move.EXTEND, Move.CARETAKE) else task.due_at,
        reason=ResponseReason.ACCEPTED if request.move is Move.ACCEPT else request.reason,
    )


def _next_of_line(task: TaskNow, request: MoveRequest, team: str) -> tuple[TaskStatus, BusinessStatus | None] | None:
    """What answers mean on a transfer and its lines, where that is more or other than on any task."""
    match task.code, request.move:
        case TaskCode.CONFIRM_CHILD, Move.ACCEPT:  # what was agreed besides is tasks of its own
            return TaskStatus.COMPLETED, None
        case TaskCode.CONFIRM_CHILD, Move.CARETAKE:
            return TaskStatus.ON_HOLD, BusinessStatus.CARETAKING
        case TaskCode.CONFIRM_CHILD, Move.EXCLUDE if task.excluding is None:
            return TaskStatus.ON_HOLD, BusinessStatus.EXCLUSION_PROPOSED
        case TaskCode.CONFIRM_CHILD, Move.EXCLUDE:
            return TaskStatus.CANCELLED, BusinessStatus.EXCLUDED
        case TaskCode.CONFIRM_CHILD, Move.DECLINE if team == task.requester:
            return TaskStatus.RECEIVED, BusinessStatus.EXCLUSION_REFUSED
        case TaskCode.TRANSFER, Move.EXTEND:  # a later date, and no answer
            return task.status, task.business_status
        case TaskCode.TRANSFER, Move.REASSIGN:
            return task.status, task.business_status
    return None


def _closed(task: TaskNow, request: MoveRequest, team: str) -> tuple[TaskStatus, BusinessStatus | None] | None:
    """A lead ended what its team did not answer: nobody waits any more, and nobody acknowledged (invariant 6)."""
    if request.move is not Move.COMPLETE or team == task.owner or task.code in _LEAD_TALKS:
        return None
    return TaskStatus.COMPLETED, BusinessStatus.CLOSED_BY_LEAD


def _taken(task: TaskNow, request: MoveRequest) -> tuple[TaskStatus, BusinessStatus | None] | None:
    """Somebody of the team has it now: it is unheld no more, and otherwise as it was."""
    if request.move is not Move.REASSIGN or request.holder is None:
        return None
    return task.status, None if task.business_status is BusinessStatus.UNHELD else task.business_status


def _next(task: TaskNow, request: MoveRequest) -> tuple[TaskStatus, BusinessStatus | None]:
    match request.move:
        case Move.ACCEPT if request.actions:
            return TaskStatus.ACCEPTED, BusinessStatus.ACTIONS_OPEN
        case Move.ACCEPT | Move.COMPLETE | Move.ANSWER:
            return TaskStatus.COMPLETED, None
        case Move.DECLINE:
            return TaskStatus.REJECTED, None
        case Move.CANCEL:
            return TaskStatus.CANCELLED, None
        case Move.ASK:
            return TaskStatus.ON_HOLD, BusinessStatus.QUESTION_ASKED
        case Move.EXTEND:
            return TaskStatus.ON_HOLD, task.business_status if task.asking else BusinessStatus.EXTENDED
        case Move.REASSIGN:
            return TaskStatus.REQUESTED, None
        case Move.OPEN:
            return task.status, task.business_status or BusinessStatus.OPENED
        case Move.NOTE | Move.CARETAKE | Move.EXCLUDE:
            return task.status, task.business_status
