"""Who may be told what: one decision for one team, refused unless a rule allows it; what a view shows is in `rendering.py`.

A policy's lines propose; the limits, gates and refusals here are the principles of docs/sharing.md, cited by number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from broker.domain.conditions import Flag
from broker.domain.reasons import NotTold, Why, not_told_because, told_because
from broker.domain.rendering import render
from broker.domain.rules import About, Group, Policy, Relation, Tell
from broker.domain.situation import Situation
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.visibility import may_know, visible_recipients
from broker.domain.world import Team
from schemas.codes import Function, Priority

__all__ = [
    "TELLING",
    "Decision",
    "Recipient",
    "Tie",
    "Told",
    "Withheld",
    "decide",
    "may_know",
    "render",
    "visible_recipients",
]

_BY_BREADTH: Final = (View.FULL, View.RISK, View.SAFETY, View.POINTER)
"""Views that one can be cut down to."""
_BREADTH: Final = {view: -index for index, view in enumerate((*_BY_BREADTH, View.ENDED, View.EXISTENCE))}
_NEEDS: Final = {View.SAFETY: Flag.STAFF_SAFETY_STATED, View.POINTER: Flag.CHILD_AT_HOME}
"""What must be there for a view to say anything."""
_URGENCY: Final = {
    p: index for index, p in enumerate((Priority.ROUTINE, Priority.URGENT, Priority.ASAP, Priority.STAT))
}
_NOTHING: Final[frozenset[View]] = frozenset()
TELLING: Final = frozenset({View.FULL, View.RISK, View.SAFETY})
"""Views with content of the message in them."""
_INVOLVED: Final = frozenset({Relation.OWN, Relation.HOUSEHOLD})
_OF_THE_SENDER: Final = frozenset({Relation.ADDRESSED, Relation.EARLIER})
"""Relations that rest on somebody's own word, not on a rule alone."""


@dataclass(frozen=True, slots=True)
class Tie:
    """One reason why a team comes into question: its relation, through whom, and whether that is confirmed."""

    relation: Relation
    person_id: str | None = None
    confirmed: bool = True
    renewed_at: datetime | None = None
    most: View | None = None
    """The view in which it was told of the earlier message; it gets no more of this one."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A team that comes into question, with every tie it has, in stable order."""

    team: Team
    ties: tuple[Tie, ...]

    def has(self, relation: Relation) -> bool:
        """Whether it stands so, confirmed or not."""
        return any(tie.relation is relation for tie in self.ties)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """This team is told, or will be once it is released."""

    team_id: str
    purpose: Purpose
    view: View
    reason_code: str
    reason: str
    priority: Priority = Priority.ROUTINE
    due_at: datetime | None = None
    known_to_sender: bool = False
    cites: str = ""
    state: DeliveryState = DeliveryState.READY
    ask: str | None = None
    rule: str = ""
    """The policy's line; for explanations to whoever may see the policy at work, never for the recipient of a reduced view."""
    confirm: tuple[Tie, ...] = ()
    """Involvements that the team is to confirm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """This team is not told."""

    team_id: str
    reason_code: str
    reason: str
    view: View = View.EXISTENCE
    known_to_sender: bool = False


Decision: TypeAlias = Told | Withheld


@dataclass(frozen=True, slots=True)
class _Offer:
    line: Tell
    tie: Tie
    view: View


def decide(situation: Situation, recipient: Recipient, policy: Policy) -> Decision:
    """Whether this team is told, how much, and why; or why not. Everything that no rule allows is refused (principle 1)."""
    refusal = _refusal(situation, recipient)
    if refusal is not None:
        return _withheld(recipient, refusal)
    group = group_of(situation, recipient, policy)
    from_source = _works_only_with_source(situation, recipient, group)
    if from_source and not recipient.has(Relation.ADDRESSED):
        return _withheld(recipient, NotTold.SOURCE_OF_HARM)
    sure = recipient.ties if situation.rules.quiet else tuple(tie for tie in recipient.ties if tie.confirmed)
    offers = list(_offers(situation, recipient.team, sure, group, policy))
    if not offers:
        return _unsure(situation, recipient, group, policy)
    told = _told(situation, recipient, offers, policy)
    if from_source or _needs_release(situation, recipient, group, told):
        return replace(told, state=DeliveryState.HELD)
    return _held(situation, recipient, told, policy) if situation.held or situation.restricted else told


def group_of(situation: Situation, recipient: Recipient, policy: Policy) -> Group:
    """How the team stands here: a practice is child-facing for a child or a pregnancy, not for an adult alone (principle 4)."""
    function = recipient.team.function
    if function not in policy.only_with_child:
        return policy.groups[function]
    tied = [tie for tie in recipient.ties if tie.relation in _INVOLVED or tie.relation is Relation.UNIVERSAL]
    children = {child.id for child in situation.children} | situation.child_subjects | situation.expecting
    if not tied or any(tie.relation is Relation.UNIVERSAL or tie.person_id in children for tie in tied):
        return policy.groups[function]
    return Group.ADULT_ONLY


def _refusal(situation: Situation, recipient: Recipient) -> NotTold | None:
    if situation.sealed:
        return NotTold.SEALED
    if recipient.team.agency_id in situation.barred:
        return NotTold.RESTRICTED_PARTY
    if situation.over:
        return NotTold.PREGNANCY_ENDED
    if situation.goes_on:
        return NotTold.PREGNANCY_GOES_ON
    if situation.addressed_only and not recipient.has(Relation.ADDRESSED):
        return NotTold.PROFESSIONAL_VIEW
    return None


def _works_only_with_source(situation: Situation, recipient: Recipient, group: Group) -> bool:
    """Principle 6. Whoever works for children is told whatever the father's part; whoever works with him alone is not.

    His own admission or order is still his own team's to know: of the others it says nothing to them.
    """
    if not situation.sources or group not in (Group.ADULT_ONLY, Group.OWN_CLIENT):
        return False
    clients = {tie.person_id for tie in recipient.ties if tie.relation in _INVOLVED}
    if not clients or not clients <= situation.sources:
        return False
    of_others = situation.about is About.CHILD or situation.rules.of_harm(situation.message.kind)
    return of_others or not recipient.has(Relation.OWN)


def _offers(situation: Situation, team: Team, ties: Sequence[Tie], group: Group, policy: Policy) -> Iterator[_Offer]:
    """What the policy's lines propose for these ties, cut to what sharing allows."""
    grants = _grants(situation, ties, group, policy)
    for line in situation.lines:
        if team.function not in line.functions and group not in line.groups:
            continue
        for tie, allowed in grants:
            if tie.relation in line.of:
                view = _most(line.view, allowed, situation.flags, tie.most)
                if view is not None:
                    yield _Offer(line, tie, view)


