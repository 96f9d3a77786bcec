"""in which format a team's messages are written"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FORMATS = sa.column("format").in_(("fhir", "native"))


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("format", sa.String(length=40), server_default="fhir", nullable=False))
        batch_op.create_check_constraint(batch_op.f("ck_channel_message_format"), FORMATS)
