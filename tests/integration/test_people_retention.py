"""Who somebody was goes when their time is over, and an empty record stays; whatever is open, readable or held keeps them."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from broker.cli import bench_town
from broker.clock import utc_now
from broker.domain.caller import Caller
from broker.errors import Invalid
from broker.storage import payload_check, people_retention, row_audit
from broker.storage.codec import open_json, seal_json
from broker.storage.people_retention import AGAIN
from broker.storage.responsibility import holders
from broker.storage.retention import GONE, Hold
from broker.storage.tables import metadata
from broker.workflow import retention, subject_access
from schemas.codes import Function
from tests.integration.answered_town import LATER, answered

T = metadata.tables
GOES = ("identifier", "address", "relationship", "membership", "patternlook")
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def town(store):
    """Two households of mother and child of whom messages came long ago."""
    return answered(store, households=2, teams=bench_town.TOLD[:1])


def work(town, step):
    return town.store.write(lambda session: step(session, town.context(session)))


def pass_time(town, after=LATER):
    """What goes by itself after so long: what messages said, then who people were; how many of these."""
    while work(town, lambda session, ctx: retention.apply(session, ctx, utc_now() + after)):
        pass
    return erase(town, after)


def erase(town, after=LATER):
    erased = 0
    while (passed := work(town, lambda session, ctx: retention.erase(session, ctx, utc_now() + after))).looked:
        erased += passed.erased
    return erased


def rows(town, table, **where):
    query = sa.select(T[table]).filter_by(**where)
    return town.store.read(lambda session: session.execute(query).mappings().all())


def counts(town):
    counted = {name: sa.select(sa.func.count()).select_from(table) for name, table in T.items()}
    return town.store.read(lambda session: {name: session.scalar(query) for name, query in counted.items()})


def put(town, table, **values):
    with town.store.engine.begin() as connection:
        connection.execute(T[table].insert().values(**values))


def changed(town, table, where, **values):
    with town.store.engine.begin() as connection:
        connection.execute(T[table].update().where(where).values(**values))


def family(town):
    """Mother and child of one household, and it."""
    home = rows(town, "household")[0]["id"]
    members = [row["person_id"] for row in rows(town, "membership", household_id=home)]
    born = {row["id"]: row["born"] for row in rows(town, "person")}
    mother, child = sorted(members, key=lambda one: born[one])
    return mother, child, home


def test_who_somebody_was_goes_and_an_empty_record_stays(town):
    before, people = counts(town), {row["id"]: row for row in rows(town, "person")}
    differing = town.store.read(row_audit.compare).count  # what the fixture wrote behind the audit's back
    assert len(people) == 4
    assert pass_time(town) == len(people)
    assert erase(town) == 0
    for row in rows(town, "person"):
        assert open_json(town.store.codec, row["details"], f"person:{row['id']}") == {}
        assert (row["born"], row["expected"], row["name_blind"]) == (None, None, None)
        assert (row["state"], row["version"]) == ("sealed", people[row["id"]]["version"] + 1)
        assert row["erased_at"] is not None
    after = counts(town)
    assert {name: after[name] for name in GOES} == dict.fromkeys(GOES, 0)
    assert {name for name in after if after[name] < before[name]} <= set(GOES)
    assert {row["state"] for row in rows(town, "involvement")} == {"ended"}
    held = town.store.read(lambda session: holders(session, list(people)))
    assert {holding.team_id for holding in held.values()} == {None}
    assert {(home["area_id"], home["refuge"]) for home in rows(town, "household")} == {(None, False)}
    assert town.store.read(lambda session: payload_check.check(session, town.store.codec)).count == 0
    assert town.store.read(row_audit.compare).count == differing
    did = [
        (row["entity"], row["entity_id"]) for row in rows(town, "audit") if (row["detail"] or {}).get("did") == "erase"
    ]
    assert sorted(did) == sorted(
        [*(("person", id_) for id_ in people), *(("household", home["id"]) for home in rows(town, "household"))]
    )


@ON_SQLITE
def test_nobody_goes_before_their_time_nor_while_a_message_about_them_can_be_read(town):
    assert pass_time(town, timedelta(days=24 * 365)) == 0
    assert erase(town) == 0
    assert pass_time(town, LATER + AGAIN) == 4


@ON_SQLITE
def test_a_mother_goes_25_years_after_the_birth_and_her_child_on_the_25th_birthday(town):
    mother, child, _ = family(town)
    [birth] = [row["born"] for row in rows(town, "person", id=child)]
    changed(town, "notification", sa.true(), shredded_at=utc_now())
    on = timedelta(days=25 * 365 + 6) - (utc_now().date() - birth)
    assert erase(town, on - timedelta(days=2)) == 0
    assert erase(town, on + timedelta(days=2)) == 4
    assert {row["erased_at"] is None for row in rows(town, "person")} == {False}
    assert mother != child


def open_task(town, mother, child, home):
    changed(town, "task", T["task"].c.person_id == child, status="requested")
    return lambda: changed(town, "task", sa.true(), status="completed")


def alone(town, mother, child, home):
    id_ = str(uuid4())
    [task, *_] = rows(town, "task")
    values = dict(task) | {
        "id": id_, "notification_id": None, "delivery_id": None, "person_id": None, "household_id": home,
        "dedupe_key": None, "status": "requested", "part_of": None,
        "content": seal_json(town.store.codec, {"description": "Who lives there?"}, f"task:{id_}"),
    }  # fmt: skip
    put(town, "task", **values)
    return lambda: changed(town, "task", T["task"].c.id == id_, status="completed")


def expected(town, mother, child, home):
    [message, *_] = rows(town, "notification")
    put(
        town, "expectation", id="e", rule="late", person_id=child, anchor="", notification_id=message["id"],
        owed_by="health-visiting", state="waiting", since="event", after_seconds=60, due_at=utc_now(), looks_at=utc_now(),
        alerts=0, policy_version="test", opened_at=utc_now(),
    )  # fmt: skip
    return lambda: changed(town, "expectation", T["expectation"].c.id == "e", state="ended", looks_at=None,
                           ended_at=utc_now(), ended_because="test")  # fmt: skip


def pattern(**of):
    def opened(town, mother, child, home):
        about = {name: {"child": child, "home": home}[value] for name, value in of.items()}
        id_ = str(uuid4())
        put(
            town, "pattern", id=id_, rule="many", policy_version="test", opened_at=utc_now(), told_at=utc_now(), **about
        )
        return lambda: changed(town, "pattern", T["pattern"].c.id == id_, closed_at=utc_now(), outcome="merged")

    return opened


def flag(town, mother, child, home):
    [message, *_] = rows(town, "notification")
    about = {"policy_version": "test", "opened_at": utc_now(), "told_at": utc_now(), "person_id": child}
    put(town, "pattern", id="p", rule="many", closed_at=utc_now(), outcome="merged", **about)
    put(
        town, "patternflag", id="f", pattern_id="p", person_id=child, team_id=bench_town.SENDER,
        notification_id=message["id"], opened_at=utc_now(),
    )  # fmt: skip
    return lambda: changed(town, "patternflag", sa.true(), withdrawn_at=utc_now())


def hold_on(whom):
    def placed(town, mother, child, home):
        person = {"mother": mother, "child": child}[whom]
        id_ = str(uuid4())
        wanted = Hold(
            id=id_, person_id=person, notification_id=None, reason="Coroner", placed_by="operator",
            placed_at=utc_now(),
        )  # fmt: skip
        work(town, lambda session, ctx: retention.place(session, ctx, None, wanted))
        return lambda: work(town, lambda session, ctx: retention.lift(session, ctx, None, id_, "closed", utc_now()))

    return placed


def asked_for(town, mother, child, home):
    caller = Caller(client="one", team=None)
    made = work(
        town,
        lambda session, ctx: subject_access.ask(session, ctx, caller, child, "The mother", "For her child", utc_now()),
    )
    other = Caller(client="two", team=None)
    return lambda: work(
        town, lambda session, ctx: subject_access.refuse(session, ctx, other, made.id, "Not hers", utc_now())
    )


KEEPS = {
    "a task": open_task,
    "a task about the home alone": alone,
    "an expectation": expected,
    "a pattern of the person": pattern(person_id="child"),
    "a pattern of the household": pattern(household_id="home"),
    "a flag": flag,
    "a hold on the person": hold_on("child"),
    "a hold on who lived with them": hold_on("mother"),
    "a request for what is held": asked_for,
}


def test_whatever_is_open_or_held_keeps_them_until_it_is_over(town):
    """Of each by itself: it keeps the child, and when it is over no longer."""
    mother, child, home = family(town)
    changed(town, "notification", sa.true(), shredded_at=utc_now())

    def kept():
        rules = town.policy.retention.people
        return town.store.read(lambda session: people_retention.standing(session, rules, [child])[0].kept)

    found = {}
    for what, begins in KEEPS.items():
        over = begins(town, mother, child, home)
        before = kept()
        over()
        found[what] = before, kept()
    assert found == dict.fromkeys(KEEPS, (True, False))


@ON_SQLITE
def test_who_is_kept_is_left_as_they_were_and_looked_at_again(town):
    mother, child, home = family(town)
    over = open_task(town, mother, child, home)
    numbers = len(rows(town, "identifier", person_id=child))
    pass_time(town)
    [kept] = rows(town, "person", id=child)
    assert kept["erased_at"] is None
    assert len(rows(town, "identifier", person_id=child)) == numbers > 0
    over()
    assert pass_time(town, LATER + AGAIN - timedelta(days=1)) == 0
    assert pass_time(town, LATER + AGAIN + timedelta(days=1)) >= 1
    assert {row["erased_at"] is None for row in rows(town, "person")} == {False}


@ON_SQLITE
def test_a_registration_for_life_keeps_nobody_unless_the_policy_says_so(town):
    _, child, _ = family(town)
    changed(town, "involvement", sa.true(), function="general-practice", state="confirmed", ended_at=None)
    changed(town, "notification", sa.true(), shredded_at=utc_now())
    rules = town.policy.retention.people
    keeping = replace(rules, kept_by=frozenset({Function.GENERAL_PRACTICE}))
    kept = [
        town.store.read(lambda session, r=of: people_retention.standing(session, r, [child])[0].kept)
        for of in (keeping, rules)
    ]
    assert kept == [True, False]
    assert erase(town) == 4
    assert {row["state"] for row in rows(town, "involvement")} == {"ended"}


@ON_SQLITE
def test_what_is_heard_later_makes_it_later_though_nothing_was_noted(town):
    _, child, _ = family(town)
    changed(town, "notification", sa.true(), shredded_at=utc_now())
    changed(town, "involvement", T["involvement"].c.person_id == child, renewed_at=utc_now() + LATER)
    assert erase(town) == 3
    [kept] = rows(town, "person", erased_at=None)
    assert kept["id"] == child
    assert kept["review_at"] == pytest.approx(utc_now() + LATER + AGAIN, abs=timedelta(minutes=5))


@ON_SQLITE
def test_who_was_merged_into_them_goes_with_them(town):
    mother, _, _ = family(town)
    put(
        town, "person", id="twin", state="merged", merged_into=mother, name_blind="blind", resolved=True, version=1,
        created_at=utc_now(), details=seal_json(town.store.codec, {"family": "Hartley"}, "person:twin"),
    )  # fmt: skip
    pass_time(town)
    [twin] = rows(town, "person", id="twin")
    assert (twin["state"], twin["merged_into"], twin["name_blind"]) == ("merged", mother, None)
    assert open_json(town.store.codec, twin["details"], "person:twin") == {}
    assert twin["erased_at"] is not None


@ON_SQLITE
def test_a_home_where_somebody_is_left_keeps_its_area(town):
    mother, child, home = family(town)
    changed(town, "household", T["household"].c.id == home, area_id="bench", refuge=True)
    changed(town, "involvement", T["involvement"].c.person_id == child, renewed_at=utc_now() + LATER)
    pass_time(town)
    [left] = rows(town, "household", id=home)
    assert (left["area_id"], left["refuge"]) == ("bench", True)
    assert [row["person_id"] for row in rows(town, "membership", household_id=home)] == [child]
    pass_time(town, 2 * LATER)
    [left] = rows(town, "household", id=home)
    assert (left["area_id"], left["refuge"]) == (None, False)
    assert mother != child


@ON_SQLITE
def test_words_about_them_that_came_with_no_message_go_too(town):
    mother, child, home = family(town)
    over = alone(town, mother, child, home)
    over()
    asked_for(town, mother, child, home)()
    with town.store.engine.begin() as connection:
        connection.execute(T["account"].insert().values(id="a", subject_blind="x", details=b"", scopes="", issuer=None))
        connection.execute(T["breakglass"].insert().values(
            id="b", account_id="a", team_id=bench_town.SENDER, household_id=home, reason="child-at-risk",
            details=seal_json(town.store.codec, {"name": "Joanne Pike", "why": "Heard the Hartleys shout"}, "break-glass:b"),
            begun_at=utc_now(), until=utc_now(),
        ))  # fmt: skip
    pass_time(town)
    for task in rows(town, "task", household_id=home):
        assert open_json(town.store.codec, task["content"], f"task:{task['id']}")["description"] == GONE
    [emergency] = rows(town, "breakglass")
    said = open_json(town.store.codec, emergency["details"], "break-glass:b")
    assert said == {"name": "Joanne Pike", "why": GONE}
    [request] = rows(town, "subjectrequest")
    said = open_json(town.store.codec, request["details"], f"subject-request:{request['id']}")
    assert (said["requested_by"], said["reason"]) == (GONE, GONE)


@ON_SQLITE
def test_nobody_asks_for_or_holds_somebody_of_whom_nothing_is_known(town):
    mother, child, home = family(town)
    pass_time(town)
    with pytest.raises(Invalid):
        hold_on("child")(town, mother, child, home)
    with pytest.raises(Invalid):
        asked_for(town, mother, child, home)


def test_what_goes_next_is_told_before(town):
    def shown(after):
        def read(session):
            rules, then = town.policy.retention.people, utc_now() + after
            return (
                people_retention.due(session, rules, then, 1_000),
                people_retention.held_back(session, rules, then),
            )

        return town.store.read(read)

    mother, child, home = family(town)
    hold_on("mother")(town, mother, child, home)
    changed(town, "notification", sa.true(), shredded_at=utc_now())
    assert shown(timedelta(days=365)) == (0, 0)
    assert shown(LATER) == (2, 1)
    assert erase(town) == 2
    assert shown(LATER) == (0, 1)


def test_a_pass_takes_a_few_and_says_whether_there_are_more(town, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    changed(town, "notification", sa.true(), shredded_at=utc_now())

    def one(session, ctx):
        assert retention.is_due(session, ctx, utc_now() + LATER)
        return retention.apply_alone(session, ctx, holder="me", now=utc_now() + LATER, lease=timedelta(minutes=1))

    assert work(town, one) is True
    assert len([row for row in rows(town, "person") if row["erased_at"]]) == 3
    assert work(town, one) is False
    assert not work(town, lambda session, ctx: retention.is_due(session, ctx, utc_now() + LATER))


def test_they_are_found_by_index(town):
    asked = []
    event.listen(town.store.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    rules, now = town.policy.retention.people, utc_now() + LATER
    town.store.read(lambda session: people_retention.waiting(session, rules, now, 10))
    plan = "EXPLAIN QUERY PLAN" if town.store.engine.dialect.name == "sqlite" else "EXPLAIN"
    for statement, values in asked[-2:]:
        told = town.store.read(
            lambda session, s=statement, v=values: session.connection().exec_driver_sql(f"{plan} {s}", v).all()
        )
        words = " ".join(str(part) for row in told for part in row)
        assert "ix_person_review" in words
        assert "Sort" not in words  # not all that are there for the few that are wanted
        assert "TEMP B-TREE" not in words
