"""a system's tokens are bound to its certificate"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.add_column(
        "client", sa.Column("certificate_bound", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("accesstoken", sa.Column("certificate", sa.String(length=43), nullable=True))
