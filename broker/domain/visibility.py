"""Which recipients a viewer may know of (sharing principle 9): others are neither named nor counted."""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from broker.domain.responsibility import held_as
from broker.domain.rules import Policy
from broker.domain.states import DeliveryState
from broker.domain.world import Directory, Team
from schemas.codes import Function

LEADS: Final = frozenset({Function.SAFEGUARDING_LEAD, Function.PARTNERSHIP})
"""Who sees every recipient of what they may see at all."""


class Listed(Protocol):
    """A decision or a delivery row, as far as listing it goes."""

    @property
    def team_id(self) -> str:
        """The recipient."""

    @property
    def known_to_sender(self) -> bool:
        """Whether the sender may know of it, as decided."""

    @property
    def state(self) -> DeliveryState:
        """Where it stands."""


Row = TypeVar("Row", bound=Listed)


def may_know(viewer: Team, team: Team, policy: Policy, *, addressed: bool = False, hidden: bool = False) -> bool:
    """Whether the viewer may know that the team is a recipient.

    `addressed`: the viewer named it. `hidden`: which teams there are would give away a protected address, for teams count
    as location (principle 10).
    """
    if addressed or viewer.id == team.id:
        return True
    return not hidden and team.function in policy.visible[policy.groups[viewer.function]]


def may_know_holder(viewer: Team, function: Function, holder: Team | None, policy: Policy, *, hidden: bool) -> bool:
    """Whether the viewer may know who is responsible in a function, or that nobody is, for somebody whom it sees at all.

    What its group may know of recipients it may know of holders, and who does its own work. `hidden`: the team would give
    away a protected address (principle 10).
    """
    if viewer.function in LEADS or (holder is not None and holder.id == viewer.id):
        return True
    if hidden:
        return False
    seen = policy.visible[policy.groups[viewer.function]]
    if held_as(viewer.function) is function:
        return True
    return any(held_as(f) is function for f in seen) if holder is None else holder.function in seen


def visible_recipients(
    rows: Iterable[Row], viewer: Team, *, sender_id: str, directory: Directory, policy: Policy, hidden: bool = False
) -> tuple[Row, ...]:
    """The rows of one notification that the viewer may see, in their order.

    Its own; for the sender what was decided it may know; for another recipient what its group may know; for safeguarding
    leads and partnerships all, decisions not to tell included.
    """
    if viewer.function in LEADS:
        return tuple(rows)
    return tuple(row for row in rows if _may_see(row, viewer, sender_id, directory, policy, hidden=hidden))


def _may_see(row: Listed, viewer: Team, sender_id: str, directory: Directory, policy: Policy, *, hidden: bool) -> bool:
    if row.state is DeliveryState.WITHHELD:
        return False
    if row.team_id == viewer.id:
        return row.state is not DeliveryState.HELD
    if viewer.id == sender_id:
        return row.known_to_sender
    team = directory.teams.get(row.team_id)
    return team is not None and row.state is not DeliveryState.HELD and may_know(viewer, team, policy, hidden=hidden)
