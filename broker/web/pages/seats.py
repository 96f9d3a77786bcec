"""Who is signed in, for which team they act, and what that lets them do; the session itself is `sessions`'."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.domain.caller import PERSON, Caller
from broker.domain.rota import Practitioner
from broker.domain.world import Team
from broker.storage.accounts import SignedIn
from schemas.codes import Function
from schemas.message import Professional

OF_A_TEAM: Final = frozenset(
    {"baton/message.write", "system/Task.rs", "system/Task.u", "system/Patient.s", "system/Flag.rs"}
)
"""What a team's own people may do on pages: what its system may, and no more."""
AUDIT: Final = "baton/audit"
ADMIN: Final = "baton/admin"
AUDITORS_PLACES: Final = (
    ("audit/handovers", "Handovers"),
    ("audit/timeliness", "Timeliness"),
    ("audit/declines", "Declines and questions"),
    ("audit/withheld", "Not shared"),
    ("audit/watch", "Audit and watchdog"),
)
ADMINISTRATORS_PLACES: Final = (
    ("admin/teams", "Teams"),
    ("admin/people", "People"),
    ("admin/areas", "Areas"),
    ("admin/channels", "Channels"),
    ("admin/dead-letters", "Dead letters"),
    ("admin/policy", "Policy"),
    ("admin/retention", "Retention"),
    ("admin/branding", "Branding"),
)
LEADING: Final = frozenset({Function.SAFEGUARDING_LEAD, Function.PARTNERSHIP})
"""Functions to which things are raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One of the places that a person may act from. `team` None: as auditor or administrator."""

    team: Team | None
    practitioner: Practitioner | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is signed in. Their role is what their team's directory says, never what an issuer says."""

    name: str
    caller: Caller
    csrf: str
    seat: Seat
    seats: tuple[Seat, ...]
    idle_seconds: int
    seconds_left: int
    """Until the session ends without a further step."""
    proved_at: datetime | None = None
    """When they last signed in again because a step asked for it."""
    issuer: str = ""
    """Who said that it is them."""

    @property
    def who(self) -> str:
        """Who acts, and from where, by ids: whether a page that is open is still theirs."""
        return f"{self.caller.client}@{self.caller.team or ''}"

    @property
    def leads(self) -> bool:
        """Whether they act for a team to which things are raised."""
        return self.seat.team is not None and (self.seat.team.executive or self.seat.team.function in LEADING)

    def places(self) -> tuple[tuple[str, str], ...]:
        """(address below /app, words) of what they work with, from where they sit."""
        team = self.seat.team
        if team is not None:
            raised = (("overview", "Overview"), ("raised", "Raised to us")) if self.leads else ()
            usual = (("sent", "Sent"), ("agenda", "Agenda"), ("rota", "Who is there"), ("break-glass", "Emergency"))
            return (*raised, ("inbox", "Inbox"), *usual)
        audited = AUDITORS_PLACES if self.caller.may(AUDIT) else ()
        administered = ADMINISTRATORS_PLACES if self.caller.may(ADMIN) else ()
        return (*audited, *administered)

    @property
    def home(self) -> str:
        """Where they begin."""
        return f"/app/{self.places()[0][0]}"


def seats_of(found: SignedIn, teams: dict[str, Team], present: tuple[Practitioner, ...]) -> tuple[Seat, ...]:
    """Where somebody may sit: with the open teams they are of, and as auditor or administrator."""
    seated = tuple(
        Seat(team=team, practitioner=one, words=team.name)
        for one in present
        if (team := teams.get(one.team_id)) is not None and not team.closed
    )
    return (*seated, Seat(team=None, practitioner=None, words=_office(found.scopes))) if found.scopes else seated


def caller_at(seat: Seat, account_id: str, scopes: frozenset[str], address: str | None) -> Caller:
    """The caller that a seat makes of somebody, from a network address; in the audit they are `person:` and the account's id."""
    client = f"{PERSON}{account_id}"
    if seat.team is None or seat.practitioner is None:
        return Caller(client=client, team=None, scopes=scopes, address=address)
    who = Professional(name=seat.practitioner.name, role=seat.practitioner.role)
    team = seat.team
    return Caller(
        client=client, team=team.id, agency=team.agency_id, scopes=OF_A_TEAM, practitioner=who, address=address
    )


def _office(scopes: frozenset[str]) -> str:
    held = [said for scope, said in ((AUDIT, "Auditor"), (ADMIN, "Administrator")) if scope in scopes]
    return " and ".join(held).capitalize()
