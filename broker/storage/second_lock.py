"""PostgreSQL's row-level security as the second lock: what is read for a team is read as a role that cannot see the rows of others.

Every decision is taken by `domain.sharing` and `domain.sight`, over all that is known; the rows that go out are then fetched
here as `ROLE`, so that a query that forgets whose it is finds nothing. SQLite has no such lock.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import Session

ROLE: Final = "baton_viewer"
"""Owns nothing, may not log in, may only read, and does not pass by row-level security."""
_TOLD: Final = "state NOT IN ('withheld', 'held')"
"""What was decided not to tell a team, or waits for a release, is not there for it."""

SHOWN: Final = {
    "delivery": f"(team_id = baton_team() AND {_TOLD}) OR (known_to_sender AND baton_sent(notification_id)) OR baton_tasked(id, notification_id)",
    "task": "owner_team_id = baton_team() OR requester_team_id = baton_team() OR baton_raised(id)",
    "notification": "sender_team_id = baton_team() OR baton_told(id)",
    "subject": "baton_told(notification_id) OR baton_sent(notification_id)",
    "escalation": "team_id = baton_team()",
    "mailboxnumber": "team_id = baton_team()",
    "involvement": "team_id = baton_team()",
    "person": "baton_sees(id)",
    "identifier": "baton_sees(person_id)",
}
"""Table → the rows of it that exist for the viewing team."""
CLOSED: Final = (
    "address",
    "attempt",
    "expectation",
    "household",
    "lookup",
    "membership",
    "pattern",
    "patternevidence",
    "patternflag",
    "patterntask",
    "practitioner",
    "relationship",
    "rereading",
    "responsibility",
    "taskevent",
)
"""Tables of which no row exists for a viewing team: they are read to decide, and shown as what was decided."""

_FUNCTIONS: Final = {
    "baton_sent(about text)": "EXISTS (SELECT 1 FROM notification WHERE id = about AND sender_team_id = baton_team())",
    "baton_told(about text)": f"EXISTS (SELECT 1 FROM delivery WHERE notification_id = about AND team_id = baton_team() AND {_TOLD})",  # noqa: S608 - our own words
    "baton_raised(about text)": "EXISTS (SELECT 1 FROM escalation WHERE task_id = about AND team_id = baton_team())",
    "baton_tasked(about text, noted text)": """EXISTS (SELECT 1 FROM task WHERE notification_id = noted AND delivery_id = about
        AND (owner_team_id = baton_team() OR EXISTS (SELECT 1 FROM escalation e WHERE e.task_id = task.id AND e.team_id = baton_team())))""",
    "baton_tied(about text)": f"""EXISTS (SELECT 1 FROM involvement WHERE person_id = about AND team_id = baton_team())
        OR EXISTS (SELECT 1 FROM subject JOIN delivery USING (notification_id)
                   WHERE subject.person_id = about AND delivery.team_id = baton_team() AND delivery.{_TOLD})
        OR EXISTS (SELECT 1 FROM task WHERE person_id = about AND owner_team_id = baton_team())""",  # noqa: S608 - our own words
    "baton_sees(about text)": """baton_tied(about) OR EXISTS (SELECT 1 FROM membership one JOIN membership other USING (household_id)
        WHERE one.person_id = about AND one.state = 'current' AND other.state = 'current' AND baton_tied(other.person_id))""",
}
"""They look past the lock with their owner's eyes, and answer yes or no about one id for the viewing team."""

_on: dict[str, bool] = {}
"""By database address: whether the lock is there, asked once."""


def install(connection: Connection) -> bool:
    """Put the lock on, or as it is in this release; False when there may be no role for it, and nothing was changed.

    Everybody who connects as the owner of the tables goes on as before: `BATON_DATABASE_URL` and `baton migrate` must be the same role,
    members of one, or the former of `runtime_role.ROLE`. Idempotent; looks first, for changing a policy needs the table for a moment.
    """
    _on.pop(_address(connection.engine), None)
    if not _role(connection):
        return False
    mark = hashlib.sha256("".join(_statements("")).encode()).hexdigest()
    if _mark(connection) != mark:
        schema = connection.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
        for statement in _statements(schema):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"COMMENT ON FUNCTION baton_team() IS '{mark}'")
    connection.commit()
    return True


