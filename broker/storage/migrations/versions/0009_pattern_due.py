"""what has come is looked at for patterns after the reply"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "patterndue",
        sa.Column("notification_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_patterndue_notification_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_patterndue")),
    )
    with op.batch_alter_table("patterndue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patterndue_at"), ["at"], unique=False)
