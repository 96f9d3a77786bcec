"""A PostgreSQL database that a test has had is handed out again as it was made, or not at all."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.reused import MOST_PAGES, Copies
from tests.services import postgres_database, require

pytestmark = pytest.mark.postgres

MADE = """
CREATE TABLE household (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE member (household_id int REFERENCES household, name text);
CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'insert only'; END $$;
CREATE TRIGGER insert_only BEFORE DELETE ON household FOR EACH ROW EXECUTE FUNCTION stays();
INSERT INTO household VALUES (1, 'Baker'), (2, 'Carter');
"""
AS_MADE = [(1, "Baker"), (2, "Carter")]


@pytest.fixture(scope="module")
def original() -> Iterator[str]:
    """The name of a database with two rows that a trigger keeps."""
    with postgres_database() as url:
        with psycopg.connect(url) as connection:
            connection.execute(MADE)
        yield str(make_url(url).database)


@pytest.fixture
def copies(original: str) -> Iterator[Copies]:
    """Copies of it."""
    made = Copies(require("postgres"), original)
    yield made
    made.drop()


def had(copies: Copies, *statements: str) -> int:
    """A test has a copy, and does this in it; the id that the server knows the database by, whatever its name."""
    with copies.one() as url, psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        [row] = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        return int(row[0])


@pytest.mark.parametrize(
    "statements",
    [
        (),
        ("INSERT INTO household VALUES (3, 'Dyer')", "INSERT INTO member VALUES (3, 'Ava')"),
        ("UPDATE household SET name = 'Smith'",),
        ("TRUNCATE household CASCADE",),
    ],
    ids=["nothing", "more", "otherwise", "less"],
)
def test_rows_are_as_in_the_original_again(copies, statements):
    before = had(copies, *statements)

    with copies.one() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM household ORDER BY id").fetchall() == AS_MADE
        assert connection.execute("SELECT * FROM member").fetchall() == []
    assert had(copies) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other (id int)",
        "CREATE INDEX by_name ON household (name)",
        "ALTER TABLE household DISABLE TRIGGER USER",
        "ALTER TABLE household ALTER name DROP NOT NULL",
        "ALTER TABLE member DROP CONSTRAINT member_household_id_fkey",
        "ALTER TABLE household ENABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON household TO PUBLIC",
        "CREATE OR REPLACE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        "ANALYZE household",
        f"INSERT INTO member SELECT 1, repeat('x', 1500) FROM generate_series(1, 5 * {MOST_PAGES + 1})",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 1', current_database()); END $$",
    ],
    ids=lambda statement: statement.partition("household")[0],
)
def test_one_that_is_otherwise_than_by_its_rows_is_not_handed_out_again(copies, statement):
    before = had(copies)
    assert had(copies, statement) == before

    assert had(copies) != before


def test_whoever_is_still_connected_is_not_and_finds_it_no_more(copies):
    with copies.one() as url:
        left = psycopg.connect(url)
        left.execute("INSERT INTO household VALUES (3, 'Dyer')")

    with pytest.raises(psycopg.OperationalError):
        left.commit()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)
    with copies.one() as again, psycopg.connect(again) as connection:
        assert connection.execute("SELECT * FROM household ORDER BY id").fetchall() == AS_MADE


def test_two_at_the_same_time_are_two(copies):
    with copies.one() as first, copies.one() as second:
        assert first != second
