"""What `/households/{id}/chronology` shows of a line and of a gap, as JSON of ours and as FHIR; what is in it is decided in `workflow.chronology`."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from pydantic import Field

from broker.domain.quiet import Quiet
from broker.domain.states import View
from broker.domain.world import Directory
from broker.web.api.handover_rows import Shown
from broker.workflow.chronology import Chronology, Line, Missed
from schemas import bundle
from schemas.bundle.profile import NOPAT
from schemas.codes import CANONICAL, Event, Function
from schemas.events import FACTS
from schemas.message import Coding, Fact, FactValue, Person

Json: TypeAlias = dict[str, Any]

NO_CONTACT: Final = "no-contact"
MISSED: Final = "expected-and-missed"
NAME: Final = "Baton"


class Named(Shown):
    """A person of a line, with the name as the caller may know it."""

    person: str
    name: str | None


class From(Shown):
    """Who told it, where the caller may know."""

    team: str
    name: str
    function: Function
    agency: str
    by: str | None = Field(description="The practitioner behind it")
    role: str | None


class FactShown(Shown):
    """One thing that it says."""

    code: str
    text: str
    value: str | bool | int | float
    display: str | None = Field(description="Of a coded value")
    unit: str | None
    about: str | None = Field(description="The person's id; null when it is about the event")
    at: datetime | date | None


class LineShown(Shown):
    """One event as the caller's team may see it."""

    id: str = Field(description="MessageHeader.id of the message as the team knows it")
    at: datetime = Field(description="When it happened; when it was told, where the team may not know that")
    event: Event
    kind: str | None
    about: list[str] = Field(description="Ids of the persons whom it is about")
    people: list[Named]
    sender: From | None = Field(serialization_alias="from")
    facts: list[FactShown]
    view: View = Field(description="How much of it the team may see")
    own: bool = Field(description="The team sent it")
    told: bool = Field(description="It was sent to the team when it happened")
    marked: bool = Field(description="Never to be shown to patient or family")


class GapShown(Shown):
    """Something that is not there."""

    code: str = Field(
        description=f"{NO_CONTACT}: nobody whose word the team may see was in contact with the child; {MISSED}: what should have come and did not"
    )
    rule: str = Field(description="The line of the policy by which it is one")
    person: str
    since: datetime = Field(description="The last contact; when it was due")
    until: datetime | None = Field(
        description="The next contact; when it came after all, or was answered; null: up to now"
    )
    weeks: int
    alerts: int | None = Field(description="How often it was asked for")
    text: str
    cites: str


class Page(Shown):
    """A page of a chronology. Gaps are those of the whole household, whatever the page."""

    household: str
    at: datetime
    lines: list[LineShown]
    gaps: list[GapShown]
    next: str | None = Field(description="Where the next page is; null on the last")


def line_shown(line: Line, directory: Directory) -> LineShown:
    """A line as JSON."""
    message = line.message
    return LineShown(
        id=line.id,
        at=line.at,
        event=message.event,
        kind=message.kind,
        about=list(message.subjects),
        people=[Named(person=person.key, name=_name(person)) for person in message.people],
        sender=_from(line, directory),
        facts=[_fact(fact) for fact in message.facts],
        view=line.view,
        own=line.own,
        told=line.told,
        marked=NOPAT in message.labels,
    )


def gaps_shown(found: Chronology, now: datetime) -> list[GapShown]:
    """Its gaps as JSON, the earliest first. They name nobody."""
    shown = [*map(_quiet, found.gaps), *(_missed(one, now) for one in found.missed)]
    return sorted(shown, key=lambda gap: (gap.since, gap.person, gap.rule))


def _quiet(gap: Quiet) -> GapShown:
    until = f"until {gap.until:%Y-%m-%d}" if gap.until else "up to now"
    return GapShown(
        code=NO_CONTACT,
        rule=gap.rule.name,
        person=gap.person_id,
        since=gap.since,
        until=gap.until,
        weeks=gap.weeks,
        alerts=None,
        text=f"No contact that your team may see since {gap.since:%Y-%m-%d}, {until}: {gap.weeks} weeks.",
        cites=gap.rule.cites,
    )


def _missed(missed: Missed, now: datetime) -> GapShown:
    what = missed.rule.name.replace("-", " ")
    ended = f"ended {missed.ended_at:%Y-%m-%d}" if missed.ended_at else "has not come"
    return GapShown(
        code=MISSED,
        rule=missed.rule.name,
        person=missed.person_id,
        since=missed.due_at,
        until=missed.ended_at,
        weeks=((missed.ended_at or now) - missed.due_at).days // 7,
        alerts=missed.alerts,
        text=f"Expected by {missed.due_at:%Y-%m-%d}: {what}; {ended}, asked for {missed.alerts} times.",
        cites=missed.rule.cites,
    )


def searchset(
    lines: Iterable[Line], gaps: Iterable[GapShown], *, total: int, public_url: str, links: Json, now: datetime
) -> Json:
    """The same as a searchset: each line the message as the team gets it, each gap a DetectedIssue."""
    entries = [
        {
            "fullUrl": bundle.address("Bundle", line.id),
            "resource": bundle.write(
                line.message, source=public_url, source_name=NAME, timestamp=line.at, bundle_id=line.id
            ),
            "search": {"mode": "match"},
        }
        for line in lines
    ]
    entries += [{"resource": _issue(gap, public_url, now), "search": {"mode": "include"}} for gap in gaps]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": f"{public_url}{path}"} for relation, path in links.items()],
        **({"entry": entries} if entries else {}),  # R4 has no empty lists
    }


def _issue(gap: GapShown, public_url: str, now: datetime) -> Json:
    period = {"start": gap.since.isoformat(), "end": (gap.until or now).isoformat()}
    return {
        "resourceType": "DetectedIssue",
        "status": "preliminary",
        "code": {"coding": [{"system": f"{CANONICAL}/CodeSystem/chronology-gap", "code": gap.code}]},
        "patient": {"reference": f"{public_url}/fhir/Patient/{gap.person}"},
        "identifiedPeriod": period,
        "detail": gap.text,
    }


def _name(person: Person) -> str | None:
    words = [*person.given, person.family or ""]
    return " ".join(word for word in words if word) or None


def _from(line: Line, directory: Directory) -> From | None:
    team = directory.teams.get(line.message.sender or "")
    if team is None:
        return None
    author = line.message.author
    return From(
        team=team.id,
        name=team.name,
        function=team.function,
        agency=team.agency_id,
        by=author.name if author else None,
        role=author.role if author else None,
    )


def _fact(fact: Fact) -> FactShown:
    spec = FACTS.get(fact.code)
    return FactShown(
        code=fact.code,
        text=spec.text if spec else fact.code,
        value=_value(fact.value),
        display=fact.value.display if isinstance(fact.value, Coding) else None,
        unit=fact.unit,
        about=fact.about,
        at=fact.at,
    )


def _value(value: FactValue) -> str | bool | int | float:
    match value:
        case Coding():
            return value.code
        case Decimal():
            return float(value)
        case datetime() | date():
            return value.isoformat()
        case _:
            return value
