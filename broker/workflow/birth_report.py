"""The report of births (F24): who is expected or was born lately, and whom no practice is known to have registered; nobody tracks that by hand."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlmodel import Session

from broker.domain import sight
from broker.domain.caller import Caller
from broker.domain.kinship import mothers_of
from broker.domain.responsibility import Holding
from broker.domain.visibility import may_know_holder
from broker.domain.world import Team, World
from broker.storage import audit, birth_report, responsibility
from broker.storage.birth_report import Birth, BirthQuery, BirthState
from broker.storage.keyset import Position
from broker.storage.world import load_world
from broker.workflow import view
from broker.workflow.context import Context
from schemas.codes import Function

NAME: Final = "births"


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthRow:
    """One child."""

    person: str
    name: str | None
    """As a team knows it; an auditor gets no names."""
    state: BirthState
    day: date
    weeks: int | None
    """Of age; None while expected."""
    late: bool
    """Born, and older than a child is when it must be registered."""
    stated_practice: str | None
    """ODS code of the practice that somebody has said, though none has said that it registered the child."""
    mother: str | None
    households: tuple[str, ...]
    visitors: str | None
    """The team that is responsible in health visiting, where the reader may know; None for nobody too."""


def page(
    session: Session, ctx: Context, caller: Caller, query: BirthQuery, team: Team | None
) -> tuple[list[BirthRow], Position | None]:
    """One page as this team sees it, or as an auditor does (`team` None); an audit row with who is on it.

    A page of a team may have fewer rows than asked for: whom it may not look up is left out.
    """
    shown, last = rows(session, ctx, query, team)
    detail = {"report": NAME, "found": [row.person for row in shown]}
    audit.record(session, action="search", entity="person", entity_id=None, now=query.now, caller=caller, detail=detail)
    return shown, last


def rows(
    session: Session, ctx: Context, query: BirthQuery, team: Team | None
) -> tuple[list[BirthRow], Position | None]:
    """The same, written down nowhere."""
    found, last = birth_report.births(session, query)
    persons = [birth.person_id for birth in found]
    world = load_world(session, ctx.codec, persons)
    holding = responsibility.holders(session, persons)
    seen = [one for one in found if team is None or view.sees(session, world, one.person_id, team, ctx, query.now)]
    shown = [_row(one, world, holding.get((one.person_id, Function.HEALTH_VISITING)), team, ctx, query) for one in seen]
    return shown, last


def _row(
    birth: Birth, world: World, held: Holding | None, team: Team | None, ctx: Context, query: BirthQuery
) -> BirthRow:
    child = world.people[birth.person_id]
    age = query.now.date() - birth.day if birth.state is BirthState.BORN else None
    hidden = team is not None and sight.hides_address(world, child.id, team)
    return BirthRow(
        person=child.id,
        name=None if team is None else view.name_of(child),
        state=birth.state,
        day=birth.day,
        weeks=None if age is None else age.days // 7,
        late=age is not None and age > ctx.policy.reports.registered_within,
        stated_practice=None if hidden else child.practice,
        mother=next(iter(mothers_of(world, child.id)), None),
        households=world.households_of(child.id),
        visitors=_visitors(held, team, ctx, hidden=hidden),
    )


def _visitors(held: Holding | None, team: Team | None, ctx: Context, *, hidden: bool) -> str | None:
    holder = ctx.directory.teams.get(held.team_id or "") if held else None
    if holder is None or team is None:
        return holder.id if holder else None
    known = may_know_holder(team, Function.HEALTH_VISITING, holder, ctx.policy, hidden=hidden)
    return holder.id if known else None
