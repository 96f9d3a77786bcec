"""Reading a household in an emergency, without working with anybody there (break-glass): who may, for how long, and as what the rules take them.

The rules of sharing are not put aside: they decide as if the team worked with everybody there, from which it follows what
stays hidden. Protected addresses do (principle 10), sealed people (11), children whom nobody has agreed to name (12), and
what is held for release, even where somebody who really works with the family would see it (7).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from broker.domain.rules import Group, Policy
from broker.domain.states import InvolvementState
from broker.domain.world import KnownInvolvement, Team, World

LASTS: Final = timedelta(hours=1)
"""As long as an emergency's first hour; who needs more says why again."""
PROVED_WITHIN: Final = timedelta(minutes=5)
"""How long ago somebody may have signed in again for it."""
MOST_IN_VAIN: Final = 5
"""Tries an hour that find nobody: whoever has a number and guesses the day of birth is stopped, a slip of the finger is not."""
SHORTEST_WHY: Final = 10
"""Characters of their own words: a reason, not a full stop."""
EVIDENCE: Final = "break-glass"


class Reason(StrEnum):
    """Why; none of them is that it is quicker."""

    DANGER = "danger-to-a-child"
    EMERGENCY_CARE = "emergency-care"
    NOBODY_REACHED = "nobody-involved-can-be-reached"
    DUTY_ENQUIRY = "urgent-safeguarding-enquiry"


WORDS: Final = {
    Reason.DANGER: "A child may be in danger now",
    Reason.EMERGENCY_CARE: "Emergency care is being given, and what is known matters for it",
    Reason.NOBODY_REACHED: "Something urgent, and nobody who works with the family can be reached",
    Reason.DUTY_ENQUIRY: "An urgent safeguarding enquiry that cannot wait",
}


def may(team: Team, policy: Policy) -> bool:
    """Whether people of the team may at all: those whose work is children. Whoever works with adults alone telephones (principles 5 and 6)."""
    return policy.groups[team.function] is Group.CHILD_FACING and not team.closed


def lent(world: World, household_id: str, team: Team, now: datetime) -> World:
    """The same as if the team worked with everybody of that household."""
    known = {(i.team_id, i.person_id) for i in world.involvements}
    more = tuple(
        KnownInvolvement(
            team_id=team.id,
            person_id=person,
            function=team.function,
            state=InvolvementState.CONFIRMED,
            since=now,
            renewed_at=now,
            evidence=EVIDENCE,
        )
        for person in world.members_of(household_id)
        if (team.id, person) not in known
    )
    return replace(world, involvements=(*world.involvements, *more))
