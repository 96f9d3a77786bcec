"""Who comes into question for a team's reports: whom it demonstrably works with, and who lives with them; what it sees of each is `domain.sight`'s."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from broker.domain.states import InvolvementState, MembershipState
from broker.storage.tables import Involvement, Membership


def persons_of(team_id: str) -> sa.CompoundSelect[Any]:
    """Ids of these persons, as a query inside another."""
    works = (col(Involvement.team_id) == team_id, col(Involvement.state) == InvolvementState.CONFIRMED)
    mine, theirs = aliased(Membership), aliased(Membership)
    at_home = (
        sa.select(col(mine.person_id))
        .join(theirs, col(theirs.household_id) == col(mine.household_id))
        .join(Involvement, col(Involvement.person_id) == col(theirs.person_id))
        .where(*works, col(mine.state) == MembershipState.CURRENT, col(theirs.state) == MembershipState.CURRENT)
    )
    return sa.union(at_home, sa.select(col(Involvement.person_id)).where(*works))
