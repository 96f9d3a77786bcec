"""The tasks that a decision raises besides each recipient's own: what rules ask, what waits for release, what reached nobody."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from broker.domain import transfers
from broker.domain.addressees import addressees
from broker.domain.conditions import Flag
from broker.domain.naming import unnamed_children
from broker.domain.pointing import contact, spoken
from broker.domain.recipients import Candidates, Missing
from broker.domain.rules import Ask, Nobody, Policy
from broker.domain.sharing import Told
from broker.domain.situation import Situation
from broker.domain.states import DeliveryState
from broker.domain.wanted import Once, TaskWanted
from broker.domain.whereabouts import household_areas
from broker.domain.world import Directory, Team
from schemas.codes import Function, Priority, TaskCode

SIBLINGS: Final = "siblings"
"""First part of the key of the question whether a transfer may name further children."""
REACHED_NOBODY: Final = "nobody"
"""Last part of the key of an incident of which nothing is left to do once the message has reached somebody."""


def tasks(
    situation: Situation,
    found: Candidates,
    told: tuple[Told, ...],
    policy: Policy,
    directory: Directory,
    *,
    again: bool,
) -> Iterator[TaskWanted]:
    """Every such task. `again`: the message is routed once more, so that it has reached somebody before."""
    if situation.sealed or situation.over:
        return
    if not situation.bereaved:
        yield from _asked(situation, policy, directory)
    yield from _release(situation, told, policy, directory)
    yield from _siblings(situation, told, policy, directory)
    yield from _confirm(situation, told, policy, directory)
    yield from _not_found(situation, found, policy, directory)
    if not told and not again and _is_incident(situation):
        yield from _nobody(situation, policy, directory)


def lead_of(team: Team, directory: Directory) -> Team | None:
    """The safeguarding lead of the team's agency, else of its area, else the area's partnership."""
    return (
        directory.safeguarding_lead(team.agency_id)
        or directory.provider(team.area_id, Function.SAFEGUARDING_LEAD)
        or directory.provider(team.area_id, Function.PARTNERSHIP)
    )


def lead_beside(team: Team, directory: Directory) -> Team | None:
    """Who hears what is done in the team's name: its safeguarding lead; of a lead's own team the executive or the partnership of the area, where there is one."""
    lead = lead_of(team, directory)
    if lead is not None and lead.id != team.id:
        return lead
    return directory.executive(team.agency_id) or directory.provider(team.area_id, Function.PARTNERSHIP) or lead


def _asked(situation: Situation, policy: Policy, directory: Directory) -> Iterator[TaskWanted]:
    message = situation.message
    for ask in situation.rules.asks:
        if ask.when.holds(situation.flags, message.kind, situation.sender.function):
            for owner in _owners(situation, ask, directory):
                yield from _ask(situation, ask, owner, policy, directory)


def _owners(situation: Situation, ask: Ask, directory: Directory) -> Iterator[Team]:
    if ask.owner == "sender":
        yield situation.sender
    elif ask.owner == "lead":
        yield lead_of(situation.sender, directory) or situation.sender
    elif ask.owner == "addressed":
        yield from addressees(situation, directory).teams
    else:
        providers = (directory.provider(area, Function(ask.owner)) for area in household_areas(situation))
        yield from (team for team in providers if team is not None)


def _ask(situation: Situation, ask: Ask, owner: Team, policy: Policy, directory: Directory) -> Iterator[TaskWanted]:
    homes: tuple[str | None, ...] = situation.households or (None,)
    requester = _requester(situation, ask, directory)
    if requester == owner.id:
        return
    for home in homes if ask.once == "household" else homes[:1]:
        of_home = ask.once == "household" and home is not None
        yield TaskWanted(
            code=ask.code,
            owner=owner.id,
            requester=requester,
            description=ask.description.replace("{contacts}", spoken(contact(situation, owner, policy, directory))),
            dedupe_key=_home_key(ask, owner.id, requester, home) if of_home else _key(situation, ask.rule, owner.id),
            once=Once(again=ask.again) if of_home else None,
            person_id=next(iter(situation.message.subjects), None),
            household_id=home,
            priority=ask.priority,
            due_at=ask.within.after(situation.now, owner.calendar),
            cites=ask.cites,
        )


def _requester(situation: Situation, ask: Ask, directory: Directory) -> str | None:
    if ask.requester == "sender":
        return situation.sender.id
    if ask.requester == "addressed":
        return next((team.id for team in addressees(situation, directory).teams), situation.sender.id)
    return None


def _release(
    situation: Situation, told: tuple[Told, ...], policy: Policy, directory: Directory
) -> Iterator[TaskWanted]:
    """What is held waits for the originating agency's safeguarding lead (principles 5 and 7)."""
    held = [one for one in told if one.state is DeliveryState.HELD]
    if not held:
        return
    functions = sorted({directory.teams[one.team_id].function.value for one in held})
    owner = lead_of(situation.sender, directory) or situation.sender
    yield TaskWanted(
        code=TaskCode.RELEASE,
        owner=owner.id,
        requester=situation.sender.id,
        description="Decide to which functions this may be released, or refuse with a reason. Nothing goes to them before.",
        dedupe_key=_key(situation, "release", *sorted(one.team_id for one in held)),
        person_id=next(iter(situation.message.subjects), None),
        priority=Priority.URGENT,
        due_at=policy.hold.within.after(situation.now, owner.calendar),
        cites="principle 7, principle 5",
        options={"teams": [one.team_id for one in held], "functions": functions},
    )