def _grants(
    situation: Situation, ties: Sequence[Tie], group: Group, policy: Policy
) -> list[tuple[Tie, frozenset[View]]]:
    """The most that each tie allows; of ties that allow the same, the first."""
    found: dict[tuple[Relation, About, View | None], Tie] = {}
    for tie in ties:
        if _rests_on_somebody(situation, tie):
            found.setdefault((tie.relation, situation.about_of(tie.person_id), tie.most), tie)
    return [(tie, policy.limits.get((group, relation, about), _NOTHING)) for (relation, about, _), tie in found.items()]


def _rests_on_somebody(situation: Situation, tie: Tie) -> bool:
    """Principle 8: on a rule approved for the event, or on a named professional's notification and lawful basis."""
    if not situation.rules.by_professional or tie.relation in _OF_THE_SENDER:
        return True
    return situation.message.author is not None and situation.message.basis is not None


@lru_cache(maxsize=4096)  # a handful of combinations, met for every team of every message
def _most(wanted: View, allowed: frozenset[View], flags: frozenset[Flag], cap: View | None) -> View | None:
    """The broadest view within the one proposed that is allowed and has something to show."""
    if wanted is View.ENDED:
        return wanted if wanted in allowed else None
    if wanted is View.SAFETY:
        return wanted if wanted in allowed and Flag.STAFF_SAFETY_STATED in flags else None
    widest = min(_BREADTH[wanted], _BREADTH[cap or wanted])
    shown = (view for view in _BY_BREADTH if view in allowed and _BREADTH[view] <= widest)
    return next((view for view in shown if _NEEDS.get(view, Flag.CHILD_AT_HOME) in flags or view not in _NEEDS), None)


def _unsure(situation: Situation, recipient: Recipient, group: Group, policy: Policy) -> Decision:
    """No confirmed tie is enough. What an unconfirmed one would have brought is told as existence, no more (principle 3)."""
    doubtful = tuple(tie for tie in recipient.ties if not tie.confirmed)
    if not doubtful or not any(_offers(situation, recipient.team, doubtful, group, policy)):
        return _withheld(recipient, _why_not(situation, recipient, group))
    if situation.rules.routine or situation.held or situation.restricted:
        return _withheld(recipient, NotTold.UNCONFIRMED)
    code, reason = told_because(Why.UNCONFIRMED, recipient.team.function)
    return Told(
        team_id=recipient.team.id,
        purpose=Purpose.INFORMATION,
        view=View.EXISTENCE,
        reason_code=code,
        reason=reason,
        cites="principle 3",
        rule="principle 3",
        confirm=doubtful,
    )


def _why_not(situation: Situation, recipient: Recipient, group: Group) -> NotTold:
    if situation.rules.by_professional and (situation.message.author is None or situation.message.basis is None):
        return NotTold.NO_PROFESSIONAL
    if group is Group.ADULT_ONLY and not recipient.has(Relation.OWN):
        return NotTold.ADULT_ONLY
    return NotTold.NO_RULE


