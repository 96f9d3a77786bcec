"""children by the day of birth, and who is expected"""

from broker.storage.migrations import online

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    online.create_index("ix_person_expected", "person", ["expected"], where="state = 'unborn'")
    online.create_index("ix_person_born", "person", ["born"])
