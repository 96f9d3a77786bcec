"""PostgreSQL holds by itself what a team may read: a careless query finds nothing of others, and what the program shows is what it showed."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import psycopg
import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import bindparam, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlmodel import select

from broker.cli import opening, serving
from broker.cli.gateway import gateway
from broker.domain.sight import Sight
from broker.gateway import running
from broker.settings import Settings
from broker.storage import agenda, mailbox, second_lock, tasks
from broker.storage.person_tables import TASK
from broker.storage.prepared import Query
from broker.storage.second_lock import CLOSED, ROLE, SHOWN, viewing
from broker.storage.tables import Delivery, Household, Involvement, Membership, Notification, Person, Task
from broker.storage.task_values import Scope
from broker.storage.tasks import reading
from broker.workflow import view
from schemas.identifiers import NHS_NUMBER
from tests.conftest import NOON
from tests.contract.calling import Broker, message, opened, sender, sent_at
from tests.services import postgres_database

STORY = ("pregnancy-booking", "mental-health-admission", "birth", "concern", "information-request", "transfer")


@pytest.fixture(scope="module")
def town(request):
    """A broker on PostgreSQL with a story in it."""
    name = request.getfixturevalue("postgres_town")
    with postgres_database(name) as url, opened(url) as broker:
        for bundle in sorted(map(message, STORY), key=sent_at):
            broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
            assert broker.post(bundle, sender(bundle)).status_code == 200
        broker.clock.time = NOON
        directory = broker.runtime.store.read(broker.runtime.context).directory
        broker.runtime.store.write(lambda session: mailbox.number(session, sorted(directory.teams), limit=1000))
        assert second_lock.is_on(broker.runtime.store.engine)
        yield broker


def counted(broker: Broker, team: str | None, table: str) -> int:
    def careless(session):
        with viewing(session, team):
            return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()

    return broker.runtime.store.read(careless)


def test_a_query_that_forgets_whose_it_is_finds_only_the_teams_own(town):
    told = [row for row in town.rows(Delivery) if row.state not in ("withheld", "held")]
    teams = {row.team_id for row in told}
    assert len(teams) > 3
    for team in sorted(teams):

        def careless(session, team=team):
            with viewing(session, team):
                return list(session.exec(select(Delivery))), list(session.exec(select(Task)))

        deliveries, tasks = town.runtime.store.read(careless)
        own = {row.id for row in told if row.team_id == team}
        assert own <= {row.id for row in deliveries}
        assert all(row.team_id == team or row.known_to_sender for row in deliveries)
        assert all(team in (row.owner_team_id, row.requester_team_id) for row in tasks)
        assert 0 < counted(town, team, "notification") < counted(town, None, "notification") + len(STORY) + 1


@pytest.mark.parametrize("table", sorted(SHOWN))
def test_without_a_team_nothing_is_there(town, table):
    assert counted(town, None, table) == counted(town, "nobody", table) == 0
    assert counted(town, "", table) == 0


@pytest.mark.parametrize("table", sorted(CLOSED))
def test_what_is_only_read_to_decide_is_closed(town, table):
    with pytest.raises(ProgrammingError, match="permission denied"):
        counted(town, "swbh-midwifery", table)


def test_nothing_can_be_written_and_a_duplicate_tells_nothing(town):
    """A unique key is looked at after the right to write: what exists cannot be told from what does not."""
    known = town.rows(Delivery)[0].id
    told = []
    for id_ in (known, "no-such-id"):

        def insert(session, id_=id_):
            with viewing(session, "bcht-health-visiting"):
                session.execute(text("INSERT INTO delivery (id) VALUES (:id)"), {"id": id_})

        with pytest.raises(ProgrammingError) as refused:
            town.runtime.store.write(insert)
        told.append(str(refused.value.orig))
    assert told[0] == told[1]


def test_the_owner_is_under_it_too_and_only_named_roles_pass(town):
    """FORCE, and a policy for the owner by name: whoever else connects finds nothing."""
    query = "SELECT relname FROM pg_class WHERE relname = ANY (:names) AND relrowsecurity AND relforcerowsecurity"
    forced = town.runtime.store.read(lambda s: set(s.execute(text(query), {"names": [*SHOWN, *CLOSED]}).scalars()))
    assert forced == {*SHOWN, *CLOSED}
    query = "SELECT NOT rolsuper AND NOT rolbypassrls AND NOT rolcanlogin FROM pg_roles WHERE rolname = :role"
    assert town.runtime.store.read(lambda s: s.execute(text(query), {"role": ROLE}).scalar_one()) is True


def test_a_connection_goes_back_to_the_pool_as_it_came(town):
    """Also after an error in the middle of it."""

    def role(session):
        return session.execute(text("SELECT current_user, current_setting('baton.team', true)")).one()

    store = town.runtime.store
    before = store.read(role)[0]

    def failing(session):
        with viewing(session, "swbh-midwifery"):
            assert role(session) == (ROLE, "swbh-midwifery")
            raise LookupError

    def broken(session):
        with viewing(session, "swbh-midwifery"):
            session.execute(text("SELECT 1/0"))

    for work in (failing, broken):
        for _ in range(3):
            with pytest.raises(Exception, match="" if work is failing else "division"):
                store.read(work)
            found = store.read(role)
            assert (found[0], found[1] or "") == (before, "")

    def within(session):
        with viewing(session, "swbh-midwifery"):
            pass
        return role(session)

    assert tuple(store.read(within)) == (before, "")


def test_what_the_program_shows_is_what_it_shows_without(town, monkeypatch):
    """The lock takes nothing away that was decided to be shown."""
    directory = town.runtime.store.read(town.runtime.context).directory
    involved = {row.team_id for row in town.rows(Involvement)} | {row.team_id for row in town.rows(Delivery)}
    households = [row.id for row in town.rows(Household)]

    def shown(team):
        answers = [
            town.call("GET", "/fhir/Task?_count=200&_sort=authored-on", team),
            town.call("GET", "/mailbox/inbox?after=0&limit=500", team),
            town.call("POST", "/fhir/Patient/_search", team, data={"identifier": f"{NHS_NUMBER}|{quote(_number())}"}),
            town.call("GET", "/reports/agenda", team),
            *(town.call("GET", f"/households/{id_}", team) for id_ in households),
            *(town.call("GET", f"/fhir/Task/{row.id}", team) for row in town.rows(Task)[::7]),
        ]
        return [(answer.status_code, answer.text) for answer in answers]

    teams = sorted(involved & set(directory.teams))
    locked = {team: shown(team) for team in teams}
    monkeypatch.setattr(second_lock, "is_on", lambda _engine: False)
    assert json.dumps(locked) == json.dumps({team: shown(team) for team in teams})
    assert any(status == 200 for answers in locked.values() for status, _ in answers[3:])


@contextmanager
def any_mailbox(town: Broker, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    """No read of a mailbox says whose it is: the condition is cut from the statement on its way to the database."""
    engine = town.runtime.store.engine

    def careless(_connection, _cursor, statement, parameters, *_more):
        return re.sub(r"delivery\.team_id = %\(team_id_1\)s(::\w+)?", "true", statement), parameters

    event.listen(engine, "before_cursor_execute", careless, retval=True)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", careless)


@contextmanager
def any_task(_town: Broker, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every task is visible."""
    patch.setattr(tasks, "_visible_to", lambda _team: TASK.c.id.is_not(None))
    patch.setattr(tasks, "_OF_TEAM", Query(reading().where(TASK.c.id == bindparam("task"))))
    yield


