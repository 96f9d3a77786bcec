"""The role of `baton serve`, `worker` and `gateway` on PostgreSQL, where an administrator has made one: of every table what they need, of the audit no more than to add to it.

Tables belong to the login of `baton migrate`. Whoever has the password of the program has then not the rights to switch the audit's
triggers off, or to take row-level security off.
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from broker.storage.second_lock import CLOSED, SHOWN

ROLE: Final = "baton_runtime"
INSERT_ONLY: Final = ("audit", "auditleaf", "auditseal")
_VERSION: Final = "alembic_version"


def install(connection: Connection) -> bool:
    """Grant what this release's tables need; False when there is no such role, and nothing was changed. Idempotent."""
    there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(there, {"role": ROLE}).scalar() is None:
        connection.commit()
        return False
    schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for statement in (*_grants(schema), *_policies(connection)):
        connection.exec_driver_sql(statement)
    connection.commit()
    return True


def may_change_the_audit(engine: Engine) -> bool:
    """Whether this login has more rights to what the audit keeps than to add to it: then triggers alone hold it back."""
    query = " OR ".join(
        f"has_table_privilege('{table}', '{right}')"
        for table in INSERT_ONLY
        for right in ("UPDATE", "DELETE", "TRUNCATE")
    )
    owner = "(SELECT bool_or(pg_has_role(relowner, 'MEMBER')) FROM pg_class WHERE oid = 'audit'::regclass)"
    with engine.connect() as connection:
        return bool(connection.execute(sa.text(f"SELECT {query} OR {owner}")).scalar())


def _grants(schema: str) -> Iterator[str]:
    kept = ", ".join(INSERT_ONLY)
    yield f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {ROLE}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {ROLE}"
    yield f"REVOKE ALL ON {kept}, {_VERSION} FROM {ROLE}"
    yield f"GRANT SELECT ON {_VERSION} TO {ROLE}"
    yield f"GRANT SELECT, INSERT ON {kept} TO {ROLE}"
    yield f"GRANT UPDATE (unsealed) ON audit TO {ROLE}"


def _policies(connection: Connection) -> Iterator[str]:
    """Through row-level security as the owner; those that are missing alone, for each needs its table for a moment."""
    query = sa.text("SELECT tablename FROM pg_policies WHERE policyname = :role AND schemaname = current_schema()")
    there = set(connection.execute(query, {"role": ROLE}).scalars())
    for table in (*SHOWN, *CLOSED):
        if table not in there:
            yield f"CREATE POLICY {ROLE} ON {table} TO {ROLE} USING (true) WITH CHECK (true)"
