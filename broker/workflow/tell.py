"""What somebody tells on a page, for teams without a system of their own: a message like any other, made of people whom their team may see."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from broker.domain import sight
from broker.domain.caller import Caller
from broker.domain.states import NotificationState, PersonState
from broker.domain.world import KnownPerson, Team
from broker.errors import Conflict, NotFound
from broker.storage import audit
from broker.storage import sight as addressed
from broker.storage.tables import Notification
from broker.workflow import view
from broker.workflow.context import Context
from schemas.codes import Event
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Tellable:
    """Somebody of a household of whom a team may tell: a child that it sees, or whom it works with."""

    known: KnownPerson
    child: bool
    agency: str
    """Of the team that tells."""

    @property
    def person(self) -> Person:
        """As a message names them: by the identifiers by which Baton finds them, as far as the team could have them itself.

        The NHS number is everybody's. A case number says that there is a case, and a hospital's number of a hospital: what
        another agency asserted of its own is left out, or the form would tell it to whoever gets the message.
        """
        known = self.known
        return Person(
            key=known.id,
            identifiers=tuple(
                Identifier(system=one.system, value=one.value, verified=one.verified)
                for one in known.identifiers
                if one.binding and (one.system == NHS_NUMBER or one.agency == self.agency)
            ),
            family=known.family,
            given=known.given,
            birth_date=known.born,
            gender=known.gender,
        )


def of_household(
    session: Session, ctx: Context, caller: Caller, household_id: str, now: datetime, *, concern: bool
) -> tuple[Tellable, ...] | None:
    """Those of a household of whom the caller's team may tell, children first; None when it may not know of the household.

    Who reads it in an emergency tells of a `concern` alone: a look is no reason to say that one works with them.

    Who has no identifier by which they are found is left out: a page makes up no second record of anybody. That they were read is in the audit.
    """
    home = view.home(session, ctx, caller, household_id, now)
    if home is None or (home.emergency is not None and not concern):
        return None
    told = addressed.told_in_full(session, home.team.id, list(home.world.people))
    own = sight.own_clients(home.world, home.team, told)
    found = [
        Tellable(known=known, child=_child(known, now), agency=home.team.agency_id)
        for id_ in home.world.members_of(household_id)
        if id_ in home.seen.persons and (known := home.world.people[id_]).state is PersonState.LIVING
    ]
    shown = [one for one in found if one.person.identifiers and (one.child or one.known.id in own)]
    detail = {audit.PATIENTS: sorted(one.known.id for one in shown)}
    audit.record(
        session, action="read", entity="household", entity_id=household_id, caller=caller, now=now, detail=detail
    )
    return tuple(sorted(shown, key=lambda one: (not one.child, one.known.born or now.date(), one.known.id)))


def _child(known: KnownPerson, now: datetime) -> bool:
    age = known.age_days(now)
    return age is not None and age < sight.CHILDHOOD_DAYS


def receivers(ctx: Context, caller: Caller) -> Sequence[Team]:
    """Teams that do the same work elsewhere, to which care can be handed over, by name."""
    own = ctx.directory.teams[caller.team or ""]
    alike: Collection[Team] = [
        team
        for team in ctx.directory.teams.values()
        if team.function is own.function and not team.closed and team.id != own.id
    ]
    return sorted(alike, key=lambda team: (team.name, team.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a team has told: its id here, the one that the team gave it, and what it told of."""

    id: str
    message_id: str
    event: Event


def own(session: Session, caller: Caller, notification_id: str, now: datetime) -> Told:
    """What the caller's team told and can take back; that it was looked up is in the audit.

    NotFound for what others told, so that nobody learns that it is there; Conflict when it has been taken back.
    """
    row = session.get(Notification, notification_id)
    if row is None or row.sender_team_id != caller.team or row.event in (None, Event.WITHDRAW) or not row.message_id:
        raise NotFound
    if row.state is NotificationState.WITHDRAWN:
        raise Conflict("It has been taken back already.")
    audit.record(session, action="read", entity="notification", entity_id=row.id, now=now, caller=caller)
    return Told(id=row.id, message_id=row.message_id, event=Event(str(row.event)))
