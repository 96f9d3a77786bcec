"""Look for patterns when something is received, released, confirmed or late: raised once, growing, each team on what it may see.

What makes a pattern is decided in `domain.patterns`. Nothing here closes one but a recorded discussion, or the death of the
last child that it was about (the end of a pregnancy likewise).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from sqlmodel import Session

from broker.domain import patterns as rules
from broker.domain import vicinity
from broker.domain.around import around
from broker.domain.pattern_rules import PatternRule, ScopeKind
from broker.domain.patterns import Scope
from broker.domain.states import NotificationState
from broker.errors import Conflict
from broker.storage import audit, notifications, patterns, people, tasks
from broker.storage.store import Raced
from broker.storage.tables import Notification, Pattern, PatternDue
from broker.storage.task_values import Stored
from broker.storage.world import load_world
from broker.workflow import pattern_flags, pattern_tasks, raising, said
from broker.workflow.context import Context
from broker.workflow.pattern_view import Ground, PatternView
from schemas.message import Message

AT_ONCE = 100
"""Persons in one pass of the clock."""
MESSAGES_AT_ONCE = 500
"""Messages in one pass."""
FAMILIES_AT_ONCE = 4
"""Families looked at for them in one pass, some 20 ms each, however many messages came about one: what is told of them meanwhile waits for the pass to end."""


def received(
    session: Session,
    ctx: Context,
    notification_id: str,
    message: Message,
    changed: Collection[str],
    now: datetime,
) -> None:
    """Have it seen what a message makes of what was notified before; by the clock, at once, so that its sender need not wait for it.

    `changed`: households that changed by it. A message that counts towards nothing costs nothing.
    """
    for rule in ctx.policy.patterns.rules.values():
        _look_later(session, rule, message, now)
    if changed or _wanted(ctx, message, changed):
        patterns.look_at(session, notification_id, changed, now)


def _wanted(ctx: Context, message: Message, changed: Collection[str]) -> list[PatternRule]:
    """The rules that a message may make a pattern of."""
    policy = ctx.policy.patterns
    function = ctx.directory.teams[message.sender or ""].function
    wanted = [rule for rule in policy.rules.values() if rules.prompts(rule, message, function)]
    if changed and message.event in policy.again_after:
        wanted += [rule for rule in policy.rules.values() if _of_a_home(rule) and rule not in wanted]
    return wanted


@dataclass(slots=True)
class _Family:
    """What came about the same persons in the same homes, looked at once for all of it."""

    homes: tuple[str, ...]
    subjects: tuple[str, ...]
    notifications: list[str] = field(default_factory=list)
    wanted: dict[str, PatternRule] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)


def _families(session: Session, ctx: Context, came: Sequence[PatternDue]) -> Iterator[_Family]:
    """The oldest first, and no more than `FAMILIES_AT_ONCE`."""
    rows = {row.id: row for row in notifications.several(session, [due.notification_id for due in came])}
    said = {id_: notifications.message_of(ctx.codec, row) for id_, row in rows.items()}
    world = load_world(session, ctx.codec, {person for message in said.values() for person in message.subjects})
    found: dict[tuple[object, ...], _Family] = {}
    for due in came:
        message = said[due.notification_id]
        homes = vicinity.routed_households(around(world, message.subjects), message.subjects, message.sender or "")
        key = (homes, message.subjects)
        if key not in found and len(found) == FAMILIES_AT_ONCE:
            continue
        family = found.setdefault(key, _Family(homes, message.subjects))
        family.notifications.append(due.notification_id)
        if rows[due.notification_id].state is NotificationState.ACCEPTED:
            family.wanted |= {rule.name: rule for rule in _wanted(ctx, message, due.changed)}
            family.changed |= set(due.changed)
    yield from found.values()


def _look_at(session: Session, ctx: Context, family: _Family, now: datetime) -> None:
    """What its messages make of what was notified before, in the world as it is now."""
    homes, subjects, wanted = family.homes, family.subjects, list(family.wanted.values())
    looking = _Looking(session, ctx, now, tuple(family.notifications))
    looking.at(wanted, homes, subjects)
    if family.changed and patterns.any_open(session, {*homes, *family.changed}, subjects):
        looking.at_open({*homes, *family.changed}, subjects, but=wanted)


def changed(session: Session, ctx: Context, household_ids: Iterable[str], now: datetime) -> None:
    """Look again at households of which somebody has confirmed who lives there."""
    wanted = [rule for rule in ctx.policy.patterns.rules.values() if _of_a_home(rule)]
    for home in sorted(household_ids):
        members = people.members(session, [home])
        _Looking(session, ctx, now).at(wanted, [home], members)


def _of_a_home(rule: PatternRule) -> bool:
    """Whether who comes into a home makes what is known of it matter anew; a rule that waits for another event goes on waiting."""
    return rule.home is not None and rule.prompted_by is None


def released(session: Session, ctx: Context, notification_id: str, now: datetime) -> None:
    """What was held back counts from now on for those who have it."""
    row = session.get_one(Notification, notification_id)
    message = said.now(session, ctx.codec, row)
    function = ctx.directory.teams[message.sender or ""].function
    wanted = [rule for rule in ctx.policy.patterns.rules.values() if rules.prompts(rule, message, function)]
    if wanted:
        world = load_world(session, ctx.codec, message.subjects)
        homes = vicinity.routed_households(world, message.subjects, message.sender or "")
        _Looking(session, ctx, now, (notification_id,)).at(wanted, homes, message.subjects)


def taken_back(session: Session, ctx: Context, notification_id: str, now: datetime) -> None:
    """Evidence that its sender took back is shown to nobody any more. What it had raised stays for a person to close (F17)."""
    for pattern in patterns.take_back(session, notification_id, now):
        _Looking(session, ctx, now).refresh(pattern)


def answered(session: Session, ctx: Context, task: Stored, now: datetime) -> None:
    """A discussion was recorded, and nobody else is asked: the pattern is closed with its outcome, and its flags withdrawn."""
    pattern = patterns.of_task(session, task.row.id)
    if pattern is None or not patterns.hold_open(session, pattern.id) or not patterns.all_answered(session, pattern.id):
        return
    talk = (one.content.get("discussion") for one in patterns.tasks_of(session, ctx.codec, pattern.id))
    outcomes = [said["outcome"] for said in talk if said is not None and said["outcome"]]
    if outcomes:
        pattern_flags.withdraw(session, ctx, pattern.id, now)
        patterns.close(session, pattern.id, outcomes[-1], now)
        _note(session, pattern, {"closed": outcomes[-1]}, now)


def handed_on(session: Session, ctx: Context, task: Stored, to_team: str, now: datetime) -> None:
    """A team gave its task to another of its agency, which sees on it what it may see itself. Conflict when that is too little."""
    pattern = patterns.of_task(session, task.row.id)
    view = None if pattern is None else _Looking(session, ctx, now).view(pattern)
    if pattern is None or view is None or view.rule.task is None:
        return
    if not view.may_hold(to_team):
        raise Conflict("That team may not see what this task is about.", allowed=[])
    moved = [one for one in patterns.tasks_of(session, ctx.codec, pattern.id) if one.row.id == task.row.id]
    pattern_tasks.show(session, ctx, moved, view, now, again=False)


def pass_time(session: Session, ctx: Context, now: datetime) -> int:
    """Look at what has come, then at whom time has made overdue; how many."""
    came = patterns.came(session, now, FAMILIES_AT_ONCE, MESSAGES_AT_ONCE)
    for family in _families(session, ctx, came) if came else ():
        _look_at(session, ctx, family, now)
        patterns.seen(session, family.notifications)
    due = patterns.due_looks(session, now, AT_ONCE)
    for look in due:
        rule = ctx.policy.patterns.rules.get(look.rule)
        if rule is not None:
            world = load_world(session, ctx.codec, [look.person_id])
            _Looking(session, ctx, now).at([rule], world.households_of(look.person_id), [look.person_id])
        patterns.looked(session, look)
    return len(came) + len(due)


def _note(session: Session, pattern: Pattern, what: dict[str, object], now: datetime) -> None:
    """For the auditor: that it was raised, by which events and which policy; what it came to."""
    detail = {"rule": pattern.rule, **what}
    audit.record(session, action="decide", entity="pattern", entity_id=pattern.id, now=now, detail=detail)


def _look_later(session: Session, rule: PatternRule, message: Message, now: datetime) -> None:
    at = rules.look_at(rule, message)
    if at is not None and at > now:
        patterns.look_later(session, rule.name, dict.fromkeys(message.subjects, at))


@dataclass(frozen=True)
class _Looking:
    """One look, with what it needs."""

    session: Session
    ctx: Context
    now: datetime
    notification_ids: Sequence[str] = ()
    """The messages that prompted it."""

    def at(self, wanted: Sequence[PatternRule], homes: Collection[str], persons: Collection[str]) -> None:
        """Look for these patterns in these households, and about these persons."""
        asked: dict[Scope, list[PatternRule]] = {}
        for rule in wanted:
            for scope in self._scopes(rule.scope, homes, persons):
                asked.setdefault(scope, []).append(rule)
        for scope, found in asked.items():
            patterns.hold(self.session, scope)
            self._at(scope, found, tell=True)

    def at_open(self, homes: Collection[str], persons: Collection[str], *, but: Sequence[PatternRule]) -> None:
        """Look at all that are open there, because somebody changed: who may hold a flag, whom it is about."""
        for kind in get_args(ScopeKind):
            for scope in self._scopes(kind, homes, persons):
                open_ = patterns.open_in(self.session, scope)
                known = self.ctx.policy.patterns.rules
                self._at(scope, [known[name] for name in open_ if name in known and known[name] not in but], tell=False)

    def _at(self, scope: Scope, wanted: Sequence[PatternRule], *, tell: bool) -> None:
        if not wanted:
            return
        open_ = patterns.open_in(self.session, scope)
        ground = Ground(self.session, self.ctx, scope, wanted, open_, self.now)
        if not ground.children:
            for pattern in open_.values():
                self._end(pattern)
            return
        if scope.household_id is not None:
            self._bring(ground, open_)
        for rule in wanted:
            self._look(PatternView(ground, rule), tell=tell)

    def _bring(self, ground: Ground, open_: dict[str, Pattern]) -> None:
        """A family that moved brings what was open about it: where it lived no child is left."""
        here = ground.scope.household_id or ""
        for pattern in patterns.left_behind(self.session, here, ground.children):
            there = self._scope_of(pattern)
            if pattern.rule not in open_ and not set(there.persons) & set(ground.children):
                world = load_world(self.session, self.ctx.codec, there.persons)
                if not rules.children(there, world, self.now):
                    patterns.move(self.session, pattern, here)
                    open_ |= patterns.open_in(self.session, ground.scope)

    def refresh(self, pattern: Pattern) -> None:
        """Bring what a pattern shows, and to whom, up to what is known now."""
        view = self.view(pattern)
        if view is not None and view.children:
            self._grow(pattern, view, tell=False)

    def view(self, pattern: Pattern) -> PatternView | None:
        """A pattern as it is now; None under a policy that has it no longer: its tasks and flags stay until it is closed."""
        rule = self.ctx.policy.patterns.rules.get(pattern.rule)
        if rule is None:
            return None
        scope = self._scope_of(pattern)
        return PatternView(Ground(self.session, self.ctx, scope, [rule], {rule.name: pattern}, self.now), rule)

    def _scopes(self, kind: ScopeKind, homes: Collection[str], persons: Collection[str]) -> Iterator[Scope]:
        """Of a household; of somebody who is in none that counts, the person alone."""
        if kind == "household" and homes:
            for home in sorted(homes):
                members = frozenset(people.members(self.session, [home]))
                yield Scope(household_id=home, person_id=None, persons=members)
        else:
            for person in sorted(persons):
                yield Scope(household_id=None, person_id=person, persons=frozenset({person}))

    def _scope_of(self, pattern: Pattern) -> Scope:
        if pattern.household_id is None:
            return Scope(household_id=None, person_id=pattern.person_id, persons=frozenset({pattern.person_id or ""}))
        members = frozenset(people.members(self.session, [pattern.household_id]))
        return Scope(household_id=pattern.household_id, person_id=None, persons=members)

    def _look(self, view: PatternView, *, tell: bool) -> None:
        if view.pattern is not None:
            self._grow(view.pattern, view, tell=tell)
        elif rules.at_home(view.rule, view.scope, view.ground.world, self.now) and rules.met(
            view.rule, view.pieces, self.now
        ):
            self._open(view)

    def _open(self, view: PatternView) -> None:
        """Raise it, if there is a team that may see enough of it."""
        asked = self._asked(view)
        if not view.owners and not asked:
            return
        pattern = patterns.add(self.session, view.rule.name, view.scope, self.ctx.policy.version, self.now)
        for task_id in asked:
            patterns.add_task(self.session, pattern.id, task_id)
        found = self._evidence(pattern, view)
        _note(self.session, pattern, {"policy": pattern.policy_version, "evidence": found}, self.now)
        self._tasks(pattern, view, view.owners)
        pattern_flags.refresh(self.session, self.ctx, pattern, view, self.now)

    def _grow(self, pattern: Pattern, view: PatternView, *, tell: bool) -> None:
        """What is new shows on its tasks; whoever does the work by now is asked too. One that was closed meanwhile stays as it is."""
        if not patterns.hold_whole(self.session, pattern.id):
            return
        for task_id in self._asked(view):
            patterns.add_task(self.session, pattern.id, task_id)
        fresh = self._evidence(pattern, view)
        open_ = patterns.tasks_of(self.session, self.ctx.codec, pattern.id)
        have = {task.row.owner_team_id for task in open_}
        again = bool(fresh) and tell and self.now - pattern.told_at >= view.rule.again
        pattern_tasks.show(self.session, self.ctx, open_, view, self.now, again=again)
        if fresh and view.rule.follows_work:
            self._tasks(pattern, view, [team for team in view.owners if team not in have])
        if again:
            patterns.told(self.session, pattern, self.now)
        pattern_flags.refresh(self.session, self.ctx, pattern, view, self.now)

    def _asked(self, view: PatternView) -> list[str]:
        """The tasks that the policy asked for when this message came, where they are the pattern's."""
        if not view.rule.asked_by or not self.notification_ids or view.scope.person_id is None:
            return []
        found = tasks.about_any(self.session, self.ctx.codec, self.notification_ids, patterns.TALKS)
        return [
            task.row.id
            for task in found
            if (task.row.dedupe_key or "").startswith(f"{view.rule.asked_by}:")
            and patterns.of_task(self.session, task.row.id) is None
        ]

    def _evidence(self, pattern: Pattern, view: PatternView) -> list[str]:
        """What is new of what counts. Raced when its sender has just taken one back."""
        found = [piece.happening.id for piece in view.pieces]
        fresh = patterns.add_evidence(self.session, pattern.id, found, self.now)
        if len(notifications.hold_standing(self.session, fresh)) < len(fresh):
            raise Raced
        return fresh

    def _tasks(self, pattern: Pattern, view: PatternView, teams: Iterable[str]) -> None:
        for team in teams:
            wanted = pattern_tasks.wanted(pattern.id, view, team, self.now)
            [task_id] = raising.raise_tasks(self.session, self.ctx, [wanted], self.now)
            patterns.add_task(self.session, pattern.id, task_id)

    def _end(self, pattern: Pattern) -> None:
        """Nobody is left whom it was about: nobody bereaved is asked (principle 14). Who lives elsewhere by now is left."""
        if people.open_among(self.session, patterns.named_by(self.session, pattern)):
            return
        if not patterns.hold_whole(self.session, pattern.id):
            return
        pattern_tasks.cancel(self.session, self.ctx, pattern.id, self.now)
        pattern_flags.withdraw(self.session, self.ctx, pattern.id, self.now)
        patterns.close(self.session, pattern.id, patterns.NO_LONGER_CURRENT, self.now)
        _note(self.session, pattern, {"closed": patterns.NO_LONGER_CURRENT}, self.now)
