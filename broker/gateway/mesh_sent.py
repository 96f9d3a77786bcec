"""What became of messages that teams were sent by MESH: acknowledged by the team's system, or given up by MESH.

MESH says the first when it is asked and the second by a report in our mailbox, too. Asking needs no memory here: what
is still open is in the database, so any process may ask, and asking twice changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from sqlmodel import Session

from adapters.wires.mesh import Mailbox, MeshFailed
from broker import log
from broker.domain.receipt import Receipt
from broker.domain.states import ChannelKind
from broker.runtime import Runtime
from broker.storage import outbox
from broker.storage.outbox import OnWire
from broker.workflow import given_up, receipts

AT_ONCE: Final = 50
"""Messages asked about between two commits."""
MOST: Final = 2000
"""Messages asked about in one look, a few minutes of it; the next goes on behind them."""
GIVEN_UP: Final = ("undeliverable", "error")
_UNKNOWN: Final = (404, 410)
"""MESH keeps what it knows of a message for thirty days."""

_log = log.get("broker.gateway")


class Sent:
    """What is asked through one mailbox, in turns."""

    def __init__(self, runtime: Runtime, mailbox: Mailbox) -> None:
        """`mailbox`: that they were sent from."""
        self._runtime = runtime
        self._mailbox = mailbox
        self._behind = ""

    def reported(self, delivery_id: str) -> bool:
        """MESH reports that nobody collected it; False when no message of ours has that id."""
        return self._runtime.store.write(partial(self._reported, delivery_id=delivery_id))

    def ask(self) -> None:
        """Ask about those that are open, each page written down before the next. MeshFailed when MESH is away."""
        for page in self._pages():
            fates = [(one, self._fate(one)) for one in page]
            acknowledged = [one for one, fate in fates if fate == "acknowledged"]
            lost = [one.delivery_id for one, fate in fates if fate in GIVEN_UP]
            if acknowledged or lost:
                self._runtime.store.write(partial(self._told, acknowledged=acknowledged, lost=lost))

    def _pages(self) -> Iterator[Sequence[OnWire]]:
        for _ in range(MOST // AT_ONCE):
            asked = partial(outbox.on_wire, kind=ChannelKind.MESH, behind=self._behind, limit=AT_ONCE)
            page = self._runtime.store.read(asked)
            self._behind = page[-1].delivery_id if len(page) == AT_ONCE else ""
            yield page
            if not self._behind:
                return

    def _fate(self, one: OnWire) -> str:
        try:
            return self._mailbox.fate(one.wire_id)
        except MeshFailed as error:
            if error.status not in _UNKNOWN:
                raise
            _log.warning("MESH does not know a message that it took", delivery=one.delivery_id)
            return ""

    def _told(self, session: Session, acknowledged: Sequence[OnWire], lost: Sequence[str]) -> None:
        ctx, now = self._runtime.context(session), self._runtime.now()
        said = [Receipt(one.delivery_id, one.team_id) for one in acknowledged]
        receipts.record(session, ctx, said, now, client=receipts.BY_MESH)
        given_up.given_up(session, ctx, lost, now, self._daily)

    def _reported(self, session: Session, delivery_id: str) -> bool:
        ctx, now = self._runtime.context(session), self._runtime.now()
        return given_up.reported(session, ctx, delivery_id, now, self._daily)

    @property
    def _daily(self) -> timedelta:
        return self._runtime.settings.daily_retry
