"""Rows that tests of delivery begin with: teams, channels, one notification, and deliveries of it in any state."""

import base64
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from sqlmodel import Session, select

from broker.domain.states import ChannelKind, DeliveryState, NotificationState, Purpose, View
from broker.storage import deliveries, directory, notifications
from broker.storage.store import Store
from broker.storage.tables import Agency, Area, Channel, Coverage, Delivery, Team
from schemas import content
from schemas.codes import Event, Function, Priority
from schemas.message import Message, Person
from tests.conftest import NOON

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOTIFICATION = "11111111-0000-4000-8000-000000000001"
SENDER = "swbh-midwifery"
CHILD = "22222222-0000-4000-8000-000000000001"

TEAMS = {  # with agency and function
    "swbh-midwifery": ("swbh", Function.MIDWIFERY),
    "swbh-health-visiting": ("swbh", Function.HEALTH_VISITING),
    "swbh-safeguarding": ("swbh", Function.SAFEGUARDING_LEAD),
    "cape-hill-practice": ("cape-hill", Function.GENERAL_PRACTICE),
    "sandwell-probation": ("probation", Function.PROBATION),
    "sandwell-partnership": ("council", Function.PARTNERSHIP),
    "sandwell-mash": ("council", Function.MASH),
}

_numbers = count(1)


def new_id() -> str:
    """Ids that grow, so that an order by id is the order of making."""
    return str(UUID(int=next(_numbers), version=4))


def directory_rows(session: Session) -> None:
    """Four agencies with seven teams in one area; no team has a channel besides its mailbox."""
    session.add(Area(id="sandwell", name="Sandwell"))
    session.add_all(Agency(id=agency, name=agency) for agency in sorted({agency for agency, _ in TEAMS.values()}))
    session.flush()
    for team, (agency, function) in TEAMS.items():
        session.add(Team(id=team, agency_id=agency, function=function, name=team, area_id="sandwell"))
    session.flush()
    session.add(Coverage(area_id="sandwell", function=Function.PARTNERSHIP, team_id="sandwell-partnership"))
    directory.touch(session)


def message(**other: object) -> Message:
    """A birth that the midwives sent."""
    values: dict[str, object] = {
        "id": "birth-1",
        "event": Event.BIRTH,
        "sender": SENDER,
        "occurred": NOON - timedelta(hours=3),
        "subjects": (CHILD,),
        "people": (Person(key=CHILD, family="Testerly", given=("Bluebell",), birth_date=NOON.date()),),
    }
    return Message(**(values | other))


def notification(session: Session, store: Store, id_: str = NOTIFICATION, said: Message | None = None) -> None:
    """An accepted notification."""
    said = said or message()
    codec = store.codec
    row: dict[str, object] = {
        "id": id_,
        "sender_team_id": said.sender,
        "message_id": said.id,
        "via": "fhir",
        "standing": "usable",
        "state": NotificationState.ACCEPTED,
        "event": said.event,
        "kind": None,
        "priority": Priority.ROUTINE,
        "occurred_at": said.occurred,
        "received_at": NOON,
        "raw": b"{}",
        "content_type": "application/fhir+json",
        "content_hash": id_,
        "content": codec.seal(content.dump(said), f"notification:{id_}"),
        "answer": b"{}",
        "policy_version": "test",
        "decided_on": {},
    }
    notifications.add(session, row, ())


def channel(session: Session, store: Store, team: str, url: str = "http://127.0.0.1:9/hook") -> None:
    """Give a team a webhook."""
    secret = store.codec.seal(SECRET.encode(), f"channel:{team}")
    session.merge(Channel(team_id=team, kind=ChannelKind.WEBHOOK, url=url, secret=secret, changed_at=NOON))
    session.flush()


def only_mailbox(session: Session, team: str) -> None:
    """Take a team's webhook away."""
    session.merge(Channel(team_id=team, kind=ChannelKind.MAILBOX, url=None, secret=None, changed_at=NOON))
    session.flush()


def delivery(team: str, created_at: datetime = NOON, **other: object) -> dict[str, object]:
    """One row, ready unless said otherwise; a cause of its own, so that a team may have many."""
    id_ = new_id()
    return {
        "id": id_,
        "notification_id": NOTIFICATION,
        "team_id": team,
        "cause": f"test:{id_}",
        "state": DeliveryState.READY,
        "purpose": Purpose.INFORMATION,
        "view": View.FULL,
        "reason_code": "universal-service",
        "reason": "You provide this service where the child lives.",
        "policy_version": "test",
        "created_at": created_at,
        **other,
    }


def prepared(store: Store, *teams_with_webhook: str) -> None:
    """The directory, the notification, and a webhook for these teams."""

    def work(session: Session) -> None:
        directory_rows(session)
        session.flush()
        notification(session, store)
        for team in teams_with_webhook:
            channel(session, store, team)

    store.write(work)


def add(store: Store, *rows: dict[str, object]) -> list[str]:
    """Commit rows as a routing decision does; their ids."""
    store.write(lambda session: deliveries.insert(session, rows))
    return [str(row["id"]) for row in rows]


def tell(store: Store, *rows: dict[str, object]) -> list[str]:
    """As `add`, with a notification of its own for each row, so that each has a message that can be sent."""

    def work(session: Session) -> None:
        for one in rows:
            own = new_id()
            notification(session, store, own, message(id=own))
            one |= {"notification_id": own, "cause": ""}
        deliveries.insert(session, rows)

    store.write(work)
    return [str(row["id"]) for row in rows]


def row(store: Store, id_: str) -> Delivery:
    """A delivery as it is now."""
    return store.read(lambda session: session.exec(select(Delivery).where(Delivery.id == id_)).one())
