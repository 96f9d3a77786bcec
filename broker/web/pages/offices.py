"""Who may open the pages of auditors and of administrators; the people of teams may not, and the audit says who did."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session

from broker.errors import Forbidden
from broker.storage import audit
from broker.web.pages.seats import ADMIN, AUDIT, Person
from broker.web.pages.sessions import SignedInPerson


def auditor(person: SignedInPerson) -> Person:
    """A dependency: an auditor, who reads only. Forbidden for everybody else."""
    if not person.caller.may(AUDIT):
        raise Forbidden("This page is for auditors.")
    return person


def administrator(person: SignedInPerson) -> Person:
    """A dependency: an administrator. Forbidden for everybody else."""
    if not person.caller.may(ADMIN):
        raise Forbidden("This page is for administrators.")
    return person


def looked(session: Session, person: Person, entity: str, entity_id: str | None, now: datetime) -> None:
    """Keep who looked at what of the broker itself; queries about people keep it themselves."""
    audit.record(session, action="read", entity=entity, entity_id=entity_id, now=now, caller=person.caller)


Auditor = Annotated[Person, Depends(auditor)]
Administrator = Annotated[Person, Depends(administrator)]
