"""What `/audit/withheld` shows of a decision not to tell, as JSON and as cells of a CSV; teams by id and name, persons not at all."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from pydantic import Field

from broker.web.api.handover_rows import Reason, Shown, TeamShown, moment, team_shown
from broker.web.csv_text import Cell
from broker.workflow.withheld import DecidedBy, Seen
from schemas.codes import Event


class LeadShown(Shown):
    """The safeguarding lead who decided, as the agency asserts. Null of what is no longer kept."""

    team: str
    name: str | None
    role: str | None
    task: str = Field(description="Of the task at /fhir/Task/{id}, which has what the lead said of it")


class WithheldRow(Shown):
    """That one team is not told of one message, because."""

    id: str
    notification: str
    kind: Event | None = Field(description="The event that was notified")
    sender: TeamShown | None = Field(serialization_alias="from")
    team: TeamShown = Field(serialization_alias="notTold")
    reason: Reason
    cites: str = Field(description="The principle of docs/sharing.md or the invariant that it rests on")
    decided_by: DecidedBy
    policy: str = Field(description="Version of the policy that decided, or that asked the lead")
    lead: LeadShown | None
    at: datetime = Field(description="When the rules were asked; what the list is in the order of")
    decided: datetime = Field(description="When this was decided: later than `at` where a lead was asked")


def row(seen: Seen) -> WithheldRow:
    """A decision as it is shown."""
    of, lead = seen.decision, seen.lead
    return WithheldRow(
        id=of.id,
        notification=of.notification_id,
        kind=of.event,
        sender=team_shown(seen.sender) if seen.sender else None,
        team=team_shown(seen.team),
        reason=Reason(code=of.reason_code, text=of.reason),
        cites=seen.principle,
        decided_by=seen.by,
        policy=of.policy_version,
        lead=LeadShown(team=lead.team, name=lead.name, role=lead.role, task=lead.task_id) if lead else None,
        at=of.at,
        decided=seen.decided,
    )


COLUMNS: Final = (
    "id",
    "notification",
    "kind",
    "fromTeam",
    "fromName",
    "fromAgency",
    "team",
    "name",
    "agency",
    "function",
    "reasonCode",
    "reason",
    "cites",
    "decidedBy",
    "policy",
    "leadTeam",
    "leadName",
    "leadRole",
    "task",
    "at",
    "decided",
)


def cells(one: WithheldRow) -> Iterator[Mapping[str, Cell]]:
    """The same as one line of the CSV."""
    sender, lead = one.sender, one.lead
    yield dict(
        zip(
            COLUMNS,
            (
                one.id,
                one.notification,
                one.kind and one.kind.value,
                *((sender.team, sender.name, sender.agency) if sender else (None, None, None)),
                one.team.team,
                one.team.name,
                one.team.agency,
                one.team.function.value,
                one.reason.code,
                one.reason.text,
                one.cites,
                one.decided_by.value,
                one.policy,
                *((lead.team, lead.name, lead.role, lead.task) if lead else (None, None, None, None)),
                moment(one.at),
                moment(one.decided),
            ),
            strict=True,
        )
    )
