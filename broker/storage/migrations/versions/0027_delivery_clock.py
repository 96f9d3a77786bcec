"""by when a task is delivered"""

import sqlalchemy as sa

from broker.storage.migrations import online

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

UNTIMED = (
    "deliver_by IS NOT NULL AND undelivered_at IS NULL AND delivered_at IS NULL AND opened_at IS NULL"
    " AND status = 'requested' AND (climbs_at IS NULL OR climbs_at > deliver_by)"
)


def upgrade() -> None:
    """Apply this step. Tasks of before have no such clock, and code of before raises more of them."""
    times = (sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("deliver_by", "undelivered_at"))
    online.add_columns("task", sa.Column("deliver_within", sa.String(), nullable=True), *times)
    online.create_index("ix_task_untimed", "task", ["deliver_by"], where=UNTIMED)
