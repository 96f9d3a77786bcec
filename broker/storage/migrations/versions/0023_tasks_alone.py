"""a delivery may tell of a task that is about no message"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BEFORE, AFTER = "notification_id VARCHAR NOT NULL", "notification_id VARCHAR"


def upgrade() -> None:
    """Apply this step."""
    (_on_postgres if op.get_bind().dialect.name == "postgresql" else _on_sqlite)()


def _on_postgres() -> None:
    op.alter_column("delivery", "notification_id", nullable=True)


def _on_sqlite() -> None:
    """In the table's own words, as https://sqlite.org/lang_altertable.html (7) says for what changes no row: copying it would break what refers to it."""
    version = op.get_bind().execute(sa.text("PRAGMA schema_version")).scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    op.get_bind().execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE type = 'table' AND name = 'delivery'"
        ),
        {"before": BEFORE, "after": AFTER},
    )
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")
    columns = op.get_bind().execute(sa.text("PRAGMA table_info(delivery)")).mappings()
    if any(column["name"] == "notification_id" and column["notnull"] for column in columns):
        raise RuntimeError("the table delivery is not as the steps before this one made it")