@contextmanager
def anybody(_town: Broker, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every team works with everybody, and sees every household whole."""
    patch.setattr(view, "sees", lambda *_: True)
    patch.setattr(
        view, "_sight", lambda _session, _ctx, world, home, *_: Sight(frozenset(world.members_of(home)), True)
    )
    yield


Broken = Callable[[Broker, pytest.MonkeyPatch], Any]
Asks = Callable[[Broker, str], object]
BROKEN: Final[dict[str, tuple[Broken, Asks]]] = {
    "mailbox": (any_mailbox, lambda town, team: town.call("GET", "/mailbox/inbox?after=0", team).json()["messages"]),
    "mailbox, what waits": (
        any_mailbox,
        lambda town, team: town.call("GET", "/mailbox/inbox", team).json()["messages"],
    ),
    "message": (any_mailbox, lambda town, team: _there(town, team, f"/mailbox/inbox/{_told(town).id}")),
    "task": (any_task, lambda town, team: _there(town, team, f"/fhir/Task/{_transfer(town).id}")),
    "tasks": (any_task, lambda town, team: town.call("GET", "/fhir/Task", team).json().get("entry")),
    "count of tasks": (
        any_task,
        lambda town, team: town.call("GET", "/fhir/Task?_summary=count", team).json()["total"],
    ),
    "parts of a task": (any_task, lambda town, team: _read(town, tasks.parts_of_any, _transfer(town).id, team)),
    "agenda": (
        any_task,
        lambda town, team: _read(town, agenda.open_tasks, sorted(town.ids(Person)), _home(town), team),
    ),
    "somebody by a number": (anybody, lambda town, team: _found(town, team).get("entry")),
    "household": (anybody, lambda town, team: _there(town, team, f"/households/{_home(town)}")),
    "chronology": (anybody, lambda town, team: _there(town, team, f"/households/{_home(town)}/chronology")),
}
"""Ways to read for a team: how to break the first lock there, and what then comes out, nothing when it is empty or false."""


def _there(town: Broker, team: str, path: str) -> bool:
    answer = town.call("GET", path, team)
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


def _told(town: Broker) -> Delivery:
    return next(row for row in town.rows(Delivery) if row.number is not None or row.state == "ready")


def _transfer(town: Broker) -> Task:
    return next(row for row in town.rows(Task) if row.code == "transfer")


def _home(town: Broker) -> str:
    of_child = {row.person_id for row in town.rows(Task, code="confirm-child")}
    return next(row.household_id for row in town.rows(Membership) if row.person_id in of_child)


def _read(town: Broker, work: Callable[..., object], *given: Any) -> object:
    store, scope = town.runtime.store, Scope(team=given[-1])
    return store.read(lambda session: work(session, store.codec, *given[:-1], scope))


def _number() -> str:
    return next(
        i["value"]
        for e in message("birth")["entry"]
        for i in e["resource"].get("identifier", [])
        if i.get("system") == NHS_NUMBER
    )


def _found(town: Broker, team: str) -> Any:
    return town.call("POST", "/fhir/Patient/_search", team, data={"identifier": f"{NHS_NUMBER}|{_number()}"}).json()


@pytest.mark.parametrize("way", BROKEN)
def test_where_the_first_lock_is_broken_the_second_lets_nothing_out(town, monkeypatch, way):
    """A team that has nothing gets nothing, and without the second lock it would: each way to read runs under it."""
    breaking, comes_out = BROKEN[way]
    stranger = _stranger(town)
    assert not comes_out(town, stranger)
    with breaking(town, monkeypatch):
        assert not comes_out(town, stranger), f"{way} is read without the second lock"
        monkeypatch.setattr(second_lock, "is_on", lambda _engine: False)
        assert comes_out(town, stranger), f"the first lock of {way} is not broken: the test would show nothing"


def _stranger(town: Broker) -> str:
    """A team that was told nothing, owns and awaits nothing, sent nothing and works with nobody."""
    known = {row.team_id for row in (*town.rows(Delivery), *town.rows(Involvement))}
    known |= {team for row in town.rows(Task) for team in (row.owner_team_id, row.requester_team_id)}
    known |= {row.sender_team_id for row in town.rows(Notification)}
    return min(set(town.runtime.store.read(town.runtime.context).directory.teams) - known)


def test_whoever_else_connects_finds_nothing_though_they_may_read(town):
    """A login of somebody's reporting tool, with the right to read given by mistake."""
    address = town.runtime.store.engine.url
    plain = f"plain_{address.database}"[:60]
    where = {"host": address.host, "port": address.port, "user": address.username, "dbname": address.database}
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{plain}"')
        try:
            connection.execute(f'GRANT SELECT ON delivery, person, address TO "{plain}"')
            connection.execute(f'SET ROLE "{plain}"')
            for table in ("delivery", "person", "address"):
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            member = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (plain, ROLE)).fetchone()
            assert member == (False,)
        finally:
            connection.execute("RESET ROLE")
            connection.execute(f'DROP OWNED BY "{plain}"')
            connection.execute(f'DROP ROLE "{plain}"')