def _siblings(
    situation: Situation, told: tuple[Told, ...], policy: Policy, directory: Directory
) -> Iterator[TaskWanted]:
    taking_over = transfers.receivers(situation.message, situation.sender, told, directory, policy.transfers)
    children = list(unnamed_children(situation.message, situation)) if taking_over else []
    yield from whom_to_name(situation, children, [directory.teams[team] for team in taking_over], policy, directory)


def whom_to_name(
    situation: Situation, children: Collection[str], receivers: Collection[Team], policy: Policy, directory: Directory
) -> Iterator[TaskWanted]:
    """Principle 12: children whom a transfer does not name to its receiver until the sender's lead agrees."""
    if children and receivers:
        owner = lead_of(situation.sender, directory) or situation.sender
        yield TaskWanted(
            code=TaskCode.RELEASE,
            owner=owner.id,
            requester=situation.sender.id,
            description="Decide whether the receiver may be told of further children: they are not named to it until you agree.",
            dedupe_key=_key(situation, SIBLINGS, *sorted(children)),
            priority=Priority.URGENT,
            due_at=policy.hold.within.after(situation.now, owner.calendar),
            cites="principle 12",
            options={"persons": sorted(children), "functions": sorted({team.function.value for team in receivers})},
        )


def _confirm(
    situation: Situation, told: tuple[Told, ...], policy: Policy, directory: Directory
) -> Iterator[TaskWanted]:
    """Principle 3: one question for each involvement that lapsed, asked once for each time it did."""
    for one in told:
        for tie in one.confirm:
            since = tie.renewed_at.date().isoformat() if tie.renewed_at else ""
            yield TaskWanted(
                code=TaskCode.CONFIRM_INVOLVEMENT,
                owner=one.team_id,
                description="Say whether your team still works with this person. Until then you are told only that there is something.",
                dedupe_key=f"confirm-involvement:{one.team_id}:{tie.person_id}:{since}",
                person_id=tie.person_id,
                due_at=policy.own_asks.confirm.after(situation.now, directory.teams[one.team_id].calendar),
                cites="principle 3",
                options={"person": tie.person_id or "", "choices": ["yes", "no"]},
            )


