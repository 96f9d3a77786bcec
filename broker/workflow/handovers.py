"""Handovers as an auditor sees them: pages, counts, every reading written down; who a team and who responsible is, by id and never by name of a person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.handovers import AgeBand, HandoverState, LineNow, standing, states
from broker.domain.responsibility import Holding, Key, held_as
from broker.domain.states import Unheld
from broker.domain.world import Team
from broker.storage import audit, handover_counts, handovers, responsibility
from broker.storage.handover_facts import Facts, Told, facts
from broker.storage.handovers import Handover, HandoverQuery
from broker.storage.keyset import Position
from broker.workflow.context import Context
from schemas.codes import Event, Function, TaskCode


class CountBy(StrEnum):
    """What tells handovers apart in a count."""

    AGENCY = "agency"
    AGE = "age"
    KIND = "kind"
    STATE = "state"
    REASON = "reason"  # the coded reason of the answer, "" where there is none
    STANDING = "standing"  # what stands beside the state: question asked, extended …; "" where nothing does


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who is responsible now for a person in the receiver's function: a team, or nobody, because."""

    person_id: str
    function: Function
    team_id: str | None
    because: Unheld | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One handover with all that a list says of it."""

    handover: Handover
    sender: Team
    receiver: Team
    event: Event | None
    states: tuple[HandoverState, ...]
    age: timedelta
    children: frozenset[str]
    """Ids of the children that the message is about or names."""
    lines: tuple[LineNow, ...] | None
    """Of a transfer, those that were not taken out of it; None of anything else."""
    told: Told | None
    holders: tuple[Holder, ...]

    @property
    def confirmed(self) -> int | None:
        """How many lines are confirmed."""
        return None if self.lines is None else sum(line.confirmed for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One line of a count; `key` is an agency's id, an age band, an event, a state, or a code."""

    key: str
    count: int


def page(
    session: Session, ctx: Context, caller: Caller, query: HandoverQuery, now: datetime
) -> tuple[list[Seen], Position | None]:
    """One page with the position behind which the next begins, and an audit row with the ids that are on it."""
    found, last = handovers.search(session, query, now)
    detail = {"found": [handover.id for handover in found]}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return seen(session, ctx, found, now), last


def seen(session: Session, ctx: Context, found: Sequence[Handover], now: datetime) -> list[Seen]:
    """These handovers with what is known of each."""
    known = facts(session, found)
    persons = {person for handover in found for person in _persons(handover, known)}
    holding = responsibility.holders(session, persons)
    return [_seen(handover, known, holding, ctx.directory.teams, now) for handover in found]


def counts(
    session: Session, ctx: Context, caller: Caller, query: HandoverQuery, by: CountBy, now: datetime
) -> tuple[list[Count], int]:
    """The lines of a count, and how many there are in all; an audit row with that.

    States overlap as `HandoverState` says: the overdue and the escalated are counted among the unacknowledged too.
    """
    counted, total = _counted(session, ctx, query, by, now)
    detail = {"count": total, "by": by.value}
    audit.record(session, action="search", entity="task", entity_id=None, now=now, caller=caller, detail=detail)
    return [Count(key=key, count=count) for key, count in counted], total


def _counted(
    session: Session, ctx: Context, query: HandoverQuery, by: CountBy, now: datetime
) -> tuple[list[tuple[str, int]], int]:
    match by:
        case CountBy.AGE:
            bands = handover_counts.by_age(session, query, now)
            return [(band.value, bands.get(band, 0)) for band in AgeBand], sum(bands.values())
        case CountBy.KIND:
            kinds = handover_counts.by_kind(session, query, now)
            return sorted((kind or "", count) for kind, count in kinds.items()), sum(kinds.values())
        case CountBy.AGENCY:
            teams = handover_counts.by_receiver(session, query, now)
            return sorted(_by_agency(teams, ctx.directory.teams).items()), sum(teams.values())
        case CountBy.REASON:
            return _plain(handover_counts.by_reason(session, query, now))
        case CountBy.STANDING:
            return _plain(handover_counts.by_business_status(session, query, now))
        case CountBy.STATE:
            rows = handover_counts.by_standing(session, query, now)
            in_state = dict.fromkeys(HandoverState, 0)
            for status, late, escalated, count in rows:
                for state in standing(status, late=late, escalated=escalated):
                    in_state[state] += count
            return [(state.value, count) for state, count in in_state.items()], sum(row[-1] for row in rows)


def _plain(counted: Mapping[str | None, int]) -> tuple[list[tuple[str, int]], int]:
    return sorted((key or "", count) for key, count in counted.items()), sum(counted.values())


def _by_agency(counted: Mapping[str, int], teams: Mapping[str, Team]) -> dict[str, int]:
    agencies: dict[str, int] = {}
    for team_id, count in counted.items():
        agency = teams[team_id].agency_id
        agencies[agency] = agencies.get(agency, 0) + count
    return agencies


def _seen(
    handover: Handover, known: Facts, holding: Mapping[Key, Holding], teams: Mapping[str, Team], now: datetime
) -> Seen:
    receiver, about = teams[handover.receiver], handover.notification_id or ""
    function = held_as(receiver.function)
    return Seen(
        handover=handover,
        sender=teams[handover.sender],
        receiver=receiver,
        event=known.events.get(about),
        states=states(handover.status, handover.due, handover.level, now),
        age=now - handover.sent,
        children=known.children.get(about, frozenset()),
        lines=_lines(handover, known) if handover.code is TaskCode.TRANSFER else None,
        told=known.told.get(handover.id),
        holders=tuple(_holders(_persons(handover, known), function, holding)) if function else (),
    )


def _lines(handover: Handover, known: Facts) -> tuple[LineNow, ...]:
    return tuple(line for line in known.lines.get(handover.id, ()) if line.stands)


def _persons(handover: Handover, known: Facts) -> list[str]:
    """Whom it hands over or is about: each line's person, else its own."""
    if handover.code is TaskCode.TRANSFER:
        return [line.person_id for line in _lines(handover, known) if line.person_id]
    return [handover.person_id] if handover.person_id else []


def _holders(persons: Iterable[str], function: Function, holding: Mapping[Key, Holding]) -> Iterable[Holder]:
    for person in persons:
        held = holding.get((person, function))
        team_id = held.team_id if held else None
        because = None if team_id else (held.unheld if held else None) or Unheld.NOT_KNOWN
        yield Holder(person_id=person, function=function, team_id=team_id, because=because)
