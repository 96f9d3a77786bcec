"""What happens at the very moment at which somebody decides: as if it had come before or after, on both databases.

On PostgreSQL the other acts between what a step has read and what it writes, and has committed by then unless it must wait for
the step; on SQLite, where writers take turns, it comes after.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlmodel import col, select

from adapters.port import Taken
from broker.domain.answers import Move, ReleaseDecision
from broker.domain.breaker import Breaker
from broker.domain.caller import Caller
from broker.domain.changes import MergePersons, Revise
from broker.domain.patterns import Scope
from broker.domain.rota import Practitioner
from broker.domain.states import DeliveryState, ExpectationState, NotificationState
from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.storage import (
    accounts,
    claims,
    clients,
    deliveries,
    expectations,
    patterns,
    people,
    people_retention,
    practitioners,
    tasks,
    upcoming,
)
from broker.storage import retention as kept
from broker.storage.deliveries import NOT_TOLD
from broker.storage.leasing import Share
from broker.storage.retention import Hold
from broker.storage.tables import (
    AccessToken,
    Delivery,
    Expectation,
    Notification,
    PageSession,
    PatternFlag,
    Subject,
    Task,
)
from broker.storage.tables import Person as Person_
from broker.storage.task_values import HELD_BY
from broker.storage.world import load_world
from broker.web import tokens
from broker.workflow import (
    clock,
    closing,
    deliver,
    expect,
    given_up,
    hand_back,
    pattern_flags,
    raising,
    receive,
    retention,
    route,
    stand_in,
    transfer,
    transfer_review,
    undeliverable,
)
from broker.workflow.deliver import Ladder, Pushed
from broker.workflow.intake import Incoming
from broker.workflow.number import number
from schemas.codes import Event, Function, Priority, ResponseReason, TaskCode, TaskStatus
from schemas.examples import cast
from schemas.examples.cast import crn
from schemas.examples.telling import choice, fact, mother, together
from schemas.message import Message, Person, Professional
from tests.conftest import NOON
from tests.integration.delivery_rows import NOTIFICATION, SENDER, add, channel, delivery
from tests.integration.pattern_rows import (
    BABY,
    DAY,
    GRANDFATHER,
    LONDON,
    MIDWIVES,
    MOTHER,
    NURSE,
    PRACTICE,
    SANDWELL,
    TODDLER,
    VISITORS,
    Family,
)
from tests.integration.task_rows import ALL, DUE, HV, action, context, moves, one, ready, told

NEWBORN = replace(
    cast.NOAH, key="newborn", birth_date=NOON.date(), identifiers=(cast.nhs_number(901),), given=("Newborn",)
)
DOCTOR = Professional(name="Jo Marsh", role="general-practitioner")
DUTY = "birmingham-emergency-duty-team"
CONTACT = "new-birth-contact"


@pytest.fixture
def family(store):
    """A family that health visiting and the practice work with."""
    told = Family(store)
    told.lives_together()
    return told


@pytest.fixture
def meanwhile(store, monkeypatch):
    """Has something done when a step first comes to a function, before the function does its work."""

    @contextmanager
    def interrupted(where: object, name: str, act: Callable[[], object]) -> Iterator[None]:
        whole, begun = getattr(where, name), list[Future[object]]()

        def interrupting(*args: object, **said: object) -> object:
            monkeypatch.setattr(where, name, whole)
            begun.append(pool.submit(act))
            wait(begun, timeout=0 if store.embedded else 1)  # it may have to wait for the step
            return whole(*args, **said)

        with ThreadPoolExecutor(1) as pool:
            monkeypatch.setattr(where, name, interrupting)
            yield
        assert begun, f"nothing came to {name}"
        begun[0].result()

    return interrupted


# --- what is expected ---------------------------------------------------------------------------------------------


@pytest.fixture
def newborn(family):
    """The new-birth contact of a baby is due now."""
    family.says(Event.BIRTH, MIDWIVES, NEWBORN, people=(MOTHER,), relationships=mother(MOTHER, NEWBORN))
    family.says(Event.INVOLVEMENT_START, VISITORS, NEWBORN)
    family.now += timedelta(days=15)
    return family


def looks(family):
    return lambda: family.store.write(lambda session: expect.look(session, family.context(session), family.now))


def comes(family):
    return lambda: family.says(Event.CHILD_CONTACT, VISITORS, NEWBORN, kind="new-birth")


def hands_over(family, **said):
    """Health visiting hands the baby over to Sandwell's."""
    return family.says(
        Event.TRANSFER,
        VISITORS,
        BABY,
        kind="health-visiting",
        to=(SANDWELL,),
        facts=(choice("transfer-reason", "moved"), fact("care-summary", "No concerns.")),
        **said,
    )


