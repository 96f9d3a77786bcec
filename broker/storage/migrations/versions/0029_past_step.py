"""tasks whose next step lies past one of their times"""

from broker.storage.migrations import online

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PAST_STEP = (
    "climbs_at IS NOT NULL AND status NOT IN ('completed', 'rejected', 'cancelled', 'entered-in-error')"
    " AND (climbs_at > coalesce(progress_by, due_at)"
    " OR (climbs_at > remind_at AND (status <> 'accepted' OR code = 'agreed-action'))"
    " OR (climbs_at > open_by AND opened_at IS NULL AND status IN ('requested', 'received')))"
)


def upgrade() -> None:
    """Apply this step."""
    online.create_index("ix_task_past_step", "task", ["climbs_at"], where=PAST_STEP)
