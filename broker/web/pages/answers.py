"""Answering a task: for each move the fields it takes, and the move that they make. Which moves there are, and what each needs, is the domain's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.domain.answers import (
    NOT_A_DECLINE,
    AgreedAction,
    Conversation,
    Discussion,
    DiscussionOutcome,
    Move,
    MoveRequest,
    ReleaseDecision,
)
from broker.domain.world import Team
from broker.storage.task_values import Stored
from broker.web.pages import words
from broker.web.pages.fields import ANOTHER, Field, Option, Typed
from broker.web.pages.forms import Form
from schemas.codes import Function, Priority, ResponseReason, TaskCode
from schemas.message import Professional

ACTIONS: Final = 1 + len(ANOTHER)
"""Agreed actions that a form offers at once; whoever agrees on more adds them as a system, or in a second answer of a colleague."""
OUR_TEAM: Final = "team"

DISCUSSED: Final = frozenset({TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.PATTERN_REVIEW})
_CHOSEN: Final = frozenset(
    {
        TaskCode.CONFIRM_HOUSEHOLD,
        TaskCode.CONFIRM_INVOLVEMENT,
        TaskCode.RESOLVE_IDENTITY,
        TaskCode.RESOLVE_ADDRESS,
    }
)
REASONS: Final[dict[ResponseReason, str]] = {
    ResponseReason.NOT_KNOWN: "Not known here",
    ResponseReason.NO_LONGER_HERE: "No longer here",
    ResponseReason.DECEASED: "Has died",
    ResponseReason.UNABLE_TO_CONTACT: "Could not be contacted",
    ResponseReason.NOT_NEEDED: "Not needed",
    ResponseReason.NOT_ACCEPTED: "Not accepted",
    ResponseReason.DUPLICATE: "Told before",
    ResponseReason.REJECTED: "Rejected",
    ResponseReason.DID_NOT_ATTEND: "Did not attend",
    ResponseReason.KNOWN_HERE: "Known here already",
}
"""The coded reasons that a page offers, in words."""
_CHOICES: Final[dict[str, str]] = {
    "confirm": "Yes, that is right",
    "reject": "No, that is not right",
    "yes": "Yes, we still work with them",
    "no": "No, we do not work with them any more",
    "involved": "Yes, we work with them",
    "not-involved": "No, we do not work with them",
    "this-address": "The new address is right",
    "not-this-address": "The address that we hold is right",
    "both": "Both are right",
    "different": "Somebody else, whom Baton does not know",
    "reviewed": "Looked at",
}
_OUTCOMES: Final[tuple[Option, ...]] = (
    (DiscussionOutcome.REFERRED.value, "Referred"),
    (DiscussionOutcome.NOT_REFERRED.value, "Not referred"),
    (DiscussionOutcome.EARLY_HELP.value, "Early help was agreed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the fields of an answer offer: the people of the team, and the other teams of its agency."""

    colleagues: tuple[str, ...]
    """As `name, role`."""
    teams: tuple[Team, ...]
    team: str
    """The team that answers, which may be the lead of the one whose task it is."""


# --- the fields ---------------------------------------------------------------------------------------------------


def fields_of(move: Move, task: Stored, around: Around) -> tuple[Field, ...]:
    """What a form for this move asks."""
    made = _FIELDS.get(move)
    return made(task, around) if made else ()


def _accept(task: Stored, around: Around) -> tuple[Field, ...]:
    owners = ((OUR_TEAM, "The team"), *((one, words.held(one)) for one in around.colleagues))
    groups = ("What will be done", *ANOTHER)
    actions = [
        one
        for index in range(ACTIONS)
        for one in (
            Field(
                kind="text",
                name=f"agreed-action[{index}].action",
                label="Agreed action",
                group=groups[index],
            ),
            Field(
                kind="select",
                name=f"agreed-action[{index}].owner",
                label="Who does it",
                options=(("", "Choose"), *owners),
                group=groups[index],
            ),
            Field(kind="date", name=f"agreed-action[{index}].due", label="By when", group=groups[index]),
        )
    ]
    meaning = Field(
        kind="textarea",
        name="meaning",
        label="What does this mean for your work?",
        hint="One or two sentences. Leave it out only if you name what will be done below.",
    )
    return (meaning, *(_conversation() if task.row.priority is not Priority.ROUTINE else ()), *actions)


