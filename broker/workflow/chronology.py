"""The chronology of a household as a caller's team sees it: every event rendered for it, in the order of times that it may know, with gaps.

What the team may not see is not there, changes no other line and no gap, and is counted nowhere.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import Session

from broker.domain import chronology as rules
from broker.domain import matching, quiet, sharing
from broker.domain.around import around
from broker.domain.caller import Caller
from broker.domain.chronology import Before, Seen
from broker.domain.expecting import ExpectationRule
from broker.domain.quiet import Quiet
from broker.domain.states import PersonState, View
from broker.domain.visibility import LEADS
from broker.domain.world import Team, World
from broker.storage import chronology as entries
from broker.storage import people
from broker.storage.chronology import Entry, Window
from broker.storage.deliveries import RELEASE_REFUSED
from broker.storage.missed import missed
from broker.storage.reserving import reserved
from broker.storage.tables import Expectation
from broker.storage.world import load_world
from broker.workflow import view
from broker.workflow.context import Context
from broker.workflow.gates import Gates, all_gates
from schemas.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event as the team sees it."""

    id: str
    """By which the team knows the message; of one that it was never sent, an id of its own that says nothing."""
    notification: str
    at: datetime
    """When it happened, as far as the view says so; else when it was told."""
    view: View
    own: bool
    """The team sent it itself."""
    told: bool
    """It was sent to the team."""
    known_at: datetime
    """Since when the team could know it: when it was told; else when Baton had it."""
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Something that was expected of a child's team and did not come in time."""

    rule: ExpectationRule
    person_id: str
    due_at: datetime
    ended_at: datetime | None
    """When it came after all, or its team answered; None while it is still asked for."""
    alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronology:
    """All that a team sees of a household's events."""

    team: Team
    world: World
    lines: tuple[Line, ...]
    """The earliest first."""
    gaps: tuple[Quiet, ...]
    """Times without contact; none unless the team sees the whole household."""
    missed: tuple[Missed, ...]
    """The same of what was expected after an event that the team sees, of a team that it may know of."""
    seen: frozenset[str]
    """Who of the household it sees."""
    behind: tuple[Line, ...] = ()
    """Contacts that the page does not show, by which gaps and who was last seen are told as they are; the earliest first."""
    more: bool = False
    """There are earlier events than these."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look of one team at some notifications."""

    session: Session
    ctx: Context
    team: Team
    everybody: World
    before: Mapping[str, Before]
    gates: Mapping[str, Gates]
    sealed: frozenset[str]
    unnamed: frozenset[str]
    """Children there whom nobody has agreed to name to the team: what it was not told names them neither."""
    reserved_since: datetime | None
    """From when on what it is told does not name them either."""
    left: Mapping[str, date]
    emergency: bool
    """Nobody of the team works there: what is held for release stays held, whoever else it would reach."""
    now: datetime

    def lines(self, found: Sequence[Entry], members: Collection[str]) -> Iterator[Line]:
        """Those that the team sees, in no order. Of who has left only what came to it while they lived there."""
        for entry in found:
            lives_here = not set(members).isdisjoint(entry.message.subjects)
            if lives_here or self._was_there(entry):
                line = self._own_line(entry) if entry.sender == self.team.id else self._line(entry, decide=lives_here)
                if line is not None:
                    yield line

    def _was_there(self, entry: Entry) -> bool:
        day = entry.occurred_at.date()
        return any(day <= self.left[person] for person in entry.message.subjects if person in self.left)

    def _own_line(self, entry: Entry) -> Line | None:
        message = rules.without(entry.message, self.sealed & {person.key for person in entry.message.people})
        if message is None:
            return None
        return self._made(entry, message, View.FULL, entry.received_at, told=False)

    def _line(self, entry: Entry, *, decide: bool) -> Line | None:
        before = self.before.get(entry.id)
        world = around(self.everybody, [person.key for person in entry.message.people])
        seen = rules.seen(
            entry.message,
            around(self.everybody, entry.message.weighed),
            self.team,
            before,
            policy=self.ctx.policy,
            directory=self.ctx.directory,
            now=self.now,
            refused=RELEASE_REFUSED,
            emergency=self.emergency,
        )
        if seen is None or (seen.told is None and not decide):
            return None
        told = seen.told is not None
        rendered = self._rendered(entry, world, seen)
        message = rendered if told else rules.without(rendered, self.unnamed)
        if message is None:
            return None
        message = replace(message, id=seen.told or self._id(entry), reference=None)
        return self._made(entry, message, seen.view, seen.at if told else entry.received_at, told=told)

    def _rendered(self, entry: Entry, world: World, seen: Seen) -> Message:
        decided = self.gates.get(entry.id, Gates(()))
        return sharing.render(
            entry.message,
            recipient=self.team,
            view=seen.view,
            reason_code=seen.reason_code,
            world=world,
            directory=self.ctx.directory,
            policy=self.ctx.policy,
            told_at=seen.at,
            released=decided.released_to(self.team),
            agreed=decided.named_to(self.team),
            unnamed=self.unnamed if self.reserved_since is not None and self.reserved_since <= seen.at else frozenset(),
        )

    def _made(self, entry: Entry, message: Message, seen: View, known_at: datetime, *, told: bool) -> Line:
        return Line(
            id=message.id,
            notification=entry.id,
            at=message.occurred,
            view=seen,
            own=entry.sender == self.team.id,
            told=told,
            known_at=known_at,
            message=message,
        )

    def _id(self, entry: Entry) -> str:
        """The same at every look, and another for every team."""
        return str(uuid5(NAMESPACE_URL, f"{entry.id}:{self.team.id}"))