def expected(family):
    query = select(Expectation).where(Expectation.rule == CONTACT)
    return family.store.read(lambda session: session.exec(query).one())


def asked(family):
    query = select(Task.id).where(col(Task.code) == TaskCode.EXPECTED_EVENT, col(Task.status).not_in(TERMINAL))
    found = family.store.read(lambda session: session.exec(query).all())
    return [family.store.read(lambda s, id_=id_: tasks.get(s, family.store.codec, id_, ALL)) for id_ in found]


def test_what_comes_while_it_is_asked_for_is_asked_of_nobody(newborn, meanwhile):
    with meanwhile(expect, "_raise", comes(newborn)):
        looks(newborn)()
    assert expected(newborn).state in (ExpectationState.MET, ExpectationState.MET_LATE)
    assert asked(newborn) == []


def test_what_is_asked_for_while_it_comes_has_come(newborn, meanwhile):
    with meanwhile(expectations, "meet", looks(newborn)):
        comes(newborn)()
    assert expected(newborn).state in (ExpectationState.MET, ExpectationState.MET_LATE)
    assert asked(newborn) == []


def test_what_is_put_off_while_it_is_asked_for_again_stays_so(newborn, meanwhile):
    looks(newborn)()
    newborn.now += timedelta(days=7)
    [task], until = asked(newborn), newborn.now + 20 * DAY

    def puts_off():
        newborn.moves(task, Move.EXTEND, text="The family is abroad.", due_at=until)

    with meanwhile(expect, "load_world", puts_off):
        looks(newborn)()
    assert [one.row.due_at for one in asked(newborn)] == [until]
    assert expected(newborn).looks_at == until


