"""Which involvements an event opens, renews or ends, by the policy's rules: sending alone opens none (principle 3)."""

from collections.abc import Iterator

from broker.domain import changes as c
from broker.domain import registrations
from broker.domain.draft import Draft
from broker.domain.kinship import unborn_of
from broker.domain.rules import InvolvementRule
from broker.domain.states import GONE, InvolvementState
from broker.domain.world import KnownInvolvement, Team
from schemas.codes import Function, TaskCode


def settle_involvements(draft: Draft) -> None:
    """Apply every rule of the event to every subject."""
    message = draft.given.message
    for rule in draft.given.policy.involvement.get(message.event, ()):
        for subject in message.subjects:
            team = _team(draft, rule, subject)
            if team is not None and rule.applies(message.kind, team.function, draft.given.sender.function):
                for person_id in _persons(draft, rule, subject):
                    _apply(draft, rule, team, person_id)


def _team(draft: Draft, rule: InvolvementRule, person_id: str) -> Team | None:
    """The sender, or the practice the message registers the person with (or removes them from)."""
    given = draft.given
    if rule.team == "sender":
        return given.sender
    return registrations.practice_of(given.message.person(person_id), given.sender, given.directory)


def _persons(draft: Draft, rule: InvolvementRule, subject: str) -> Iterator[str]:
    yield subject
    if rule.with_unborn:
        yield from (child.id for child in unborn_of(draft.world, subject))


def _apply(draft: Draft, rule: InvolvementRule, team: Team, person_id: str) -> None:
    known = _known(draft, team.id, person_id)
    if rule.effect == "ends":
        _end_or_ask(draft, team, known)
        return
    if known is not None:
        _renew(draft, known)
    elif rule.effect == "opens" and draft.person(person_id).state not in GONE:
        _open(draft, team, person_id)
    if rule.instead_of_others:
        for other in draft.world.involvements:
            if (other.person_id, other.function) == (person_id, team.function) and other.team_id != team.id:
                _end_or_ask(draft, team, other)


def _end_or_ask(draft: Draft, said: Team, known: KnownInvolvement | None) -> None:
    """The end, on the word of who can know it; else the practice is asked, once for each time that it renewed its own."""
    given = draft.given
    if known is None or registrations.settles(given.sender, said, known.team_id, looked_up=given.looked_up):
        _end(draft, known)
    elif given.message.occurred.date() >= known.renewed_at.date():
        draft.ask(
            TaskCode.CONFIRM_INVOLVEMENT,
            "Another agency says that this person is not registered with you any more. Say whether they still are.",
            key=f"{known.team_id}:{known.person_id}:registration:{known.renewed_at.date().isoformat()}",
            options={"person": known.person_id, "choices": ["yes", "no"]},
            owner=known.team_id,
            person_id=known.person_id,
            cites="F8, invariant 4",
        )


def hand_over(draft: Draft, person_id: str, sender: Team, receiver: Team) -> None:
    """The receiver took a person over from the sender: it is involved from now on, and the sender no longer."""
    known = _known(draft, receiver.id, person_id)
    if known is not None:
        _renew(draft, known)
    elif draft.person(person_id).state not in GONE:
        _open(draft, receiver, person_id)
    let_go(draft, person_id, sender)


def let_go(draft: Draft, person_id: str, team: Team) -> None:
    """The team's work with a person is done."""
    _end(draft, _known(draft, team.id, person_id))


def _known(draft: Draft, team_id: str, person_id: str) -> KnownInvolvement | None:
    return next((i for i in draft.world.involvements if (i.team_id, i.person_id) == (team_id, person_id)), None)


def _open(draft: Draft, team: Team, person_id: str) -> None:
    message = draft.given.message
    if _overtaken(draft, team, person_id):
        return
    draft.do(
        c.OpenInvolvement(
            team_id=team.id,
            person_id=person_id,
            function=team.function,
            since=message.occurred,
            evidence=message.event.value,
        )
    )


def _overtaken(draft: Draft, team: Team, person_id: str) -> bool:
    """A registration that arrives after a later one with another practice: nobody has two."""
    return team.function is Function.GENERAL_PRACTICE and any(
        i.person_id == person_id and i.function is team.function and i.since > draft.given.message.occurred
        for i in draft.world.involvements
    )


def _renew(draft: Draft, known: KnownInvolvement) -> None:
    """Later evidence renews; evidence as old as what is known changes nothing."""
    at, given = draft.given.message.occurred, draft.given
    lapsed = given.policy.lapsed(known.function, known.renewed_at, given.now)
    revives = known.state is InvolvementState.UNCONFIRMED or lapsed
    if at > known.renewed_at:
        draft.do(
            c.RenewInvolvement(
                team_id=known.team_id,
                person_id=known.person_id,
                at=at,
                evidence=given.message.event.value,
                revives=revives,
            )
        )


def _end(draft: Draft, known: KnownInvolvement | None) -> None:
    """The end, unless there is evidence of a later day that the work went on."""
    at = draft.given.message.occurred
    if known is not None and at.date() >= known.renewed_at.date():
        draft.do(c.EndInvolvement(team_id=known.team_id, person_id=known.person_id, at=max(at, known.since)))
