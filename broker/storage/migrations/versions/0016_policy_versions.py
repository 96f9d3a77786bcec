"""versions of the policy that were proposed, and which is in force"""

import sqlalchemy as sa
from alembic import op

from broker.storage.types import Json, UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATE = sa.Enum(
    "proposed",
    "active",
    "superseded",
    "rejected",
    name="policy_state",
    native_enum=False,
    length=40,
    create_constraint=True,
)
ACTIVE = sa.text("state = 'active'")


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "policyversion",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("base_version", sa.String(length=64), nullable=False),
        sa.Column("effect", Json, nullable=False),
        sa.Column("proposed_by", sa.String(length=128), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(), nullable=False),
        sa.CheckConstraint(
            "decided_by IS NULL OR state = 'rejected' OR decided_by <> proposed_by",
            name=op.f("ck_policyversion_two_people"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policyversion")),
        sa.UniqueConstraint("version", name=op.f("uq_policyversion_version")),
    )
    op.create_index(
        "uq_policy_version_active",
        "policyversion",
        ["state"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