def test_what_came_as_it_was_opened_and_could_not_be_seen_has_come(newborn, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(expectations, "open_about", lambda *_: [])  # what opens it is not committed yet
        comes(newborn)()
    looks(newborn)()
    assert expected(newborn).state is ExpectationState.MET
    assert asked(newborn) == []


def test_of_two_letters_at_once_about_one_handover_one_asks_for_a_first_contact(family, meanwhile):
    with meanwhile(expectations, "add", lambda: hands_over(family)):
        hands_over(family)
    family.waits(29)
    found = [one for one in asked(family) if one.content["options"]["rule"] == "new-to-area-contact"]
    assert sorted(one.row.person_id for one in found) == sorted(map(family.id_of, (BABY, TODDLER)))


# --- transfers ----------------------------------------------------------------------------------------------------


def lines(family):
    """Whom the transfers to Sandwell have a line for."""
    query = select(Task.person_id).where(Task.code == TaskCode.CONFIRM_CHILD, Task.owner_team_id == SANDWELL)
    return set(family.store.read(lambda session: session.exec(query).all()))


def test_a_child_who_joins_the_home_while_a_transfer_is_opened_has_a_line(family, meanwhile, monkeypatch):
    """Invariant 5; where nothing is looked at again after it was opened, as when a team begins to cover an area."""
    monkeypatch.setattr(transfer_review, "decided", lambda *_: None)
    hands_over(family, labels=frozenset({"held-for-release"}))
    query = select(Task.id).where(Task.code == TaskCode.RELEASE)
    [gate] = family.store.read(lambda session: session.exec(query).all())
    task = family.store.read(lambda session: tasks.get(session, family.store.codec, gate, ALL))

    def moves_in():
        family.says(Event.HOUSEHOLD_UPDATE, MIDWIVES, NEWBORN, people=(MOTHER,), household=together(MOTHER, NEWBORN))

    with meanwhile(transfer, "open_", moves_in):
        decision = ReleaseDecision(functions=(Function.HEALTH_VISITING,))
        family.moves(task, Move.COMPLETE, replace(NURSE, role="named-nurse"), decision=decision)
    assert lines(family) == set(map(family.id_of, (BABY, TODDLER, NEWBORN)))


def test_what_is_handed_to_a_team_while_it_closes_is_told_to_its_sender(family, meanwhile):
    """Invariant 3."""

    def closes():
        def work(session):
            ctx = family.context(session)
            closing.put(session, ctx, replace(ctx.directory.teams[SANDWELL], closed=True), family.now)

        family.store.write(work)

    with meanwhile(expect, "follow", closes):
        hands_over(family)
    query = select(Task.owner_team_id).where(Task.code == TaskCode.UNDELIVERABLE)
    found = family.store.read(lambda session: session.exec(query).all())
    assert lines(family) == set() or found == [VISITORS]


# --- what its sender takes back -----------------------------------------------------------------------------------


def withdraws(family, notification_id):
    def act():
        row = family.store.read(lambda session: session.get_one(Notification, notification_id))
        reason = (choice("withdraw-reason", "wrong-person"),)
        family.says(Event.WITHDRAW, row.sender_team_id, facts=reason, reference=row.message_id)

    return act


def told_of(family, notification_id, team):
    """The causes of what a team was told of it, that it was taken back among them, and of its tasks how each stands."""
    of = (Delivery.notification_id == notification_id, Delivery.team_id == team)
    causes = select(Delivery.cause).where(*of, col(Delivery.state).not_in(NOT_TOLD))
    status = select(Task.status).where(Task.notification_id == notification_id, Task.owner_team_id == team)
    read = family.store.read
    return set(read(lambda s: s.exec(causes).all())), read(lambda s: s.exec(status).all())


def assert_taken_back(family, notification_id, team):
    causes, statuses = told_of(family, notification_id, team)
    assert causes in (set(), {"", "withdrawn"}, {"withdrawn"})
    assert set(statuses) <= {TaskStatus.CANCELLED}


def test_who_is_told_of_a_message_while_it_is_taken_back_is_told_that_it_was(family, meanwhile):
    said = family.says(Event.CONCERN, VISITORS, BABY, kind="neglect", facts=(fact("concern-detail", "Thin."),))
    assert told_of(family, said, SANDWELL) == (set(), [])
    with meanwhile(deliveries, "drop_withheld", withdraws(family, said)):
        family.says(Event.INVOLVEMENT_START, SANDWELL, BABY)
    assert_taken_back(family, said, SANDWELL)


def test_who_stands_in_for_a_closed_team_while_a_message_is_taken_back_is_told_that_it_was(family, meanwhile):
    family.now += 5 * DAY  # Saturday
    detail = (fact("concern-detail", "A bruise on the cheek."),)
    said = family.says(Event.CONCERN, PRACTICE, BABY, kind="bruising", facts=detail, author=DOCTOR)
    assert told_of(family, said, DUTY) == (set(), [])
    with meanwhile(deliveries, "drop_withheld", withdraws(family, said)):
        family.store.write(lambda session: stand_in.look(session, family.context(session), family.now))
    assert_taken_back(family, said, DUTY)


def test_what_is_taken_back_while_it_is_counted_counts_no_longer(family, meanwhile):
    *_, last = family.misses(1, 2)
    family.now += DAY
    with meanwhile(patterns, "add_evidence", withdraws(family, last)):
        family.misses(0)
    assert [on for found in family.patterns() for id_, on in family.counted(found).items() if id_ == last] in (
        [],
        [False],
    )


def test_what_is_taken_back_while_it_is_found_to_have_come_has_not(newborn, meanwhile, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(expectations, "open_about", lambda *_: [])  # as in the test of what could not be seen
        came = comes(newborn)()
    with meanwhile(expectations, "meet", withdraws(newborn, came)):
        looks(newborn)()
    looks(newborn)()
    assert expected(newborn).state is ExpectationState.MISSED
    assert len(asked(newborn)) == 1


# --- a team that is not reached -----------------------------------------------------------------------------------


@pytest.fixture
def stuck(store):
    """Two messages about one notification that a team's system did not take, with the task of who looks into it; and a third that is on its way."""
    ready(store)
    rows = [delivery(HV, attempts=9, state=DeliveryState.PARKED) for _ in range(2)]
    rows.append(delivery(HV, attempts=1, state=DeliveryState.SENT))
    add(store, *rows)
    store.write(lambda s: undeliverable.parked(s, context(s, store.codec), rows[0]["id"], NOON))
    return [str(row["id"]) for row in rows]


def arrives(store, *ids):
    return lambda: store.write(lambda s: deliver.has_arrived(s, context(s, store.codec), ids, NOON))


def looked_into(store):
    query = select(Task.id).where(Task.code == TaskCode.UNDELIVERABLE, col(Task.status).not_in(TERMINAL))
    return len(store.read(lambda session: session.exec(query).all()))


def test_when_the_last_two_arrive_at_once_nobody_need_look_into_it_any_more(store, stuck, monkeypatch):
    arrives(store, stuck[2])()
    both, reached = Barrier(1 if store.embedded else 2), undeliverable.reached

    def together_with_the_other(*args):
        both.wait(60)
        reached(*args)

    monkeypatch.setattr(undeliverable, "reached", together_with_the_other)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda id_: arrives(store, id_)(), stuck[:2]))
    assert looked_into(store) == 0


