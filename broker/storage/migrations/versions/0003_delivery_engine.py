"""delivery engine: limits and health of channels, what is sent and unreceipted is due again"""

import sqlalchemy as sa
from alembic import op

from broker.storage.migrations import online

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS = sa.column("kind").in_(("mailbox", "webhook", "amqp", "email", "mesh"))


def upgrade() -> None:
    """Apply this step. Code of before it goes on to work: columns may be absent from an insert, the wider index serves it too."""
    op.create_table(
        "channelhealth",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canary_id", sa.String(length=36), nullable=True),
        sa.Column("canary_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canary_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_channelhealth_team_id")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_channelhealth")),
    )
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("rate_per_second", sa.Float(), nullable=True))
        batch_op.drop_constraint(batch_op.f("ck_channel_channel_kind"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_channel_channel_kind"), KINDS)
    online.replace_index(
        "ix_delivery_due", "delivery", ["team_id", "next_attempt_at"], where="next_attempt_at IS NOT NULL"
    )