def _told(situation: Situation, recipient: Recipient, offers: Sequence[_Offer], policy: Policy) -> Told:
    """The broadest view of all offers; for action when any asks for action, by the earliest time that any gives."""
    best = max(offers, key=_rank)
    acting = [offer.line for offer in offers if offer.line.purpose is Purpose.ACTION and not situation.bereaved]
    due = [(_due(line, situation, recipient.team, policy), line) for line in acting]
    due_at, first = min(due, key=_soonest, default=_NEVER)
    line = first or best.line
    code, reason = told_because(_why(situation, best.tie), recipient.team.function)
    return Told(
        team_id=recipient.team.id,
        purpose=Purpose.ACTION if acting else Purpose.INFORMATION,
        view=_markable(situation, recipient.team, best.view),
        reason_code=code,
        reason=reason,
        priority=max(line.priority, situation.message.priority, key=_URGENCY.__getitem__),
        due_at=due_at,
        known_to_sender=may_know(
            situation.sender,
            recipient.team,
            policy,
            addressed=recipient.has(Relation.ADDRESSED),
            hidden=situation.hidden_from_sender,
        ),
        cites=_both(best.line.cites, line.cites),
        ask=next((line.ask for line in acting if line.ask), None),
        rule=best.line.rule,
    )


def _rank(offer: _Offer) -> tuple[int, bool]:
    return _BREADTH[offer.view], offer.line.purpose is Purpose.ACTION


def _soonest(one: tuple[datetime, Tell]) -> datetime:
    return one[0]


_NEVER: Final = (None, None)


@lru_cache(maxsize=4096)  # pairs of lines of one policy
def _both(cites: str, more: str) -> str:
    return ", ".join(dict.fromkeys(f"{cites}, {more}".split(", ")))


def _due(line: Tell, situation: Situation, team: Team, policy: Policy) -> datetime:
    """By when to answer: in the line's own time, or its priority's; sooner when the sender says that it is more urgent."""
    own = (line.within or policy.deadlines[line.priority]).after(situation.now, team.calendar)
    urgency = situation.message.priority
    if urgency is Priority.ROUTINE:
        return own
    return min(own, policy.deadlines[urgency].after(situation.now, team.calendar))


def _why(situation: Situation, tie: Tie) -> Why:
    if tie.relation is not Relation.HOUSEHOLD:
        return _WHY[tie.relation]
    with_child = any(child.id == tie.person_id for child in situation.children) or tie.person_id in situation.expecting
    return Why.INVOLVED_WITH_CHILD if with_child else Why.INVOLVED_IN_HOUSEHOLD


_WHY: Final = {
    Relation.OWN: Why.INVOLVED_WITH_SUBJECT,
    Relation.UNIVERSAL: Why.UNIVERSAL_SERVICE,
    Relation.ADDRESSED: Why.ADDRESSED,
    Relation.ADDED: Why.ADDED,
    Relation.EARLIER: Why.EARLIER,
}


def _markable(situation: Situation, team: Team, view: View) -> View:
    """Principle 13: a system that cannot keep the mark gets a pointer only."""
    return View.POINTER if situation.marked and not team.honours_marks and view in TELLING else view


def _needs_release(situation: Situation, recipient: Recipient, group: Group, told: Told) -> bool:
    """Principle 5: another person's facts reach an adult-only function only when a safeguarding lead releases them."""
    if group is not Group.ADULT_ONLY or told.reason_code != Why.ADDRESSED or told.view not in TELLING:
        return False
    if recipient.has(Relation.OWN):
        return False
    return recipient.has(Relation.HOUSEHOLD) or (situation.about is About.CHILD and not situation.rules.takes_on)


def _held(situation: Situation, recipient: Recipient, told: Told, policy: Policy) -> Decision:
    """Principle 7: told to the functions that the lead may release to, once it has; among responsible authorities at once.

    What is no more than restricted (R) is told at once to who works with its subjects or is addressed.
    """
    function = recipient.team.function
    own = any(tie.relation in (Relation.OWN, Relation.ADDRESSED) and tie.confirmed for tie in recipient.ties)
    if own and (function in policy.hold.free or not situation.held):
        return told
    if function is Function.SAFEGUARDING_LEAD and recipient.team.agency_id == situation.sender.agency_id:
        return told
    if function in policy.hold.to:
        return replace(told, state=DeliveryState.HELD)
    return _withheld(recipient, NotTold.HELD)


def _withheld(recipient: Recipient, why: NotTold) -> Withheld:
    return withheld(recipient.team.id, why)


def withheld(team_id: str, why: NotTold) -> Withheld:
    """This team is not told, because."""
    code, reason = not_told_because(why)
    return Withheld(team_id=team_id, reason_code=code, reason=reason)