def test_what_is_given_up_while_the_other_arrives_is_looked_into(store, stuck, meanwhile):
    arrives(store, stuck[1])()
    with meanwhile(tasks, "lock", arrives(store, stuck[0])):
        store.write(lambda s: given_up.given_up(s, context(s, store.codec), [stuck[2]], NOON, timedelta(days=1)))
    assert looked_into(store) == 1


@pytest.fixture
def unread(store):
    """Two urgent tasks about one notification of a team with a webhook, which are to be delivered within an hour."""
    ready(store)
    store.write(lambda session: channel(session, store, HV))
    first = told(store, HV, with_clocks=True, priority=Priority.URGENT)
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY,
        owner=HV,
        requester=SENDER,
        description="A fact is missing.",
        notification_id=NOTIFICATION,
        priority=Priority.URGENT,
        due_at=DUE,
    )
    [second] = store.write(lambda s: raising.raise_tasks(s, context(s, store.codec), [wanted], NOON))
    store.write(number)
    return first, second


def goes(store):
    """The clock, when an hour is over."""
    return lambda: store.write(lambda s: clock.tick(s, context(s, store.codec), NOON + timedelta(hours=1)))


def test_what_is_told_of_as_late_while_its_first_try_comes_through_is_not_looked_into(store, unread, meanwhile):
    share = Share(limit=10, kinds=("webhook",), busy=(), per_team=8)
    lease = timedelta(seconds=30)
    claimed = store.write(lambda session: claims.claim(session, share, now=NOON, lease=lease))
    pushed = [Pushed(claimed=one_, outcome=Taken(), jitter=0.5) for one_ in claimed]
    assert len(pushed) == 2

    def comes_through(session):
        ctx, ladder = context(session, store.codec), Ladder(waits=(lease,), receipts=(lease,), daily=lease)
        breaker = Breaker(failures=5, ladder=(lease,))
        deliver.conclude(session, ctx, pushed, now=NOON, ladder=ladder, breaker=breaker)

    with meanwhile(tasks, "mark_delivered", goes(store)):
        store.write(comes_through)
    assert looked_into(store) == 0


def test_when_the_last_two_of_what_was_late_are_answered_at_once_nobody_need_look_into_it(store, unread, monkeypatch):
    goes(store)()
    assert looked_into(store) == 1
    both, answered = Barrier(1 if store.embedded else 2), undeliverable.answered

    def together_with_the_other(*args):
        both.wait(60)
        answered(*args)

    monkeypatch.setattr(undeliverable, "answered", together_with_the_other)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda task: moves(store, HV, task, Move.DECLINE, reason=ResponseReason.NOT_KNOWN), unread))
    assert looked_into(store) == 0


# --- who somebody turns out to be ---------------------------------------------------------------------------------

NOBODY = Person(key="case", identifiers=(crn("X320999"),))


def joins(family, gone, into):
    """The two turn out to be one."""

    def work(session):
        world = load_world(session, family.store.codec, [gone, into])
        people_ = {one: world.people[one].version for one in (gone, into)}
        homes = {home: world.households[home].version for one in people_ for home in world.households_of(one)}
        changes = [Revise(people=people_, households=homes), MergePersons(gone=gone, into=into)]
        people.apply(session, family.store.codec, changes, notification_id=None, sender_id=LONDON, now=family.now)

    return lambda: family.store.write(work)


def test_what_comes_about_a_case_number_while_it_is_found_whose_it_is_is_about_them(family, meanwhile):
    grandfather = family.id_of(GRANDFATHER)
    family.says(Event.SUPERVISION_START, LONDON, NOBODY)
    case = family.id_of(NOBODY)
    with meanwhile(route, "decide", joins(family, case, grandfather)):
        said = family.says(Event.SUPERVISION_START, LONDON, NOBODY)
    query = select(Subject.person_id).where(Subject.notification_id == said)
    assert family.store.read(lambda session: session.exec(query).all()) == [grandfather]


