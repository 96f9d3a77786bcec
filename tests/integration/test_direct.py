"""Statements handed to the driver: what goes in comes out as SQLAlchemy itself reads it, on both databases, and fails as it does."""

from datetime import date, datetime, timedelta, timezone
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from broker.domain.states import ChannelKind, DeliveryState, PersonState, Purpose
from broker.storage import direct
from broker.storage.objects import Objects
from broker.storage.person_tables import AUDIT, CHANNEL, PERSON, REVISION
from broker.storage.phrases import among, listed
from broker.storage.prepared import Query
from broker.storage.tables import Person, metadata
from tests.conftest import NOON

SUMMER = NOON.replace(month=7).astimezone(timezone(timedelta(hours=1)))
MANY = Query(sa.select(PERSON).where(among(PERSON.c.id, "ids")).order_by(PERSON.c.id))
FIRST = Query(
    sa.select(PERSON.c.id).where(PERSON.c.state == PersonState.LIVING).order_by(PERSON.c.id).limit(2).offset(0)
)


def person(**different: object) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "state": PersonState.LIVING,
        "born": date(2026, 1, 31),
        "expected": None,
        "details": b"\x00\xff \\x7b'\"",
        "resolved": False,
        "version": 3,
        "created_at": SUMMER,
        **different,
    }


def stored(store, rows):
    store.write(lambda session: direct.insert(session, PERSON, rows))
    return [str(row["id"]) for row in rows]


def test_rows_are_read_as_they_were_written_and_as_sqlalchemy_reads_them(store):
    ids = stored(store, [person(), person(state=PersonState.UNBORN, born=None, resolved=True, details=b"")])
    found = store.read(lambda session: direct.rows(session, MANY, ids=ids))
    assert found == store.read(lambda s: s.execute(sa.select(PERSON).order_by(PERSON.c.id)).all())
    [row] = [dict(zip(PERSON.c.keys(), row, strict=True)) for row in found if row[0] == ids[0]]
    assert row["created_at"] == SUMMER
    assert row["created_at"].utcoffset() == timedelta(0)
    assert (row["details"], row["born"], row["resolved"]) == (b"\x00\xff \\x7b'\"", date(2026, 1, 31), False)
    assert isinstance(row["state"], PersonState)


def test_a_list_within_a_row_has_the_same_values(store):
    ids = stored(store, [person(), person(expected=date(2026, 12, 1), born=None, resolved=True), person(details=b"")])
    within = Query(sa.select(listed(sa.select(PERSON).where(among(PERSON.c.id, "ids")).order_by(PERSON.c.id))))
    [(rows,)] = store.read(lambda session: direct.rows(session, within, ids=ids))
    assert rows == store.read(lambda session: direct.rows(session, MANY, ids=ids))
    [(rows,)] = store.read(lambda session: direct.rows(session, within, ids=[]))
    assert rows == []


def test_one_statement_asks_for_none_for_one_and_for_many(store):
    ids = stored(store, [person() for _ in range(40)])
    for asked in ([], ids[:1], ids, [*ids, "nobody's"]):
        found = store.read(lambda session, asked=asked: direct.rows(session, MANY, ids=asked))
        assert [row[0] for row in found] == sorted(set(asked) & set(ids))
    assert [id_ for (id_,) in store.read(lambda session: direct.rows(session, FIRST))] == sorted(ids)[:2]


def test_a_text_is_asked_for_as_it_is(store):
    odd = ['a"b', "c\\d", "NULL", "{x,y}", " e ", "", "it's", "1,2", "é\t"]
    stored(store, [person(id=id_) for id_ in odd])
    found = store.read(lambda session: direct.rows(session, MANY, ids=odd))
    assert sorted(row[0] for row in found) == sorted(odd)


