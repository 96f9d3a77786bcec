"""People and households in both databases: what is written is what was decided, races are lost by somebody, and queries stay few."""

import threading
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, update
from sqlmodel import Session

from broker.domain.identities import DIFFERENT
from broker.domain.statements import CONFIRM, REJECT
from broker.domain.states import MembershipState, NotificationState, PersonState
from broker.errors import Conflict
from broker.storage import people
from broker.storage.codec import open_json
from broker.storage.store import Raced
from broker.storage.tables import metadata
from broker.workflow import settle
from schemas import content
from schemas.codes import Event, Standing, TaskCode
from schemas.identifiers import NHS_NUMBER
from schemas.message import Person
from tests.integration.stored_town import StoredTown, found, queries
from tests.town import (
    BABY,
    CHILD,
    FATHER,
    GRANDMOTHER,
    MOTHER,
    NOW,
    TWIN,
    birth,
    booking,
    contact,
    crn,
    fact,
    home,
    lives,
    local,
    message,
    mother_of,
    nhs,
    statement,
)
from tests.town_life import any_message

TABLE = metadata.tables


@pytest.fixture
def town(store):
    return found(store)


def rows(town, name, **where):
    table = TABLE[name]
    conditions = [table.c[column] == value for column, value in where.items()]
    with town.store.engine.connect() as connection:
        return connection.execute(select(table).where(*conditions)).mappings().all()


# --- what is written is what was decided --------------------------------------------------------------------------


