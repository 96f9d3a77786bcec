"""The clock of delivery: what a team's system has not taken in time is told of once, to who can see to it and to whoever waits; until it comes, or is answered."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select
from structlog.testing import capture_logs

from adapters.port import Refused, Taken
from broker.domain.answers import Move
from broker.domain.breaker import Breaker
from broker.domain.clocks import Clocks, Rung, Target
from broker.domain.states import DeliveryState
from broker.domain.terms import elapsed
from broker.domain.wanted import TaskWanted
from broker.storage import claims, tasks, upcoming
from broker.storage.leasing import Share
from broker.storage.store import Raced
from broker.storage.tables import Delivery, Task, Team
from broker.workflow import acknowledge, clock, deliver, escalate, raising
from broker.workflow.deliver import Ladder, Pushed
from broker.workflow.number import number
from schemas.codes import Function, Priority, ResponseReason, TaskCode, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER, channel
from tests.integration.task_rows import (
    ALL,
    DUE,
    GP,
    HV,
    LEAD,
    PARTNERSHIP,
    POLICY,
    SPOKEN,
    arrives,
    carrier,
    context,
    messages,
    moves,
    one,
    ready,
    told,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = NOON + HOUR
"""By when what is urgent is to be delivered, as the default policy has it."""
OTHER_HV = "swbh-health-visiting-north"


@pytest.fixture
def task(store):
    """An urgent task for health visiting, in a mailbox that nobody has looked into."""
    ready(store)
    return timed(store, HV)


def timed(store, team, **other):
    return told(store, team, with_clocks=True, **{"priority": Priority.URGENT} | other)


def passes(store, at, ctx=context):
    """Every pass of the clock that is due by then, each at its own time."""
    while (due := store.read(lambda session: upcoming.earliest(session, "escalate"))) is not None and due <= at:
        store.write(lambda session: clock.tick(session, ctx(session, store.codec), due))


def incidents(store):
    """What was raised because something was not delivered, oldest first."""
    query = select(Task).where(col(Task.code) == TaskCode.UNDELIVERABLE).order_by(col(Task.authored_at))
    return store.read(lambda session: session.exec(query).all())


def unreached(store):
    """The teams that they are about, oldest first."""
    return [one(store, incident.id).content["options"]["team"] for incident in incidents(store)]


def heard(store, team, incident):
    """The messages to a team that tell of an incident."""
    return [cause for cause in messages(store, team) if incident.id in cause]


# --- told, once


def test_a_mailbox_that_nobody_polls_is_told_of_once_to_who_can_act_and_to_the_sender(store, task):
    passes(store, LATE - timedelta(seconds=1))
    assert incidents(store) == []
    passes(store, LATE)
    [incident] = incidents(store)
    assert (incident.owner_team_id, incident.requester_team_id, incident.authored_at) == (LEAD, SENDER, LATE)
    assert (incident.priority, incident.notification_id) == (Priority.URGENT, NOTIFICATION)
    assert heard(store, LEAD, incident) == [f"task:{incident.id}"]
    assert heard(store, SENDER, incident) == [f"outcome:{incident.id}:1"]
    described = one(store, incident.id).content
    assert "has not taken in time" in described["description"]
    assert described["options"] == {"team": HV, "delivery": carrier(store, task)}
    late = one(store, task).row
    assert (late.undelivered_at, late.delivered_at, late.version) == (LATE, None, 1)  # no answer under way is refused
    assert late.climbs_at == NOON + 4 * HOUR  # nobody has opened it


def test_whoever_runs_baton_has_a_log_line_that_names_nobody(store, task):
    with capture_logs() as lines:
        passes(store, LATE)
    [line] = [line for line in lines if line["event"] == "not delivered in time"]
    assert (line["task"], line["team"]) == (task, HV)
    assert CHILD not in str(line)


def test_it_is_told_once_however_long_it_stays_undelivered(store, task):
    passes(store, DUE + 30 * DAY)
    [incident] = incidents(store)
    assert heard(store, SENDER, incident)[0] == f"outcome:{incident.id}:1"
    assert [cause for cause in heard(store, LEAD, incident) if cause.startswith("task:")] == [f"task:{incident.id}"]
    late = one(store, task).row
    assert (late.status, late.undelivered_at) == (TaskStatus.REQUESTED, LATE)  # nothing closes by itself


def test_two_tasks_of_one_message_are_one_incident_until_both_have_come(store, task):
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY,
        owner=HV,
        requester=SENDER,
        description="A fact is missing.",
        notification_id=NOTIFICATION,
        priority=Priority.URGENT,
        due_at=DUE,
    )
    [other] = store.write(lambda s: raising.raise_tasks(s, context(s, store.codec), [wanted], NOON))
    passes(store, LATE)
    [incident] = incidents(store)
    assert len(heard(store, SENDER, incident)) == 1
    arrives(store, task, LATE + HOUR)
    assert incidents(store)[0].status == TaskStatus.REQUESTED
    own = store.read(lambda s: s.exec(select(Delivery.id).where(Delivery.cause == f"task:{other}")).one())
    store.write(lambda s: deliver.has_arrived(s, context(s, store.codec), [own], LATE + HOUR))
    assert incidents(store)[0].status == TaskStatus.CANCELLED


def test_a_sender_who_may_not_know_of_the_team_is_not_told(store):
    ready(store)
    timed(store, HV, known_to_sender=False)
    passes(store, LATE)
    [incident] = incidents(store)
    assert (incident.owner_team_id, incident.requester_team_id) == (LEAD, None)
    assert messages(store, SENDER) == []


def test_where_nobody_polls_anything_it_does_not_go_on_from_one_to_the_next(store):
    """The practice's agency has no lead: the partnership's task climbs, and that it is not delivered is no second incident."""
    ready(store)
    timed(store, GP)
    passes(store, DUE + 30 * DAY)
    [incident, *others] = incidents(store)
    assert (incident.owner_team_id, incident.deliver_by) == (PARTNERSHIP, None)
    assert all((other.dedupe_key or "").startswith("unreachable:") for other in others)  # rungs that name nobody


def test_a_task_that_is_about_no_message_stands_in_its_teams_list_and_climbs(store):
    ready(store)
    wanted = TaskWanted(code=TaskCode.DATA_QUALITY, owner=HV, description="It.", priority=Priority.URGENT, due_at=DUE)
    [id_] = store.write(lambda s: raising.raise_tasks(s, context(s, store.codec), [wanted], NOON))
    assert one(store, id_).row.deliver_by is None


# --- not told


def test_delivered_in_time_nobody_is_told_and_the_clock_does_not_even_look(store, task):
    arrives(store, task, LATE - timedelta(minutes=1))
    assert one(store, task).row.climbs_at == NOON + 4 * HOUR
    passes(store, DUE)
    assert incidents(store) == []


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (Move.OPEN, {}),
        (Move.ACCEPT, {"meaning": "We visit on Monday.", "conversation": SPOKEN}),
        (Move.DECLINE, {"reason": ResponseReason.NOT_KNOWN}),
        (Move.EXTEND, {"due_at": DUE + DAY, "text": "The family is away until Friday."}),
        (Move.ASK, {"text": "Which of the twins?"}),
    ],
)
def test_what_people_of_the_team_have_seen_has_reached_it(store, task, move, said):
    moves(store, HV, task, move, **said)
    passes(store, DUE)
    assert HV not in unreached(store)  # a question is a task of its own, for whoever is asked


def test_after_an_answer_was_committed_nobody_is_told(store, task):
    """The clock read the task before the answer committed."""
    found = store.read(lambda session: tasks.get(session, store.codec, task, ALL))
    moves(store, HV, task, Move.DECLINE, reason=ResponseReason.NOT_KNOWN)
    with pytest.raises(Raced), Session(store.engine) as session:
        escalate._look(session, context(session, store.codec), found, LATE)
    assert incidents(store) == []


def test_what_was_withdrawn_need_not_be_delivered(store, task):
    store.write(
        lambda s: acknowledge.cancel_for_notification(s, context(s, store.codec), NOTIFICATION, NOON + HOUR / 2)
    )
    passes(store, DUE)
    assert incidents(store) == []


# --- ended


def test_delivered_late_it_ends_by_itself_and_both_are_told(store, task):
    passes(store, LATE)
    arrives(store, task, LATE + HOUR)
    [incident] = incidents(store)
    assert (incident.status, incident.business_status) == (TaskStatus.CANCELLED, "reached-after-all")
    for team in (LEAD, SENDER):
        assert heard(store, team, incident)[-1] == f"outcome:{incident.id}:2"
    passes(store, DUE + DAY)
    assert len(incidents(store)) == 1


def test_an_answer_ends_it(store, task):
    passes(store, LATE)
    moves(store, HV, task, Move.OPEN, now=LATE + HOUR)
    assert incidents(store)[0].status == TaskStatus.REQUESTED  # a look is no answer
    moves(store, HV, task, Move.ACCEPT, now=LATE + HOUR, meaning="We visit.", conversation=SPOKEN)
    assert incidents(store)[0].status == TaskStatus.CANCELLED
    assert one(store, task).row.delivered_at is None  # and is no receipt


def test_an_answer_about_one_child_says_that_the_transfer_has_reached_its_team(store):
    ready(store)
    whole = timed(store, HV, code=TaskCode.TRANSFER, person_id=None)
    lines = [
        TaskWanted(
            code=TaskCode.CONFIRM_CHILD,
            owner=HV,
            requester=SENDER,
            description="This child.",
            person_id=CHILD,
            notification_id=NOTIFICATION,
            delivery_id=carrier(store, whole),
            part_of=whole,
            due_at=DUE,
        )
    ]
    [line] = store.write(lambda s: raising.raise_tasks(s, context(s, store.codec), lines, NOON))
    passes(store, LATE)
    assert unreached(store) == [HV]
    moves(store, HV, line, Move.DECLINE, now=LATE + HOUR, reason=ResponseReason.NOT_KNOWN)
    assert incidents(store)[0].status == TaskStatus.CANCELLED


def test_nothing_else_ends_it(store, task):
    passes(store, LATE)
    moves(store, HV, task, Move.NOTE, now=LATE + HOUR, text="We are told by telephone.")
    passes(store, LATE + 2 * HOUR)
    assert incidents(store)[0].status == TaskStatus.REQUESTED


# --- a team with a push

LADDER = Ladder(waits=[timedelta(minutes=10)] * 9, receipts=[timedelta(minutes=10)], daily=DAY)
BREAKER = Breaker(failures=99, ladder=[HOUR])


def pushes(store, at, outcome):
    """One try of everything that is due."""
    share = Share(limit=10, kinds=("webhook",), busy=(), per_team=8)
    claimed = store.write(lambda session: claims.claim(session, share, now=at, lease=timedelta(seconds=30)))
    pushed = [Pushed(claimed=one_, outcome=outcome, jitter=0.5) for one_ in claimed]
    store.write(
        lambda session: deliver.conclude(
            session, context(session, store.codec), pushed, now=at, ladder=LADDER, breaker=BREAKER
        )
    )
    return len(claimed)


@pytest.fixture
def pushed_to(store):
    """The same of a team with a webhook."""
    ready(store)
    store.write(lambda session: channel(session, store, HV))
    task = timed(store, HV)
    store.write(number)
    return task


def test_a_system_that_refuses_is_told_of_before_its_ladder_ends_and_once(store, pushed_to):
    for minutes in range(0, 59, 10):
        pushes(store, NOON + timedelta(minutes=minutes), Refused(500))
    assert incidents(store) == []
    passes(store, LATE)
    at = LATE
    while state(store, pushed_to) is not DeliveryState.PARKED:
        at += timedelta(minutes=20)
        pushes(store, at, Refused(500))
    assert len(incidents(store)) == 1
    moves(store, HV, pushed_to, Move.DECLINE, now=at, reason=ResponseReason.NOT_KNOWN)
    assert incidents(store)[0].status == TaskStatus.REQUESTED  # its system is given up, and is to be mended
    assert pushes(store, at + 2 * DAY, Taken()) == 1
    assert incidents(store)[0].status == TaskStatus.CANCELLED


def state(store, task):
    return store.read(lambda session: session.get_one(Delivery, carrier(store, task)).state)


def test_what_was_given_up_before_is_not_told_of_again(store, pushed_to):
    pushes(store, NOON, Refused(410))
    [incident] = incidents(store)
    passes(store, LATE)
    assert [known.id for known in incidents(store)] == [incident.id]
    assert [cause for cause in heard(store, SENDER, incident) if cause.endswith(":1")] == []


def test_a_first_try_that_comes_too_late_ends_it_too(store, pushed_to):
    """Its channel was paused, or no worker ran."""
    passes(store, LATE)
    assert len(incidents(store)) == 1
    assert pushes(store, LATE + HOUR, Taken()) == 1
    assert incidents(store)[0].status == TaskStatus.CANCELLED


# --- kept with the task


def test_a_later_policy_changes_nothing_of_what_was_raised(store, task):
    only = Clocks(deliver_within=elapsed(minutes=5), rungs=(Rung(to=Target.PARTNERSHIP, wait=elapsed(days=5)),))
    policy = replace(POLICY, clocks=(replace(POLICY.clocks[-1], clocks=only),))

    def later(session, codec):
        return replace(context(session, codec), policy=policy)

    passes(store, LATE - timedelta(seconds=1), later)
    assert incidents(store) == []
    passes(store, LATE, later)
    assert len(incidents(store)) == 1
    moves(store, HV, north(store, task), Move.REASSIGN, now=LATE, to_team=OTHER_HV, text="They live in the north.")
    assert one(store, task).row.deliver_by == LATE + HOUR  # the time that it was given, for another team


def north(store, task):
    """The task, once there is another team to give it to."""
    row = Team(id=OTHER_HV, agency_id="swbh", function=Function.HEALTH_VISITING, name="North", area_id="sandwell")
    store.write(lambda session: session.add(row))
    return task


def test_for_another_team_the_clock_begins_anew(store, task):
    passes(store, LATE)
    moves(store, HV, north(store, task), Move.REASSIGN, now=LATE, to_team=OTHER_HV, text="They live in the north.")
    after = one(store, task).row
    assert (after.deliver_by, after.undelivered_at, after.climbs_at) == (LATE + HOUR, None, LATE + HOUR)
    passes(store, LATE + HOUR)
    assert unreached(store) == [HV, OTHER_HV]


def test_a_team_that_has_the_message_already_need_not_get_it_again(store, task):
    before = timed(store, OTHER_HV) if north(store, task) else ""
    arrives(store, before)
    moves(store, HV, task, Move.REASSIGN, to_team=OTHER_HV, text="They live in the north.")
    passes(store, LATE)
    assert incidents(store) == []
    assert one(store, task).row.deliver_by is None


def test_the_child_is_not_named_to_who_looks_into_it(store, task):
    passes(store, LATE)
    assert incidents(store)[0].person_id is None
    assert CHILD not in str(one(store, incidents(store)[0].id).content)