LATER = sa.bindparam("later", type_=PERSON.c.created_at.type)
AGE = Query(
    sa.update(PERSON).where(among(PERSON.c.id, "ids"), PERSON.c.version == 3).values(created_at=LATER, version=4)
)
NAMED = Query(
    sa.update(PERSON)
    .where(among(PERSON.c.id, "ids"))
    .values(state=PersonState.DIED)
    .returning(PERSON.c.id, PERSON.c.state, PERSON.c.created_at)
)
ONE = Query(sa.update(PERSON).where(PERSON.c.id == sa.bindparam("b_id")).values(version=sa.bindparam("b_version")))


def test_a_change_says_how_many_it_changed(store):
    ids = stored(store, [person(), person(), person(version=1)])
    given = {"ids": [*ids, "nobody's"], "later": SUMMER + timedelta(days=1)}
    assert store.write(lambda session: direct.change(session, AGE, **given)) == 2
    assert store.write(lambda session: direct.change(session, AGE, **given)) == 0
    found = store.read(lambda session: direct.rows(session, MANY, ids=ids))
    versions = PERSON.c.keys().index("version"), PERSON.c.keys().index("created_at")
    assert sorted((row[versions[0]], row[versions[1]]) for row in found) == [
        (1, SUMMER),
        (4, SUMMER + timedelta(days=1)),
        (4, SUMMER + timedelta(days=1)),
    ]


def test_what_a_change_gives_back_has_the_values_of_its_columns(store):
    [id_] = stored(store, [person()])
    [(found, state, at)] = store.write(lambda session: direct.rows(session, NAMED, ids=[id_]))
    assert (found, state, at, at.utcoffset()) == (id_, PersonState.DIED, SUMMER, timedelta(0))
    assert isinstance(state, PersonState)


def test_a_change_for_each_counts_all_of_them_and_sees_what_waited(store):
    rows = [person(id=str(number)) for number in range(5)]
    each = [{"b_id": str(number), "b_version": 10 + number} for number in (*range(5), 99)]

    def work(session):
        direct.insert(session, PERSON, rows)  # on PostgreSQL it waits
        changed = direct.change_each(session, ONE, each)
        return changed, direct.change_each(session, ONE, [])

    assert store.write(work) == (5, 0)
    found = store.read(lambda session: direct.rows(session, MANY, ids=[row["id"] for row in rows]))
    assert [row[PERSON.c.keys().index("version")] for row in found] == [10, 11, 12, 13, 14]


def test_a_change_that_a_constraint_refuses_undoes_the_work(store):
    [id_] = stored(store, [person()])
    nobody = Query(sa.update(PERSON).where(among(PERSON.c.id, "ids")).values(merged_into="nobody"))
    with pytest.raises(IntegrityError):
        store.write(lambda session: direct.change(session, nobody, ids=[id_]))
    assert store.read(lambda session: direct.rows(session, FIRST)) == [(id_,)]


def test_an_object_has_the_columns_of_its_row_and_belongs_to_no_session(store):
    [id_] = stored(store, [person()])
    query = Query(sa.select(PERSON).where(among(PERSON.c.id, "ids")))

    def work(session):
        [found] = Objects(Person).read(session, query, ids=[id_])
        assert found not in session
        return found, session.get_one(Person, id_)

    found, known = store.read(work)
    names = PERSON.c.keys()
    assert [getattr(found, name) for name in names] == [getattr(known, name) for name in names]


def test_what_waits_is_there_for_whoever_asks_however_they_ask(store):
    """On PostgreSQL inserts wait for a statement with an answer: none overtakes them, and what was asked ahead is not out of date."""

    def count(session):
        return session.execute(sa.select(sa.func.count()).select_from(PERSON)).scalar_one()

    def work(session):
        direct.insert(session, PERSON, [person()])
        direct.insert(session, PERSON, [person()])
        before = count(session)
        direct.ahead(session, lambda: [(FIRST, {}), (MANY, {"ids": []})])
        direct.insert(session, PERSON, [person(id="0")])
        return before, direct.rows(session, FIRST)[0], direct.rows(session, MANY, ids=[]), count(session)

    assert store.write(work) == (2, ("0",), [], 3)
    store.write(lambda session: direct.insert(session, PERSON, [person()]))
    assert store.read(count) == 4


