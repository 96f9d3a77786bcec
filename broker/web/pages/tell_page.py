"""The forms by which somebody tells others: a concern about a household, or handing over care; and the message that each makes. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from broker.domain.caller import Caller
from broker.domain.world import Team
from broker.web.pages import words
from broker.web.pages.event_form import BASES, basis
from broker.web.pages.fields import Field, Option
from broker.web.pages.forms import Form
from broker.workflow.tell import Tellable
from broker.workflow.view import name_of
from schemas.codes import ConcernKind, Event, LawfulBasis, Priority
from schemas.events import coded
from schemas.events.care_values import TRANSFER_REASON
from schemas.message import Fact, Message
from schemas.problem import Problem


class Telling(StrEnum):
    """What has a form of its own; the rest is told by `event_form`."""

    CONCERN = Event.CONCERN.value
    TRANSFER = Event.TRANSFER.value


_REASONS: Final[tuple[Option, ...]] = tuple(TRANSFER_REASON.codes.items())
HEADINGS: Final = {Telling.CONCERN: "Tell of a concern", Telling.TRANSFER: "Hand over care"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a form offers."""

    people: tuple[Tellable, ...]
    receivers: Sequence[Team]


def fields_of(telling: Telling, offered: Offered) -> tuple[Field, ...]:
    """What the form asks. Of a transfer every child of the household is ticked: whoever leaves one out does so knowingly."""
    options = tuple((one.known.id, name_of(one.known) or "Name not known") for one in offered.people)
    if telling is Telling.CONCERN:
        kinds = tuple((kind.value, words.title(kind.value)) for kind in ConcernKind)
        return (
            Field(kind="checkboxes", name="about", label="Whom is it about?", options=options),
            Field(kind="select", name="kind", label="What kind of concern?", options=(("", "Choose"), *kinds)),
            Field(kind="textarea", name="detail", label="What did you see or hear, and when?"),
            Field(
                kind="radios",
                name="priority",
                label="How pressing is it?",
                options=(
                    (Priority.ROUTINE.value, "Routine"),
                    (Priority.URGENT.value, "Urgent: I have telephoned, or do so now"),
                ),
            ),
            basis(),
        )
    children = tuple(one.known.id for one in offered.people if one.child)
    teams = tuple((team.id, team.name) for team in offered.receivers)
    care = tuple(
        Field(
            kind="textarea",
            name=f"care-{one.known.id}",
            label=f"What must the receiver know of {name_of(one.known) or 'this child'}?",
            hint="Care so far, concerns or that there are none, weights, immunisations.",
        )
        for one in offered.people
        if one.child
    )
    return (
        Field(
            kind="checkboxes",
            name="about",
            label="Whom do you hand over?",
            hint="Every child of the household is ticked.",
            options=options,
            values=children,
        ),
        Field(kind="select", name="to", label="To which team?", options=(("", "Choose"), *teams)),
        Field(kind="select", name="reason", label="Why?", options=(("", "Choose"), *_REASONS)),
        *care,
        basis(),
    )


def problems_of(telling: Telling, form: Form, offered: Offered) -> list[Problem]:
    """What is missing or none of what was offered."""
    known = {one.known.id for one in offered.people}
    asked = form.every("about")
    wanted: dict[str, tuple[str, Collection[str]]]
    needs = {"about": "Say whom it is about"} if not asked or not known.issuperset(asked) else {}
    if telling is Telling.CONCERN:
        wanted = {
            "kind": ("Choose a kind of concern", set(ConcernKind)),
            "priority": ("Say how pressing it is", {Priority.ROUTINE.value, Priority.URGENT.value}),
        }
        needs |= {} if form.one("detail") else {"detail": "Say what you saw or heard"}
    else:
        wanted = {
            "to": ("Choose a team", {team.id for team in offered.receivers}),
            "reason": ("Choose why", {code for code, _ in _REASONS}),
        }
    needs |= {name: said for name, (said, values) in wanted.items() if form.one(name) not in values}
    needs |= {} if form.one("basis") in dict(BASES) else {"basis": "Choose a basis"}
    return [Problem(name, said, "required") for name, said in needs.items()]


def message_of(
    telling: Telling, form: Form, offered: Offered, caller: Caller, message_id: str, now: datetime
) -> Message:
    """The message that a form without problems makes, signed by whoever is signed in."""
    chosen = [one for one in offered.people if one.known.id in form.every("about")]
    concern = telling is Telling.CONCERN
    team = caller.team or ""
    return Message(
        id=message_id,
        event=Event.CONCERN if concern else Event.TRANSFER,
        sender=team,
        occurred=now,
        sent=now,
        kind=form.one("kind") if concern else None,
        subjects=tuple(one.known.id for one in chosen),
        people=tuple(one.person for one in chosen),
        facts=tuple(_concern(form, chosen) if concern else _transfer(form, chosen)),
        author=caller.practitioner,
        basis=LawfulBasis(form.one("basis")),
        priority=Priority(form.one("priority")) if concern else Priority.ROUTINE,
        to=() if concern else (form.one("to"),),
    )


def _concern(form: Form, chosen: Sequence[Tellable]) -> list[Fact]:
    return [Fact(code="concern-detail", value=form.one("detail"), about=one.known.id) for one in chosen]


def _transfer(form: Form, chosen: Sequence[Tellable]) -> list[Fact]:
    reason = [Fact(code="transfer-reason", value=coded("transfer-reason", form.one("reason")))]
    said = [(one.known.id, form.one(f"care-{one.known.id}")) for one in chosen]
    return reason + [Fact(code="care-summary", value=text, about=id_) for id_, text in said if text]
