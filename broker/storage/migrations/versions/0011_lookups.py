"""questions to records elsewhere"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATES = sa.column("state").in_(("waiting", "answered", "needless", "unknown", "ambiguous", "refused"))


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "lookup",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("notification_id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("blind", sa.String(length=64), nullable=False),
        sa.Column("asks", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_lookup_lookup_state")),
        sa.CheckConstraint("(state = 'waiting') = (next_at IS NOT NULL)", name=op.f("ck_lookup_waiting_is_asked")),
        sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f("ck_lookup_waiting_has_no_end")),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_lookup_notification_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_lookup_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lookup")),
    )
    op.create_index(op.f("ix_lookup_notification_id"), "lookup", ["notification_id"], unique=False)
    for name, columns, where, unique in (
        ("ix_lookup_next", ["next_at"], "next_at IS NOT NULL", False),
        ("uq_lookup_open", ["team_id", "client", "blind"], "state = 'waiting'", True),
    ):
        op.create_index(
            name,
            "lookup",
            columns,
            unique=unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