def plain(world, ids):
    """A world as far as it concerns these persons, without the order in which rows came."""
    homes = {m.household_id for m in world.memberships if m.person_id in ids and m.household_id in world.households}
    return {
        "people": {
            id_: replace(
                world.people[id_],
                identifiers=tuple(sorted(world.people[id_].identifiers, key=repr)),
                addresses=tuple(sorted(world.people[id_].addresses, key=repr)),
            )
            for id_ in ids
        },
        "households": {id_: world.households[id_] for id_ in homes},
        "memberships": sorted((m for m in world.memberships if m.household_id in homes), key=repr),
        "relationships": {r for r in world.relationships if {r.person_id, r.to} <= set(ids)},
        "involvements": {i for i in world.involvements if i.person_id in ids},
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_rows_say_what_the_rules_decided(town, seed):
    """The domain's picture of each change and storage's rows are told apart by nothing, whatever is sent."""
    chance = Random(seed)
    for _ in range(8):
        said, by = any_message(chance)
        settled = town.send(said, by)
        ids = sorted({id_ for person in town.matched.ids.values() for id_ in [person]})
        assert plain(town.world(*ids), ids) == plain(settled.world, ids)
    assert_whole(town)


def assert_whole(town):
    """The invariants, over everything in the database."""
    everybody = town.world()
    merged = {id_ for id_, person in everybody.people.items() if person.state is PersonState.MERGED}
    assert not merged & {m.person_id for m in everybody.memberships if m.state is MembershipState.CURRENT}
    bound = [(row["system"], row["blind"]) for row in rows(town, "identifier", binding=True)]
    assert len(bound) == len(set(bound))


def test_the_same_message_again_changes_nothing(town):
    said = birth(BABY)
    town.send(booking(), "midwives")
    town.send(said, "midwives")
    before = [dict(row) for name in ("person", "membership", "identifier", "involvement") for row in rows(town, name)]
    assert town.send(said, "midwives").changes == ()
    assert town.changed == set()
    after = [dict(row) for name in ("person", "membership", "identifier", "involvement") for row in rows(town, name)]
    assert before == after


def test_a_birth_keeps_the_row_of_the_unborn_child(town):
    town.send(booking(), "midwives")
    [unborn] = [row["id"] for row in rows(town, "person", state=PersonState.UNBORN)]
    town.send(birth(BABY), "midwives")
    assert town.id("b") == unborn
    [row] = rows(town, "person", id=unborn)
    assert (row["state"], row["born"]) == (PersonState.LIVING, NOW.date())
    assert row["name_blind"] is not None


def test_names_numbers_and_addresses_are_sealed(town):
    town.send(contact(replace(CHILD, addresses=(home(),))))
    [person] = rows(town, "person")
    assert open_json(town.codec, person["details"], f"person:{person['id']}")["family"] == "Ash"
    plain_columns = [
        value for name in ("person", "identifier", "address") for row in rows(town, name) for value in row.values()
    ]
    texts = [value for value in plain_columns if isinstance(value, str)]
    assert not any("Ash" in text or "High" in text or nhs(5).value in text for text in texts)


# --- finding ------------------------------------------------------------------------------------------------------


def test_a_person_is_found_by_number_however_written(town):
    town.send(contact(CHILD))
    value = nhs(5).value
    spaced = f"{value[:3]} {value[3:6]} {value[6:]}"
    assert town.store.read(lambda s: people.by_identifier(s, town.codec, NHS_NUMBER, spaced)) == [town.id("c")]
    assert town.store.read(lambda s: people.by_identifier(s, town.codec, NHS_NUMBER, "0")) == []


def candidates(town, said):
    return {person.id for person in town.store.read(lambda s: people.candidates(s, town.codec, said))}


def test_candidates_are_found_by_number_name_and_place_with_whoever_is_near(town):
    people_ = (replace(CHILD, addresses=(home(),)), MOTHER, FATHER)
    town.send(statement(lives("c", "m"), people=people_, relationships=mother_of("m", "c")))
    child, mother, father = (town.id(key) for key in "cmf")
    assert candidates(town, contact(CHILD)) == {child, mother}
    assert candidates(town, contact(replace(MOTHER, identifiers=()))) == {child, mother}
    assert candidates(town, contact(replace(FATHER, identifiers=()))) == {father}
    stranger = Person(key="x", addresses=(home("10 HIGH ST", "b706aa"),))
    assert candidates(town, contact(stranger)) == {child, mother}
    assert candidates(town, contact(replace(CHILD, identifiers=(nhs(77),), family="Zed"))) == set()


def test_candidates_come_by_numbers_somebody_had_before(town):
    town.send(contact(CHILD))
    said = message(
        Event.IDENTIFIER_CHANGE,
        replace(CHILD, identifiers=(nhs(50),), family=None),
        facts=(fact("previous-nhs-number", nhs(5).value, "c"),),
    )
    assert candidates(town, said) == {town.id("c")}


def test_members_of_households_are_the_current_ones(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child, mother = town.id("c"), town.id("m")
    town.send(statement(lives("f", standing=Standing.WILL_LIVE), lives("m"), people=(FATHER, MOTHER)), "probation")
    [home_id] = town.world(child).households_of(child)
    assert town.store.read(lambda s: people.members(s, [home_id])) == sorted([child, mother])
    assert town.store.read(lambda s: people.members(s, [])) == []


def test_a_world_holds_separated_parents_apart(town):
    """The father is known as a relation; neither his household nor who works with him is near the mother's."""
    said = statement(lives("c", "m"), people=(CHILD, MOTHER, FATHER), relationships=mother_of("m", "c"))
    town.send(said)
    child, mother = town.id("c"), town.id("m")
    town.send(statement(lives("f", "mgm"), people=(FATHER, GRANDMOTHER)))
    town.send(statement(lives("c", "f"), people=(CHILD, FATHER)))
    father = town.id("f")
    town.send(message(Event.SUPERVISION_START, FATHER), "probation")
    world = town.world(mother)
    assert father not in {
        m.person_id for home in world.households_of(mother) for m in world.memberships if m.household_id == home
    }
    assert {i.team_id for i in world.involvements} == set()
    assert len(town.world(child).households) == 2


def test_the_cost_of_a_message_does_not_grow_with_the_family(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER), relationships=mother_of("m", "c")))
    child = town.id("c")

    def cost():
        with queries(town.store) as seen:
            town.store.read(lambda s: people.around(s, town.codec, contact(CHILD)))
            found_by = len(seen)
            town.store.read(lambda s: people.load_world(s, town.codec, [child]))
        return found_by, len(seen) - found_by

    assert cost() == (1, 1)
    for n in range(10):
        more = replace(GRANDMOTHER, key="x", identifiers=(nhs(100 + n), local("trust", f"{n}")), given=(f"N{n}",))
        town.send(statement(lives("c", "x"), people=(CHILD, replace(more, addresses=(home(),)))))
    assert len(town.world(child).people) == 12
    assert cost() == (1, 1)


def test_nobody_is_asked_for_and_nobody_comes(town):
    with queries(town.store) as seen:
        world = town.store.read(lambda s: people.load_world(s, town.codec, []))
        known = town.store.read(lambda s: people.candidates(s, town.codec, contact(Person(key="x"))))
    assert (world.people, known, seen) == ({}, [], [])


