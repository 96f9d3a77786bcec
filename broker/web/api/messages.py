"""`POST /fhir/$process-message` and `POST /adapters/{kind}/events`: the way in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from adapters.registry import ADAPTERS, PLANNED
from broker.domain.caller import Caller
from broker.errors import NotAcceptable, NotFound, NotOffered, Unsupported
from broker.runtime import Runtime
from broker.web.deps import Body, Running, require
from broker.web.outcomes import STANDING_STATUS, FhirResponse
from broker.workflow import intake
from broker.workflow.receive import receive
from schemas.limits import Limits

router = APIRouter(tags=["Messages"])
Sender = Annotated[Caller, Depends(require("baton/message.write"))]

_JSON = ("application/fhir+json", "application/json")


@router.post("/fhir/$process-message", summary="Send one R4 message Bundle", response_class=FhirResponse)
def process_message(request: Request, body: Body, running: Running, caller: Sender) -> Response:
    """200 and a response Bundle once everything is on disk; 400 and 422 are kept with a task; the same again gets the same answer."""
    content_type = _media(request)
    if content_type not in _JSON:
        raise Unsupported("Send application/fhir+json.")
    _acceptable(request)
    limits = _limits(running)
    incoming = intake.read_fhir(body, content_type, limits, running.now())
    return _handle(running, incoming, caller)


@router.post("/adapters/{kind}/events", summary="Send one native event", response_class=FhirResponse)
def native_event(kind: str, request: Request, body: Body, running: Running, caller: Sender) -> Response:
    """One event of midwifery, health-visiting, gp, cmht or probation in the format its systems send; answered as a message is."""
    adapter = ADAPTERS.get(kind)
    if adapter is None:
        if kind in PLANNED:
            raise NotOffered(PLANNED[kind])
        raise NotFound("There is no adapter of that kind.")
    incoming = intake.read_native(adapter, body, _media(request), dict(request.headers), running.now())
    return _handle(running, incoming, caller)


def _handle(running: Runtime, incoming: intake.Incoming, caller: Caller) -> Response:
    answer = running.store.write(
        lambda session: receive(session, running.context(session), incoming, caller, running.now())
    )
    running.bus.announce()
    return FhirResponse(answer.body, status_code=STANDING_STATUS[answer.standing])


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _acceptable(request: Request) -> None:
    """Only JSON is spoken; an Accept header that rules it out gets 406."""
    accept = request.headers.get("accept", "*/*").lower()
    ranges = [part.partition(";")[0].strip() for part in accept.split(",")]
    if not any(r in ("*/*", "application/*", *_JSON) for r in ranges):
        raise NotAcceptable("Answers are application/fhir+json.")


def _limits(running: Runtime) -> Limits:
    settings = running.settings
    return Limits(bytes=settings.max_body_bytes, depth=settings.max_depth, entries=settings.max_entries)