def _not_found(situation: Situation, found: Candidates, policy: Policy, directory: Directory) -> Iterator[TaskWanted]:
    """Whom nobody could be found for, who is closed, who is not in the directory: never silence (invariant 3)."""
    lead = lead_of(situation.sender, directory)
    for team_id in found.unreachable:
        text = "A team that you addressed cannot be reached: it is closed or not in the directory. Find who does its work now."
        yield _undeliverable(situation, policy, situation.sender, text, "addressed", team_id)
    if found.unserved is not None:
        asked = found.unserved.value.replace("-", " ")
        text = f"No other {asked} team was found where this person lives, so nobody was asked. Find who provides it there, and send this to that team."
        yield _undeliverable(situation, policy, situation.sender, text, "addressed", found.unserved.value)
    for team in found.closed:
        owner = lead_of(team, directory) or lead or situation.sender
        text = "A team of yours that is closed still has people on its books. Say who works with them now."
        yield _undeliverable(situation, policy, owner, text, "closed", team.id)
    if situation.rules.routine:
        return
    for gap in found.missing:
        yield from _no_service(situation, gap, policy, directory)


def _no_service(situation: Situation, gap: Missing, policy: Policy, directory: Directory) -> Iterator[TaskWanted]:
    function = gap.function.value.replace("-", " ")
    if gap.area_id is None:
        text = (
            f"No area of the directory is known for a child or a pregnancy here, so its {function} team was not found. "
            "Send an address; where you know one, find who provides this there."
        )
        yield _undeliverable(situation, policy, situation.sender, text, "no-area", gap.person_id)
        return
    partnership = directory.provider(gap.area_id, Function.PARTNERSHIP)
    text = f"The directory names no {function} team for an area where a child or a pregnancy lives; nobody was told in its place."
    for owner in {team.id: team for team in (situation.sender, partnership) if team is not None}.values():
        yield _undeliverable(
            situation, policy, owner, text, f"no-team:{gap.area_id}:{gap.function.value}", gap.person_id
        )


def _is_incident(situation: Situation) -> bool:
    match situation.rules.nobody:
        case Nobody.ACCEPTED:
            return False
        case Nobody.INCIDENT_UNLESS_ALONE:
            return not situation.households or Flag.CHILD_AT_HOME in situation.flags
        case Nobody.INCIDENT_FOR_CHILD:
            return Flag.CHILD_AT_HOME in situation.flags or Flag.SUBJECT_IS_CHILD in situation.flags
        case Nobody.INCIDENT:
            return True


def _nobody(situation: Situation, policy: Policy, directory: Directory) -> Iterator[TaskWanted]:
    """A message that nobody should get is an incident, not a success: for the sender and for its lead."""
    text = (
        "This reached nobody. Say who should know of it: who works with the household, where it is, or who lives there."
    )
    if not situation.households:
        text = (
            "This reached nobody: no household is known for the person. Say who lives with them, or that nobody does."
        )
    lead = lead_of(situation.sender, directory)
    for owner in {team.id: team for team in (situation.sender, lead) if team is not None}.values():
        yield _undeliverable(situation, policy, owner, text, REACHED_NOBODY)


def _undeliverable(situation: Situation, policy: Policy, owner: Team, text: str, *what: str) -> TaskWanted:
    priority = Priority.ROUTINE if situation.message.priority is Priority.ROUTINE else Priority.URGENT
    return TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=owner.id,
        description=text,
        dedupe_key=_key(situation, "undeliverable", owner.id, *what),
        person_id=next(iter(situation.message.subjects), None),
        household_id=next(iter(situation.households), None),
        priority=priority,
        due_at=policy.own_asks.find.of(priority).after(situation.now, owner.calendar),
        cites="invariant 3",
    )


def _home_key(ask: Ask, owner: str, requester: str | None, home: str | None) -> str:
    """Names what is asked of a household, whichever message asks it."""
    return f"ask.{ask.name}:{owner}:{requester or ''}:{home}"


def _key(situation: Situation, what: str, *parts: str | None) -> str:
    """Names the one situation: this message of this sender, and whatever else tells it from others."""
    said: Iterable[str] = (part for part in parts if part is not None)
    return ":".join((what, situation.sender.id, situation.message.id, *said))
