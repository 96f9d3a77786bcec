"""The ledger of who is responsible in both databases: what steps write, who loses a race, and what the database itself refuses."""

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from broker.domain.decisions import NOT_INVOLVED
from broker.domain.responsibility import HELD
from broker.domain.states import HeldBy, Unheld
from broker.storage import responsibility as ledgers
from broker.storage.person_tables import TASK
from broker.storage.store import Raced
from broker.storage.tables import metadata
from broker.workflow import settle
from schemas.codes import Event, Function, TaskCode, TaskStatus
from schemas.message import Person
from tests.integration.ledger_rows import ledgered
from tests.integration.stored_town import queries
from tests.town import BABY, CHILD, FATHER, NOW, birth, booking, contact, crn, message

TABLE = metadata.tables["responsibility"]
MIDWIFERY, VISITING = Function.MIDWIFERY, Function.HEALTH_VISITING


@pytest.fixture
def town(store):
    return ledgered(store)


def start(person=CHILD, **more):
    return message(Event.INVOLVEMENT_START, person, **more)


def end(person=CHILD, **more):
    return message(Event.INVOLVEMENT_END, person, **more)


@pytest.fixture
def child(town):
    """A child for whom health visiting of the north is responsible."""
    town.send_told(start(), "visitors")
    return town.id("c")


# --- what steps write -----------------------------------------------------------------------------------------------


def test_a_story_from_booking_to_another_area(town):
    town.send_told(booking(expected=NOW.date()), "midwives")
    town.send_told(birth(BABY), "records")
    baby = town.id("b")
    assert town.who(baby) == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {MIDWIFERY: "midwives"}
    steps = []
    for days, sender, receiver in ((12, "midwives", "visitors"), (90, "visitors", "south-visitors")):
        town.now = NOW + timedelta(days=days)
        line = town.line(baby, sender, receiver)
        town.store.write(lambda s, line=line, of=(sender, receiver): town.confirm(s, line, baby, *of))
        steps.append((line, town.now))
    (first, handed), (second, moved) = steps
    assert town.who(baby, handed - timedelta(seconds=1))[MIDWIFERY] == "midwives"
    assert town.who(baby, handed) == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {
        MIDWIFERY: Unheld.DISCHARGED,
        VISITING: "visitors",
    }
    assert town.who(baby)[VISITING] == "south-visitors"
    chain = town.chain(baby, VISITING)
    assert [(p.team_id, p.held_by, p.task_id, p.since, p.until) for p in chain] == [
        ("visitors", HeldBy.TRANSFER, first, handed, moved),
        ("south-visitors", HeldBy.TRANSFER, second, moved, None),
    ]
    assert town.who(baby, NOW - timedelta(days=1)) == dict.fromkeys(HELD, Unheld.NOT_KNOWN)


def test_what_is_said_by_it_is_named(town):
    id_ = town.send_told(start(occurred=NOW - timedelta(days=3)), "visitors")
    [held] = town.chain(town.id("c"), VISITING)
    assert (held.notification_id, held.held_by, held.since) == (id_, HeldBy.REGISTRATION, NOW)
    assert held.occurred_at == NOW - timedelta(days=3)


def test_a_line_that_is_open_keeps_the_child_with_its_sender(town, child):
    line = town.line(child, "visitors", "south-visitors")
    town.send_told(end(), "visitors")
    assert town.who(child)[VISITING] == "visitors"
    with town.store.engine.begin() as connection:  # the receiver declines
        tasks = metadata.tables["task"]
        connection.execute(
            update(tasks).where(tasks.c.id == line).values(status=TaskStatus.REJECTED, reason_code="30014")
        )
    town.send_told(end(occurred=NOW + timedelta(hours=1)), "visitors")
    assert town.who(child)[VISITING] is Unheld.ENDED


def test_a_receiver_that_says_first_that_it_began_has_accepted(town, child):
    line = town.line(child, "visitors", "south-visitors")
    town.send_told(start(occurred=NOW + timedelta(hours=1)), "south-visitors")
    assert town.who(child)[VISITING] == "south-visitors"
    town.store.write(lambda s: town.confirm(s, line, child, "visitors", "south-visitors"))
    assert len(town.chain(child, VISITING)) == 2


@pytest.mark.parametrize("why", ["died", "sealed"])
def test_nobody_is_confirmed_who_is_gone(town, child, why):
    line = town.line(child, "visitors", "south-visitors")
    kind = {"died": (Event.DEATH, "formal"), "sealed": (Event.IDENTIFIER_CHANGE, "sealed")}[why]
    town.send_told(message(kind[0], CHILD, kind=kind[1]), "records")
    town.store.write(lambda s: town.confirm(s, line, child, "visitors", "south-visitors"))
    assert set(town.who(child).values()) == {Unheld(why)}


