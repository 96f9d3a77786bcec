"""`POST /fhir/$process-message` and `POST /adapters/{kind}/events`: the way in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from adapters.registry import ADAPTERS, PLANNED
from broker.domain.caller import Caller
from broker.errors import NotFound, NotOffered, Unsupported
from broker.runtime import Runtime
from broker.web import documented
from broker.web.deps import Body, Running, require
from broker.web.guard import JSON, media_type
from broker.web.outcomes import STANDING_STATUS, FhirResponse
from broker.workflow import intake
from broker.workflow.receive import receive
from schemas.limits import Limits

router = APIRouter(tags=["Messages"], responses=documented.refusals(400, 409, 422, 425))
Sender = Annotated[Caller, Depends(require("baton/message.write"))]


@router.post(
    "/fhir/$process-message",
    summary="Send one R4 message Bundle",
    response_class=FhirResponse,
    openapi_extra=documented.message(),
)
def process_message(request: Request, running: Running, caller: Sender, body: Body) -> Response:
    """200 and a response Bundle once everything is on disk; 400 and 422 are kept with a task; the same again gets the same answer."""
    content_type = media_type(request.headers.get("content-type", ""))
    if content_type not in JSON:
        raise Unsupported("Send application/fhir+json.")
    incoming = intake.read_fhir(body, content_type, _limits(running), running.now())
    return _handle(running, incoming, caller)


@router.post(
    "/adapters/{kind}/events",
    summary="Send one native event",
    response_class=FhirResponse,
    responses=documented.refusals(501),
    openapi_extra=documented.takes_native(),
)
def native_event(kind: str, request: Request, running: Running, caller: Sender, body: Body) -> Response:
    """One event of midwifery, health-visiting, gp, cmht or probation in the format its systems send; answered as a message is."""
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        if kind in PLANNED:
            raise NotOffered(PLANNED[kind])
        raise NotFound("There is no adapter of that kind.")
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    content_type = media_type(headers.get("content-type", ""))
    return _handle(running, intake.read_native(adapter, body, content_type, headers, running.now()), caller)


def _handle(running: Runtime, incoming: intake.Incoming, caller: Caller) -> Response:
    answer = running.store.write(
        lambda session: receive(session, running.context(session), incoming, caller, running.now())
    )
    running.bus.announce()
    return FhirResponse(answer.body, status_code=STANDING_STATUS[answer.standing])


def _limits(running: Runtime) -> Limits:
    settings = running.settings
    return Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
