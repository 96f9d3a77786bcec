"""Somebody reads a household in an emergency: found, kept, told to the safeguarding lead at once and in the audit, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlmodel import Session

from broker.domain import break_glass as rules
from broker.domain.asks import lead_beside
from broker.domain.break_glass import Reason
from broker.domain.caller import PERSON, Caller
from broker.domain.states import PersonState
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.errors import Forbidden
from broker.storage import audit, people
from broker.storage import break_glass as rows
from broker.storage.break_glass import Broken
from broker.storage.world import load_world
from broker.workflow import raising, view
from broker.workflow.context import Context
from schemas.codes import Priority, TaskCode
from schemas.identifiers import NHS_NUMBER

WHO, WHY = "who", "why"
"""Among the options of the lead's task: name and role, and the reason in their words."""
_FOUND: Final = (PersonState.LIVING, PersonState.UNBORN, PersonState.DIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks for. The number and the day of birth must both be right."""

    nhs_number: str
    born: date
    reason: Reason
    why: str


def begin(session: Session, ctx: Context, caller: Caller, wanted: Wanted, now: datetime) -> Sequence[str]:
    """Ids of the households that the caller may read from now on; empty when nobody was found, which the lead is told too.

    Forbidden when people of that team may not, when there is nobody who could be told, and for who has guessed too often.
    """
    team = ctx.directory.teams[caller.team or ""]
    hears = lead_beside(team, ctx.directory)
    if not rules.may(team, ctx.policy) or hears is None or caller.practitioner is None:
        raise Forbidden("People of this team cannot do this from here. Telephone the family's safeguarding lead.")
    if rows.in_vain(session, caller.client, now - rules.LASTS) >= rules.MOST_IN_VAIN:
        raise Forbidden("You have tried too often within the hour. Telephone the family's safeguarding lead.")
    homes = _homes(session, ctx, wanted)
    unseen = [home for home in homes if view.home(session, ctx, caller, home, now) is None]
    for home in unseen:
        _open(session, ctx, caller, wanted, home, hears, now)
    if not homes:
        _in_vain(session, ctx, caller, wanted, hears, now)
    return homes


def _homes(session: Session, ctx: Context, wanted: Wanted) -> Sequence[str]:
    found = people.by_identifier(session, ctx.codec, NHS_NUMBER, wanted.nhs_number)
    world = load_world(session, ctx.codec, found)
    right = [
        id_
        for id_ in found
        if (known := world.people.get(id_)) is not None and known.state in _FOUND and known.born == wanted.born
    ]
    return list(dict.fromkeys(home for id_ in right for home in world.households_of(id_)))


def _open(
    session: Session, ctx: Context, caller: Caller, wanted: Wanted, household_id: str, hears: Team, now: datetime
) -> None:
    until = now + rules.LASTS
    who = caller.practitioner
    assert who is not None  # `begin` looked
    id_ = rows.keep(
        session,
        ctx.codec,
        Broken(
            account_id=caller.client.removeprefix(PERSON),
            team_id=caller.team or "",
            household_id=household_id,
            reason=wanted.reason,
            name=who.name or "",
            role=who.role or "",
            why=wanted.why,
            begun_at=now,
            until=until,
        ),
    )
    _note(session, caller, wanted, household_id, now, detail={"emergency": id_, "until": until.isoformat()})
    _tell(session, ctx, caller, wanted, hears, now, key=id_, household_id=household_id)


def _in_vain(session: Session, ctx: Context, caller: Caller, wanted: Wanted, hears: Team, now: datetime) -> None:
    """Who tries numbers is seen by somebody as well; once an hour, so that a slip of the finger is one task."""
    _note(session, caller, wanted, None, now, outcome="failure")
    _tell(session, ctx, caller, wanted, hears, now, key=f"{caller.client}:{now:%Y-%m-%dT%H}", household_id=None)


def _note(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    household_id: str | None,
    now: datetime,
    *,
    outcome: str = "success",
    detail: dict[str, object] | None = None,
) -> None:
    audit.record(
        session,
        action="break-glass",
        entity="household",
        entity_id=household_id,
        caller=caller,
        now=now,
        outcome=outcome,
        detail={"purpose": audit.EMERGENCY, "reason": wanted.reason.value, **(detail or {})},
    )


def _tell(
    session: Session,
    ctx: Context,
    caller: Caller,
    wanted: Wanted,
    hears: Team,
    now: datetime,
    *,
    key: str,
    household_id: str | None,
) -> None:
    team, who = ctx.directory.teams[caller.team or ""], caller.practitioner
    assert who is not None  # `begin` looked
    did = "reads a household" if household_id else "looked for somebody whom Baton did not find"
    task = TaskWanted(
        code=TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD,
        owner=hears.id,
        description=(
            f"Emergency access: somebody of {team.name} {did} that the team does not work with. "
            f"Reason given: {rules.WORDS[wanted.reason]}. Ask them about it, and say what you found."
        ),
        dedupe_key=f"break-glass:{key}",
        household_id=household_id,
        priority=Priority.URGENT,
        due_at=ctx.policy.own_asks.emergency.after(now, hears.calendar),
        cites="principle 8",
        options={WHO: f"{who.name}, {who.role}", WHY: wanted.why},
    )
    raising.raise_tasks(session, ctx, [task], now)
