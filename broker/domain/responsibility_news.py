"""What a message, or a person's choice, does to who is responsible; the moves themselves are in `responsibility.py`."""

from collections.abc import Iterator
from dataclasses import dataclass

from broker.domain import changes as c
from broker.domain import responsibility as moves
from broker.domain.kinship import children_of, mothers_of, unborn_of
from broker.domain.registrations import practice_of, settles
from broker.domain.responsibility import Key, Ledger
from broker.domain.rules import ResponsibilityRule
from broker.domain.states import HeldBy, PersonState, Unheld
from broker.domain.world import Directory, Team, World
from schemas.codes import Event, Function
from schemas.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What was said, what it changed about people, and the world since."""

    changes: tuple[c.Change, ...]
    world: World
    sender: Team
    """Who said it, or chose."""
    directory: Directory
    message: Message | None = None
    """None: a person chose."""
    rules: tuple[ResponsibilityRule, ...] = ()
    """What the policy says of the event."""
    looked_up: bool = False
    """What it says is a record that Baton asked a service for."""

    def alive(self, person_id: str) -> str:
        """Who a person of the message is since it was settled."""
        into = {change.gone: change.into for change in self.changes if isinstance(change, c.MergePersons)}
        while person_id in into:
            person_id = into[person_id]
        return person_id

    def is_of(self, event: Event) -> bool:
        """Whether it is a message of this event."""
        return self.message is not None and self.message.event is event


def persons(news: News) -> frozenset[str]:
    """Whose chains the news may move or rest on; nobody for most messages."""
    named = set(_of_changes(news))
    if news.message is not None and (news.rules or news.is_of(Event.PREGNANCY_END)):
        named |= {news.alive(id_) for id_ in news.message.subjects}
    mothers = {mother for person in named for mother in mothers_of(news.world, person)}
    children = {child.id for person in named | mothers for child in children_of(news.world, person)}
    return frozenset(named | mothers | children)


def _of_changes(news: News) -> Iterator[str]:
    for change in news.changes:
        match change:
            case c.MergePersons():
                yield from (change.gone, change.into)
            case c.PersonDied() | c.PersonLives() | c.SealPerson() | c.EndPregnancy():
                yield change.person_id
            case c.AddPerson(state=PersonState.SEALED):
                yield change.person_id
            case c.EndInvolvement() if news.message is None:
                yield change.person_id
            case _:
                pass


def move(ledger: Ledger, news: News, in_transfer: frozenset[tuple[str, str]] = frozenset()) -> None:
    """Everything that the news moves. `in_transfer`: (person, team) for whom the team has a line of a transfer open."""
    for change in news.changes:
        match change:
            case c.MergePersons():
                moves.merge(ledger, change.gone, change.into)
            case c.PersonLives():
                for function in moves.HELD:
                    moves.mend(ledger, (change.person_id, function))
            case c.EndInvolvement() if news.message is None and (change.person_id, change.team_id) not in in_transfer:
                moves.give_up(ledger, news.directory.teams[change.team_id], change.person_id, Unheld.ENDED)
            case _:
                pass
    if news.message is not None:
        _born(ledger, news, news.message)
        _by_policy(ledger, news, news.message, in_transfer)
        _no_longer_pregnant(ledger, news, news.message)
    for person_id in sorted(set(_of_changes(news))):
        moves.close(ledger, person_id, news.world.people[person_id].state)


def displaced(ledger: Ledger, news: News) -> Iterator[tuple[c.MergePersons, str]]:
    """Teams that were responsible for a record which turned out to be of a person for whom another team is. Before anything moves."""
    for change in news.changes:
        if isinstance(change, c.MergePersons):
            for function in moves.HELD:
                theirs = ledger.holder((change.gone, function))
                if theirs is not None and ledger.holder((change.into, function)) not in (None, theirs):
                    yield change, theirs


def addressed(news: News) -> frozenset[Key]:
    """Of whom, in which function, a message says who is responsible or that nobody is, whether or not that moved anything."""
    if news.message is None:
        return frozenset()
    said = {
        (person_id, function)
        for rule, subject, team in _lines(news, news.message)
        for function in (moves.held_as(team.function if team else Function.GENERAL_PRACTICE),)
        for person_id in _about(news, rule, subject)
        if function is not None
    }
    ended = news.message.subjects if news.is_of(Event.PREGNANCY_END) else ()
    return frozenset(said | {(news.alive(id_), Function.MIDWIFERY) for id_ in ended})


def _born(ledger: Ledger, news: News, message: Message) -> None:
    """A baby whom nobody expected is its mother's midwives'; one who was expected stays whose it was."""
    if not news.is_of(Event.BIRTH):
        return
    for child in map(news.alive, message.subjects):
        for mother in mothers_of(news.world, child):
            hers = ledger.current((mother, Function.MIDWIFERY))
            booked = hers is not None and hers.known_at.date() <= message.occurred.date()
            if hers is not None and hers.team_id is not None and booked and _may_begin(news, child):
                moves.take(ledger, news.directory.teams[hers.team_id], child, first_only=True)


def _by_policy(ledger: Ledger, news: News, message: Message, in_transfer: frozenset[tuple[str, str]]) -> None:
    for rule, subject, team in _lines(news, message):
        for person_id in _about(news, rule, subject):
            if rule.team == "practice" and not _settled(ledger, news, person_id, team):
                continue
            if team is None:
                moves.registered_elsewhere(ledger, person_id)
            elif rule.effect == "takes":
                moves.take(ledger, team, person_id, first_only=rule.first_only)
            elif not (rule.stays_in_transfer and (person_id, team.id) in in_transfer):
                moves.give_up(ledger, team, person_id, rule.why or Unheld.ENDED)


def _settled(ledger: Ledger, news: News, person_id: str, practice: Team | None) -> bool:
    """Whether whoever says it may end what the practice so far has."""
    holder = ledger.holder((person_id, Function.GENERAL_PRACTICE))
    return settles(news.sender, practice, holder, looked_up=news.looked_up)


def _lines(news: News, message: Message) -> Iterator[tuple[ResponsibilityRule, str, Team | None]]:
    """The rules that apply, for each subject, with the team they are about; None for a practice that the directory does not name."""
    for rule in news.rules:
        for subject in message.subjects:
            team: Team | None = news.sender
            function = news.sender.function
            if rule.team == "practice":
                person = message.person(subject)
                practice = practice_of(person, news.sender, news.directory)
                if practice is None and (rule.effect == "ends" or person.practice is None):
                    continue
                team, function = practice, Function.GENERAL_PRACTICE
            if rule.applies(message.kind, function, news.sender.function):
                yield rule, subject, team


def _about(news: News, rule: ResponsibilityRule, subject: str) -> Iterator[str]:
    alive = news.alive(subject)
    if _may_begin(news, alive):
        yield alive
    if rule.with_unborn:
        yield from (child.id for child in unborn_of(news.world, alive))


def _may_begin(news: News, person_id: str) -> bool:
    known = news.world.people.get(person_id)
    return known is not None and moves.open_to_all(known.state)


def _no_longer_pregnant(ledger: Ledger, news: News, message: Message) -> None:
    """Midwifery's work with her is done, unless she expects another child or it cares for one who was born."""
    if not news.is_of(Event.PREGNANCY_END):
        return
    ended = {change.person_id for change in news.changes if isinstance(change, c.EndPregnancy)}
    named = {news.alive(id_) for id_ in message.subjects}
    for mother in sorted({*named, *(m for child in named | ended for m in mothers_of(news.world, child))} - ended):
        goes_on = any(ledger.holder((child, Function.MIDWIFERY)) for child in _born_of(news, mother))
        key = (mother, Function.MIDWIFERY)
        if ledger.holder(key) is not None and not unborn_of(news.world, mother) and not goes_on:
            ledger.unheld(key, Unheld.PREGNANCY_ENDED, HeldBy.END)


def _born_of(news: News, mother: str) -> Iterator[str]:
    return (child.id for child in children_of(news.world, mother) if child.state is PersonState.LIVING)
