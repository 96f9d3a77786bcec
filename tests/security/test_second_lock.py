"""PostgreSQL holds by itself what a team may read: a careless query finds nothing of others, and what the program shows is what it showed."""

import json
from datetime import timedelta
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import select

from broker.storage import second_lock
from broker.storage.second_lock import CLOSED, ROLE, SHOWN, viewing
from broker.storage.tables import Delivery, Household, Involvement, Task
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
    number = next(
        i["value"]
        for e in message("birth")["entry"]
        for i in e["resource"].get("identifier", [])
        if i.get("system") == NHS_NUMBER
    )

    def shown(team):
        answers = [
            town.call("GET", "/fhir/Task?_count=200&_sort=authored-on", team),
            town.call("GET", "/mailbox/inbox?after=0&limit=500", team),
            town.call("POST", "/fhir/Patient/_search", team, data={"identifier": f"{NHS_NUMBER}|{quote(number)}"}),
            *(town.call("GET", f"/households/{id_}", team) for id_ in households),
            *(town.call("GET", f"/fhir/Task/{row.id}", team) for row in town.rows(Task)[::7]),
        ]
        return [(answer.status_code, answer.text) for answer in answers]

    teams = sorted(involved & set(directory.teams))
    locked = {team: shown(team) for team in teams}
    monkeypatch.setattr(second_lock, "is_on", lambda _engine: False)
    assert json.dumps(locked) == json.dumps({team: shown(team) for team in teams})
    assert any(status == 200 for answers in locked.values() for status, _ in answers[3:])


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
