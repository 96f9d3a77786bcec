"""What must hold at every moment of a story, whatever happens in it: asked of the database by queries of their own."""

from datetime import datetime

from sqlmodel import Session

from broker.storage import promises
from broker.workflow import watchdog
from broker.workflow.context import Context


def broken(session: Session, ctx: Context, now: datetime) -> list[str]:
    """A sentence for each promise that does not hold at this moment; empty when all do."""
    found = {check.words: len(check.look(session, ctx, now)) for check in watchdog.CHECKS} | promises.broken(session)
    return [what for what, count in found.items() if count]
