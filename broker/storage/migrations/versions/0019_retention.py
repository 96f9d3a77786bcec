"""retention: when what a message said went, and legal holds"""

import sqlalchemy as sa
from alembic import op

from broker.storage.migrations import online

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("lifted_at IS NULL")


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shredded_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "legalhold",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("notification_id", sa.String(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_legalhold_lifted_by_somebody")),
        sa.CheckConstraint(
            "(person_id IS NULL) <> (notification_id IS NULL)", name=op.f("ck_legalhold_person_or_notification")
        ),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_legalhold_notification_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_legalhold_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legalhold")),
    )
    for name in ("person", "notification"):
        op.create_index(
            f"ix_legalhold_{name}", "legalhold", [f"{name}_id"], sqlite_where=IN_FORCE, postgresql_where=IN_FORCE
        )
    online.create_index("ix_notification_kept", "notification", ["event", "received_at"], where="shredded_at IS NULL")
