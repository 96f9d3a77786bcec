"""`POST /fhir/$process-message` and `POST /adapters/{kind}/events`: the way in.

Every message passes here, so its handlers take the request as it is and leave the event loop once: what FastAPI does for
each dependency, and a thread for each, cost as much as everything that is decided.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from adapters.registry import ADAPTERS, CLOUD_EVENTS
from broker.domain.caller import Caller
from broker.errors import NotFound, Unsupported
from broker.runtime import Runtime
from broker.web import cloud_events, documented, receipts
from broker.web.deps import bearer, caller_of
from broker.web.guard import JSON, media_type
from broker.web.outcomes import STANDING_STATUS, FhirResponse
from broker.workflow import arrive, intake
from schemas.limits import Limits


class _AsItIs(APIRoute):
    """A route whose handler is given the request and what the path names, and nothing is looked for in them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own way to put another handler in the place of its own."""
        endpoint = self.endpoint

        async def handler(request: Request) -> Response:
            answer: Response = await endpoint(request=request, **request.path_params)
            return answer

        return handler


router = APIRouter(tags=["Messages"], responses=documented.refusals(400, 409, 422, 425), route_class=_AsItIs)
SCOPE: Final = "baton/message.write"
SMALL: Final = 65_536
"""Bytes of a body that is read before its caller is known: so much that a message has it, so little that a stranger's costs nothing."""

ADAPTERS.ready()


@router.post(
    "/fhir/$process-message",
    summary="Send one R4 message Bundle",
    response_class=FhirResponse,
    openapi_extra={**documented.message(), **documented.secured(SCOPE)},
)
async def process_message(request: Request) -> Response:
    """200 and a response Bundle once everything is on disk; 400 and 422 are kept with a task; the same again gets the same answer."""

    def read(running: Runtime, body: bytes) -> intake.Incoming:
        content_type = media_type(request.headers.get("content-type", ""))
        if content_type not in JSON:
            raise Unsupported("Send application/fhir+json.")
        return intake.read_fhir(body, content_type, _limits(running), running.now())

    return await _taken(request, read)


@router.post(
    "/adapters/{kind}/events",
    summary="Send one native event",
    response_class=FhirResponse,
    openapi_extra={**documented.takes_native(), **documented.secured(SCOPE)},
)
async def native_event(kind: str, request: Request) -> Response:
    """One event of midwifery, health-visiting, gp, cmht, probation or childrens-social-care in the format its systems send; answered as a message is.

    CloudEvents (health-visiting) are taken in structured mode and in binary mode, with their attributes as `ce-` headers.
    """

    def read(running: Runtime, body: bytes) -> intake.Incoming:
        adapter = ADAPTERS.get(kind)
        if adapter is None:
            raise NotFound("There is no adapter of that kind.")
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        content_type = headers.get("content-type", "")
        event = cloud_events.structured(headers, body) if kind in CLOUD_EVENTS else None
        if event is not None:
            body, content_type = event, cloud_events.STRUCTURED
        return intake.read_native(adapter, body, content_type, headers, running.now())

    return await _taken(request, read)


async def _taken(request: Request, read: Callable[[Runtime, bytes], intake.Incoming]) -> Response:
    """Who calls is found out first, before a large body is read."""
    running: Runtime = request.app.state.runtime
    token = bearer(request)
    if not 0 < int(request.headers.get("content-length", 0)) <= SMALL:
        await run_in_threadpool(caller_of, request, running, token, SCOPE)
    body = await request.body()

    def handled() -> Response:
        caller = caller_of(request, running, token, SCOPE)
        return _handle(running, read(running, body), caller)

    return await run_in_threadpool(handled)


def _handle(running: Runtime, incoming: intake.Incoming, caller: Caller) -> Response:
    answer = arrive.arrive(running.store, running.context, incoming, caller, running.now)
    return FhirResponse(answer.body, status_code=STANDING_STATUS[answer.standing], headers=receipts.with_head(running))


def _limits(running: Runtime) -> Limits:
    settings = running.settings
    return Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
