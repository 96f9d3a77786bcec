"""what could not be read is read again"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "rereading",
        sa.Column("notification_id", sa.String(length=36), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("faults", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("became_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["became_id"], ["notification.id"], name=op.f("fk_rereading_became_id")),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_rereading_notification_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_rereading")),
    )
    op.add_column("lookup", sa.Column("kept_id", sa.String(length=36), nullable=True))
