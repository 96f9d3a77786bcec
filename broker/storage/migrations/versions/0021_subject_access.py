"""requests of people for what is held about them"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHECKS = {
    "state": "state IN ('waiting', 'released', 'refused')",
    "decided_by_somebody": "(state = 'waiting') = (decided_by IS NULL)",
    "two_people": "decided_by IS NULL OR decided_by <> made_by",
    "released_has_export": "export IS NULL OR state = 'released'",
}


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "subjectrequest",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("export", sa.LargeBinary(), nullable=True),
        *(sa.CheckConstraint(condition, name=op.f(f"ck_subjectrequest_{name}")) for name, condition in CHECKS.items()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_subjectrequest_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subjectrequest")),
    )
    with op.batch_alter_table("subjectrequest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subjectrequest_made_at"), ["made_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_subjectrequest_person_id"), ["person_id"], unique=False)
