"""`/fhir/AuditEvent`: who did, read or was refused what; a team sees what it did and what was done for it, an auditor all."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.sealing import Entry
from broker.errors import NotFound
from broker.runtime import Runtime
from broker.storage import audit, audit_search
from broker.web import documented
from broker.web.api import audit_query
from broker.web.api.parameters import Pairs, RecordId, in_body
from broker.web.deps import Body, Running, require
from broker.web.outcomes import FhirResponse
from broker.workflow.acknowledge import scope_of
from broker.workflow.audit_wire import audit_event

router = APIRouter(prefix="/fhir/AuditEvent", tags=["Audit"], default_response_class=FhirResponse)
Reader = Annotated[Caller, Depends(require("system/AuditEvent.rs", "baton/audit"))]
Json = dict[str, Any]


@router.get("", summary="Search the audit", openapi_extra=documented.asks(audit_query.KNOWN))
def search(request: Request, running: Running, caller: Reader) -> Response:
    """A searchset of what your team did and what was done for it; the newest first unless `_sort` says otherwise."""
    return _searched(request.query_params.multi_items(), running, caller)


@router.post(
    "/_search",
    summary="Search the audit, the parameters in the body",
    openapi_extra=documented.takes_form(**dict.fromkeys(audit_query.KNOWN, "As in the search by GET")),
)
def search_by_post(request: Request, running: Running, caller: Reader, body: Body) -> Response:
    """As the search, so that what is asked stands in no address."""
    return _searched(in_body(request, body), running, caller)


@router.get("/{event_id}", summary="Read an audit event")
def read(event_id: RecordId, running: Running, caller: Reader) -> Response:
    """One event. That it was read is an event of its own."""

    def work(session: Session) -> Entry:
        found = audit_search.get(session, event_id, scope_of(caller))
        if found is None:
            raise NotFound
        audit.record(session, action="read", entity="audit", entity_id=event_id, caller=caller, now=running.now())
        return found

    return FhirResponse(audit_event(running.store.write(work), _base(running)))


def _searched(pairs: Pairs, running: Runtime, caller: Caller) -> Response:
    query, only_count = audit_query.read(pairs)
    scope, address = scope_of(caller), f"{_base(running)}/AuditEvent"
    asked = sorted({name for name, _ in pairs})
    links = [{"relation": "self", "url": f"{address}?{urlencode(pairs)}"}]

    def work(session: Session) -> Json:
        if only_count:
            total = audit_search.count(session, query, scope)
            _note(session, {"count": total, "asked": asked}, running, caller)
            return {"total": total, "link": links}
        found, last = audit_search.search(session, query, scope)
        _note(session, {"found": [entry.id for entry in found], "asked": asked}, running, caller)
        following = [] if last is None else [urlencode(audit_query.next_pairs(pairs, query, last))]
        more = [{"relation": "next", "url": f"{address}?{page}"} for page in following]
        entries = [_entry(address, audit_event(entry, _base(running))) for entry in found]
        return {"link": [*links, *more]} | ({"entry": entries} if entries else {})

    return FhirResponse({"resourceType": "Bundle", "type": "searchset"} | running.store.write(work))


def _note(session: Session, detail: Json, running: Runtime, caller: Caller) -> None:
    """Reading the audit is audited."""
    audit.record(
        session, action="search", entity="audit", entity_id=None, caller=caller, now=running.now(), detail=detail
    )


def _entry(address: str, resource: Json) -> Json:
    return {"fullUrl": f"{address}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}


def _base(running: Runtime) -> str:
    return f"{running.settings.public_url.rstrip('/')}/fhir"
