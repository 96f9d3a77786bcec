"""The decision as a table: every function, standing, event and label, and what a team that stands so is told; written to docs/sharing-matrix.csv.

`python -m deploy.dev.sharing_matrix` writes it again after a change of policy, so that a review sees each cell that changed.
"""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from broker.domain.rules import About, Policy, Relation
from broker.domain.sharing import Recipient, Tie, Told, decide
from broker.domain.situation import Situation, situation
from broker.domain.states import DeliveryState, InvolvementState, MembershipState, PersonState, Purpose, View
from broker.domain.world import (
    Directory,
    KnownHousehold,
    KnownInvolvement,
    KnownMembership,
    KnownPerson,
    KnownRelationship,
    Team,
    World,
)
from broker.policy.model import load
from schemas.codes import Event, Function, LawfulBasis, RelationshipKind, Standing
from schemas.message import Fact, Message, Person, Professional, RestrictedParty

FILE: Final = Path(__file__).parents[2] / "docs" / "sharing-matrix.csv"
_NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
_CHILD, _MOTHER, _FATHER, _UNBORN = "child", "mother", "father", "unborn"
FUNCTIONS: Final = tuple(Function)
COLUMNS: Final = ("label", "standing", "event", "about", *(function.value for function in FUNCTIONS))
LABELS: Final = (
    "none",
    "NOPAT",
    "N",
    "R",
    "V",
    "held-for-release",
    "addressed-only",
    "unrecognised",
    "restricted-party",
)
"""The last is no label: the message is kept from the agencies of the father, with whom the team's agency works."""
_LETTER: Final = {
    View.FULL: "full",
    View.RISK: "risk",
    View.SAFETY: "safety",
    View.POINTER: "pointer",
    View.EXISTENCE: "existence",
    View.ENDED: "ended",
}


@dataclass(frozen=True, slots=True)
class Stands:
    """One way in which a team may stand to a household."""

    name: str
    relation: Relation | None
    of_subject: bool = False
    confirmed: bool = True
    source_only: bool = False


STANDINGS: Final = (
    Stands("works with the subject", Relation.OWN, of_subject=True),
    Stands("worked with the subject, unconfirmed", Relation.OWN, of_subject=True, confirmed=False),
    Stands("works with another of the household", Relation.HOUSEHOLD),
    Stands("worked with another of the household, unconfirmed", Relation.HOUSEHOLD, confirmed=False),
    Stands("works with the suspected source alone", Relation.HOUSEHOLD, source_only=True),
    Stands("universal service", Relation.UNIVERSAL, of_subject=True),
    Stands("addressed", Relation.ADDRESSED),
    Stands("added by the policy", Relation.ADDED),
    Stands("sent or was told of the earlier message", Relation.EARLIER),
    Stands("none", None),
)


def rows(policy: Policy) -> Iterator[tuple[str, ...]]:
    """Every row: its label, standing, event and whom it is about, and a cell for each function."""
    for event in Event:
        for about in _abouts(policy, event):
            for stands in STANDINGS:
                for label in LABELS:
                    yield (label, stands.name, event.value, about.value, *_cells(policy, event, about, label, stands))


def table(policy: Policy) -> list[tuple[str, ...]]:
    """The rows as they are written: labels that tell the same stand in one row, and where nobody is told anything there is none."""
    together: dict[tuple[str, ...], list[str]] = {}
    for label, *rest in rows(policy):
        together.setdefault(tuple(rest), []).append(label)
    return [(" ".join(labels), *rest) for rest, labels in together.items() if any(text != "-" for text in rest[3:])]


def _abouts(policy: Policy, event: Event) -> tuple[About, ...]:
    said = policy.events[event].about
    return tuple(About) if said is None else (said,)


def _cells(policy: Policy, event: Event, about: About, label: str, stands: Stands) -> list[str]:
    met = _met(policy, event, about, label, stands)
    other = _CHILD if about is About.ADULT else _MOTHER
    person = _FATHER if stands.source_only else met.message.subjects[0] if stands.of_subject else other
    ties = () if stands.relation is None else (Tie(stands.relation, person, stands.confirmed),)
    return [cell(policy, met, Recipient(team, ties)) for team in _TEAMS]


