"""How a migration runs: on the connection that `broker.storage.migrate` hands over."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import AutoString

from broker.storage.tables import metadata
from broker.storage.types import UtcDateTime


def _plain(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Write our column types as the plain ones they are, so that an old step never imports today's code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=_plain,
    compare_type=True,
    transaction_per_migration=True,  # so that what is done stays done, and an index can be built outside of one
)
with context.begin_transaction():
    context.run_migrations()
