"""patterns over what was notified, with their evidence, tasks and flags"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step. Only new tables: code of before it knows nothing of them."""
    op.create_table(
        "pattern",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("household_id", sa.String(), nullable=True),
        sa.Column("person_id", sa.String(), nullable=True),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.CheckConstraint(
            "(household_id IS NULL) <> (person_id IS NULL)", name=op.f("ck_pattern_household_or_person")
        ),
        sa.CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name=op.f("ck_pattern_closed_has_outcome")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_pattern_household_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_pattern_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pattern")),
    )
    for whose in ("household", "person"):
        open_ = sa.text(f"closed_at IS NULL AND {whose}_id IS NOT NULL")
        op.create_index(
            f"uq_pattern_open_{whose}",
            "pattern",
            [f"{whose}_id", "rule"],
            unique=True,
            sqlite_where=open_,
            postgresql_where=open_,
        )
        op.create_index(f"ix_pattern_{whose}", "pattern", [f"{whose}_id"])
    op.create_table(
        "patternevidence",
        sa.Column("pattern_id", sa.String(), nullable=False),
        sa.Column("notification_id", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notification.id"], name=op.f("fk_patternevidence_notification_id")
        ),
        sa.ForeignKeyConstraint(["pattern_id"], ["pattern.id"], name=op.f("fk_patternevidence_pattern_id")),
        sa.PrimaryKeyConstraint("pattern_id", "notification_id", name=op.f("pk_patternevidence")),
    )
    op.create_index(op.f("ix_patternevidence_notification_id"), "patternevidence", ["notification_id"])
    op.create_table(
        "patterntask",
        sa.Column("pattern_id", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pattern_id"], ["pattern.id"], name=op.f("fk_patterntask_pattern_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_patterntask_task_id")),
        sa.PrimaryKeyConstraint("pattern_id", "task_id", name=op.f("pk_patterntask")),
        sa.UniqueConstraint("task_id", name=op.f("uq_patterntask_task_id")),
    )
    op.create_table(
        "patternflag",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pattern_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("notification_id", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["notification_id"], ["notification.id"], name=op.f("fk_patternflag_notification_id")),
        sa.ForeignKeyConstraint(["pattern_id"], ["pattern.id"], name=op.f("fk_patternflag_pattern_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_patternflag_person_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_patternflag_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patternflag")),
    )
    held = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_patternflag_open",
        "patternflag",
        ["pattern_id", "person_id", "team_id"],
        unique=True,
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_index("ix_patternflag_held", "patternflag", ["team_id", "person_id"])
    op.create_index(op.f("ix_patternflag_person_id"), "patternflag", ["person_id"])
    op.create_table(
        "patternlook",
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_patternlook_person_id")),
        sa.PrimaryKeyConstraint("rule", "person_id", name=op.f("pk_patternlook")),
    )
    op.create_index(op.f("ix_patternlook_at"), "patternlook", ["at"])
