"""Whom to speak to about a child or a pregnancy of a household: the one thing that a pointer says."""

from typing import Final

from broker.domain.conditions import Flag
from broker.domain.rules import Policy
from broker.domain.situation import Situation
from broker.domain.states import InvolvementState
from broker.domain.world import Directory, Team
from schemas.codes import Function
from schemas.message import Fact

CHILD_THERE: Final = "child-in-household"
PREGNANCY_THERE: Final = "pregnancy-in-household"
PERSON: Final = "contact-person"
PHONE: Final = "contact-phone"

_FOR: Final = {
    Function.MIDWIFERY: Flag.PREGNANCY_AT_HOME,
    Function.HEALTH_VISITING: Flag.UNDER_FIVE_AT_HOME,
    Function.FAMILY_NURSE_PARTNERSHIP: Flag.UNDER_FIVE_AT_HOME,
}
"""What must be there for the function to be the one to ask."""


def pointer(situation: Situation, recipient: Team, policy: Policy, directory: Directory) -> tuple[Fact, ...]:
    """That there is a child or a pregnancy, and whom to contact.

    For a system that cannot keep a mark it says only who can open the message: even the sender's name would tell (principle 13).
    """
    if situation.marked and not recipient.honours_marks:
        return who_can_open(recipient, directory)
    team = contact(situation, recipient, policy, directory)
    there = CHILD_THERE if any(child.born for child in situation.children) else PREGNANCY_THERE
    return (Fact(code=there, value=True), *_contact(team))


def who_can_open(recipient: Team, directory: Directory) -> tuple[Fact, ...]:
    """All that a system gets which cannot keep a mark: whom of its own agency to ask (principle 13)."""
    return _contact(directory.safeguarding_lead(recipient.agency_id))


def contact(situation: Situation, recipient: Team, policy: Policy, directory: Directory) -> Team | None:
    """The first team of the policy's contacts that works with a child there, or serves it by its area.

    Where an address is protected, teams would tell the place: then it is the recipient's own safeguarding lead (principle 10).
    """
    if situation.hidden_from(recipient.id):
        return directory.safeguarding_lead(recipient.agency_id)
    for function in policy.contacts:
        if _FOR.get(function, Flag.CHILD_AT_HOME) not in situation.flags:
            continue
        team = _working(situation, function, directory) or _serving(situation, function, directory)
        if team is not None and team.id != recipient.id:
            return team
    return directory.safeguarding_lead(recipient.agency_id)


def spoken(team: Team | None) -> str:
    """The contact in a sentence."""
    if team is None:
        return "the safeguarding lead of your agency"
    return team.name if team.telephone is None else f"{team.name}, telephone {team.telephone}"


def _contact(team: Team | None) -> tuple[Fact, ...]:
    who = Fact(code=PERSON, value=team.name if team else "Safeguarding lead of your agency")
    return (who, Fact(code=PHONE, value=team.telephone)) if team and team.telephone else (who,)


def _working(situation: Situation, function: Function, directory: Directory) -> Team | None:
    children = {child.id for child in situation.children} | situation.expecting
    found = sorted(
        i.team_id
        for i in situation.world.involvements
        if i.function is function and i.person_id in children and i.state is InvolvementState.CONFIRMED
    )
    teams = [directory.teams[team_id] for team_id in found if team_id in directory.teams]
    return next((team for team in teams if not team.closed), None)


def _serving(situation: Situation, function: Function, directory: Directory) -> Team | None:
    areas = [situation.world.households[household].area_id for household in situation.households]
    return next((team for area in areas if (team := directory.provider(area, function)) is not None), None)
