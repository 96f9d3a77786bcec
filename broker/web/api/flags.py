"""`/fhir/Flag`: flags that the caller's team holds about somebody whom it may look up; search and read."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotFound
from broker.runtime import Runtime
from broker.web import documented
from broker.web.api.parameters import Pairs, RecordId, chosen, in_body, only, reference, refuse
from broker.web.deps import Body, Running, require
from broker.web.outcomes import FhirResponse
from broker.workflow import flags

router = APIRouter(prefix="/fhir/Flag", tags=["Flags"], default_response_class=FhirResponse)
Reader = Annotated[Caller, Depends(require("system/Flag.rs"))]
Json = dict[str, Any]

KNOWN: Final = ("patient", "subject", "status", "_format")


@router.get("", summary="Search flags", openapi_extra=documented.asks(KNOWN))
def search(request: Request, running: Running, caller: Reader) -> Response:
    """A searchset of the flags that your team holds about one person (`patient`, our id); withdrawn ones by `status=inactive`."""
    return _searched(request.query_params.multi_items(), running, caller)


@router.post(
    "/_search",
    summary="Search flags, the parameters in the body",
    openapi_extra=documented.takes_form(**dict.fromkeys(KNOWN, "As in the search by GET")),
)
def search_by_post(request: Request, running: Running, caller: Reader, body: Body) -> Response:
    """As the search, so that what is asked stands in no address."""
    return _searched(in_body(request, body), running, caller)


@router.get("/{flag_id}", summary="Read a flag")
def read(flag_id: RecordId, running: Running, caller: Reader) -> Response:
    """A flag that your team holds, or held. Never to be shown to patient or family."""

    def work(session: Session) -> Json:
        found = flags.read(session, running.context(session), caller, flag_id, running.now())
        if found is None:
            raise NotFound
        return found

    return FhirResponse(running.store.write(work))


def _searched(pairs: Pairs, running: Runtime, caller: Caller) -> Response:
    only(pairs, KNOWN)
    person, status = _patient(pairs), chosen(pairs, "status", flags.Status)

    def work(session: Session) -> Json:
        ctx = running.context(session)
        base = f"{ctx.public_url}/fhir/Flag"
        found = flags.search(session, ctx, caller, person, status, running.now())
        entries = [
            {"fullUrl": f"{base}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
            for resource in found
        ]
        links = [{"relation": "self", "url": f"{base}?{urlencode(pairs)}"}]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": links}
        return bundle | ({"entry": entries} if entries else {})

    return FhirResponse(running.store.write(work))


def _patient(pairs: Pairs) -> str:
    """The person: `patient`, or `subject` as R4 also calls it. A list of everybody who has a flag is not given."""
    person = reference(pairs, "patient", "Patient/") or reference(pairs, "subject", "Patient/")
    if person is None:
        return refuse("patient", "is required: flags are asked for about one person", "required")
    return person
