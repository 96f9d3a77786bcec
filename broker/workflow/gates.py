"""What a safeguarding lead has decided about a message: to whom it is released, and whom of a household a transfer may name."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session

from broker.domain.tasks import TERMINAL
from broker.domain.world import Team
from broker.storage import tasks
from broker.storage.codec import Codec
from broker.storage.task_values import Stored
from schemas.codes import TaskCode


@dataclass(frozen=True, slots=True)
class Gates:
    """The release tasks of one message."""

    tasks: tuple[Stored, ...]

    def released_to(self, team: Team) -> bool:
        """Whether what was held back from this team is released to it (sharing principle 7)."""
        return any(
            _agrees(gate, team) and team.id in gate.content.get("options", {}).get("teams", ()) for gate in self.tasks
        )

    def refused_to(self, team: Team) -> Stored | None:
        """The task by which a lead decided not to release to this team what was held back from it; the last one of several."""
        decided = [
            gate
            for gate in self.tasks
            if "decision" in gate.content
            and team.id in gate.content.get("options", {}).get("teams", ())
            and not _agrees(gate, team)
        ]
        return decided[-1] if decided else None

    def refused(self, task_id: str) -> Stored | None:
        """This task, if whoever has it has decided; what was agreed to is asked for by `named_to`."""
        return next((gate for gate in self.tasks if gate.row.id == task_id and "decision" in gate.content), None)

    def named_to(self, team: Team) -> frozenset[str]:
        """Children whom a transfer may name to this team although it would not by itself (principle 12)."""
        return frozenset(
            person
            for gate in self.tasks
            if _agrees(gate, team)
            for person in gate.content.get("options", {}).get("persons", ())
        )

    @property
    def undecided(self) -> bool:
        """Whether it is still to be decided whom a transfer names."""
        return any(
            gate.row.status not in TERMINAL and "persons" in gate.content.get("options", {}) for gate in self.tasks
        )


def gates(session: Session, codec: Codec, notification_id: str) -> Gates:
    """All of a message's, decided or not."""
    return all_gates(session, codec, [notification_id])[notification_id]


def all_gates(session: Session, codec: Codec, notification_ids: Collection[str]) -> dict[str, Gates]:
    """Those of several messages, by their ids."""
    found: dict[str, list[Stored]] = {id_: [] for id_ in notification_ids}
    for task in tasks.about_any(session, codec, notification_ids, [TaskCode.RELEASE]):
        found[task.row.notification_id or ""].append(task)
    return {id_: Gates(tuple(of_it)) for id_, of_it in found.items()}


def _agrees(gate: Stored, team: Team) -> bool:
    return team.function.value in gate.content.get("decision", {}).get("functions", ())
