"""The people of a team: who is there, who covers, who has left. `PUT` and `GET /admin/teams/{id}/practitioners`. Scope `baton/admin`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from sqlmodel import Session

from broker.domain.rota import Gone, Practitioner
from broker.errors import Invalid, NotFound
from broker.storage import directory, practitioners
from broker.web.api.admin import Admin, Body, Line, Name, is_json, note
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.workflow import hand_back
from schemas.problem import Problem

router = APIRouter(prefix="/admin/teams", tags=["Administration"])


class PractitionerBody(Body):
    """Somebody of the team. Times are ISO 8601 with an offset."""

    name: Annotated[Line, Field(pattern=r"^[^,\x00-\x1f\x7f]+$")]
    role: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
    cover: Name | None = None
    """Who of the team does their work while they are away."""
    absent_from: AwareDatetime | None = None
    absent_until: AwareDatetime | None = None
    shift_ends: AwareDatetime | None = None
    """Of bank staff: what they hold goes back to the team then."""
    left_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "PractitionerBody":
        if self.absent_until is not None and (self.absent_from is None or self.absent_until <= self.absent_from):
            raise ValueError("an absence ends after it begins")
        return self


class PractitionerShown(BaseModel):
    """Somebody of the team, and whether they are there now."""

    id: str
    name: str
    role: str
    cover: str | None
    absent_from: datetime | None
    absent_until: datetime | None
    shift_ends: datetime | None
    left_at: datetime | None
    gone: Gone | None
    """Why they are not there; none while they are."""


class PractitionersShown(BaseModel):
    """The people of a team."""

    team: str
    practitioners: list[PractitionerShown]


@router.put(
    "/{team_id}/practitioners/{practitioner_id}",
    summary="Say who is of a team, and when they are not there",
    dependencies=[Depends(is_json)],
    responses=refusals(404, 422),
)
def put_practitioner(
    team_id: Name, practitioner_id: Name, body: PractitionerBody, running: Running, caller: Admin
) -> dict[str, str]:
    """Idempotent. What somebody holds who leaves, is away or whose shift is over goes to who covers for them, or back to the team."""

    def work(session: Session) -> None:
        if not directory.has_team(session, team_id):
            raise NotFound
        ctx, now = running.context(session), running.now()
        team = {one.id for one in practitioners.of_team(session, ctx.codec, team_id)}
        if body.cover is not None and body.cover not in team - {practitioner_id}:
            raise Invalid(problems=[Problem("cover", "is nobody else of this team", "not-found")])
        somebody = Practitioner(
            id=practitioner_id,
            team_id=team_id,
            name=body.name,
            role=body.role,
            cover_id=body.cover,
            absent_from=body.absent_from,
            absent_until=body.absent_until,
            shift_ends=body.shift_ends,
            left_at=body.left_at,
        )
        hand_back.put(session, ctx, somebody, now)
        note(session, running, caller, "practitioner", f"{team_id}/{practitioner_id}")

    running.store.write(work)
    return {"team": team_id, "id": practitioner_id}


@router.get("/{team_id}/practitioners", summary="The people of a team", responses=refusals(404))
def get_practitioners(team_id: Name, running: Running, caller: Admin) -> PractitionersShown:
    """Those who have left too."""

    def work(session: Session) -> list[Practitioner]:
        if not directory.has_team(session, team_id):
            raise NotFound
        note(session, running, caller, "team", team_id)
        return practitioners.of_team(session, running.store.codec, team_id)

    now = running.now()
    return PractitionersShown(team=team_id, practitioners=[_shown(one, now) for one in running.store.write(work)])


def _shown(one: Practitioner, now: datetime) -> PractitionerShown:
    return PractitionerShown(
        id=one.id,
        name=one.name,
        role=one.role,
        cover=one.cover_id,
        absent_from=one.absent_from,
        absent_until=one.absent_until,
        shift_ends=one.shift_ends,
        left_at=one.left_at,
        gone=one.gone(now),
    )