def is_on(engine: Engine) -> bool:
    """Whether the lock is there and this login may put it on: asked of the database once, and again after `install`."""
    if engine.dialect.name != "postgresql":
        return False
    address = _address(engine)
    if address not in _on:
        with engine.connect() as connection:
            _on[address] = _mark(connection) is not None and _may_become(connection)
    return _on[address]


@contextmanager
def viewing(session: Session, team_id: str | None) -> Iterator[None]:
    """Within it the session sees what exists for the team, and nothing when there is none; nothing can be written.

    It holds for the transaction at most (`SET LOCAL`), so that a connection goes back to the pool as it came.
    """
    engine = session.get_bind().engine
    if not is_on(engine):
        yield
        return
    session.flush()
    session.execute(_BEGIN, {"role": ROLE, "team": team_id or ""})
    try:
        yield
    except BaseException:
        # A transaction that failed forgets the role when it is rolled back, and answers nothing until then.
        with suppress(DBAPIError):
            session.execute(_END)
        raise
    session.execute(_END)


def may_see(session: Session, team_id: str, person_ids: Collection[str]) -> frozenset[str]:
    """Those of the persons who exist for the team by the second lock; all of them where it is not on."""
    if not person_ids or not is_on(session.get_bind().engine):
        return frozenset(person_ids)
    with viewing(session, team_id):
        found = session.execute(_PERSONS, {"ids": list(person_ids)})
        return frozenset(found.scalars())


_PERSONS: Final = sa.text("SELECT id FROM person WHERE id = ANY (:ids)")
_BEGIN: Final = sa.text("SELECT set_config('baton.team', :team, true), set_config('role', :role, true)")
_END: Final = sa.text("SELECT set_config('role', 'none', true), set_config('baton.team', '', true)")


def _role(connection: Connection) -> bool:
    """Whether the role is there and this login may become it; made where it may be made."""
    try:
        connection.exec_driver_sql(_MAKE)
        connection.exec_driver_sql(f"GRANT {ROLE} TO CURRENT_USER")
        connection.commit()
    except ProgrammingError:  # insufficient privilege: the database's administrator makes it (docs/operations.md)
        connection.rollback()
    return _may_become(connection)


_MAKE: Final = f"""DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database's migration was faster
END $$"""  # noqa: S608 - our own words


def _may_become(connection: Connection) -> bool:
    query = "SELECT pg_has_role(current_user, oid, 'MEMBER') AND NOT rolbypassrls AND NOT rolsuper FROM pg_roles WHERE rolname = :role"
    return bool(connection.execute(sa.text(query), {"role": ROLE}).scalar())


def _mark(connection: Connection) -> str | None:
    """Which form of the lock is on; None when there is none, or it is not whole (a restored copy without the role)."""
    query = """SELECT obj_description(to_regprocedure('baton_team()'), 'pg_proc')
        WHERE (SELECT count(*) FROM pg_policies WHERE :role = ANY (roles)) >= :many"""
    found = connection.execute(sa.text(query), {"role": ROLE, "many": len(SHOWN)}).scalar()
    return None if found is None else str(found)


def _statements(schema: str) -> Iterator[str]:
    yield "CREATE OR REPLACE FUNCTION baton_team() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT NULLIF(current_setting('baton.team', true), '') $$"
    for signature, body in _FUNCTIONS.items():
        safe = f"STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = {schema or 'public'}, pg_temp"
        yield f"CREATE OR REPLACE FUNCTION {signature} RETURNS boolean LANGUAGE sql {safe} AS $$ SELECT {body} $$"
    for table in (*SHOWN, *CLOSED):
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"DROP POLICY IF EXISTS baton_itself ON {table}"
        yield f"CREATE POLICY baton_itself ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)"
    for table, rows in SHOWN.items():
        yield f"DROP POLICY IF EXISTS baton_viewer ON {table}"
        yield f"CREATE POLICY baton_viewer ON {table} FOR SELECT TO {ROLE} USING ({rows})"
        yield f"GRANT SELECT ON {table} TO {ROLE}"


def _address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
