"""Who is responsible for a person in each function that is held, and what moves it (F3); nothing here is backdated.

A chain is everything that was ever answered for one person and function, oldest first; its last period is open. What
moves a chain is a team that takes the person on, a confirmed transfer, an end, or the course of a life. Contacts,
acknowledgements, caretaking, receipts and silence move nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from broker.domain.states import HeldBy, PersonState, Unheld
from broker.domain.world import Team
from schemas.codes import Function

HELD_AS: Final[Mapping[Function, Function]] = MappingProxyType(
    {
        Function.MIDWIFERY: Function.MIDWIFERY,
        Function.HEALTH_VISITING: Function.HEALTH_VISITING,
        Function.FAMILY_NURSE_PARTNERSHIP: Function.HEALTH_VISITING,
        Function.SCHOOL_NURSING: Function.HEALTH_VISITING,
        Function.GENERAL_PRACTICE: Function.GENERAL_PRACTICE,
        Function.MENTAL_HEALTH: Function.MENTAL_HEALTH,
        Function.PROBATION: Function.PROBATION,
    }
)
"""Function of a team → the function that it is responsible in; who is not here holds nothing."""
HELD: Final = tuple(dict.fromkeys(HELD_AS.values()))
"""Every function that somebody or nobody is responsible in, for every person."""

_CLOSED: Final[Mapping[PersonState, tuple[Unheld, HeldBy]]] = {
    PersonState.DIED: (Unheld.DIED, HeldBy.DEATH),
    PersonState.SEALED: (Unheld.SEALED, HeldBy.SEALING),
    PersonState.MERGED: (Unheld.MERGED, HeldBy.MERGING),
    PersonState.PREGNANCY_ENDED: (Unheld.PREGNANCY_ENDED, HeldBy.END),
}
"""States in which nobody is responsible for a person in any function, and nothing begins."""
WHY: Final[Mapping[Unheld, str]] = MappingProxyType(
    {
        Unheld.NOT_KNOWN: "Nothing has been said of it.",
        Unheld.NOT_REGISTERED: "The registration ended, and no other is known.",
        Unheld.ELSEWHERE: "Registered with a practice that is not in the directory.",
        Unheld.DISCHARGED: "The work was done, and what follows was handed over.",
        Unheld.ENDED: "The team that was responsible has ended its work.",
        Unheld.PREGNANCY_ENDED: "The pregnancy is no longer current.",
        Unheld.DIED: "The person has died.",
        Unheld.SEALED: "The record is sealed.",
        Unheld.MERGED: "The record is of the same person as another, which goes on.",
    }
)
"""Why nobody is responsible, for people; without names."""
_FINAL: Final = frozenset({Unheld.DIED, Unheld.SEALED, Unheld.MERGED})


def held_as(function: Function) -> Function | None:
    """The function that a team of this one is responsible in; None when it is none that is held."""
    return HELD_AS.get(function)


def open_to_all(state: PersonState) -> bool:
    """Whether somebody can be responsible for a person in this state."""
    return state not in _CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One period: the team that holds, or why nobody does. `since` is when it was recorded, `occurred_at` when it happened."""

    person_id: str
    function: Function
    team_id: str | None = None
    unheld: Unheld | None = None
    since: datetime
    occurred_at: datetime | None = None
    held_by: HeldBy
    notification_id: str | None = None
    """What made it known."""
    task_id: str | None = None
    """The line of the transfer that was confirmed."""
    until: datetime | None = None
    id: str | None = field(default=None, compare=False)
    """Of the stored period; None until it is recorded."""
    follows: str | None = field(default=None, compare=False)
    """Of the period that was open when this was decided; None: there was none."""

    @property
    def known_at(self) -> datetime:
        """When it happened as far as is known, never later than it was recorded."""
        return min(self.occurred_at or self.since, self.since)