def test_taken_back_it_is_mended_and_nothing_is_lost(town, child):
    wrong = town.send_told(start(occurred=NOW + timedelta(hours=1)), "south-visitors")
    town.now += timedelta(days=1)
    town.take_back(wrong, "south-visitors")
    assert [p.team_id for p in town.chain(child, VISITING)] == ["visitors", "south-visitors", "visitors"]
    assert town.chain(child, VISITING)[-1].since == town.now


def test_what_was_corrected_and_said_again_stands(town):
    """The corrected booking first, then the withdrawal of the wrong one, as systems send them."""
    wrong = town.send_told(booking(), "midwives")
    corrected = town.send_told(booking(), "midwives")
    mother = town.id("m")
    town.take_back(wrong, "midwives")
    assert town.who(mother)[MIDWIFERY] == "midwives"
    assert len(town.chain(mother, MIDWIFERY)) == 1
    town.take_back(corrected, "midwives")
    assert town.who(mother)[MIDWIFERY] is Unheld.NOT_KNOWN
    [unborn] = [r.to for r in town.world(mother).relationships if r.person_id == mother]
    assert town.who(unborn)[MIDWIFERY] is Unheld.NOT_KNOWN


def test_a_person_says_that_they_no_longer_work_with_somebody(town, child):
    town.now += timedelta(days=1)
    said = {"code": TaskCode.CONFIRM_INVOLVEMENT, "options": {}, "choice": NOT_INVOLVED, "team_id": "visitors"}
    more = {"person_id": child, "notification_id": None, "now": town.now}
    town.store.write(lambda s: settle.decide(s, town.ctx, **said, **more))
    assert town.who(child)[VISITING] is Unheld.ENDED


def test_two_records_that_a_person_says_are_one(town):
    town.send_told(message(Event.SUPERVISION_START, Person(key="x", identifiers=(crn("X1"),))), "probation")
    case = town.id("x")
    town.send_told(message(Event.GP_REGISTRATION, replace(FATHER, practice="M85001"), kind="registered"), "records")
    man = town.id("f")
    said = {"code": TaskCode.RESOLVE_IDENTITY, "options": {"person": case, "choices": [man]}, "choice": man}
    more = {"team_id": "probation", "person_id": case, "notification_id": None, "now": town.now}
    town.store.write(lambda s: settle.decide(s, town.ctx, **said, **more))
    assert town.who(man) == dict.fromkeys(HELD, Unheld.NOT_KNOWN) | {
        Function.PROBATION: "probation",
        Function.GENERAL_PRACTICE: "practice",
    }
    assert set(town.who(case).values()) == {Unheld.MERGED}


def test_who_was_responsible_for_the_other_record_hears_of_it(town):
    """A case of London's turns out to be the man whom Birmingham supervises: London is told, and says whether it goes on."""
    town.send_told(message(Event.SUPERVISION_START, Person(key="x", identifiers=(crn("X1"),))), "probation-london")
    case = town.id("x")
    town.send_told(message(Event.SUPERVISION_START, FATHER), "probation")
    man = town.id("f")
    said = {"code": TaskCode.RESOLVE_IDENTITY, "options": {"person": case, "choices": [man]}, "choice": man}
    more = {"team_id": "probation", "person_id": case, "notification_id": None, "now": town.now}
    town.store.write(lambda s: settle.decide(s, town.ctx, **said, **more))
    assert town.who(man)[Function.PROBATION] == "probation"
    with town.store.engine.connect() as connection:
        rows = connection.execute(select(TASK.c.owner_team_id, TASK.c.person_id, TASK.c.code)).all()
    assert rows == [("probation-london", man, TaskCode.CONFIRM_INVOLVEMENT)]


def test_most_messages_ask_the_ledger_nothing(town, child):
    with queries(town.store) as seen:
        town.send_told(contact(), "visitors")
    assert not [statement for statement in seen if "responsibility" in statement]


def test_a_clock_that_goes_back_ends_nothing_before_it_began(town, child):
    began = town.now
    town.now -= timedelta(hours=5)
    line = town.line(child, "visitors", "south-visitors")
    town.store.write(lambda s: town.confirm(s, line, child, "visitors", "south-visitors"))
    first, second = town.chain(child, VISITING)
    assert first.since == first.until == second.since == began
    assert town.who(child, began)[VISITING] == "south-visitors"


# --- races ----------------------------------------------------------------------------------------------------------


def test_who_decided_on_what_is_no_longer_so_decides_again(town, child):
    [open_] = town.chain(child, VISITING)
    later = replace(open_, team_id="south-visitors", follows=open_.id, notification_id=None)
    town.store.write(lambda s: ledgers.record(s, [later], town.now))
    with town.store.engine.connect() as connection:
        before = connection.execute(select(TABLE)).all()
    tries = []

    def again(session):
        tries.append(1)
        ledgers.record(session, [later], town.now)

    with pytest.raises(Exception, match="colliding"):
        town.store.write(again)
    assert len(tries) > 1
    with town.store.engine.connect() as connection:
        assert connection.execute(select(TABLE)).all() == before
    with Session(town.store.engine) as session, pytest.raises(Raced):
        ledgers.record(session, [later], town.now)


