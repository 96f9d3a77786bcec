"""an issuer outside speaks for a system, and for somebody who signs in"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("client", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issuer", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("subject", sa.String(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_client_issuer_subject"), ["issuer", "subject"])
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issuer", sa.String(), nullable=True))
