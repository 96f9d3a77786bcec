"""What `/audit/handovers` shows of a handover, as JSON and as cells of a CSV; teams by id and name, persons by id alone."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from broker.domain.handovers import HandoverState
from broker.domain.states import Unheld
from broker.domain.world import Team
from broker.workflow.handovers import Count, CountBy, Seen
from broker.workflow.task_wire import instant
from schemas.codes import Event, Function, TaskCode


class Shown(BaseModel):
    """Names on the wire are camelCase, as FHIR has them."""

    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))


class TeamShown(Shown):
    """A team of the directory."""

    team: str
    name: str
    agency: str
    function: Function
    area: str | None


class Reason(Shown):
    """Why it was addressed to that team, as it was decided."""

    code: str
    text: str


class HolderShown(Shown):
    """Who is responsible now in the receiver's function: a team, or nobody, because."""

    person: str
    function: Function
    team: str | None
    because: Unheld | None


class HandoverRow(Shown):
    """One handover. Times that have not come are null."""

    id: str = Field(description="Of the task at /fhir/Task/{id}")
    notification: str | None
    code: TaskCode = Field(description="acknowledge, or transfer")
    kind: Event | None = Field(description="The event that was notified")
    states: list[HandoverState]
    business_status: str | None
    sender: TeamShown = Field(serialization_alias="from")
    receiver: TeamShown = Field(serialization_alias="to")
    children_named: int = Field(description="Children that the message is about or names")
    children_in_transfer: int | None = Field(description="Lines that were not taken out of it; null of anything else")
    children_confirmed: int | None = Field(description="Lines that the receiver has confirmed")
    sent: datetime
    delivered: datetime | None
    opened: datetime | None
    answered: datetime | None
    due: datetime | None
    age: str = Field(description="Since it was sent, in whole minutes, ISO 8601")
    level: int = Field(description="Rungs it has climbed because nobody answered")
    reason: Reason | None
    holders: list[HolderShown]


class Page(Shown):
    """One page, in the order asked for."""

    at: datetime = Field(description="The time that states and ages are of")
    handovers: list[HandoverRow]
    next: str | None = Field(description="Where the next page is; null on the last")


class CountShown(Shown):
    """One line: an agency's id, an age band, an event or a state."""

    key: str
    count: int


class Counts(Shown):
    """How many there are of each, and in all."""

    at: datetime
    by: CountBy
    total: int
    counts: list[CountShown]


def row(seen: Seen) -> HandoverRow:
    """A handover as it is shown."""
    of, told = seen.handover, seen.told
    return HandoverRow(
        id=of.id,
        notification=of.notification_id,
        code=of.code,
        kind=seen.event,
        states=list(seen.states),
        business_status=of.business_status,
        sender=team_shown(seen.sender),
        receiver=team_shown(seen.receiver),
        children_named=len(seen.children),
        children_in_transfer=None if seen.lines is None else len(seen.lines),
        children_confirmed=seen.confirmed,
        sent=of.sent,
        delivered=of.delivered,
        opened=of.opened,
        answered=of.answered,
        due=of.due,
        age=duration(seen.age),
        level=of.level,
        reason=Reason(code=told.reason_code, text=told.reason) if told else None,
        holders=[
            HolderShown(person=held.person_id, function=held.function, team=held.team_id, because=held.because)
            for held in seen.holders
        ],
    )


def counted(at: datetime, by: CountBy, counts: Iterable[Count], total: int) -> Counts:
    """A count as it is shown."""
    return Counts(at=at, by=by, total=total, counts=[CountShown(key=one.key, count=one.count) for one in counts])


def duration(age: timedelta) -> str:
    """ISO 8601 in days, hours and minutes: `P2DT3H`, and `PT0M` for less than a minute."""
    minutes = max(0, int(age / timedelta(minutes=1)))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    day = f"{days}D" if days else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return f"P{day}T{clock}" if clock else f"P{day}" if day else "PT0M"


def team_shown(team: Team) -> TeamShown:
    """A team as every list of auditors shows it."""
    return TeamShown(team=team.id, name=team.name, agency=team.agency_id, function=team.function, area=team.area_id)


# --- as CSV ---------------------------------------------------------------------------------------------------------

Cell: TypeAlias = str | int | None

_COLUMNS: Final[dict[str, Callable[[HandoverRow], Cell]]] = {
    "id": lambda row: row.id,
    "notification": lambda row: row.notification,
    "code": lambda row: row.code.value,
    "kind": lambda row: row.kind and row.kind.value,
    "states": lambda row: " ".join(row.states),
    "businessStatus": lambda row: row.business_status,
    "fromTeam": lambda row: row.sender.team,
    "fromName": lambda row: row.sender.name,
    "fromAgency": lambda row: row.sender.agency,
    "toTeam": lambda row: row.receiver.team,
    "toName": lambda row: row.receiver.name,
    "toAgency": lambda row: row.receiver.agency,
    "toFunction": lambda row: row.receiver.function.value,
    "toArea": lambda row: row.receiver.area,
    "childrenNamed": lambda row: row.children_named,
    "childrenInTransfer": lambda row: row.children_in_transfer,
    "childrenConfirmed": lambda row: row.children_confirmed,
    "sent": lambda row: moment(row.sent),
    "delivered": lambda row: moment(row.delivered),
    "opened": lambda row: moment(row.opened),
    "answered": lambda row: moment(row.answered),
    "due": lambda row: moment(row.due),
    "age": lambda row: row.age,
    "level": lambda row: row.level,
    "reasonCode": lambda row: row.reason.code if row.reason else None,
    "reason": lambda row: row.reason.text if row.reason else None,
    "holders": lambda row: "; ".join(map(_holder, row.holders)),
}
HEADER: Final = tuple(_COLUMNS)


def cells(row: HandoverRow) -> list[Cell]:
    """The same as cells, in the order of `HEADER`."""
    return [column(row) for column in _COLUMNS.values()]


def moment(time: datetime | None) -> str | None:
    """A time in a CSV, as JSON has it."""
    return instant(time) if time else None


def _holder(held: HolderShown) -> str:
    return f"{held.person} {held.function.value}: {held.team or f'nobody, {held.because}'}"
