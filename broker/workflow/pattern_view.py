"""All that is known when one pattern is looked for in one scope, read once and only as far as it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlmodel import Session

from broker.domain import pattern_teams, sight
from broker.domain import patterns as rules
from broker.domain.pattern_rules import PatternRule
from broker.domain.patterns import Piece, Scope
from broker.domain.responsibility import Holding, Key
from broker.domain.world import Team, World
from broker.storage import chronology, patterns, responsibility
from broker.storage import sight as addressed
from broker.storage.tables import Pattern
from broker.storage.world import load_world
from broker.workflow.context import Context
from broker.workflow.pattern_sight import Eyes


@dataclass(frozen=True)
class Ground:
    """What several rules have in common that are looked for in one scope."""

    session: Session
    ctx: Context
    scope: Scope
    rules: Sequence[PatternRule]
    open: Mapping[str, Pattern]
    """What is open already in this scope, by rule."""
    now: datetime
    _looked_up: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        """All round the persons of the scope."""
        return load_world(self.session, self.ctx.codec, self.scope.persons)

    @cached_property
    def children(self) -> tuple[str, ...]:
        """Children of the scope who live, unborn ones included, the youngest first."""
        return rules.children(self.scope, self.world, self.now)

    @cached_property
    def held(self) -> Mapping[Key, Holding]:
        """Who is responsible for these children."""
        return responsibility.holders(self.session, self.children)

    @cached_property
    def eyes(self) -> Eyes:
        """Eyes on every event that counts towards one of the rules."""
        since = min(self.start(rule) for rule in self.rules)
        events = {event for rule in self.rules for event in rule.events()}
        entries = chronology.about(
            self.session, self.ctx.codec, sorted(self.scope.persons), since=since, events=sorted(events)
        )
        addresses = any(rule.count in rules.BY_ADDRESS for rule in self.rules)
        return Eyes.on(self.session, self.ctx, entries, self.now, addresses=addresses)

    def children_for(self, team: Team) -> tuple[str, ...]:
        """Those of the children whom a team may look up."""
        if team.id not in self._looked_up:
            told = addressed.told_in_full(self.session, team.id, list(self.world.people))
            seen = set(sight.own_clients(self.world, team, told))
            for home in sorted({home for child in self.children for home in self.world.households_of(child)}):
                there = sight.of_household(self.world, home, team, self.ctx.policy, told=told, now=self.now)
                seen |= there.persons if there is not None else frozenset()
            self._looked_up[team.id] = tuple(child for child in self.children if child in seen)
        return self._looked_up[team.id]

    def start(self, rule: PatternRule) -> datetime:
        """How far back a rule looks: from now, or from when it was found."""
        found = self.open.get(rule.name)
        return (self.now if found is None else found.opened_at) - rule.looks_back


@dataclass(frozen=True)
class PatternView:
    """One rule on that ground."""

    ground: Ground
    rule: PatternRule
    _seen_by: dict[str, tuple[Piece, ...]] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """Whose events are looked at."""
        return self.ground.scope

    @property
    def children(self) -> tuple[str, ...]:
        """Children of the scope who live."""
        return self.ground.children

    @property
    def pattern(self) -> Pattern | None:
        """The one that is open."""
        return self.ground.open.get(self.rule.name)

    @cached_property
    def since(self) -> datetime:
        """From when on events count: what happened before the last discussion was talked about, before an answer is answered."""
        session, before = self.ground.session, self.ground.now if self.pattern is None else self.pattern.opened_at
        closed = patterns.last_closed(session, self.rule.name, self.scope)
        talk = patterns.last_talk(session, self.children, before) if self.rule.undiscussed else None
        asked = self.rule.unanswered
        answer = patterns.last_answered(session, asked, self.children, before) if asked is not None else None
        return max(at for at in (self.ground.start(self.rule), closed, talk, answer) if at is not None)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Every event that counts, whoever may see it."""
        return self._counting(self.ground.eyes.all())

    def seen_by(self, team_id: str) -> tuple[Piece, ...]:
        """What counts of what a team may see, as it sees it; what does not count as it is counts for nobody."""
        if team_id not in self._seen_by:
            counting = {piece.happening.id for piece in self.pieces}
            self._seen_by[team_id] = self._counting(self.ground.eyes.of(team_id, counting))
        return self._seen_by[team_id]

    def may_hold(self, team_id: str) -> bool:
        """Whether a team sees enough of it to be told that it is there."""
        seen = self.seen_by(team_id)
        return rules.met(self.rule, seen, self.ground.now) or (
            self.pattern is not None and rules.enough(self.rule, seen)
        )

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The teams that are to act."""
        return pattern_teams.owners(
            self.rule,
            self.pieces,
            self.scope,
            self.children,
            self.ground.world,
            self.ground.ctx.directory,
            self.ground.held,
            self.may_hold,
        )

    def _counting(self, happenings: Sequence[rules.Happening]) -> tuple[Piece, ...]:
        return rules.pieces(self.rule, happenings, self.scope, self.ground.world, self.since, self.ground.now)