def test_what_two_who_are_one_bring_to_a_pattern_while_it_is_closed_is_not_left_with_it(family, meanwhile):
    said = family.says(Event.SUPERVISION_START, LONDON, NOBODY)
    case, grandfather = family.id_of(NOBODY), family.id_of(GRANDFATHER)

    def opened(session, person):
        scope = Scope(household_id=None, person_id=person, persons=frozenset({person}))
        found = patterns.add(session, "bruise-not-mobile", scope, "test", NOON)
        patterns.raise_flags(session, found.id, [(person, PRACTICE)], said, NOON)
        return found.id

    _, other = family.store.write(lambda session: [opened(session, person) for person in (case, grandfather)])

    def closes(session):
        if patterns.hold_open(session, other):
            pattern_flags.withdraw(session, family.context(session), other, NOON)
            patterns.close(session, other, "referred", NOON)

    with meanwhile(patterns, "evidence", lambda: family.store.write(closes)):
        joins(family, case, grandfather)()
    still_open = {one_.id for one_ in family.patterns() if one_.closed_at is None}
    flagged = select(PatternFlag.pattern_id).where(col(PatternFlag.withdrawn_at).is_(None))
    assert set(family.store.read(lambda session: session.exec(flagged).all())) <= still_open


def test_a_hold_on_somebody_who_turns_out_to_be_another_holds_what_is_about_both(family, meanwhile):
    family.says(Event.SUPERVISION_START, LONDON, NOBODY)
    case, grandfather = family.id_of(NOBODY), family.id_of(GRANDFATHER)
    wanted = Hold(
        id="hold", person_id=case, notification_id=None, reason="A review.", placed_by="auditor", placed_at=NOON
    )
    with meanwhile(kept, "place", joins(family, case, grandfather)):
        family.store.write(lambda session: retention.place(session, family.context(session), None, wanted))
    assert family.store.read(lambda session: kept.hold(session, family.store.codec, "hold")).person_id == grandfather


def test_nothing_is_destroyed_once_a_hold_is_in_force(family, meanwhile):
    said = family.says(Event.SUPERVISION_START, LONDON, NOBODY)
    wanted = Hold(
        id="hold", person_id=None, notification_id=said, reason="A review.", placed_by="auditor", placed_at=NOON
    )
    when_held = []

    def shredded():
        return family.store.read(lambda session: session.get_one(Notification, said).shredded_at) is not None

    def places():
        family.store.write(lambda session: retention.place(session, family.context(session), None, wanted))
        when_held.append(shredded())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "due", lambda *_: [said])
        with meanwhile(kept, "shred", places):
            family.store.write(lambda session: retention.apply(session, family.context(session), family.now))
    assert when_held == [shredded()]


