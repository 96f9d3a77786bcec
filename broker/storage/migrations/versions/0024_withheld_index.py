"""decisions not to tell are found by their time"""

from broker.storage.migrations import online

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    online.create_index("ix_delivery_withheld", "delivery", ["created_at", "id"], where="state = 'withheld'")
