"""pulses of the clock and the watchdog"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from broker.storage.migrations import online

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "pulse",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("late_seconds", sa.Float(), nullable=False),
        sa.Column("late_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulse")),
    )
    online.create_index(
        "ix_task_unclimbed",
        "task",
        ["due_at"],
        where="climbs_at IS NULL AND due_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error')",
    )
