"""What was decided, answered and taken over is changed in the database (threat T5): times, numbers, one valid code for another, rows gone or added; each is named."""

import base64
import hashlib
from datetime import datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import Session

from broker.domain.sealing import instant
from broker.domain.states import DeliveryState
from broker.storage import audit, people_merge, row_audit, row_digests
from broker.storage.row_digests import KINDS
from broker.storage.tables import metadata
from broker.storage.types import UtcDateTime
from broker.workflow import clock as clocks
from tests.conftest import NOON
from tests.contract.calling import FHIR, VISITORS, message, sender
from tests.contract.task_calls import practitioner
from tests.security.test_flipped_codes import past_every_constraint

SENT = ("pregnancy-booking", "birth", "involvement-start", "concern", "transfer", "withdraw")
COLUMNS = [(name, column) for name, kind in KINDS.items() for column in kind.columns]
PLACES = [
    *(place for place in COLUMNS if place[1] != "withheld"),
    ("delivery", "state"),
]


@pytest.fixture(scope="module")
def lived(shared_broker):
    """A broker with messages, receipts, answers, steps of a ladder, and children taken over."""
    shared_broker.clock.time = NOON
    for name in SENT:
        said = message(name)
        assert shared_broker.post(said, sender(said)).status_code in (200, 422)
        shared_broker.clock.forward(minutes=1)
    for one in shared_broker.call("GET", "/mailbox/inbox", VISITORS).json()["messages"]:
        assert shared_broker.call("PUT", f"/mailbox/inbox/{one['id']}/acknowledged", VISITORS).status_code == 200
    taken_over(shared_broker)
    shared_broker.clock.forward(days=9)
    running = shared_broker.runtime
    running.store.write(lambda session: clocks.tick(session, running.context(session), running.now()))
    return shared_broker


def taken_over(broker):
    """Each open task of a receiver is opened, and what can be accepted is."""
    for row in broker.call("GET", "/fhir/Task", VISITORS).json()["entry"]:
        for move in ("open", "accept"):
            body = {"resourceType": "Parameters", "parameter": [practitioner()]}
            path = f"/fhir/Task/{row['resource']['id']}/${move}"
            broker.call("POST", path, VISITORS, json=body, headers=FHIR)


@pytest.fixture
def store(lived):
    return lived.runtime.store


def compared(store):
    return store.read(row_audit.compare)


def named(store):
    return {(one.kind, one.id, one.what.value) for one in compared(store).differing}


def test_what_nobody_touched_differs_nowhere(store):
    found = compared(store)
    assert (found.count, found.before) == (0, 0)
    assert {name for name in KINDS if rows_of(store, name)} == KINDS.keys()
    assert found.rows == sum(len(rows_of(store, name)) for name in KINDS)


def rows_of(store, name):
    kind = KINDS[name]
    query = sa.select(kind.table.c.id).where(kind.table.c[kind.at].is_not(None)).order_by(kind.table.c.id)
    return store.read(lambda session: session.scalars(query).all())


def test_what_an_entry_carries_of_a_decision_cannot_be_found_by_trying_decisions(store):
    """Exports have it, and of teams, views and reasons there are few: nobody who has one may learn who was not told, and why."""
    carried = {tag for entry in entries(store) for tag in entry.get("rows", {}).get("delivery", {}).values()}
    decided = store.read(lambda session: session.execute(sa.select(KINDS["delivery"].table)).mappings().all())
    assert len(decided) > 10
    assert carried.isdisjoint(map(guess, decided))


def entries(store):
    return store.read(lambda session: session.scalars(sa.select(metadata.tables["audit"].c.detail)).all())


def guess(row):
    """What somebody makes of a decision who knows how tags are made, and no key."""
    columns = [one for one in KINDS["delivery"].columns if one != "withheld"]
    values = ["delivery", row["id"], *(row[one] for one in columns), row["state"] == DeliveryState.WITHHELD]
    data = orjson.dumps(values, default=instant, option=orjson.OPT_PASSTHROUGH_DATETIME)
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()[:16]).rstrip(b"=").decode()


@pytest.fixture
def changed(store):
    """Statements by somebody who owns the database, and what the comparison says then; nothing of them stays."""

    def said(name, statement, **more):
        with store.engine.connect() as connection:
            past_every_constraint(connection, KINDS[name].table.name)
            if store.embedded:
                connection.exec_driver_sql("BEGIN")
            connection.execute(statement)
            with Session(connection, join_transaction_mode="rollback_only", info=store.info) as session:
                found = {(one.kind, one.id, one.what.value) for one in row_audit.compare(session, **more).differing}
            connection.rollback()
            if store.embedded:
                for pragma in ("foreign_keys=ON", "ignore_check_constraints=OFF"):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
            return found

    return said


