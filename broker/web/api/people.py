"""`POST /fhir/Patient/_search` and `GET /households/{id}`: who somebody is and with whom they live, as the caller may know."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.errors import NotFound, Unreadable
from broker.storage import audit
from broker.web.deps import Running, require
from broker.web.outcomes import FhirResponse
from broker.workflow import view
from schemas.problem import Problem

router = APIRouter(tags=["People"])


@router.post("/fhir/Patient/_search", summary="Find a person by identifier", response_class=FhirResponse)
def search(
    running: Running,
    caller: Annotated[Caller, Depends(require("system/Patient.s"))],
    identifier: Annotated[str, Form()] = "",
) -> FhirResponse:
    """A searchset with person and household ids, for people the caller's team works with. The identifier stands in the body only."""
    system, bar, value = identifier.partition("|")
    if not bar or not system or not value:
        raise Unreadable(problems=[Problem("identifier", "must be system|value", "value")])

    def work(session: Session) -> dict[str, Any]:
        found = view.persons_by_identifier(session, running.context(session), caller, system, value, running.now())
        audit.record(
            session,
            action="search",
            entity="person",
            entity_id=None,
            caller=caller,
            now=running.now(),
            detail={"found": [entry["resource"]["id"] for entry in found.get("entry", [])]},
        )
        return found

    return FhirResponse(running.store.write(work))


@router.get("/households/{household_id}", summary="Who lives together, as the caller may know")
def household(
    household_id: str, running: Running, caller: Annotated[Caller, Depends(require("system/Patient.s"))]
) -> dict[str, Any]:
    """Members with since when and according to whom, teams involved, and what is not known (gaps)."""

    def work(session: Session) -> dict[str, Any] | None:
        seen = view.household(session, running.context(session), caller, household_id, running.now())
        outcome = "success" if seen is not None else "failure"
        audit.record(
            session,
            action="read",
            entity="household",
            entity_id=household_id if seen is not None else None,
            caller=caller,
            now=running.now(),
            outcome=outcome,
        )
        return seen

    seen = running.store.write(work)
    if seen is None:
        raise NotFound
    return seen
