"""`POST /fhir/Patient/_search` and `GET /households/{id}`: who somebody is and with whom they live, as the caller may know."""

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotFound, Unreadable, Unsupported
from broker.storage import audit
from broker.web import documented
from broker.web.deps import Body, Running, require
from broker.web.guard import media_type
from broker.web.outcomes import FhirResponse
from broker.workflow import view
from schemas.problem import Problem

router = APIRouter(tags=["People"])
Searcher = Annotated[Caller, Depends(require("system/Patient.s"))]

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_PARAMETERS = ("identifier", "_format")


@router.post(
    "/fhir/Patient/_search",
    summary="Find a person by identifier",
    response_class=FhirResponse,
    openapi_extra=documented.takes_form(identifier="system|value, once"),
)
def search(request: Request, running: Running, caller: Searcher, body: Body) -> FhirResponse:
    """A searchset with person and household ids, for people the caller's team works with. The identifier stands in the body only."""
    system, value = _identifier(request, body)

    def work(session: Session) -> dict[str, Any]:
        found = view.persons_by_identifier(session, running.context(session), caller, system, value, running.now())
        audit.record(
            session,
            action="search",
            entity="person",
            entity_id=None,
            caller=caller,
            now=running.now(),
            detail={"found": [entry["resource"]["id"] for entry in found.get("entry", [])], "asked": ["identifier"]},
        )
        return found

    return FhirResponse(running.store.write(work))


def _identifier(request: Request, body: bytes) -> tuple[str, str]:
    """System and value of the one parameter there is. Unreadable for any other, wherever it stands."""
    if media_type(request.headers.get("content-type", "")) != documented.FORM:
        raise Unsupported(f"Send {documented.FORM}.")
    if set(request.query_params) - {"_format"}:
        raise Unreadable("Send every parameter in the body: no identifier may stand in an address.")
    try:
        asked = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Unreadable("The body is not a form in UTF-8.") from error
    if any(name not in _PARAMETERS for name, _ in asked):
        raise Unreadable(problems=[Problem("", "has a parameter other than identifier", "not-supported")])
    given = [value for name, value in asked if name == "identifier"]
    system, _, value = given[0].partition("|") if len(given) == 1 else ("", "", "")
    if not (system and value and given[0].isprintable()):
        raise Unreadable(problems=[Problem("identifier", "must be there once, as system|value", "value")])
    return system, value


@router.get("/households/{household_id}", summary="Who lives together, as the caller may know")
def household(household_id: str, running: Running, caller: Searcher) -> dict[str, Any]:
    """Members with since when and according to whom, teams involved, and what is not known (gaps)."""
    if not _ID.fullmatch(household_id):
        raise NotFound

    def work(session: Session) -> dict[str, Any]:
        now = running.now()
        seen = view.household(session, running.context(session), caller, household_id, now)
        if seen is None:
            raise NotFound
        detail = {audit.PATIENTS: sorted({member["person"] for member in seen["members"]})}
        audit.record(
            session, action="read", entity="household", entity_id=household_id, caller=caller, now=now, detail=detail
        )
        return seen

    return running.store.write(work)
