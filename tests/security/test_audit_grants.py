"""On PostgreSQL the program's own login can add to the audit and do nothing else to it: the roles of docs/audit.md, made as they stand there, with a broker on them."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from broker.storage import migrate, runtime_role, second_lock
from broker.storage.codec import AesCodec
from broker.storage.runtime_role import INSERT_ONLY
from broker.storage.store import open_store
from broker.storage.tables import Audit, Delivery, metadata
from tests.conftest import SECRET
from tests.contract.calling import VISITORS, Broker, fill, message, opened, sender
from tests.sealed import faults, sealed, verified
from tests.services import postgres_database

SAID = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
GROUPS = ("baton_runtime", "baton_viewer")
"""Of the whole server: made by whoever comes first, and left."""


@dataclass(frozen=True, slots=True)
class Logins:
    """Names of this test's own in the place of those of the docs."""

    owner: str
    app: str

    @classmethod
    def new(cls) -> "Logins":
        end = secrets.token_hex(4)
        return cls(f"owner_{end}", f"app_{end}")

    def said(self) -> list[str]:
        """The statements of docs/audit.md, by these names."""
        [block] = re.findall(r"```sql\n(.*?)```", SAID, re.DOTALL)
        plain = re.sub(r"--.*", "", block).replace("baton_app", self.app)
        return [re.sub(r"\bbaton\b", self.owner, one).strip() for one in plain.split(";") if one.strip()]


@pytest.fixture(scope="module")
def broker():
    logins = Logins.new()
    with postgres_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in logins.said():
                make(connection, statement)
            connection.execute(f'ALTER DATABASE "{make_url(url).database}" OWNER TO {logins.owner}')
        try:
            owners = open_store(as_login(url, logins.owner), AesCodec(SECRET))
            migrate.upgrade(owners.engine)
            owners.write(fill)
            owners.close()
            with opened(as_login(url, logins.app)) as made:
                yield made
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                for login in (logins.owner, logins.app):
                    connection.execute(f"REASSIGN OWNED BY {login} TO CURRENT_USER")
                    connection.execute(f"DROP OWNED BY {login}")
    with psycopg.connect(make_url(url).set(database="postgres").render_as_string(), autocommit=True) as connection:
        for login in (logins.owner, logins.app):
            connection.execute(f"DROP ROLE {login}")


def make(connection, statement: str) -> None:
    """What is there already is there."""
    try:
        connection.execute(statement)
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        assert any(statement.startswith(f"CREATE ROLE {name}") for name in GROUPS)


def as_login(url: str, login: str) -> str:
    return make_url(url).set(username=login, password=None).render_as_string()


@pytest.fixture(scope="module")
def worked(broker: Broker) -> Broker:
    """Messages were taken, read and answered, and the audit was sealed, all by the program's own login."""
    for name in ("birth", "concern-bruising"):
        said = message(name)
        assert broker.post(said, sender(said)).status_code == 200
    for path in ("/fhir/Task", "/mailbox/inbox", "/fhir/AuditEvent"):
        assert broker.call("GET", path, VISITORS).status_code == 200
    [entry, *_] = broker.call("GET", "/mailbox/inbox", VISITORS).json()["messages"]
    assert broker.call("PUT", f"/mailbox/inbox/{entry['id']}/acknowledged", VISITORS).status_code == 200
    sealed(broker.runtime.store, now=broker.clock())
    return broker


def test_the_program_does_its_work_by_what_it_is_granted(worked):
    store = worked.runtime.store
    assert faults(store) == []
    assert verified(store).size > 5
    assert {row.state for row in worked.rows(Delivery, team_id=VISITORS)} >= {"delivered"}
    assert second_lock.is_on(store.engine)
    assert not runtime_role.may_change_the_audit(store.engine)


HOSTILE = [
    *(f"UPDATE {name} SET {column.name} = {column.name}" for name in INSERT_ONLY for column in metadata.tables[name].columns
      if (name, column.name) != ("audit", "unsealed")),
    *(f"DELETE FROM {name}" for name in INSERT_ONLY),
    *(f"TRUNCATE {name} CASCADE" for name in INSERT_ONLY),
    *(f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in INSERT_ONLY),
    *(f"DROP TABLE {name} CASCADE" for name in INSERT_ONLY),
    *(f"DROP TRIGGER {name}_insert_only ON {name}" for name in INSERT_ONLY),
    "CREATE OR REPLACE FUNCTION audit_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "SET session_replication_role = replica",
    "ALTER TABLE delivery DISABLE ROW LEVEL SECURITY",
    "DROP POLICY baton_viewer ON delivery",
    "UPDATE alembic_version SET version_num = '0001'",
]  # fmt: skip


@pytest.mark.parametrize("statement", HOSTILE)
def test_whoever_has_the_programs_login_can_do_nothing_to_what_was_written_down(worked, statement):
    before = worked.ids(Audit)
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        worked.runtime.store.engine.begin() as connection,
    ):
        connection.execute(sa.text(statement))
    assert worked.ids(Audit) == before
    assert faults(worked.runtime.store) == []


def test_what_was_sealed_cannot_be_made_to_wait_again_though_the_column_is_granted(worked):
    with (
        pytest.raises(ProgrammingError, match="the audit is insert-only"),
        worked.runtime.store.engine.begin() as connection,
    ):
        connection.execute(sa.text("UPDATE audit SET unsealed = true"))


def test_every_table_is_granted_and_another_migration_grants_the_same(worked):
    store = worked.runtime.store
    owner = open_store(as_login(store.engine.url.render_as_string(), owner_of(store)), AesCodec(SECRET))
    try:
        migrate.upgrade(owner.engine)
        with owner.engine.connect() as connection:
            assert runtime_role.install(connection)
    finally:
        owner.close()
    query = "SELECT has_table_privilege(:name, 'SELECT') AND has_table_privilege(:name, 'INSERT')"
    for name in metadata.tables:
        assert store.read(lambda session, name=name: session.execute(sa.text(query), {"name": name}).scalar_one()), name


def owner_of(store) -> str:
    query = sa.text("SELECT tableowner FROM pg_tables WHERE tablename = 'audit'")
    return str(store.read(lambda session: session.execute(query).scalar_one()))
