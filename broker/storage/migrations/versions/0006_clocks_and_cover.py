"""clocks kept with a task, opening hours, the people of a team"""

import sqlalchemy as sa
from alembic import op

from broker.storage.migrations import online

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NATIONS = sa.column("nation").in_(("england", "wales", "scotland", "northern-ireland"))
CHANNELS = sa.column("channel").in_(("mailbox", "webhook", "amqp", "email", "mesh"))


def upgrade() -> None:
    """Apply this step. Columns of tables in use may be absent from an insert, so code of before it goes on to work."""
    op.create_table(
        "practitioner",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("cover_id", sa.String(length=64), nullable=True),
        sa.Column("absent_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("absent_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shift_ends", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hands_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_practitioner_team_id")),
        sa.PrimaryKeyConstraint("team_id", "id", name=op.f("pk_practitioner")),
    )
    op.create_index(
        "ix_practitioner_hands_back",
        "practitioner",
        ["hands_back_at"],
        sqlite_where=sa.text("hands_back_at IS NOT NULL"),
        postgresql_where=sa.text("hands_back_at IS NOT NULL"),
    )
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.add_column(sa.Column("nation", sa.String(length=40), server_default="england", nullable=False))
        batch_op.create_check_constraint(batch_op.f("ck_area_nation"), NATIONS)
    with op.batch_alter_table("team", schema=None) as batch_op:
        batch_op.add_column(sa.Column("executive", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        batch_op.add_column(sa.Column("hours", sa.String(), nullable=True))
    with op.batch_alter_table("escalation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=40), nullable=True))
        batch_op.create_check_constraint(batch_op.f("ck_escalation_escalation_channel"), CHANNELS)
    op.add_column("task", sa.Column("clocks", sa.String(), nullable=True))
    op.add_column("task", sa.Column("rungs", sa.Integer(), nullable=True))
    for name in ("open_by", "remind_at", "covers_at", "progress_by"):
        op.add_column("task", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    online.create_index("ix_task_covers", "task", ["covers_at"], where="covers_at IS NOT NULL")
