"""The town in a database with the ledger of who is responsible, as `workflow.receive` and `workflow.transfer` move it."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import insert
from sqlmodel import Session

from broker.domain.responsibility import HELD, Holding
from broker.domain.states import NotificationState, Unheld
from broker.storage import notifications
from broker.storage import responsibility as ledgers
from broker.storage.store import Store
from broker.storage.tables import metadata
from broker.workflow import responsibility
from schemas import content
from schemas.codes import Event, Function, Priority, TaskCode, TaskStatus
from schemas.message import Message
from tests.integration.stored_town import StoredTown, found
from tests.town import TEAMS, message


class LedgeredTown(StoredTown):
    """A database that messages change, with who is responsible for whom."""

    def send_told(self, said: Message, by: str) -> str:
        """A team sends the message; the id of its notification."""
        id_ = str(uuid4())

        def work(session: Session) -> None:
            settled = self.settle(session, said, by, id_)
            keyed = self.rekeyed(said)
            responsibility.follow(
                session, self.ctx, keyed, TEAMS[by], settled.world, id_, self.now, changes=settled.changes
            )
            self._notified(session, id_, keyed, by)

        self.store.write(work)
        return id_

    def take_back(self, notification_id: str, by: str) -> None:
        """Its sender withdraws a notification."""
        id_ = str(uuid4())
        said = message(Event.WITHDRAW, occurred=self.now)

        def work(session: Session) -> None:
            self._notified(session, id_, said, by)
            notifications.withdraw(session, notification_id, self.now)
            responsibility.taken_back(session, self.ctx, notification_id, said.occurred, id_, self.now)

        self.store.write(work)

    def line(self, person_id: str, sender: str, receiver: str) -> str:
        """An open line of a transfer; its task id."""
        id_ = str(uuid4())
        row: dict[str, object] = {
            "id": id_,
            "code": TaskCode.CONFIRM_CHILD,
            "status": TaskStatus.REQUESTED,
            "owner_team_id": receiver,
            "requester_team_id": sender,
            "person_id": person_id,
            "priority": Priority.ROUTINE,
            "content": b"",
            "policy_version": "test",
            "cites": "",
            "authored_at": self.now,
            "changed_at": self.now,
            "version": 1,
        }
        with self.store.engine.begin() as connection:
            connection.execute(insert(metadata.tables["task"]), [row])
        return id_

    def confirm(self, session: Session, task_id: str, person_id: str, sender: str, receiver: str) -> None:
        """A professional of the receiver confirms the line."""
        responsibility.confirmed(
            session,
            self.ctx,
            person_id=person_id,
            sender_team=sender,
            receiver_team=receiver,
            task_id=task_id,
            notification_id=None,
            now=self.now,
        )

    def who(self, person_id: str, at: datetime | None = None) -> dict[Function, str | Unheld]:
        """Everything that is answered for a person now, or at a time."""
        held = self.store.read(lambda session: ledgers.holders(session, [person_id], at))
        return {function: answer(held.get((person_id, function))) for function in HELD}

    def chain(self, person_id: str, function: Function) -> list[Holding]:
        """Everything that was ever answered."""
        return self.store.read(lambda session: ledgers.history(session, person_id, function))

    def _notified(self, session: Session, id_: str, said: Message, by: str) -> None:
        row: dict[str, object] = {
            "id": id_,
            "sender_team_id": by,
            "message_id": id_,
            "via": "fhir",
            "standing": "usable",
            "state": NotificationState.ACCEPTED,
            "event": said.event,
            "kind": said.kind,
            "priority": Priority.ROUTINE,
            "occurred_at": said.occurred,
            "received_at": self.now,
            "raw": b"{}",
            "content_type": "application/fhir+json",
            "content_hash": id_,
            "answer": b"{}",
            "content": self.codec.seal(content.dump(said), f"notification:{id_}"),
            "policy_version": "test",
            "decided_on": {},
        }
        about = [(person.key, person.key not in said.subjects) for person in said.people]
        notifications.add(session, row, about)


def answer(holding: Holding | None) -> str | Unheld:
    """The team, or why nobody is."""
    return Unheld.NOT_KNOWN if holding is None else holding.team_id or holding.unheld or Unheld.NOT_KNOWN


def ledgered(store: Store) -> LedgeredTown:
    """The town in an empty database."""
    found(store)
    return LedgeredTown(store)
