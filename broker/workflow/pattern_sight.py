"""What teams see of the events that a pattern is made of: each as it would be rendered for the team, or not at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlmodel import Session

from broker.domain import chronology as sight
from broker.domain.around import around
from broker.domain.chronology import Seen
from broker.domain.patterns import Happening, Piece
from broker.domain.rendering import render
from broker.domain.states import View
from broker.domain.world import World
from broker.storage import chronology, people
from broker.storage.chronology import Entry
from broker.storage.deliveries import RELEASE_REFUSED
from broker.storage.world import load_world
from broker.workflow.context import Context
from schemas.message import Message, PostalAddress

TELLING: Final = frozenset({View.FULL, View.RISK})
"""Views that say what happened; what a team has of others does not count for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """Eyes on some notifications: as they are, and as each team sees them."""

    session: Session
    ctx: Context
    entries: Sequence[Entry]
    now: datetime
    addresses: bool
    """Whether anybody asks where people live."""
    _everybody: World
    _seen: dict[tuple[str, str], Happening | None] = field(default_factory=dict)
    """By team and notification, as far as anybody asked."""
    _decided: dict[str, Mapping[str, sight.Before]] = field(default_factory=dict)
    _worlds: dict[str, World] = field(default_factory=dict)
    _place: dict[PostalAddress, str | None] = field(default_factory=dict)
    _known_as: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def on(cls, session: Session, ctx: Context, entries: Sequence[Entry], now: datetime, *, addresses: bool) -> "Eyes":
        """Eyes on these, the world round all their people read once."""
        persons = {person.key for entry in entries for person in entry.message.people}
        everybody = load_world(session, ctx.codec, persons)
        return cls(session=session, ctx=ctx, entries=entries, now=now, addresses=addresses, _everybody=everybody)

    def all(self) -> tuple[Happening, ...]:
        """Everything as it is, which is for nobody to see."""
        return tuple(self._happening(entry, entry.message) for entry in self.entries)

    def of(self, team_id: str, wanted: Collection[str]) -> tuple[Happening, ...]:
        """What a team sees of these notifications: only what says what happened, without what it may not know of it."""
        seen = (self._seen_once(team_id, entry) for entry in self.entries if entry.id in wanted)
        return tuple(one for one in seen if one is not None)

    def lines(self, team_id: str, found: Sequence[Piece]) -> list[str]:
        """The events, one a line, as the team may see them: day, what, from whom, and the message by which it knows it."""
        return [self._line(team_id, piece.happening) for piece in found]

    def _seen_once(self, team_id: str, entry: Entry) -> Happening | None:
        key = (team_id, entry.id)
        if key not in self._seen:
            if team_id not in self._decided:
                ids = [entry.id for entry in self.entries]
                self._decided[team_id] = chronology.decided_for(self.session, team_id, ids)
            self._seen[key] = self._as_seen(team_id, entry, self._decided[team_id])
        return self._seen[key]

    def _as_seen(self, team_id: str, entry: Entry, before: Mapping[str, sight.Before]) -> Happening | None:
        if entry.sender == team_id:
            self._known_as[team_id, entry.id] = entry.message.id
            return self._happening(entry, entry.message)
        world = self._world(entry)
        seen = sight.seen(
            entry.message,
            world,
            self.ctx.directory.teams[team_id],
            before.get(entry.id),
            policy=self.ctx.policy,
            directory=self.ctx.directory,
            now=self.now,
            refused=RELEASE_REFUSED,
        )
        if seen is None or seen.view not in TELLING:
            return None
        if seen.told is not None:
            self._known_as[team_id, entry.id] = seen.told
        return self._happening(entry, self._copy(team_id, entry, seen, world))

    def _world(self, entry: Entry) -> World:
        if entry.id not in self._worlds:
            persons = [person.key for person in entry.message.people]
            self._worlds[entry.id] = around(self._everybody, persons)
        return self._worlds[entry.id]

    def _copy(self, team_id: str, entry: Entry, seen: Seen, world: World) -> Message:
        return render(
            entry.message,
            self.ctx.directory.teams[team_id],
            seen.view,
            reason_code=seen.reason_code,
            world=world,
            directory=self.ctx.directory,
            policy=self.ctx.policy,
            told_at=seen.at,
        )

    def _happening(self, entry: Entry, message: Message) -> Happening:
        sender = self.ctx.directory.teams[entry.sender]
        return Happening(
            id=entry.id,
            at=entry.occurred_at,
            agency=sender.agency_id,
            function=sender.function,
            message=message,
            places=self._places(message) if self.addresses else {},
        )

    def _places(self, message: Message) -> Mapping[str, str]:
        found = {}
        for person in message.people:
            for address in person.addresses:
                if address not in self._place:
                    self._place[address] = people.place(self.ctx.codec, address)
                place = self._place[address]
                if place is not None and address.until is None:
                    found[person.key] = place
        return found

    def _line(self, team_id: str, one: Happening) -> str:
        message = one.message
        said = [message.event.value.replace("-", " "), *([message.kind.replace("-", " ")] if message.kind else [])]
        parts = [f"{one.at:%Y-%m-%d}", ", ".join(said)]
        sender = self.ctx.directory.teams.get(message.sender or "")
        if sender is not None:
            parts.append(sender.name)
        known_as = self._known_as.get((team_id, one.id))
        if known_as is not None:
            parts.append(f"message {known_as}")
        return "; ".join(parts)