def _conversation() -> tuple[Field, ...]:
    group = "The conversation you had (this is urgent, so it needs one)"
    return (
        Field(kind="text", name="conversation.with", label="With whom did you speak?", group=group),
        Field(kind="datetime", name="conversation.at", label="When?", group=group),
    )


def _decline(_task: Stored, _around: Around) -> tuple[Field, ...]:
    options = tuple((code.value, said) for code, said in REASONS.items() if code not in NOT_A_DECLINE)
    return (
        Field(kind="radios", name="reason", label="Why?", options=options),
        Field(kind="textarea", name="note", label="In your own words (optional)", hint="The sender sees this."),
    )


def _exclude(_task: Stored, _around: Around) -> tuple[Field, ...]:
    options = tuple((code.value, said) for code, said in REASONS.items())
    return (
        Field(kind="radios", name="reason", label="Why is this person not part of it?", options=options),
        Field(kind="textarea", name="note", label="In your own words", hint="The other side must agree."),
    )


def _extend(_task: Stored, _around: Around) -> tuple[Field, ...]:
    return (
        Field(kind="date", name="due", label="Until when?"),
        Field(kind="textarea", name="note", label="Why?", hint="The sender sees this."),
    )


def _caretake(_task: Stored, _around: Around) -> tuple[Field, ...]:
    return (
        Field(
            kind="date",
            name="review-date",
            label="When is this reviewed?",
            hint="The sender stays responsible until then.",
        ),
        Field(kind="textarea", name="note", label="What does your team do until then, and what not?"),
    )


def _reassign(task: Stored, around: Around) -> tuple[Field, ...]:
    teams = tuple((team.id, _named(team, task, around)) for team in _takers(task, around))
    people = tuple((f"{OUR_TEAM}:{one}", words.held(one)) for one in around.colleagues)
    own = people if task.row.code == TaskCode.AGREED_ACTION else ()
    return (
        Field(kind="select", name="owner", label="To whom?", options=(("", "Choose"), *own, *teams)),
        Field(kind="textarea", name="note", label="Why?"),
    )


def _takers(task: Stored, around: Around) -> list[Team]:
    """Who could have it: a transfer only whoever does the same work, so not the lead; the lead's own team first."""
    others = [team for team in around.teams if team.id != task.row.owner_team_id]
    fit = [team for team in others if team.id != around.team or task.row.code != TaskCode.TRANSFER]
    return sorted(fit, key=lambda team: (team.id != around.team, team.name))


def _named(team: Team, task: Stored, around: Around) -> str:
    ours = team.id == around.team != task.row.owner_team_id
    return f"We take it over: {team.name}" if ours else team.name


def _complete(task: Stored, around: Around) -> tuple[Field, ...]:
    code = TaskCode(task.row.code)
    if code in DISCUSSED or task.row.owner_team_id != around.team:
        return (
            Field(kind="text", name="discussion.with", label="With whom was it discussed?"),
            Field(kind="datetime", name="discussion.at", label="When?"),
            Field(kind="radios", name="discussion.outcome", label="What came of it?", options=_OUTCOMES),
            Field(
                kind="textarea",
                name="discussion.because",
                label="Why, or what was agreed?",
                hint="Needed unless it was referred.",
            ),
        )
    if code is TaskCode.RELEASE:
        functions = sorted(task.now().functions)
        return (
            Field(
                kind="checkboxes",
                name="decision.release-to",
                label="Who may be told?",
                hint="Leave all out to refuse, and say why.",
                options=tuple((one.value, words.title(one.value)) for one in functions),
            ),
            Field(kind="textarea", name="decision.because", label="Why may nobody be told?"),
        )
    if code in _CHOSEN:
        return (Field(kind="radios", name="choice", label="Which is right?", options=_choices(task)),)
    label = "What was done, and what came of it?"
    return (Field(kind="textarea", name="note", label=label),)


def _choices(task: Stored) -> tuple[Option, ...]:
    offered = sorted(task.now().choices) or ["yes", "no"]
    return tuple((one, _CHOICES.get(one, f"The record that ends in {one[-6:]}")) for one in offered)


