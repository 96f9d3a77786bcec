"""What arrives, by whatever way, is received in one transaction; who sent it may be told once this returns, because the commit is behind it."""

from collections.abc import Callable

from sqlmodel import Session

from broker.clock import Clock
from broker.domain.caller import Caller
from broker.storage.store import Store
from broker.workflow.context import Context
from broker.workflow.intake import Incoming
from broker.workflow.receive import Answer, ahead, receive


def arrive(
    store: Store, context: Callable[[Session], Context], incoming: Incoming, caller: Caller, clock: Clock
) -> Answer:
    """Receive it and commit. What it raises, `receive` and `Store.write` say; when it raises, nothing was kept."""

    def step(session: Session) -> Answer:
        ahead(session, store.codec, incoming, caller)
        return receive(session, context(session), incoming, caller, clock())

    return store.write(step, repeatable=True)