def chronology(session: Session, ctx: Context, caller: Caller, household_id: str, now: datetime) -> Chronology | None:
    """Everything of the household that the caller's team sees; None when it may not know of the household, and when there is none."""
    home = view.home(session, ctx, caller, household_id, now)
    return None if home is None else of_home(session, ctx, home, household_id, now)


def of_home(
    session: Session, ctx: Context, home: view.Home, household_id: str, now: datetime, *, window: Window | None = None
) -> Chronology:
    """The same of a household that the team is known to see. `window`: of a long one only so many lines, which costs less."""
    members = [id_ for id_ in home.world.members_of(household_id) if not _hidden(home.world, id_)]
    gone = {id_: day for id_, day in entries.left(session, household_id).items() if id_ not in members}
    late = missed(session, home.seen.persons, ctx.policy.expectations.rules) if home.seen.whole else []
    shown, others, more = _read(session, ctx, {*members, *gone}, late, window)
    found = _now_known(session, [*shown, *others])
    named = {person.key for entry in found for person in entry.message.people}
    everybody = home.as_seen(load_world(session, ctx.codec, named | set(members) | gone.keys()), household_id, now)
    ids = [entry.id for entry in found]
    look = _Look(
        session=session,
        ctx=ctx,
        team=home.team,
        everybody=everybody,
        before=entries.decided_for(session, home.team.id, ids),
        gates=all_gates(session, ctx.codec, ids) if ids else {},
        sealed=frozenset(id_ for id_, known in everybody.people.items() if known.state is PersonState.SEALED),
        unnamed=home.seen.unnamed,
        reserved_since=min((one.since for one in reserved(session, members, [home.team.id])), default=None),
        left={id_: day for id_, day in gone.items() if not _hidden(everybody, id_)},
        emergency=home.emergency is not None,
        now=now,
    )
    lines = tuple(sorted(look.lines(found, members), key=lambda line: (line.at, line.id)))
    on_page = {entry.id for entry in shown}
    return Chronology(
        team=home.team,
        world=home.world,
        lines=tuple(line for line in lines if line.notification in on_page),
        gaps=tuple(_gaps(lines, home, household_id, ctx, now)) if home.seen.whole else (),
        missed=tuple(_missed(late, lines, home, ctx)),
        seen=home.seen.persons,
        behind=tuple(line for line in lines if line.notification not in on_page),
        more=more,
    )


def _read(
    session: Session, ctx: Context, persons: Collection[str], late: Sequence[Expectation], window: Window | None
) -> tuple[list[Entry], list[Entry], bool]:
    """What is shown; what else must be looked at so that no gap is told which is none, and none is left out; whether there is more."""
    shown = entries.about(session, ctx.codec, persons, window=window)
    if window is None:
        return shown, [], False
    more = len(shown) > window.most
    shown = shown[-window.most :]
    if not more and not window.skip:
        return shown, [], False
    contacts = entries.about(session, ctx.codec, persons, events=ctx.policy.chronology.contacts)
    asked_for = {id_ for one in late for id_ in (one.notification_id, one.met_by) if id_}
    known = {entry.id: entry for entry in (*contacts, *entries.of(session, ctx.codec, asked_for))}
    on_page = {entry.id for entry in shown}
    return shown, [entry for id_, entry in known.items() if id_ not in on_page], more


def _gaps(lines: Sequence[Line], home: view.Home, household_id: str, ctx: Context, now: datetime) -> Iterator[Quiet]:
    contacts = [
        one for line in lines if (one := quiet.contact(line.message, line.view, ctx.policy.chronology)) is not None
    ]
    here = {id_: home.world.people[id_] for id_ in home.world.members_of(household_id) if id_ in home.seen.persons}
    yield from quiet.quiet(contacts, replace(home.world, people=here), ctx.policy.chronology, now)


def _missed(late: Sequence[Expectation], lines: Sequence[Line], home: view.Home, ctx: Context) -> Iterator[Missed]:
    """What the team may know was expected and late: after what it sees, from whom it may know of, and come by what it sees."""
    rules_now, shown = ctx.policy.expectations.rules, {line.notification for line in lines}
    for one in late:
        ended = one.met_by is None or one.met_by in shown
        if one.notification_id in shown and ended and _may_know(home.team, one.owed_by, ctx):
            yield Missed(
                rule=rules_now[one.rule],
                person_id=one.person_id,
                due_at=one.due_at,
                ended_at=one.ended_at,
                alerts=one.alerts,
            )


def _may_know(viewer: Team, owed_by: str, ctx: Context) -> bool:
    """Whether the viewer may know who owes it: a team, or a function (sharing principle 9)."""
    team = ctx.directory.teams.get(owed_by)
    function = team.function if team is not None else owed_by
    return viewer.function in LEADS or function in {
        viewer.function,
        *ctx.policy.visible[ctx.policy.groups[viewer.function]],
    }


def _now_known(session: Session, found: Sequence[Entry]) -> list[Entry]:
    """With their persons as those who they turned out to be since."""
    as_now = people.survivors(session, {person.key for entry in found for person in entry.message.people})
    merged = {old: new for old, new in as_now.items() if old != new}
    return [_rekeyed(entry, merged) for entry in found]


def _rekeyed(entry: Entry, merged: Mapping[str, str]) -> Entry:
    """As it is where nobody in it was merged: of thousands of events that is a tenth of the work."""
    if merged.keys().isdisjoint(person.key for person in entry.message.people):
        return entry
    return replace(entry, message=matching.rekey(entry.message, merged))


def _hidden(world: World, person_id: str) -> bool:
    known = world.people.get(person_id)
    return known is None or known.state in (PersonState.SEALED, PersonState.MERGED)
