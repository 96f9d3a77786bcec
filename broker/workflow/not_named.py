"""That a transfer does not name a child to its receiver is a decision not to share too (principle 12): kept with the others, until the sender's lead agrees."""

from datetime import datetime

from sqlmodel import Session, col, select

from broker.domain.reasons import NotTold, not_told_because
from broker.domain.states import DeliveryState, Purpose, View
from broker.domain.world import Team
from broker.storage import deliveries, tasks
from broker.storage.deliveries import UNNAMED
from broker.storage.tables import Delivery
from broker.storage.task_values import EVERYTHING, Stored
from broker.workflow.context import Context
from broker.workflow.gates import Gates


def keep(session: Session, ctx: Context, gate_id: str, receiver: Team, now: datetime) -> None:
    """Write it down, once for each question to the lead and receiver; nothing where the lead has agreed."""
    gate = tasks.get(session, ctx.codec, gate_id, EVERYTHING)
    if gate is None or Gates((gate,)).named_to(receiver) or receiver.id in _kept_from(session, gate):
        return
    code, sentence = not_told_because(NotTold.UNNAMED)
    row = tasks.message_row(
        notification_id=gate.row.notification_id,
        team_id=receiver.id,
        cause=_cause(gate),
        purpose=Purpose.INFORMATION,
        view=View.FULL,
        reason_code=code,
        reason=sentence,
        policy_version=ctx.policy.version,
        now=now,
    )
    deliveries.insert(session, [row | {"state": DeliveryState.WITHHELD}])


def agreed(session: Session, ctx: Context, gate: Stored, now: datetime) -> None:
    """Whoever the lead agrees to name the children to is not kept from it any more; `gate` is answered by now."""
    teams = [id_ for id_ in _kept_from(session, gate) if Gates((gate,)).named_to(ctx.directory.teams[id_])]
    if teams and gate.row.notification_id is not None:
        deliveries.drop_withheld(session, gate.row.notification_id, teams, now=now, cause=_cause(gate))


def _kept_from(session: Session, gate: Stored) -> list[str]:
    query = select(Delivery.team_id).where(
        col(Delivery.notification_id) == gate.row.notification_id, col(Delivery.cause) == _cause(gate)
    )
    return list(session.exec(query))


def _cause(gate: Stored) -> str:
    return f"{UNNAMED}:{gate.row.id}"