def test_what_was_asked_ahead_is_answered_without_asking_again(store):
    heard = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *said: heard.append(said[2]))

    def selects():
        return len([text for text in heard if text.startswith("SELECT person")])

    def work(session):
        direct.ahead(session, lambda: [(FIRST, {}), (MANY, {"ids": ["a"]})])
        asked = selects()
        found = direct.rows(session, FIRST), direct.rows(session, MANY, ids=["a"])
        return asked, selects(), found

    assert store.write(work) == (0 if store.embedded else 2, 2, ([], []))  # on SQLite nothing is gained by it


def test_what_fails_late_fails_the_work(store):
    row = person()

    def twice(session):
        direct.insert(session, PERSON, [row])
        direct.insert(session, PERSON, [row])

    with pytest.raises(Exception, match="colliding"):
        store.write(twice)
    with pytest.raises(IntegrityError):
        store.write(lambda session: direct.insert(session, PERSON, [person(merged_into="nobody")]))
    assert store.read(lambda session: direct.rows(session, FIRST)) == []


def test_what_the_table_fills_in_is_filled_in(store):
    row = {"id": "a", "at": NOON, "action": "read", "entity": "task", "detail": {"n": [1, None, "é"]}}
    store.write(lambda session: direct.insert(session, AUDIT, [row]))
    [found] = store.read(lambda session: session.execute(sa.select(AUDIT)).mappings().all())
    assert dict(found) == {**dict.fromkeys(AUDIT.c.keys()), **row, "outcome": "success", "unsealed": True}


def test_rows_of_several_kinds_are_not_taken_for_one(store):
    for wrong in ([person(), person(version=1) | {"name_blind": "x"}], [person() | {"name_blind": "x"}, person()]):
        with pytest.raises(ValueError, match="same columns"):
            stored(store, wrong)
    with pytest.raises(Exception, match="without a zone"):
        stored(store, [person(created_at=datetime(2026, 1, 1))])  # noqa: DTZ001 - what is refused
    assert store.read(lambda session: direct.rows(session, FIRST)) == []
    store.write(lambda session: direct.insert(session, PERSON, []))


def test_what_a_constraint_refuses_is_refused_and_nothing_of_it_stays(store):
    twice = person()
    with pytest.raises(Exception, match="colliding"):
        stored(store, [twice, twice])
    nobodys = {"team_id": "nobody", "kind": ChannelKind.WEBHOOK, "changed_at": NOON}
    with pytest.raises(IntegrityError) as refused:
        store.write(lambda session: direct.insert(session, CHANNEL, [nobodys]))
    assert "webhook" not in str(refused.value)
    with pytest.raises(IntegrityError):
        stored(store, [person(state="neither")])
    assert store.read(lambda session: direct.rows(session, FIRST)) == []


def test_what_listens_to_an_engine_hears_of_them(store):
    heard = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *said: heard.append(said[2]))
    store.read(lambda session: direct.rows(session, FIRST))
    assert [text for text in heard if "FROM person" in text]


def test_constants_are_written_out_so_that_partial_indexes_answer(store):
    delivery = metadata.tables["delivery"]
    open_states = (DeliveryState.READY, DeliveryState.SENDING)
    query = Query(
        sa.select(delivery.c.id).where(delivery.c.state.in_(open_states), delivery.c.purpose == Purpose.ACTION)
    )
    made = query.made_for(store.engine.dialect)
    assert "IN ('ready', 'sending')" in made.text
    assert made.parameters == ()
    with pytest.raises(ValueError, match="written out"):
        Query(sa.select(delivery.c.id).limit(1)).made_for(sa.create_engine("sqlite://").dialect)


def test_a_read_changes_nothing(store):
    def change(session):
        direct.insert(session, REVISION, [{"name": "x", "number": 1}])

    if store.embedded:
        store.read(change)
    else:
        with pytest.raises(RuntimeError, match="must not write"):
            store.read(change)
    assert store.read(lambda session: session.execute(sa.select(REVISION)).all()) == []
