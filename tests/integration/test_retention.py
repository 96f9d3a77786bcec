"""What messages say goes when its time is over, and nothing else does; a legal hold, or work that is open, keeps it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.clock import utc_now
from broker.errors import Conflict, Invalid
from broker.storage import notifications, payload_check
from broker.storage import retention as kept
from broker.storage.codec import Shredded, Tampered, open_json
from broker.storage.retention import Hold
from broker.storage.tables import Notification, metadata
from broker.workflow import retention
from tests.integration.answered_town import LATER, answered

NOTIFICATION, TASK, SUBJECT = (metadata.tables[name] for name in ("notification", "task", "subject"))
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def town(store):
    """Messages of long ago that everybody has answered."""
    return answered(store)


def apply(town, after=LATER):
    done = 0
    while more := town.store.write(lambda session: retention.apply(session, town.context(session), utc_now() + after)):
        done += more
    return done


def messages(town):
    return town.store.read(lambda session: session.execute(sa.select(NOTIFICATION)).mappings().all())


def test_what_was_said_goes_and_that_it_was_said_stays(town):
    before = messages(town)
    counts = {
        name: town.store.read(lambda s, t=t: s.scalar(sa.select(sa.func.count()).select_from(t)))
        for name, t in metadata.tables.items()
    }
    assert apply(town, timedelta(days=365)) == 0
    assert apply(town) == len(before)
    assert apply(town) == 0
    after = {row["id"]: row for row in messages(town)}
    same = ("sender_team_id", "message_id", "event", "received_at", "occurred_at", "standing", "state", "content_hash")
    for row in before:
        assert {name: row[name] for name in same} == {name: after[row["id"]][name] for name in same}
        assert after[row["id"]]["shredded_at"] is not None

    def said(session):
        for row in session.scalars(sa.select(Notification)):
            assert notifications.raw_of(town.store.codec, row) == b""
            message = notifications.message_of(town.store.codec, row)
            assert not message.facts
            assert [one for one in message.people if one.family or one.identifiers or one.addresses] == []
            assert set(message.subjects) <= set(
                session.scalars(sa.select(SUBJECT.c.person_id).where(SUBJECT.c.notification_id == row.id))
            )

    town.store.read(said)
    now = {
        name: town.store.read(lambda s, t=t: s.scalar(sa.select(sa.func.count()).select_from(t)))
        for name, t in metadata.tables.items()
    }
    assert {name: now[name] - counts[name] for name in now if now[name] != counts[name]} == {"audit": len(before)}
    assert town.store.read(lambda session: payload_check.check(session, town.store.codec)).count == 0


@ON_SQLITE
def test_what_was_kept_of_the_row_opens_nothing_with_what_is_in_the_row_now(town):
    [before, *_] = messages(town)
    apply(town)
    [after] = [row for row in messages(town) if row["id"] == before["id"]]
    mixed = dict(before) | {"data_key": after["data_key"]}
    with pytest.raises(Tampered):
        payload_check.opener(town.store.codec, "notification", mixed).open(before["raw"], f"raw:{before['id']}")
    with pytest.raises(Shredded):
        payload_check.opener(town.store.codec, "notification", dict(before) | {"data_key": None}).open(
            before["raw"], f"raw:{before['id']}"
        )


@ON_SQLITE
def test_the_texts_of_tasks_go_and_who_answered_when_stays(town):
    apply(town)

    def work(session):
        rows = session.execute(sa.select(TASK).where(TASK.c.notification_id.is_not(None))).mappings().all()
        return [open_json(town.store.codec, row["content"], f"task:{row['id']}") for row in rows]

    contents = town.store.read(work)
    assert contents
    assert {one["description"] for one in contents} == {kept.GONE}
    assert set().union(*contents) <= {"description", "opened", "answered", "actions", "lines", "last"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("table", "values"),
    [("task", {"status": "requested"}), ("delivery", {"state": "ready"})],
    ids=["a-task", "a-delivery"],
)
def test_what_somebody_still_has_to_do_something_about_stays(town, table, values):
    with town.store.engine.begin() as connection:
        about = connection.execute(
            sa.select(metadata.tables[table].c.notification_id)
            .where(metadata.tables[table].c.notification_id.is_not(None))
            .limit(1)
        ).scalar_one()
        connection.execute(
            metadata.tables[table].update().where(metadata.tables[table].c.notification_id == about).values(**values)
        )
    apply(town)
    assert [row["id"] for row in messages(town) if row["shredded_at"] is None] == [about]


def hold(id_="one", **what):
    wanted = {"person_id": None, "notification_id": None} | what
    return Hold(id=id_, reason="Coroner", placed_by="operator", placed_at=utc_now(), **wanted)


def placed(town, wanted):
    return town.store.write(lambda session: retention.place(session, town.context(session), None, wanted))


def lifted(town, id_):
    return town.store.write(
        lambda session: retention.lift(session, town.context(session), None, id_, "closed", utc_now())
    )


def test_a_hold_on_a_person_keeps_all_that_is_about_or_names_them_until_it_is_lifted(town):
    person = town.store.read(lambda session: session.scalar(sa.select(SUBJECT.c.person_id).limit(1)))
    naming = set(
        town.store.read(
            lambda session: session.scalars(
                sa.select(SUBJECT.c.notification_id).where(SUBJECT.c.person_id == person)
            ).all()
        )
    )
    for _ in range(2):
        placed(town, hold(person_id=person))
    apply(town)
    assert {row["id"] for row in messages(town) if row["shredded_at"] is None} == naming
    rules, much_later = town.policy.retention, utc_now() + LATER
    assert town.store.read(lambda session: kept.held_back(session, rules, much_later)) == len(naming)
    assert lifted(town, "one").lifted_because == "closed"
    assert apply(town) == len(naming)
    with pytest.raises(Conflict):
        placed(town, hold(person_id=person))


@ON_SQLITE
def test_a_hold_on_a_message_keeps_that_one(town):
    [row, *_] = messages(town)
    placed(town, hold(notification_id=row["id"]))
    apply(town)
    assert [one["id"] for one in messages(town) if one["shredded_at"] is None] == [row["id"]]


@ON_SQLITE
def test_a_hold_names_one_thing_that_is_there(town):
    for what in (
        {},
        {"person_id": "nobody"},
        {"notification_id": "nothing"},
        {"person_id": "a", "notification_id": "b"},
    ):
        with pytest.raises(Invalid):
            placed(town, hold(**what))