def test_two_receivers_who_confirm_at_once_are_one_after_the_other(town):
    town.send_told(contact(), "visitors")
    child = town.id("c")
    receivers = ["visitors", "south-visitors"]
    lines = {receiver: town.line(child, "midwives", receiver) for receiver in receivers}
    ready = threading.Barrier(2)

    def confirm(receiver):
        ready.wait(10)
        town.store.write(lambda s: town.confirm(s, lines[receiver], child, "midwives", receiver))

    threads = [threading.Thread(target=confirm, args=(receiver,)) for receiver in receivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    chain = town.chain(child, VISITING)
    assert sorted(p.team_id for p in chain) == ["south-visitors", "visitors"]
    assert chain[0].until == chain[1].since
    assert chain[1].until is None


# --- what the database itself refuses ---------------------------------------------------------------------------------


def row(person_id, **more):
    """A period; a first and open one unless `more` says otherwise."""
    said = {
        "id": str(uuid4()),
        "person_id": person_id,
        "function": VISITING,
        "team_id": "visitors",
        "since": NOW,
        "held_by": HeldBy.REGISTRATION,
    }
    return said | more


def carried_out(town, *statements):
    """In one transaction, committed."""
    with town.store.engine.begin() as connection:
        if town.store.embedded:  # the driver begins none by itself
            connection.exec_driver_sql("BEGIN")
        for statement in statements:
            connection.execute(statement)
        if town.store.embedded:
            connection.exec_driver_sql("COMMIT")


def refused(town, *statements):
    """The database takes none of it, at the latest when it is committed."""
    with pytest.raises(IntegrityError):
        carried_out(town, *statements)


@pytest.fixture
def moved(town, child):
    """A chain of two periods; the rows of both."""
    town.now += timedelta(days=1)
    town.send_told(start(occurred=town.now), "south-visitors")
    first, second = town.chain(child, VISITING)
    return first, second


def changed(period, **values):
    return update(TABLE).where(TABLE.c.id == period.id).values(**values)


def added(period, **more):
    return insert(TABLE).values(**row(period.person_id, **more))


def test_no_second_holder(town, moved):
    _, second = moved
    refused(town, added(second))
    refused(town, added(second, previous_id=second.id, since=second.since))


def test_no_holder_with_a_reason_and_no_silence(town):
    town.send_told(contact(), "visitors")
    child = town.id("c")
    refused(town, insert(TABLE).values(**row(child, unheld=Unheld.ENDED)))
    refused(town, insert(TABLE).values(**row(child, team_id=None)))


def test_no_function_that_is_not_held(town):
    town.send_told(contact(), "visitors")
    refused(town, insert(TABLE).values(**row(town.id("c"), function=Function.POLICE)))


def test_no_gap(town, moved):
    """A period ends only where another begins, and begins only where another ends."""
    _, second = moved
    later = second.since + timedelta(days=1)
    new = str(uuid4())
    refused(town, changed(second, until=later))
    refused(town, changed(second, until=later, next_id=new))
    begins_later = added(second, id=new, previous_id=second.id, since=later + timedelta(hours=1))
    refused(town, changed(second, until=later, next_id=new), begins_later)
    refused(town, delete(TABLE).where(TABLE.c.id == second.id))


def test_no_overlap(town, moved):
    first, second = moved
    later = second.since + timedelta(days=1)
    new = str(uuid4())
    begins_before = added(second, id=new, previous_id=second.id, since=second.since)
    refused(town, changed(second, until=later, next_id=new), begins_before)
    twice = added(second, id=new, previous_id=first.id, since=first.until, until=later, next_id=second.id)
    refused(town, twice)
    refused(town, changed(second, until=second.since - timedelta(hours=1), next_id=new))


def test_no_change_of_when_of_whom_and_in_what_a_closed_period_was(town, moved):
    first, _ = moved
    for values in (
        {"until": first.until + timedelta(hours=1)},
        {"until": None, "next_id": None},
        {"function": MIDWIFERY},
        {"next_id": first.id},
    ):
        refused(town, changed(first, **values))
    refused(town, delete(TABLE).where(TABLE.c.id == first.id))


def test_what_is_right_is_taken(town, moved):
    """The statements above are refused for what is wrong with them alone."""
    _, second = moved
    new = str(uuid4())
    later = second.since + timedelta(days=1)
    carried_out(
        town,
        changed(second, until=later, next_id=new),
        added(second, id=new, previous_id=second.id, since=later),
    )
    assert len(town.chain(second.person_id, VISITING)) == 3