@pytest.fixture
def poor() -> Iterator[Settings]:
    """A deployment whose login owns its database and may neither make the viewer's role nor become it."""
    login = f"poor_{secrets.token_hex(4)}"
    with postgres_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {login} LOGIN NOSUPERUSER NOBYPASSRLS")
            connection.execute(f'ALTER DATABASE "{make_url(url).database}" OWNER TO {login}')
            connection.execute(f"ALTER SCHEMA public OWNER TO {login}")
        address = make_url(url).set(username=login, password=None).render_as_string()
        try:
            yield Settings(database_url=address, secret_key=SecretStr(secrets.token_urlsafe(48)), log_format="json")
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"REASSIGN OWNED BY {login} TO CURRENT_USER")
                connection.execute(f"DROP OWNED BY {login}")
                connection.execute(f"DROP ROLE {login}")


def test_that_it_is_off_stands_in_the_log_of_whatever_starts(poor, monkeypatch, capsys):
    """In one line that names nobody; where it is on nothing is said of it."""
    before = structlog.get_config()
    monkeypatch.setattr(serving, "_run", lambda _app, **_options: None)
    monkeypatch.setattr(serving, "_work", _nothing)
    monkeypatch.setattr(opening, "settings", lambda: poor)
    monkeypatch.setattr(running, "gateways", lambda _runtime, _file: {})
    monkeypatch.setattr(running, "run", _nothing)
    starts = (lambda: serving.serve(poor, "127.0.0.1", 0, 1, deliver=False), lambda: serving.work(poor), gateway)
    try:
        for start in starts:
            start()
            [line] = [one for one in capsys.readouterr().err.splitlines() if "second lock" in one]
            said = json.loads(line)
            assert (said["level"], said["event"]) == ("warning", "second lock is off")
            assert set(said) == {"level", "event", "mend", "module", "timestamp"}
            assert "operations.md" in said["mend"]
            with monkeypatch.context() as on:
                on.setattr(second_lock, "is_on", lambda _engine: True)
                start()
            assert "second lock" not in capsys.readouterr().err
    finally:
        structlog.configure(**before)


async def _nothing(*_given: object) -> None:
    """Work that ends at once."""
