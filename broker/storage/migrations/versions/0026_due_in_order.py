"""what is due stands in the order in which it is taken"""

from broker.storage.migrations import online

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    online.replace_index(
        "ix_delivery_due", "delivery", ["team_id", "next_attempt_at", "number"], where="next_attempt_at IS NOT NULL"
    )
