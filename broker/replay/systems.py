"""The teams' systems of a story: each reads at once whatever waits in its mailbox and says that it has it, unless it is down."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

import orjson
from sqlmodel import Session

from broker.replay.record import Heard, Record, system
from broker.runtime import Runtime
from broker.storage import deliveries, mailbox
from broker.workflow import take
from broker.workflow.context import Context
from broker.workflow.number import number_team

ALL = 10_000
"""Teams of a directory, or messages of a mailbox: a story has fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """The systems of all teams. Every message is taken; what it says is read for the teams of which something is expected."""

    runtime: Runtime
    record: Record
    read_for: frozenset[str]

    def take(self, down: Collection[str]) -> None:
        """Everything that waits is taken and recorded; what waits for a system that is down goes on waiting."""
        found = self.runtime.store.read(lambda session: mailbox.unnumbered_teams(session, limit=ALL))
        teams = [team for team in found if team not in down]
        if teams:
            self.record.heard += self.runtime.store.write(partial(self._take, teams=teams))

    def _take(self, session: Session, teams: Collection[str]) -> list[Heard]:
        ctx = self.runtime.context(session)
        return [heard for team in sorted(teams) for heard in self._of(session, ctx, team)]

    def _of(self, session: Session, ctx: Context, team: str) -> Iterator[Heard]:
        caller, now = system(team), self.runtime.now()
        number_team(session, team)
        items = mailbox.waiting(session, team, limit=ALL)
        behind = deliveries.behind(session, [item.id for item in items])
        for item in items:
            body = take.fetch(session, ctx, caller, item.id, now) if team in self.read_for else b"null"
            take.has_arrived(session, ctx, caller, item.id, now)
            about, cause = behind[item.id]
            yield Heard(at=now, team=team, notification=about, cause=cause, body=orjson.loads(body))
