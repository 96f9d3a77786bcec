"""`/admin/dead-letters/quarantined`: what could not be read or routed on the way in, where and why, and once more; never what it says. Scope `baton/admin`."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlmodel import Session

from adapters.registry import ADAPTERS
from broker import gateway_file
from broker.domain.caller import Caller
from broker.runtime import Runtime
from broker.storage.dead_letters import SortBy
from broker.storage.keyset import Position
from broker.storage.quarantine import Quarantined
from broker.web.api.admin import Admin, Name
from broker.web.api.parameters import behind
from broker.web.deps import Running
from broker.workflow import reread
from broker.workflow.reread import Readers
from schemas.limits import Limits

router = APIRouter(prefix="/admin/dead-letters/quarantined", tags=["Administration"])
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9\-]{1,64}$", description="Id of what was refused")]
Way = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z0-9_./-]{1,64}$",
        description="Only what came this way: `fhir`, an adapter's kind, or `mesh/` with a workflow id",
    ),
]

PAGE, LONGEST_PAGE = 50, 500
AT_ONCE = 100
"""Read again by one call; the answer says how many are left."""


class FaultShown(BaseModel):
    """One thing wrong at one place."""

    path: str
    reason: str


class QuarantinedShown(BaseModel):
    """One message or event."""

    id: str
    sender: str
    via: str
    standing: Literal["unreadable", "unroutable", "usable", "pointed", "ignored"]
    """As it was last read."""
    since: datetime
    problems: list[FaultShown]
    attempts: int
    """How often it was read again."""
    last_at: datetime | None
    became: str | None
    """The notification that it was taken as; None while it still cannot be used."""
    tasks: list[str]
    """Open tasks of those who look into it, `/fhir/Task/{id}`."""


class Page(BaseModel):
    """Oldest first."""

    quarantined: list[QuarantinedShown]
    next: str | None


class Reread(BaseModel):
    """What reading several again came to."""

    read: int
    taken: int
    left: int
    """Of those read, how many still cannot be used."""
    next: str | None
    """Where to go on when there were more; None when these were all."""


@router.get("", summary="What could not be read or routed")
def listed(
    running: Running,
    caller: Admin,
    team: Annotated[Name | None, Query(description="Only what this team sent")] = None,
    via: Way | None = None,
    cursor: Annotated[str | None, Query(max_length=300, description="`next` of the page before says it")] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
) -> Page:
    """Kept with the answer 400 or 422, each with its tasks; what was taken since is left out."""
    found, last = _page(running, caller, team, via, behind(cursor, SortBy.SINCE, descending=False), limit)
    return Page(quarantined=[_shown(one) for one in found], next=_next("", last, team, via, limit))


@router.get("/{quarantined_id}", summary="One of them")
def one(quarantined_id: Id, running: Running, caller: Admin) -> QuarantinedShown:
    """What was taken since says as which notification."""

    def work(session: Session) -> Quarantined:
        return reread.show(session, running.context(session), caller, quarantined_id, running.now())

    return _shown(running.store.write(work))


@router.post("/$retry", summary="Read several again")
def retry_several(
    running: Running,
    caller: Admin,
    team: Annotated[Name | None, Query(description="Only what this team sent")] = None,
    via: Way | None = None,
    cursor: Annotated[str | None, Query(max_length=300, description="`next` of the answer before says it")] = None,
) -> Reread:
    """Each by itself and as often as one likes, the oldest first, so many at a time."""
    found, last = _page(running, caller, team, via, behind(cursor, SortBy.SINCE, descending=False), AT_ONCE)
    after = [running.store.write(partial(again, running, caller, one.id)) for one in found]
    taken = sum(one.became is not None for one in after)
    return Reread(read=len(after), taken=taken, left=len(after) - taken, next=_next("/$retry", last, team, via, None))


@router.post("/{quarantined_id}/$retry", summary="Read one of them again")
def retry(quarantined_id: Id, running: Running, caller: Admin) -> QuarantinedShown:
    """Idempotent: with the adapter as it is now, taken as if it came now; what still cannot be read stays, with its tasks."""
    return _shown(running.store.write(partial(again, running, caller, quarantined_id)))


def again(running: Runtime, caller: Caller, id_: str, session: Session) -> Quarantined:
    """Read one again, with the adapters and limits of this broker."""
    settings = running.settings
    limits = Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
    ways = gateway_file.load(settings.gateways).ways
    readers = Readers(adapters=ADAPTERS, limits=limits, ways=ways)
    return reread.retry(session, running.context(session), caller, id_, readers, running.now())


def _page(
    running: Runtime, caller: Caller, team: str | None, via: str | None, after: Position | None, limit: int
) -> tuple[list[Quarantined], Position | None]:
    def work(session: Session) -> tuple[list[Quarantined], Position | None]:
        ctx, now = running.context(session), running.now()
        return reread.page(session, ctx, caller, team_id=team, via=via, after=after, limit=limit, now=now)

    return running.store.write(work)


def _next(operation: str, last: Position | None, team: str | None, via: str | None, limit: int | None) -> str | None:
    if last is None:
        return None
    said = {"team": team, "via": via, "limit": limit, "cursor": last.text(SortBy.SINCE, descending=False)}
    asked = urlencode({name: value for name, value in said.items() if value is not None})
    return f"/admin/dead-letters/quarantined{operation}?{asked}"


def _shown(found: Quarantined) -> QuarantinedShown:
    return QuarantinedShown(
        id=found.id,
        sender=found.sender,
        via=found.via,
        standing=found.standing,  # type: ignore[arg-type]  # a column of text that only intake fills
        since=found.since,
        problems=[FaultShown(path=fault.path, reason=fault.reason) for fault in found.faults],
        attempts=found.attempts,
        last_at=found.last_at,
        became=found.became,
        tasks=list(found.tasks),
    )