# --- versions and races -------------------------------------------------------------------------------------------


def test_what_routing_reads_raises_the_version_and_what_it_does_not_does_not(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child = town.id("c")
    [home_id] = town.world(child).households_of(child)
    assert town.changed == {home_id}
    town.send(message(Event.MEASUREMENT, CHILD), "practice")  # a number from another team
    assert town.changed == set()
    town.send(contact(CHILD))  # an involvement opens
    assert town.changed == {home_id}
    town.now = NOW + timedelta(days=3)
    town.send(contact(CHILD, occurred=town.now))  # and is renewed
    assert town.changed == set()
    assert town.world(child).households[home_id].version == 2


def test_a_decision_on_a_household_that_changed_is_refused(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child = town.id("c")
    world = town.world(child)
    [home_id] = world.households
    version = world.households[home_id].version
    town.store.write(lambda s: people.check_versions(s, {home_id: version}))
    town.store.write(lambda s: people.check_versions(s, {}))
    for wrong in ({home_id: version + 1}, {home_id: version, "gone": 1}):
        with Session(town.store.engine) as session, pytest.raises(Raced):
            people.check_versions(session, wrong)


def test_changes_decided_on_an_older_world_are_not_written(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    joining = statement(lives("c", "m", "f"), people=(CHILD, MOTHER, FATHER))
    stale = town.store.read(lambda s: town.decide(s, joining, "visitors"))
    town.send(statement(lives("c", "m", "mgm"), people=(CHILD, MOTHER, GRANDMOTHER)))
    with Session(town.store.engine) as session, pytest.raises(Raced):
        people.apply(session, town.codec, stale.changes, notification_id=None, sender_id="visitors", now=NOW)
    assert len(rows(town, "membership")) == 3


def at_once(*jobs):
    """Run the jobs in threads that start together; their errors."""
    errors = []
    barrier = threading.Barrier(len(jobs))

    def run(job):
        barrier.wait()
        try:
            job()
        except Exception as error:  # noqa: BLE001 - whatever a thread dies of is the test's business
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def own(town):
    """A town on the same store with a memory of its own, for another thread."""
    return StoredTown(town.store)


@pytest.mark.parametrize("_round", range(3))
def test_the_same_new_number_from_two_teams_at_once_is_one_person(town, _round):
    jobs = [lambda by=by: own(town).send(contact(CHILD), by) for by in ("visitors", "practice", "cmht", "midwives")]
    assert at_once(*jobs) == []
    assert len(rows(town, "person")) == 1
    assert len(rows(town, "identifier")) == 4


@pytest.mark.parametrize("_round", range(3))
def test_two_who_join_a_household_at_once_are_both_in_it(town, _round):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child = town.id("c")
    grandmother = statement(lives("m", "mgm"), people=(MOTHER, GRANDMOTHER))
    father = statement(lives("m", "f"), people=(MOTHER, FATHER))
    assert at_once(lambda: own(town).send(grandmother), lambda: own(town).send(father)) == []
    assert len(town.homes(child)[0]) == 4
    [home_id] = town.world(child).households
    assert town.world(child).households[home_id].version == 3


@pytest.mark.parametrize("_round", range(3))
def test_a_mother_gets_one_household_and_one_pregnancy_from_two_bookings_at_once(town, _round):
    town.send(contact(MOTHER))
    jobs = [lambda by=by: own(town).send(booking(), by) for by in ("midwives", "practice", "south-visitors")]
    assert at_once(*jobs) == []
    assert len(rows(town, "household")) == 1
    assert len(rows(town, "person", state=PersonState.UNBORN)) == 1


def test_the_same_birth_of_twins_from_two_agencies_at_once(town):
    town.send(booking(fetuses=2), "midwives")
    jobs = [lambda by=by: own(town).send(birth(BABY, TWIN), by) for by in ("midwives", "records")]
    assert at_once(*jobs) == []
    assert len(rows(town, "person")) == 3


# --- merging and withdrawing --------------------------------------------------------------------------------------


def note(town, said, by="visitors"):
    """A notification with its subjects and content, as `receive` keeps it; its id. Its changes are written too."""
    id_ = f"n-{said.id}"

    def work(session):
        settled = town.settle(session, said, by, id_)
        kept = content.dump(town.rekeyed(said))
        session.execute(
            insert(TABLE["notification"]),
            {
                "id": id_,
                "sender_team_id": by,
                "message_id": said.id,
                "via": "fhir",
                "state": NotificationState.ACCEPTED,
                "event": said.event,
                "received_at": NOW,
                "raw": b"",
                "content_type": "application/fhir+json",
                "content_hash": "",
                "standing": "usable",
                "content": town.codec.seal(kept, f"notification:{id_}"),
                "answer": b"",
                "answer_status": 200,
                "policy_version": "1",
                "decided_on": {},
            },
        )
        named = [
            {"notification_id": id_, "person_id": p, "named": k not in said.subjects}
            for k, p in town.matched.ids.items()
        ]
        session.execute(insert(TABLE["subject"]), named)
        return settled

    town.store.write(work)
    return id_


def test_a_merge_moves_everything_and_leaves_a_pointer(town):
    said = statement(lives("m", "c"), people=(CHILD, MOTHER), relationships=mother_of("m", "c"))
    first = note(town, said)
    old, mother = town.id("c"), town.id("m")
    other = replace(CHILD, identifiers=(nhs(50),), addresses=(home(),))
    note(town, contact(other), "midwives")
    new = town.id("c")
    town.send(
        message(Event.IDENTIFIER_CHANGE, other, facts=(fact("previous-nhs-number", nhs(5).value, "c"),), kind="merge"),
        "records",
    )
    [row] = rows(town, "person", id=old)
    assert (row["state"], row["merged_into"]) == (PersonState.MERGED, new)
    assert town.homes(mother) == [{mother, new}]
    for name in ("identifier", "relationship", "membership", "involvement", "address", "subject"):
        columns = [c.name for c in TABLE[name].columns if c.name in ("person_id", "to_person_id")]
        assert not any(row[column] == old for row in rows(town, name) for column in columns), name
    [notification] = rows(town, "notification", id=first)
    kept = content.load(town.codec.open(notification["content"], f"notification:{first}"))
    assert {person.key for person in kept.people} == {mother, new}
    assert kept.subjects == (new,)
    assert town.store.read(lambda s: people.survivors(s, [old, new, "nobody"])) == {old: new, new: new}


@pytest.mark.parametrize("standing", [Standing.LIVES, Standing.WILL_LIVE])
def test_two_records_in_one_household_leave_one_member(town, standing):
    town.send(statement(lives("m", "c"), people=(CHILD, MOTHER), relationships=mother_of("m", "c")))
    town.send(contact(CHILD))
    [mother] = town.homes(town.id("c"))[0] - {town.id("c")}
    other = replace(CHILD, identifiers=(nhs(50),), given=("Kara",))
    said = statement(
        lives("m"), lives("c", standing=standing), people=(other, MOTHER), relationships=mother_of("m", "c")
    )
    town.send(said)
    town.send(contact(other, occurred=NOW + timedelta(days=2)))
    merging = message(
        Event.IDENTIFIER_CHANGE, other, facts=(fact("previous-nhs-number", nhs(5).value, "c"),), kind="merge"
    )
    town.send(merging, "records")
    child = town.id("c")
    assert town.homes(mother) == [{mother, child}]
    world = town.world(child)
    assert [(r.person_id, r.to) for r in world.relationships] == [(mother, child)]
    [involvement] = world.involvements
    assert (involvement.since, involvement.renewed_at) == (NOW, NOW + timedelta(days=2))


def test_a_message_about_somebody_merged_by_people_finds_the_survivor(town):
    town.send(contact(CHILD))
    old = town.id("c")
    wrong_day = replace(CHILD, birth_date=NOW.date() - timedelta(days=399))
    [task] = town.send(contact(wrong_day), "practice").tasks
    changed = answer(town, task, old)
    assert len(changed) >= 1
    town.send(contact(replace(wrong_day, identifiers=())), "practice")
    assert old in candidates(town, contact(replace(wrong_day, identifiers=())))
    town.send(contact(wrong_day), "cmht")
    assert town.id("c") == old


def answer(town, task, choice, by=None):
    return town.store.write(
        lambda session: settle.decide(
            session,
            town.ctx,
            code=task.code,
            options=task.options,
            choice=choice,
            team_id=by or task.owner,
            person_id=task.person_id,
            notification_id=None,
            now=NOW + timedelta(hours=1),
        )
    )


def test_tasks_of_a_merged_person_are_the_survivors(town):
    town.send(contact(CHILD))
    old = town.id("c")
    [task] = town.send(contact(replace(CHILD, birth_date=None, family=None)), "practice").tasks
    new = town.id("c")
    with town.store.engine.begin() as connection:
        connection.execute(
            insert(TABLE["task"]),
            {
                "id": "t",
                "code": TaskCode.CONFIRM_INVOLVEMENT,
                "status": "requested",
                "owner_team_id": "visitors",
                "person_id": new,
                "priority": "routine",
                "content": b"{}",
                "policy_version": "1",
                "cites": "",
                "authored_at": NOW,
                "changed_at": NOW,
                "version": 1,
            },
        )
    answer(town, task, old)
    assert [row["person_id"] for row in rows(town, "task")] == [old]
    assert answer(town, task, old) == set()  # again, by a retry: they are one already


def test_a_confirmed_household_says_which_households_to_route_again(town):
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    child = town.id("c")
    said = statement(lives("f", standing=Standing.WILL_LIVE), lives("m"), people=(FATHER, MOTHER))
    [task] = town.send(said, "probation").tasks
    [home_id] = town.world(child).households
    assert answer(town, task, CONFIRM) == {home_id}
    assert len(town.homes(child)[0]) == 3
    assert answer(town, task, REJECT) == set()
    assert len(town.homes(child)[0]) == 3


def test_an_answer_that_changes_nothing_writes_nothing(town):
    town.send(contact(CHILD))
    [task] = town.send(contact(replace(CHILD, family=None, birth_date=None)), "practice").tasks
    before = [dict(row) for row in rows(town, "person")]
    assert answer(town, task, DIFFERENT) == set()
    assert [dict(row) for row in rows(town, "person")] == before


def test_a_sealed_identity_is_joined_by_nobody(town):
    town.send(contact(CHILD))
    old = town.id("c")
    [task] = town.send(contact(replace(CHILD, family=None, birth_date=None)), "practice").tasks
    with town.store.engine.begin() as connection:
        connection.execute(update(TABLE["person"]).where(TABLE["person"].c.id == old).values(state=PersonState.SEALED))
    with pytest.raises(Conflict):
        answer(town, task, old)


def test_two_answers_at_once_have_one_effect(town):
    town.send(contact(CHILD))
    old = town.id("c")
    [task] = town.send(contact(replace(CHILD, family=None, birth_date=None)), "practice").tasks
    assert at_once(lambda: answer(town, task, old), lambda: answer(town, task, old)) == []
    assert len(rows(town, "person", state=PersonState.MERGED)) == 1


def test_what_a_withdrawn_notification_opened_is_undone_and_nothing_else(town):
    town.send(contact(CHILD))
    child = town.id("c")
    withdrawn = note(town, message(Event.INVOLVEMENT_START, CHILD), "children")
    joined = note(town, statement(lives("c", "m"), people=(CHILD, MOTHER)))
    assert {i.team_id for i in town.world(child).involvements} == {"visitors", "children"}
    town.store.write(lambda s: people.forget(s, withdrawn, NOW))
    assert {i.team_id for i in town.world(child).involvements} == {"visitors"}
    changed = town.store.write(lambda s: people.forget(s, joined, NOW))
    assert len(changed) == 1
    assert town.homes(child) == [{child}]


def test_an_involvement_that_was_renewed_since_outlives_its_first_evidence(town):
    first = note(town, contact(CHILD))
    child = town.id("c")
    town.send(contact(CHILD, occurred=NOW + timedelta(days=1)))
    town.store.write(lambda s: people.forget(s, first, NOW))
    assert {i.team_id for i in town.world(child).involvements} == {"visitors"}


def test_a_case_number_that_is_resolved_is_joined_with_all_that_hangs_on_it(town):
    town.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    father = town.id("f")
    case = Person(key="f", identifiers=(crn("X123456"),))
    town.send(message(Event.SUPERVISION_START, case), "probation")
    town.send(message(Event.SUPERVISION_CHANGE, replace(FATHER, identifiers=(crn("X123456"), nhs(2)))), "probation")
    assert town.id("f") == father
    assert "probation" in {i.team_id for i in town.world(father).involvements}
