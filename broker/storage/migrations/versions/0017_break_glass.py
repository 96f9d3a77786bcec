"""a household is read in an emergency"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "breakglass",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("team_id", sa.String(length=64), nullable=False),
        sa.Column("household_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_breakglass_account_id")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_breakglass_household_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_breakglass_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breakglass")),
    )
    op.create_index(op.f("ix_breakglass_household_id"), "breakglass", ["household_id"], unique=False)
    op.create_index("ix_breakglass_live", "breakglass", ["account_id", "household_id", "until"], unique=False)
    op.add_column("pagesession", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
