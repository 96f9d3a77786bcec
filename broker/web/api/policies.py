"""`/admin/policy`: the policy in force, and changing it: one proposes, its effect on the last month is simulated, another approves. Scope `baton/admin`."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlmodel import Session

from broker.storage import audit, policies
from broker.storage.policies import Version
from broker.web.api.admin import Admin, Body, is_json
from broker.web.deps import Running
from broker.web.documented import refusals
from broker.workflow import policy_change

router = APIRouter(prefix="/admin/policy", tags=["Administration"])
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-]{1,64}$", description="Id of the proposal")]
Reason = Annotated[str, Field(max_length=2000)]


class ProposalBody(Body):
    """A whole policy, as `baton policy check` takes it."""

    policy: Annotated[str, Field(max_length=500_000)]
    reason: Reason


class RejectionBody(Body):
    """Why not."""

    reason: Reason


class VersionShown(BaseModel):
    """A version that was proposed."""

    id: str
    version: str
    state: str
    reason: str
    proposedBy: str  # noqa: N815 - as on the wire
    proposedAt: datetime  # noqa: N815
    decidedBy: str | None  # noqa: N815
    decidedAt: datetime | None  # noqa: N815
    decision: str


class ProposalShown(VersionShown):
    """The same with its text and its effect on the last month."""

    base: str
    policy: str
    effect: dict[str, Any]


class History(BaseModel):
    """The version in force, and all that were proposed, the newest first."""

    inForce: str  # noqa: N815
    byFile: bool  # noqa: N815
    """A file rules (`BATON_POLICY`): nothing can be approved."""
    versions: list[VersionShown]


@router.get("", summary="The policy in force and its history")
def history(running: Running, caller: Admin) -> History:
    """Who proposed what and who decided."""

    def work(session: Session) -> History:
        ctx = running.context(session)
        audit.record(
            session, action="read", caller=caller, entity="policy", entity_id=ctx.policy.version, now=running.now()
        )
        shown = [VersionShown(**policies.plain(row)) for row in policies.every(session)]
        return History(inForce=ctx.policy.version, byFile=running.by_file, versions=shown)

    return running.store.write(work)


@router.post(
    "/proposals",
    status_code=201,
    summary="Propose a policy",
    dependencies=[Depends(is_json)],
    responses=refusals(422),
)
def propose(body: ProposalBody, running: Running, caller: Admin) -> ProposalShown:
    """Simulated against the messages of the last month at once; nothing changes before somebody else approves it."""

    def work(session: Session) -> ProposalShown:
        ctx = running.context(session)
        return _shown(policy_change.propose(session, ctx, caller, body.policy, body.reason, running.now()))

    return running.store.write(work)


@router.get("/proposals/{proposal_id}", summary="A proposal with its effect")
def one(proposal_id: Id, running: Running, caller: Admin) -> ProposalShown:
    """Its text, and who would have been told more, less or nothing."""

    def work(session: Session) -> ProposalShown:
        row = policy_change.one(session, proposal_id)
        audit.record(session, action="read", caller=caller, entity="policy", entity_id=row.id, now=running.now())
        return _shown(row)

    return running.store.write(work)


@router.post("/proposals/{proposal_id}/$approve", summary="Put a proposal in force", responses=refusals(409))
def approve(proposal_id: Id, running: Running, caller: Admin) -> ProposalShown:
    """For anybody but who proposed it; every process decides by it from its next step on."""

    def work(session: Session) -> ProposalShown:
        ctx, now = running.context(session), running.now()
        return _shown(policy_change.approve(session, ctx, caller, proposal_id, by_file=running.by_file, now=now))

    return running.store.write(work)


@router.post(
    "/proposals/{proposal_id}/$reject",
    summary="Turn a proposal down",
    dependencies=[Depends(is_json)],
    responses=refusals(409, 422),
)
def reject(proposal_id: Id, body: RejectionBody, running: Running, caller: Admin) -> ProposalShown:
    """With the reason, which stays in the history."""
    return running.store.write(
        lambda session: _shown(policy_change.reject(session, caller, proposal_id, body.reason, running.now()))
    )


def _shown(row: Version) -> ProposalShown:
    return ProposalShown(**policies.plain(row), base=row.base_version, policy=row.text, effect=row.effect)
