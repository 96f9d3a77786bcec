"""the database itself refuses whoever would change or remove what the audit says"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

WORDS = {
    "audit": "id, at, action, outcome, client_name, team_id, entity, entity_id, detail",
    "auditleaf": "position, audit_id, hash",
    "auditseal": "number, size, root, peaks, at, complete, key, signature",
}
"""The columns that never change: all but `audit.unsealed`, which the sealer clears."""
REFUSED = "the audit is insert-only"


def upgrade() -> None:
    """Apply this step."""
    (_on_postgres if op.get_bind().dialect.name == "postgresql" else _on_sqlite)()


def _on_postgres() -> None:
    """By statement, so that a batch of the sealer, which sets `unsealed` alone, asks nothing; TRUNCATE has no other way."""
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    for table, columns in WORDS.items():
        op.execute(
            f"CREATE OR REPLACE TRIGGER {table}_insert_only BEFORE UPDATE OF {columns} OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_only()"
        )
    op.execute(
        "CREATE OR REPLACE TRIGGER audit_sealed_stays BEFORE UPDATE OF unsealed ON audit FOR EACH ROW "
        "WHEN (NEW.unsealed AND NOT OLD.unsealed) EXECUTE FUNCTION audit_insert_only()"
    )


def _on_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    for table, columns in WORDS.items():
        op.execute(f"CREATE TRIGGER {table}_not_changed BEFORE UPDATE OF {columns} ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_not_removed BEFORE DELETE ON {table} {refuse}")
    op.execute(
        "CREATE TRIGGER audit_sealed_stays BEFORE UPDATE OF unsealed ON audit "
        f"WHEN NEW.unsealed AND NOT OLD.unsealed {refuse}"
    )
