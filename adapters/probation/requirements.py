"""Requirements of orders and breach notices: records that are created and, wrongly created, deleted by their own number (F4)."""

from collections.abc import Mapping
from typing import Final

from adapters.probation.drafts import Draft, Outcome, Reader, Record, code, lacks
from adapters.probation.envelope import DomainEvent
from schemas.codes import Event
from schemas.message import Fact

_REQUIREMENTS: Final = (
    ("drug", "drug-rehabilitation"),
    ("alcohol", "alcohol-treatment"),
    ("mental health", "mental-health-treatment"),
    ("unpaid work", "unpaid-work"),
    ("rehabilitation activity", "rehabilitation-activity"),
    ("accredited programme", "programme"),
    ("curfew", "curfew"),
    ("residence", "residence"),
    ("exclusion", "exclusion"),
    ("prohibited activity", "prohibited-activity"),
)
"""Words in the description of a requirement's main type, in the order tried, and our code. The event has no code of Delius."""


def _requirement(event: DomainEvent) -> Fact:
    described = event.information.get("requirementMainType", "").lower()
    return code("requirement", next((meant for words, meant in _REQUIREMENTS if words in described), "other"))


def _requirement_record(event: DomainEvent) -> Record | None:
    number = event.information.get("requirementID") or event.information.get("requirementId")
    return Record(kind="requirement", number=number) if number else None


def requirement_created(event: DomainEvent) -> Outcome:
    """An order has another requirement: nobody told health visiting of Father's drug orders (F4)."""
    draft = Draft(
        event=Event.SUPERVISION_CHANGE,
        kind="order",
        facts=(_requirement(event),),
        creates=_requirement_record(event),
    )
    return (draft,)


def requirement_deleted(event: DomainEvent) -> Outcome:
    """A requirement should never have been recorded."""
    return _withdrawn(event, _requirement_record(event), "requirementID")


def _breach_notice_record(event: DomainEvent) -> Record | None:
    number = event.information.get("breachNoticeId")
    return Record(kind="breach-notice", number=number) if number else None


def breach_notice_created(event: DomainEvent) -> Outcome:
    """Somebody was warned in writing."""
    facts = (code("enforcement-stage", "warning"),)
    return (Draft(event=Event.ENFORCEMENT, facts=facts, creates=_breach_notice_record(event)),)


def breach_notice_deleted(event: DomainEvent) -> Outcome:
    """The warning was taken back before it counted."""
    return _withdrawn(event, _breach_notice_record(event), "breachNoticeId")


def _withdrawn(event: DomainEvent, record: Record | None, named: str) -> Outcome:
    if record is None:
        return lacks(event, named)
    return (Draft(event=Event.WITHDRAW, facts=(code("withdraw-reason", "untrue"),), refers_to=record),)


READERS: Final[Mapping[str, Reader]] = {
    "probation-case.requirement.created": requirement_created,
    "probation-case.requirement.deleted": requirement_deleted,
    # The same event by the name its own service's sample has.
    "probation-case.breach-notice.added": breach_notice_created,
    "probation-case.breach-notice.created": breach_notice_created,
    "probation-case.breach-notice.deleted": breach_notice_deleted,
}
