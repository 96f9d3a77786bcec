"""when it was said that somebody lives in a home no more"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column("membership", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
