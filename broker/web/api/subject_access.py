"""What is held about a person, handed to them after a second person's review: `/admin/subject-access`. Scope `baton/admin`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, Field

from broker.domain.subject_access import Item
from broker.storage.subject_access import Request
from broker.web.api.admin import Admin, Body, Line, is_json
from broker.web.api.parameters import RecordId
from broker.web.api.retention import Id, Reason
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.workflow import subject_access

router = APIRouter(prefix="/admin/subject-access", tags=["Administration"])


class AskBody(Body):
    """Who asks for whose data, and why they may."""

    person: Id
    requested_by: Line
    reason: Reason


class ReleaseBody(Body):
    """What the reviewer decided. What has a caution must stand in one of the two."""

    read: list[str] = Field(default=[], max_length=10_000, description="Items that were read and may go out")
    withheld: dict[str, Reason] = Field(
        default={}, max_length=10_000, description="Items that would cause serious harm, each with the reason"
    )


class RefuseBody(Body):
    """Why nothing is handed over."""

    reason: Reason


class RequestShown(Body):
    """A request and how it stands."""

    id: str
    person: str
    state: Literal["waiting", "released", "refused"]
    requested_by: str
    reason: str
    made_by: str
    made_at: AwareDatetime
    decided_by: str | None
    decided_at: AwareDatetime | None
    decision: dict[str, Any]


class ItemShown(Body):
    """One thing that is held."""

    id: str
    cautions: list[str]
    says: dict[str, Any]


class ReviewShown(Body):
    """A request, and everything that would be handed over."""

    request: RequestShown
    items: list[ItemShown]


class RequestsShown(Body):
    """Requests, the newest first."""

    requests: list[RequestShown]


@router.post(
    "",
    status_code=201,
    summary="Ask for what is held about a person",
    dependencies=[Depends(is_json)],
    responses=refusals(422),
)
def post_request(body: AskBody, running: Running, caller: Admin) -> RequestShown:
    """Nothing is handed over before somebody else has reviewed it."""
    return _shown(
        running.store.write(
            lambda session: subject_access.ask(
                session,
                running.context(session),
                caller,
                body.person,
                body.requested_by,
                body.reason,
                running.now(),
            )
        )
    )


@router.get("", summary="Requests of people for what is held about them")
def get_requests(running: Running, caller: Admin, count: Annotated[int, Query(ge=1, le=500)] = 100) -> RequestsShown:
    """The newest first."""
    found = running.store.write(
        lambda session: subject_access.listed(session, running.context(session), caller, count, running.now())
    )
    return RequestsShown(requests=[_shown(one) for one in found])


@router.get("/{request_id}", summary="Everything that would be handed over, for its review", responses=refusals(404))
def get_review(request_id: RecordId, running: Running, caller: Admin) -> ReviewShown:
    """Without what tells of others, and without protected addresses."""
    request, items = running.store.write(
        lambda session: subject_access.review(session, running.context(session), caller, request_id, running.now())
    )
    return ReviewShown(request=_shown(request), items=[_item(one) for one in items])


@router.post(
    "/{request_id}/release",
    summary="Release what is held, but for what would cause serious harm",
    dependencies=[Depends(is_json)],
    responses=refusals(403, 404, 409, 422),
)
def post_release(request_id: RecordId, body: ReleaseBody, running: Running, caller: Admin) -> RequestShown:
    """By somebody else than who made the request, who has read everything with a caution."""
    return _shown(
        running.store.write(
            lambda session: subject_access.release(
                session,
                running.context(session),
                caller,
                request_id,
                read=frozenset(body.read),
                withheld=body.withheld,
                now=running.now(),
            )
        )
    )


@router.post(
    "/{request_id}/refuse",
    summary="Refuse a request, with the reason",
    dependencies=[Depends(is_json)],
    responses=refusals(403, 404, 409, 422),
)
def post_refusal(request_id: RecordId, body: RefuseBody, running: Running, caller: Admin) -> RequestShown:
    """By somebody else than who made the request."""
    return _shown(
        running.store.write(
            lambda session: subject_access.refuse(
                session, running.context(session), caller, request_id, body.reason, running.now()
            )
        )
    )


@router.get("/{request_id}/export", summary="What was released", responses=refusals(404, 409))
def get_export(request_id: RecordId, running: Running, caller: Admin) -> dict[str, Any]:
    """As it was when it was reviewed; for ninety days."""
    found: dict[str, Any] = running.store.write(
        lambda session: subject_access.export(session, running.context(session), caller, request_id, running.now())
    )
    return found


def _shown(one: Request) -> RequestShown:
    return RequestShown.model_validate(
        {
            "id": one.id,
            "person": one.person_id,
            "state": one.state,
            "requested_by": one.requested_by,
            "reason": one.reason,
            "made_by": one.made_by,
            "made_at": one.made_at,
            "decided_by": one.decided_by,
            "decided_at": one.decided_at,
            "decision": dict(one.decision),
        }
    )


def _item(one: Item) -> ItemShown:
    return ItemShown(id=one.id, cautions=list(one.cautions), says=one.says)
