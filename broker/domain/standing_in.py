"""What a team that stands in out of hours is told: the same decision as for any team, on a line of its own."""

from collections.abc import Collection
from dataclasses import replace

from broker.domain.out_of_hours import Cover
from broker.domain.rules import Policy, Relation, Tell
from broker.domain.sharing import Decision, Recipient, Tie, decide
from broker.domain.situation import Situation
from broker.domain.states import Purpose, View
from broker.domain.world import Team
from schemas.codes import Priority


def decided(met: Situation, cover: Cover, team: Team, priority: Priority, policy: Policy) -> Decision:
    """As much as a team may see that the policy adds; every refusal and limit of sharing holds."""
    line = Tell(
        rule=f"out-of-hours.{cover.name}",
        functions=frozenset({cover.by}),
        of=frozenset({Relation.ADDED}),
        view=View.FULL,
        purpose=Purpose.ACTION,
        priority=priority,
        within=cover.within,
        ask=cover.ask,
        cites=cover.cites,
    )
    return decide(replace(met, lines=(line,)), Recipient(team, (Tie(Relation.ADDED),)), policy)


def for_the_sender(closed: Collection[Team]) -> str:
    """What a sender is asked whose urgent message has met a closed team that it may know of."""
    named = " or ".join(f"{team.name}{f', {team.telephone}' if team.telephone else ''}" for team in closed)
    return (
        f"Your message is urgent and has met a team that is closed ({named}). It stays yours until somebody has answered it: speak by telephone to "
        "whoever is on duty out of hours, and record with whom you spoke. Baton is not a referral."
    )