def test_nobody_is_forgotten_once_a_hold_on_who_lives_with_them_is_in_force(family, meanwhile):
    toddler, mother_ = family.id_of(TODDLER), family.id_of(MOTHER)
    wanted = Hold(
        id="hold", person_id=mother_, notification_id=None, reason="A review.", placed_by="auditor", placed_at=NOON
    )
    when_held = []

    def forgotten():
        return not family.store.read(lambda session: session.get_one(Person_, toddler).erased_at is None)

    def places():
        family.store.write(lambda session: retention.place(session, family.context(session), None, wanted))
        when_held.append(forgotten())

    over = people_retention.Standing(id=toddler, until=NOON, kept=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(people_retention, "take", lambda *_: [over])
        with meanwhile(people_retention, "erase", places):
            family.store.write(lambda session: retention.erase(session, family.context(session), family.now))
    assert when_held == [forgotten()]


# --- who is there -------------------------------------------------------------------------------------------------

NORA = Practitioner(id="nora", team_id=HV, name="Nora Nurse", role="health-visitor")


def puts(store, somebody):
    return lambda: store.write(lambda s: hand_back.put(s, context(s, store.codec), somebody, NOON))


def test_what_is_agreed_in_somebodys_name_as_they_leave_goes_back_to_the_team(store, meanwhile):
    ready(store)
    puts(store, NORA)()
    task = told(store, HV)
    with meanwhile(tasks, "change", puts(store, replace(NORA, left_at=NOON))):
        [agreed] = moves(store, HV, task, Move.ACCEPT, actions=(action(),)).content["actions"]
    assert one(store, agreed).content.get("options", {}).get(HELD_BY) is None


def test_what_is_said_of_somebody_while_the_clock_looks_at_them_stays_said(store, meanwhile):
    ready(store)
    puts(store, replace(NORA, shift_ends=NOON + timedelta(hours=1)))()
    later = replace(NORA, name="Nora Newname", shift_ends=NOON + timedelta(hours=9))
    at = NOON + timedelta(hours=1)
    with meanwhile(hand_back, "put", puts(store, later)):
        store.write(lambda s: hand_back.look(s, context(s, store.codec), at))
    assert store.read(lambda s: practitioners.of_team(s, store.codec, HV)) == [later]
    assert store.read(lambda s: upcoming.earliest(s, "hand-back")) == later.shift_ends


# --- who may come in ----------------------------------------------------------------------------------------------


def test_a_token_that_is_given_while_its_client_is_replaced_is_none(store, meanwhile):
    ready(store)
    registered = clients.Registered(name="system", team=HV, jwks={"keys": []}, scopes=frozenset({"baton/mailbox"}))
    replaced = replace(registered, scopes=frozenset({"baton/message.write"}))
    store.write(lambda session: clients.put(session, registered, NOON))

    def asks(session):
        client = clients.held(session, "system")
        tokens.grant(session, client, None, seconds=60, now=NOON)

    with meanwhile(clients, "keep_token", lambda: store.write(lambda s: clients.put(s, replaced, NOON))):
        store.write(asks)
    assert store.read(lambda session: session.exec(select(AccessToken)).all()) == []


def test_who_signs_in_while_their_account_becomes_anothers_is_not_in(store, meanwhile):
    ready(store)
    account = accounts.Account(id="somebody", issuer="https://issuer.example", subject="one", name="Nora Nurse")
    another = replace(account, subject="other", name="Dawn Ellis")
    store.write(lambda session: accounts.put(session, store.codec, account, NOON))

    def comes_in(session):
        found = accounts.find_held(session, store.codec, account.issuer, account.subject)
        accounts.begin(session, "digest", found, None, NOON, timedelta(hours=9))

    with meanwhile(accounts, "begin", lambda: store.write(lambda s: accounts.put(s, store.codec, another, NOON))):
        store.write(comes_in)
    assert store.read(lambda session: session.exec(select(PageSession)).all()) == []


def test_a_page_that_is_asked_for_while_somebody_signs_out_is_no_error(store, meanwhile):
    ready(store)
    account = accounts.Account(id="somebody", issuer="https://issuer.example", subject="one", name="Nora Nurse")
    store.write(lambda session: accounts.put(session, store.codec, account, NOON))
    store.write(lambda session: accounts.begin(session, "digest", "somebody", None, NOON, timedelta(hours=9)))

    def looks_at_it(session):
        assert accounts.alive(session, "digest") is not None
        accounts.seen(session, "digest", NOON)

    with meanwhile(accounts, "seen", lambda: store.write(lambda session: accounts.end(session, "digest"))):
        store.write(looks_at_it)
    assert store.read(lambda session: accounts.alive(session, "digest")) is None


# --- records ------------------------------------------------------------------------------------------------------


def test_a_record_that_is_told_of_while_it_is_taken_back_does_not_stand(family, meanwhile):
    record = "5" * 32

    def receives(event, at, *about, **said):
        message = Message(
            id=record + at.strftime("%Y%m%d%H%M%S").rjust(32, "0"),
            event=event,
            sender=VISITORS,
            occurred=at,
            sent=at,
            subjects=tuple(one_.key for one_ in about),
            people=about,
            reference=record,
            **said,
        )
        incoming = Incoming(
            raw=b"{}",
            content_type="application/json",
            via="test",
            standing="usable",
            content_hash=message.id,
            messages=(message,),
            key=message.id,
        )
        caller = Caller(client="system", team=VISITORS)
        return lambda: family.store.write(lambda s: receive.receive(s, family.context(s), incoming, caller, family.now))

    told_ = receives(Event.NOT_BROUGHT, family.now - DAY, BABY, kind="clinic")
    taken_back = receives(Event.WITHDRAW, family.now, facts=(choice("withdraw-reason", "wrong-person"),))
    with meanwhile(route, "decide", taken_back):
        told_()
    query = select(Notification.state).where(Notification.event == Event.NOT_BROUGHT)
    stands = family.store.read(lambda session: session.exec(query).all())
    assert NotificationState.ACCEPTED not in stands
