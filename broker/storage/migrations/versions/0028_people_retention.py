"""people whose time is over are found by index, and their rows stay empty"""

import sqlalchemy as sa

from broker.storage.migrations import online

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    times = (sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("review_at", "erased_at"))
    online.add_columns("person", *times)
    known = "erased_at IS NULL AND merged_into IS NULL"
    online.create_index("ix_person_review", "person", ["review_at", "created_at"], where=known)
    online.create_index("ix_person_merged", "person", ["merged_into"], where="merged_into IS NOT NULL")
    of_home = "notification_id IS NULL AND household_id IS NOT NULL"
    online.create_index("ix_task_of_home", "task", ["household_id"], where=of_home)