@pytest.mark.parametrize(("name", "column"), PLACES)
def test_another_value_in_any_column_is_found(store, changed, name, column):
    """Of every column that lasts, so that one that is added later is not forgotten."""
    table = KINDS[name].table
    of = sa.type_coerce(table.c[column], sa.String) if isinstance(table.c[column].type, sa.Enum) else table.c[column]
    query = sa.select(table.c.id, of).where(table.c[KINDS[name].at].is_not(None)).order_by(of.is_(None), table.c.id)
    if (name, column) == ("delivery", "state"):
        query = query.where(of == "withheld")
    id_, value = store.read(lambda session: session.execute(query).first())
    said = changed(name, sa.update(table).where(table.c.id == id_).values({column: another(table.c[column], value)}))
    assert (name, id_) in {(kind, of) for kind, of, _ in said}


def another(column, value):
    """A value that the column could well have."""
    match value:
        case None if isinstance(column.type, sa.Enum):
            return column.type.enums[0]
        case None:
            return NOON if isinstance(column.type, UtcDateTime) else "x"
        case bool():
            return not value
        case int():
            return value + 100
        case datetime():
            return value - timedelta(microseconds=1)
        case str() if isinstance(column.type, sa.Enum):
            return next(code for code in reversed(column.type.enums) if code != value)
        case str():
            return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    raise AssertionError(type(value))


@pytest.mark.parametrize("name", [name for name in KINDS if name != "arrival"])
def test_a_row_that_is_gone_is_missing(store, changed, name):
    table = KINDS[name].table
    [id_, *_] = rows_of(store, name)
    said = changed(name, sa.delete(table).where(table.c.id == id_))
    assert (name, id_, "missing") in said


UNLIKE = {
    "id": "ffffffff-0000-4000-8000-000000000000",
    "cause": "again",
    "number": None,
    "dedupe_key": None,
    "version": 99,
    "level": 99,
    "message_id": "again",
    "content_hash": "again",
    "previous_id": "again",
    "until": NOON,
    "next_id": "again",
    "delivered_at": None,
}
"""What is unlike the row of which another is made, so that no index refuses it."""


@pytest.mark.parametrize("name", ["delivery", "task", "task-event", "escalation", "notification", "responsibility"])
def test_a_row_that_nothing_speaks_of_was_added(store, changed, name):
    assert changed(name, one_more(store, name)) == {(name, UNLIKE["id"], "added")}


def one_more(store, name, **values):
    """A row like the first of its kind."""
    table, unlike = KINDS[name].table, UNLIKE | values
    [id_, *_] = rows_of(store, name)
    copied = [
        sa.literal(unlike[column.name], column.type) if column.name in unlike else column for column in table.columns
    ]
    of_one = sa.select(*copied).where(table.c.id == id_)
    return sa.insert(table).from_select([column.name for column in table.columns], of_one)


def test_a_row_that_bears_a_time_of_before_is_judged_where_all_are(store, changed):
    """Of before nothing is known; where digests have always been carried, nothing is of before."""
    added = one_more(store, "delivery", created_at=NOON - timedelta(days=1))
    assert changed("delivery", added) == set()
    assert changed("delivery", added, every=True) == {("delivery", UNLIKE["id"], "added")}
    assert store.read(lambda session: row_audit.compare(session, every=True)) == compared(store)


def test_a_delivery_that_is_said_to_have_arrived_was_added(store, changed):
    table = KINDS["arrival"].table
    query = sa.select(table.c.id).where(table.c.delivered_at.is_(None)).limit(1)
    id_ = store.read(lambda session: session.scalars(query).one())
    said = changed("arrival", sa.update(table).where(table.c.id == id_).values(delivered_at=NOON + timedelta(hours=1)))
    assert said == {("arrival", id_, "added")}


def test_a_task_set_back_to_what_it_was_is_found(store, changed):
    """The earlier state had its own entry; a later one has spoken since."""
    task, event = metadata.tables["task"], metadata.tables["taskevent"]
    query = sa.select(task.c.id, task.c.version).where(task.c.version > 1).limit(1)
    id_, version = store.read(lambda session: session.execute(query).one())
    said = changed("task", sa.update(task).where(task.c.id == id_).values(version=version - 1))
    assert said == {("task", id_, "changed")}
    gone = sa.delete(event).where(event.c.task_id == id_, event.c.version == version)
    assert len(changed("task-event", gone)) == 1


def test_a_task_of_a_version_that_nobody_wrote_is_found_whatever_time_it_bears(store, changed):
    """By its time it is of before the first entry; but entries speak of it, and none of this version."""
    task = metadata.tables["task"]
    [id_, *_] = rows_of(store, "task")
    before = NOON - timedelta(days=1)
    forged = {"version": task.c.version + 1, "changed_at": before, "answered_at": before, "due_at": before}
    assert changed("task", sa.update(task).where(task.c.id == id_).values(forged)) == {("task", id_, "changed")}


def test_a_version_is_found_that_was_written_behind_a_clock_that_was_put_back(either_broker):
    """The entry of the version before it has the later time, and is the only one from then on."""
    assert either_broker.post(message("birth")).status_code == 200
    moved(either_broker, "open", hours=2)
    opened = either_broker.clock()
    moved(either_broker, "accept", hours=-1)
    found = either_broker.runtime.store.read(lambda session: row_audit.compare(session, opened))
    assert (found.since, found.count) == (opened, 0)


