"""who signs in to the pages"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject_blind", sa.String(length=64), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("subject_blind", name=op.f("uq_account_subject_blind")),
    )
    op.create_table(
        "seat",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("team_id", sa.String(length=64), nullable=False),
        sa.Column("practitioner_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_seat_account_id")),
        sa.ForeignKeyConstraint(
            ["team_id", "practitioner_id"],
            ["practitioner.team_id", "practitioner.id"],
            name=op.f("fk_seat_team_id_practitioner_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "team_id", name=op.f("pk_seat")),
    )
    op.create_table(
        "pagesession",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("team_id", sa.String(length=64), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_pagesession_account_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pagesession")),
    )
    with op.batch_alter_table("pagesession", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pagesession_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pagesession_seen_at"), ["seen_at"], unique=False)
