"""expectations"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "expectation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("anchor", sa.String(), nullable=False),
        sa.Column("notification_id", sa.String(), nullable=False),
        sa.Column("owed_by", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "missed",
                "met",
                "met-late",
                "answered",
                "ended",
                name="expectation_state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("since", sa.String(), nullable=False),
        sa.Column("after_seconds", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looks_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=True),
        sa.Column("met_by", sa.String(), nullable=True),
        sa.Column("ended_because", sa.String(), nullable=True),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('met', 'met-late')) = (met_by IS NOT NULL)", name=op.f("ck_expectation_met_by_something")
        ),
        sa.CheckConstraint(
            "(state IN ('waiting', 'missed')) = (ended_at IS NULL)", name=op.f("ck_expectation_open_has_no_end")
        ),
        sa.CheckConstraint(
            "(state IN ('waiting', 'missed')) = (looks_at IS NOT NULL)", name=op.f("ck_expectation_open_is_looked_at")
        ),
        sa.CheckConstraint("state <> 'met' OR alerts = 0", name=op.f("ck_expectation_met_in_time_was_not_missed")),
        sa.CheckConstraint(
            "state <> 'missed' OR (alerts > 0 AND task_id IS NOT NULL)", name=op.f("ck_expectation_missed_has_task")
        ),
        sa.ForeignKeyConstraint(["met_by"], ["notification.id"], name=op.f("fk_expectation_met_by")),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_expectation_notification_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_expectation_person_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_expectation_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expectation")),
        sa.UniqueConstraint("rule", "person_id", "anchor", name=op.f("uq_expectation_rule_person_id_anchor")),
    )
    with op.batch_alter_table("expectation", schema=None) as batch_op:
        batch_op.create_index(
            "ix_expectation_looks",
            ["looks_at"],
            unique=False,
            sqlite_where=sa.text("looks_at IS NOT NULL"),
            postgresql_where=sa.text("looks_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_expectation_met_by"), ["met_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_expectation_notification_id"), ["notification_id"], unique=False)
        batch_op.create_index(
            "ix_expectation_open",
            ["person_id"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'missed')"),
            postgresql_where=sa.text("state IN ('waiting', 'missed')"),
        )
        batch_op.create_index(batch_op.f("ix_expectation_task_id"), ["task_id"], unique=False)
