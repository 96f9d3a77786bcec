"""Every family of pages, in the order in which addresses are tried; what none has is a page that says so."""

from typing import Final

from fastapi import APIRouter, Request, Response

from broker.errors import NotFound
from broker.web.deps import Running
from broker.web.pages import (
    admin_branding,
    admin_channels,
    admin_dead_letters,
    admin_directory,
    admin_directory_change,
    admin_people,
    admin_policy,
    admin_policy_change,
    admin_retention,
    agenda,
    answering,
    audit_watch,
    break_glass,
    handovers,
    helping,
    households,
    inbox,
    leading,
    live,
    own_sessions,
    rota,
    serving,
    sessions,
    signing_in,
    tasks,
    telling,
    timeliness,
    transfers,
    waiting,
    withdrawing,
    withheld,
)
from broker.web.pages.routing import pages, see

_root = APIRouter(include_in_schema=False)
_none = pages()


@_root.get("/")
async def root() -> Response:
    """Whoever types the bare address wants the pages."""
    return see("/app")


@_none.get("/{rest:path}")
@_none.post("/{rest:path}")
def nothing(rest: str, request: Request, running: Running) -> Response:  # noqa: ARG001 - any address that no page has
    """Nothing is here; whoever is signed in still has their places at hand."""
    request.state.person = sessions.find(request, running, step=False)
    raise NotFound


ROUTERS: Final[tuple[APIRouter, ...]] = (
    _root,
    serving.router,
    signing_in.router,
    own_sessions.router,
    inbox.router,
    tasks.router,
    break_glass.router,
    households.router,
    waiting.router,
    withdrawing.router,
    telling.router,
    rota.router,
    leading.router,
    live.router,
    agenda.router,
    answering.router,
    transfers.router,
    handovers.router,
    timeliness.router,
    withheld.router,
    audit_watch.router,
    admin_directory.router,
    admin_channels.router,
    admin_dead_letters.router,
    admin_policy.router,
    admin_policy_change.router,
    admin_directory_change.router,
    admin_people.router,
    admin_retention.router,
    admin_branding.router,
    helping.router,
    _none,
)