def moved(broker, move, **later):
    """The first task of the visitors, a while later or, with a clock that was put back, earlier."""
    id_ = broker.call("GET", "/fhir/Task", VISITORS).json()["entry"][0]["resource"]["id"]
    broker.clock.forward(**later)
    meaning = [{"name": "meaning", "valueString": "We visit."}] if move == "accept" else []
    body = {"resourceType": "Parameters", "parameter": [practitioner(), *meaning]}
    done = broker.call("POST", f"/fhir/Task/{id_}/${move}", VISITORS, json=body, headers=FHIR)
    assert done.status_code == 200, done.text
    return id_


def test_a_task_set_back_is_found_where_the_clock_was_put_back_too(either_broker):
    """Its last version is in an earlier entry than the one to which it is set back, with many rows between them."""
    store, task = either_broker.runtime.store, metadata.tables["task"]
    assert either_broker.post(message("birth")).status_code == 200
    id_ = moved(either_broker, "open", hours=2)
    [was] = store.read(lambda session: session.execute(sa.select(task).where(task.c.id == id_)).mappings().all())
    gone(store, either_broker.clock.forward(minutes=-30))
    moved(either_broker, "accept", minutes=-30)
    assert named(store) == set()
    store.write(lambda session: session.execute(sa.update(task).where(task.c.id == id_).values(dict(was))))
    assert named(store) == {("task", id_, "changed")}


UNREADABLE = [
    ("due_at", "'x'"),
    ("due_at", "x'00'"),
    ("changed_at", "'x'"),
    ("changed_at", "'9999-12-31 23:59:59.999999'"),
    ("version", "'x'"),
    ("policy_version", "x'00'"),
    ("policy_version", "CAST(x'ff' AS TEXT)"),
]


@pytest.mark.parametrize(("column", "value"), UNREADABLE)
def test_what_cannot_be_read_is_changed_and_the_rest_is_compared(store, changed, column, value):
    one, other, *_ = rows_of(store, "task")
    table = metadata.tables["task"]
    values = {column: sa.case((table.c.id == one, sa.literal_column(value)), else_=table.c[column]), "cites": "x"}
    said = changed("task", sa.update(table).where(table.c.id.in_([one, other])).values(values))
    assert said == {("task", one, "changed"), ("task", other, "changed")}


@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'ff'"])
def test_a_row_of_which_the_id_is_no_text_is_changed(store, changed, value):
    table = metadata.tables["task"]
    [id_, *_] = rows_of(store, "task")
    said = changed("task", sa.update(table).where(table.c.id == id_).values(id=sa.literal_column(value)))
    assert said == {("task", id_, "missing"), ("task", r"\xff", "changed")}


def test_a_time_that_python_has_not_is_changed(either_broker):
    """PostgreSQL has times without end."""
    assert either_broker.post(message("birth")).status_code == 200
    store = either_broker.runtime.store
    [id_, *_] = rows_of(store, "task")
    endless = sa.text("UPDATE task SET due_at = 'infinity' WHERE id = :id")
    store.write(lambda session: session.execute(endless, {"id": id_}))
    assert named(store) == {("task", id_, "changed")}


def test_a_task_given_back_to_the_person_that_a_merge_took_away_is_found(either_broker):
    """The merge writes no version of the task; of two entries about one version the later holds."""
    assert either_broker.post(message("birth")).status_code == 200
    store, task, person = either_broker.runtime.store, metadata.tables["task"], metadata.tables["person"]
    theirs = sa.select(task.c.id, task.c.person_id).where(task.c.person_id.is_not(None)).limit(1)
    id_, gone = store.read(lambda session: session.execute(theirs).one())
    into = store.read(lambda session: session.scalars(sa.select(person.c.id).where(person.c.id != gone)).first())
    now = either_broker.clock.forward(hours=1)
    store.write(lambda session: people_merge.merge(session, store.codec, gone=gone, into=into, now=now))
    assert named(store) == set()
    back = sa.update(task).where(task.c.id == id_).values(person_id=gone)
    store.write(lambda session: session.execute(back))
    assert named(store) == {("task", id_, "changed")}


PARAMETERS = 2**16
"""More than a statement of PostgreSQL takes."""


def test_a_step_may_write_more_rows_than_a_statement_has_parameters(either_broker):
    store = either_broker.runtime.store
    gone(store, NOON)
    assert named(store) == set()


def gone(store, now):
    """A step takes away that many deliveries."""
    ids = [str(number) for number in range(PARAMETERS)]
    store.write(lambda session: row_digests.note_gone(session, "delivery", ids, now))


def test_no_caller_says_what_a_step_has_written(store):
    detail = {audit.ROWS: "mine"}
    with pytest.raises(AssertionError, match="has written"):
        store.read(
            lambda session: audit.record(
                session, action="record", entity="row", entity_id=None, now=NOON, detail=detail
            )
        )