def _text(name: str, label: str, hint: str = "") -> "Maker":
    return lambda _task, _around: (Field(kind="textarea", name=name, label=label, hint=hint),)


Maker = Callable[[Stored, Around], tuple[Field, ...]]
_FIELDS: Final[Mapping[Move, Maker]] = {
    Move.ACCEPT: _accept,
    Move.DECLINE: _decline,
    Move.EXCLUDE: _exclude,
    Move.EXTEND: _extend,
    Move.CARETAKE: _caretake,
    Move.REASSIGN: _reassign,
    Move.COMPLETE: _complete,
    Move.ASK: _text("question", "What do you want to ask?", "The sender is told at once. The task stays yours."),
    Move.ANSWER: _text("answer", "Your answer"),
    Move.NOTE: _text("note", "Your note", "Both sides see it. It answers nothing."),
}


# --- the move -----------------------------------------------------------------------------------------------------


def request_of(
    move: Move, form: Form, typed: Typed, *, team: str, version: int | None, prefix: str = ""
) -> MoveRequest:
    """The move that a form makes; what could not be read is noted in `typed`. `prefix` stands before the
    names of all fields; `team` is that of whoever answers.
    """

    def one(name: str) -> str | None:
        return form.given(prefix + name)

    due = one("due") or one("review-date")
    named = prefix + ("due" if one("due") else "review-date")
    owner = one("owner")
    return MoveRequest(
        move=move,
        expected_version=version,
        meaning=one("meaning"),
        actions=tuple(_actions(form, typed, team, prefix)) if move is Move.ACCEPT else (),
        conversation=_spoken(one("conversation.with"), one("conversation.at"), typed, prefix),
        reason=_reason(one("reason")),
        text=one("question") or one("answer") or one("note"),
        discussion=_discussion(form, typed, prefix) if one("discussion.with") or one("discussion.outcome") else None,
        decision=_decision(form, prefix) if move is Move.COMPLETE else None,
        choice=one("choice"),
        to_team=owner if owner and not owner.startswith(f"{OUR_TEAM}:") else None,
        holder=_holder(owner.removeprefix(f"{OUR_TEAM}:")) if owner and owner.startswith(f"{OUR_TEAM}:") else None,
        due_at=typed.day(named, due or ""),
    )


def _actions(form: Form, typed: Typed, team: str, prefix: str) -> Sequence[AgreedAction]:
    """Those of which anything was said."""
    found = []
    for index in range(ACTIONS):
        path = f"{prefix}agreed-action[{index}]"
        action, owner, due = (form.given(f"{path}.{part}") for part in ("action", "owner", "due"))
        if action or owner or due:
            found.append(
                AgreedAction(
                    action=action,
                    owner=_holder(owner) if owner and owner != OUR_TEAM else None,
                    team=team if owner == OUR_TEAM else None,
                    due_at=typed.day(f"{path}.due", due or ""),
                )
            )
    return found


def _holder(said: str) -> Professional:
    name, _, role = said.rpartition(", ")
    return Professional(name=name or said, role=role or None)


def _spoken(with_whom: str | None, at: str | None, typed: Typed, prefix: str) -> Conversation | None:
    if with_whom is None and at is None:
        return None
    return Conversation(with_whom=with_whom, at=typed.moment(f"{prefix}conversation.at", at or ""))


def _discussion(form: Form, typed: Typed, prefix: str) -> Discussion:
    outcome = form.given(f"{prefix}discussion.outcome")
    return Discussion(
        with_whom=form.given(f"{prefix}discussion.with"),
        at=typed.moment(f"{prefix}discussion.at", form.one(f"{prefix}discussion.at")),
        outcome=DiscussionOutcome(outcome) if outcome in set(DiscussionOutcome) else None,
        because=form.given(f"{prefix}discussion.because"),
    )


def _decision(form: Form, prefix: str) -> ReleaseDecision | None:
    released = [code for code in form.every(f"{prefix}decision.release-to") if code in set(Function)]
    because = form.given(f"{prefix}decision.because")
    if not released and because is None:
        return None
    return ReleaseDecision(functions=tuple(sorted(map(Function, released))), because=because)


def _reason(code: str | None) -> ResponseReason | None:
    return ResponseReason(code) if code in set(ResponseReason) else None