Key: TypeAlias = tuple[str, Function]
"""Person id and held function."""
Chain: TypeAlias = tuple[Holding, ...]
Chains: TypeAlias = Mapping[Key, Chain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What periods of one step have in common."""

    now: datetime
    occurred_at: datetime
    notification_id: str | None = None
    task_id: str | None = None


@dataclass(slots=True)
class Ledger:
    """Chains being moved by one step: whatever is decided in between, each gets one new period at the most."""

    chains: Chains
    cause: Cause
    ahead: dict[Key, Holding] = field(default_factory=dict)

    def chain(self, key: Key) -> Chain:
        """The chain as far as it has got."""
        stored = self.chains.get(key, ())
        return (*stored, self.ahead[key]) if key in self.ahead else stored

    def current(self, key: Key) -> Holding | None:
        """The open period; None where nothing was ever said."""
        chain = self.chain(key)
        return chain[-1] if chain else None

    def holder(self, key: Key) -> str | None:
        """The team that holds now."""
        current = self.current(key)
        return current.team_id if current else None

    def held(self, key: Key, team_id: str, held_by: HeldBy) -> None:
        """The team is responsible from now on; never for somebody of whom the chain says that they are gone."""
        current = self.current(key)
        if current is None or current.unheld not in _FINAL:
            self.put(key, self._period(key, held_by, team_id=team_id))

    def unheld(self, key: Key, why: Unheld, held_by: HeldBy) -> None:
        """Nobody is responsible from now on, because."""
        self.put(key, self._period(key, held_by, unheld=why))

    def put(self, key: Key, holding: Holding) -> None:
        """Begin this period unless it answers what is answered already."""
        current = self.current(key)
        if current is None or (current.team_id, current.unheld) != (holding.team_id, holding.unheld):
            self.ahead[key] = holding

    def made(self) -> list[Holding]:
        """The new periods, each with the one that it follows; what came back to where it was is none."""
        return [
            replace(new, since=self.cause.now, until=None, id=None, follows=last.id if last else None)
            for key, new in self.ahead.items()
            for last in (self._stored(key),)
            if last is None or (last.team_id, last.unheld) != (new.team_id, new.unheld)
        ]

    def _stored(self, key: Key) -> Holding | None:
        return next(reversed(self.chains.get(key, ())), None)

    def _period(
        self, key: Key, held_by: HeldBy, *, team_id: str | None = None, unheld: Unheld | None = None
    ) -> Holding:
        cause = self.cause
        return Holding(
            person_id=key[0],
            function=key[1],
            team_id=team_id,
            unheld=unheld,
            since=cause.now,
            occurred_at=cause.occurred_at,
            held_by=held_by,
            notification_id=cause.notification_id,
            task_id=cause.task_id,
        )


# --- what teams say ------------------------------------------------------------------------------------------------


def take(ledger: Ledger, team: Team, person_id: str, *, first_only: bool = False) -> None:
    """A team takes a person on: by registration, booking, admission or order, which is its acceptance.

    `first_only`: only where nothing was ever said.
    """
    function = held_as(team.function)
    if function is None:
        return
    key = (person_id, function)
    current = ledger.current(key)
    if first_only and current is not None and current.unheld is not Unheld.NOT_KNOWN:
        return
    if not _overtaken(ledger.chain(key), team.id, ledger.cause.occurred_at):
        ledger.held(key, team.id, HeldBy.REGISTRATION)


def _overtaken(chain: Chain, team_id: str, occurred_at: datetime) -> bool:
    """Whether more recent news than a late word of a team is known: who took on after it, or that its own work ended."""
    for before, period in zip((None, *chain), chain, strict=False):
        later = period.known_at.date() > occurred_at.date()
        own_end = before is not None and before.team_id == team_id
        if later and (period.team_id is not None or own_end):
            return True
    return False


def registered_elsewhere(ledger: Ledger, person_id: str) -> None:
    """Registered with a practice that the directory does not name: whoever held before does no longer."""
    key = (person_id, Function.GENERAL_PRACTICE)
    if not _overtaken(ledger.chain(key), "", ledger.cause.occurred_at):
        ledger.unheld(key, Unheld.ELSEWHERE, HeldBy.REGISTRATION)


def give_up(ledger: Ledger, team: Team, person_id: str, why: Unheld) -> None:
    """A team says that its work with a person ended; of one whom it does not hold, or took on since, it says nothing new."""
    key = (person_id, HELD_AS.get(team.function, team.function))
    current = ledger.current(key)
    if current is None or current.team_id != team.id:
        return
    if ledger.cause.occurred_at.date() >= current.known_at.date():
        ledger.unheld(key, why, HeldBy.END)


def hand_over(ledger: Ledger, person_id: str, sender: Team, receiver: Team) -> None:
    """A professional of the receiver confirmed the person: the receiver holds, and where that is another function the sender's work is done.

    General practice follows registration alone; who holds nothing takes nothing from anybody.
    """
    theirs, ours = held_as(receiver.function), held_as(sender.function)
    if theirs is None or theirs is Function.GENERAL_PRACTICE:
        return
    ledger.held((person_id, theirs), receiver.id, HeldBy.TRANSFER)
    if ours is not None and ours is not theirs and ledger.holder((person_id, ours)) == sender.id:
        ledger.unheld((person_id, ours), Unheld.DISCHARGED, HeldBy.TRANSFER)


# --- what lives bring ----------------------------------------------------------------------------------------------


def close(ledger: Ledger, person_id: str, state: PersonState) -> None:
    """In a state that ends everything nobody is responsible any more, in whatever function."""
    if state in _CLOSED:
        for function in HELD:
            ledger.unheld((person_id, function), *_CLOSED[state])


def merge(ledger: Ledger, gone: str, into: str) -> None:
    """The survivor keeps its holders, and has the other's where it has none."""
    for function in HELD:
        theirs, ours = ledger.current((gone, function)), ledger.current((into, function))
        if theirs is not None and _says(theirs) > _says(ours):
            ledger.put((into, function), replace(theirs, person_id=into))


def _says(holding: Holding | None) -> int:
    """A team says more than a reason, and a reason more than nothing."""
    if holding is None or holding.unheld is Unheld.NOT_KNOWN:
        return 0
    return 2 if holding.team_id else 1


def mend(ledger: Ledger, key: Key, *, without: frozenset[str] = frozenset()) -> None:
    """What held before something that was taken back, or before a death that was none, holds again.

    `without`: notifications that no longer count. What ended a holding that never was did not happen either.
    """
    chain = ledger.chain(key)
    standing = _standing(chain, without)
    if standing is not None:
        ledger.put(key, standing)
    elif chain:
        ledger.unheld(key, Unheld.NOT_KNOWN, HeldBy.CORRECTION)


def _standing(chain: Chain, without: frozenset[str]) -> Holding | None:
    standing: Holding | None = None
    undone = False
    for period in chain:
        closing = period.held_by is HeldBy.DEATH  # only the living are mended
        of_nothing = undone and period.held_by is HeldBy.END
        undone = period.notification_id in without or closing or of_nothing
        if not undone:
            standing = None if period.held_by is HeldBy.CORRECTION else period
    return standing