def cell(policy: Policy, met: Situation, recipient: Recipient) -> str:
    """What the team is told: the view, `!` when it must answer, `(…)` while it waits for a safeguarding lead; `-` when nothing."""
    decided = decide(met, recipient, policy)
    if not isinstance(decided, Told):
        return "-"
    text = _LETTER[decided.view] + ("!" if decided.purpose is Purpose.ACTION else "")
    return f"({text})" if decided.state is DeliveryState.HELD else text


def _team(function: Function) -> Team:
    return Team(id=f"the-{function.value}", agency_id=f"of-{function.value}", function=function, name=function.value)


_TEAMS: Final = tuple(_team(function) for function in FUNCTIONS)
_SENDER: Final = Team(id="sender", agency_id="sender", function=Function.HEALTH_VISITING, name="Sender")
_DIRECTORY: Final = Directory(teams={team.id: team for team in (*_TEAMS, _SENDER)}, coverage={})


def _met(policy: Policy, event: Event, about: About, label: str, stands: Stands) -> Situation:
    """A mother, a father, a child of 100 days in one home, and an unborn child where the event is a pregnancy's."""
    rules = policy.events[event]
    subject = _CHILD if about is About.CHILD and not rules.pregnancy else _MOTHER
    facts = [Fact(code="staff-safety", value="Visit in pairs", about=_FATHER)]
    if stands.source_only:
        facts.append(Fact(code="suspected-source-of-harm", value=True, about=_FATHER))
    message = Message(
        id="m",
        event=event,
        sender=_SENDER.id,
        occurred=_NOW,
        subjects=(subject,),
        people=tuple(Person(key=key) for key in (_CHILD, _MOTHER, _FATHER)),
        facts=tuple(facts),
        author=Professional(name="A Person"),
        basis=LawfulBasis.CHILDREN_ACT_2004_S11,
        labels=frozenset({label} - {"none", "restricted-party"}),
        kept_from=(RestrictedParty(person=_FATHER),) if label == "restricted-party" else (),
    )
    return situation(
        message, _world(pregnant=rules.pregnancy, ended=rules.quiet), policy, _SENDER, _NOW, directory=_DIRECTORY
    )


def _world(*, pregnant: bool, ended: bool) -> World:
    known = [
        KnownPerson(id=_CHILD, state=PersonState.LIVING, born=(_NOW - timedelta(days=100)).date()),
        KnownPerson(id=_MOTHER, state=PersonState.LIVING, born=(_NOW - timedelta(days=8000)).date()),
        KnownPerson(id=_FATHER, state=PersonState.LIVING, born=(_NOW - timedelta(days=9000)).date()),
    ]
    kin = [KnownRelationship(person_id=_MOTHER, kind=RelationshipKind.MOTHER, to=_CHILD)]
    if pregnant:
        state = PersonState.PREGNANCY_ENDED if ended else PersonState.UNBORN
        known.append(KnownPerson(id=_UNBORN, state=state, expected=(_NOW + timedelta(days=90)).date()))
        kin.append(KnownRelationship(person_id=_MOTHER, kind=RelationshipKind.MOTHER, to=_UNBORN))
    return World(
        people={person.id: person for person in known},
        households={"home": KnownHousehold(id="home", version=1, area_id=None)},
        memberships=tuple(
            KnownMembership(
                household_id="home", person_id=person.id, standing=Standing.LIVES, state=MembershipState.CURRENT
            )
            for person in known
        ),
        relationships=tuple(kin),
        involvements=tuple(_works(team) for team in _TEAMS),
    )


def _works(team: Team) -> KnownInvolvement:
    """Every agency works with the father, so that what is kept from his agencies is kept from each of them."""
    return KnownInvolvement(
        team_id=team.id,
        person_id=_FATHER,
        function=team.function,
        state=InvolvementState.CONFIRMED,
        since=_NOW,
        renewed_at=_NOW,
        evidence="involvement-start",
    )


def main() -> None:
    """Write the table."""
    with FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        written = table(load())
        writer.writerows(written)
    sys.stdout.write(f"{len(written)} rows in {FILE.name}\n")


if __name__ == "__main__":
    main()
