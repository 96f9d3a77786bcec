"""Nobody answered: reminded, not opened, then the ladder rung by rung, once each; an answer stops it, and what is agreed must get on."""

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlmodel import Session, col, select

from broker.domain.answers import Discussion, DiscussionOutcome, Move
from broker.domain.clocks import Clocks, Rung, Target
from broker.domain.states import ChannelKind, DeliveryState, View
from broker.domain.terms import elapsed
from broker.domain.wanted import TaskWanted
from broker.errors import Conflict, Invalid, NotFound, Stale
from broker.storage import channels, directory, tasks, upcoming
from broker.storage.store import Raced
from broker.storage.tables import Delivery, Escalation, Task, Team
from broker.storage.task_values import Scope
from broker.storage.tasks import Change
from broker.workflow import clock, deliver, escalate, outbound, raising, undeliverable
from broker.workflow.context import Context
from schemas.codes import Function, Priority, ResponseReason, TaskCode, TaskStatus
from schemas.message import Professional
from tests.conftest import NOON
from tests.integration.delivery_rows import SENDER, channel
from tests.integration.task_rows import (
    ALL,
    DUE,
    GP,
    HV,
    LEAD,
    PARTNERSHIP,
    POLICY,
    SPOKEN,
    action,
    arrives,
    context,
    history,
    messages,
    moves,
    one,
    ready,
    told,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAMED_NURSE = Professional(name="Lena Lead", role="named-nurse")


@pytest.fixture
def task(store):
    """An urgent task that is due in five days; what is urgent climbs through nights and weekends."""
    ready(store)
    return timed(store, HV, priority=Priority.URGENT)


def timed(store, team, **other):
    """A task with the clocks that the policy gives it when it is raised."""
    return told(store, team, with_clocks=True, **other)


def climbs(session):
    """When the next task is looked at."""
    return upcoming.earliest(session, "escalate")


def clock_passes(store, at, ctx=context):
    """Every pass that is due by then, each at its own time; how many tasks were looked at."""
    looked = 0
    while (due := store.read(climbs)) is not None and due <= at:
        looked += store.write(lambda session: escalate.climb(session, ctx(session, store.codec), due))
    return looked


def rows(store, task_id):
    query = select(Escalation).where(col(Escalation.task_id) == task_id)
    return sorted(store.read(lambda s: s.exec(query).all()), key=lambda row: (row.at, row.level))


def rungs(store, task_id):
    return [(row.level, row.rung, row.team_id, row.at) for row in rows(store, task_id) if row.level > 0]


def before(store, task_id):
    return [(row.rung, row.team_id, row.at) for row in rows(store, task_id) if row.level <= 0]


def test_the_team_is_told_that_nobody_looked_and_reminded_before_the_date(store, task):
    clock_passes(store, DUE)
    assert before(store, task) == [("opening", HV, NOON + 4 * HOUR), ("reminder", HV, DUE - 2 * HOUR)]
    assert rungs(store, task) == []
    assert one(store, task).row.version == 1  # whoever is answering it now is not held up
    told_of = [cause.split(":")[0] for cause in messages(store, HV) if task in cause]
    assert told_of == ["unopened", "reminded"]
    assert [cause for cause in messages(store, SENDER) if task in cause] == []
    assert store.read(climbs) == DUE + HOUR


def test_who_has_looked_is_not_told_to_look(store, task):
    moves(store, HV, task, Move.OPEN)
    clock_passes(store, DUE)
    assert [rung for rung, _, _ in before(store, task)] == ["reminder"]


def test_a_clock_that_slept_past_the_date_reminds_nobody(store, task):
    store.write(lambda session: escalate.climb(session, context(session, store.codec), DUE + 2 * HOUR))
    assert [rung for rung, _, _ in before(store, task)] == ["opening"]
    assert [rung for _, rung, _, _ in rungs(store, task)] == ["team"]


def test_it_climbs_to_the_team_the_lead_and_the_partnership(store, task):
    clock_passes(store, DUE + 10 * DAY)
    assert rungs(store, task) == [
        (1, "team", HV, DUE + HOUR),
        (2, "team-lead", HV, DUE + 4 * HOUR),
        (3, "lead", LEAD, DUE + DAY),
        (4, "executive", None, DUE + 2 * DAY),  # need not be named, so no incident
        (5, "partnership", PARTNERSHIP, DUE + 3 * DAY),
    ]
    assert one(store, task).row.level == 5
    assert store.read(climbs) is None
    assert history(store, task) == ["raised", *["escalated"] * 5]
    assert [cause for cause in messages(store, LEAD) if cause.startswith(f"escalated:{task}")] == [
        f"escalated:{task}:4"
    ]
    assert f"escalated:{task}:6" in messages(store, PARTNERSHIP)
    # Whoever waits hears of it once it goes beyond the team.
    assert [c for c in messages(store, SENDER) if task in c] == [f"outcome:{task}:{n}" for n in (4, 5, 6)]


def alone(store):
    """A task that is about no message: the watchdog's, an emergency's, a channel's."""
    ready(store)
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY,
        owner=HV,
        description="Baton watches itself.",
        priority=Priority.URGENT,
        due_at=DUE,
    )
    return store.write(lambda s: raising.raise_tasks(s, context(s, store.codec), [wanted], NOON))[0]


def to(store, team):
    """Messages to a team, oldest first."""
    query = select(Delivery).where(Delivery.team_id == team).order_by(col(Delivery.created_at))
    return store.read(lambda session: session.exec(query).all())


def test_a_task_about_no_message_reaches_every_rung_by_its_channel(store):
    task = alone(store)
    store.write(lambda session: channel(session, store, LEAD))
    clock_passes(store, DUE + 10 * DAY)
    assert [cause.partition(":")[0] for cause in messages(store, HV)] == [
        "task",
        "unopened",
        "reminded",
        "escalated",
        "escalated",
    ]
    [row] = to(store, LEAD)
    assert (row.cause, row.notification_id, row.next_attempt_at) == (f"escalated:{task}:4", None, DUE + DAY)
    assert messages(store, PARTNERSHIP) == [f"escalated:{task}:6"]
    assert [rung.channel for rung in rows(store, task) if rung.team_id == LEAD] == [ChannelKind.WEBHOOK]


def test_what_tells_of_it_is_the_task_and_refers_to_no_message(store):
    task = alone(store)
    [row] = to(store, HV)
    written = store.read(lambda s: outbound.compose(s, context(s, store.codec), row.id, NOON))
    header, told = (entry["resource"] for entry in orjson.loads(written.body)["entry"])
    assert (told["resourceType"], told["id"]) == ("Task", task)
    assert not header.keys() & {"response", "extension", "sender"}


def test_taken_by_the_teams_system_it_is_received_and_given_to_another_team_it_is_told_there(store):
    task = alone(store)
    [row] = to(store, HV)
    store.write(lambda s: deliver.has_arrived(s, context(s, store.codec), [row.id], NOON))
    assert one(store, task).row.status == TaskStatus.RECEIVED
    store.write(lambda s: s.add(Team(id="swbh-west", agency_id="swbh", function=Function.HEALTH_VISITING, name="West")))
    moves(store, HV, task, Move.REASSIGN, to_team="swbh-west", text="They live there.")
    assert [one_.cause for one_ in to(store, "swbh-west")] == [f"task:{task}"]


def test_a_system_that_takes_none_of_it_leaves_the_task_and_no_second_one(store):
    task = alone(store)
    [row] = to(store, HV)
    store.write(lambda s: undeliverable.parked(s, context(s, store.codec), row.id, NOON))
    everything = store.read(lambda s: s.exec(select(Task)).all())
    assert [one_.id for one_ in everything] == [task]


def test_a_routine_task_climbs_in_working_time(store):
    """Due on a Saturday at noon: the first rung is an hour into Monday."""
    ready(store)
    routine = timed(store, HV)
    clock_passes(store, DUE + 10 * DAY)
    monday = DUE.replace(day=9, hour=9)
    assert [(rung, at) for _, rung, _, at in rungs(store, routine)] == [
        ("team", monday + HOUR),
        ("team-lead", monday + 4 * HOUR),
        ("lead", monday + DAY),
        ("executive", monday + 2 * DAY),
        ("partnership", monday + 3 * DAY),
    ]


def test_each_row_says_how_the_team_was_told(store, task):
    store.write(
        lambda session: channels.put(
            session,
            store.codec,
            LEAD,
            ChannelKind.EMAIL,
            url="mailto:lead@trust.example",
            secret=None,
            enabled=True,
            rate_per_second=None,
            now=NOON,
        )
    )
    clock_passes(store, DUE + 2 * DAY)
    told_by = {row.rung: row.channel for row in rows(store, task)}
    assert (told_by["team"], told_by["lead"], told_by["executive"]) == (ChannelKind.MAILBOX, ChannelKind.EMAIL, None)


def test_an_executive_of_the_agency_is_a_rung(store, task):
    def work(session):
        teams = directory.load(session).teams
        directory.put_team(session, replace(teams[LEAD], id="swbh-executive", executive=True), NOON)

    store.write(work)
    clock_passes(store, DUE + 2 * DAY)
    assert [(rung, team) for _, rung, team, _ in rungs(store, task)][2:] == [
        ("lead", LEAD),
        ("executive", "swbh-executive"),
    ]


def test_a_clock_that_was_stopped_catches_up_in_one_pass(store, task):
    arrives(store, task)
    late = DUE + DAY + 2 * HOUR
    store.write(lambda session: escalate.climb(session, context(session, store.codec), late))
    assert [(level, team) for level, _, team, _ in rungs(store, task)] == [(1, HV), (2, HV), (3, LEAD)]
    assert store.read(climbs) == DUE + 2 * DAY


def test_that_nobody_can_be_reached_is_an_incident(store):
    """The practice's agency has no safeguarding lead in the directory."""
    ready(store)
    task = timed(store, GP, priority=Priority.URGENT)
    arrives(store, task)
    clock_passes(store, DUE + DAY)
    assert [team for _, _, team, _ in rungs(store, task)] == [GP, GP, None]
    [incident] = store.read(lambda s: tasks.open_of(s, PARTNERSHIP, TaskCode.UNDELIVERABLE))
    assert (incident.part_of, incident.due_at) == (task, DUE + 2 * DAY)
    assert f"task:{incident.id}" in messages(store, PARTNERSHIP)


def test_an_incident_that_nobody_can_be_told_of_makes_no_other(store):
    ready(store)
    arrives(store, timed(store, GP, priority=Priority.URGENT))
    store.write(lambda s: directory.put_team(s, replace(directory.load(s).teams[PARTNERSHIP], closed=True), NOON))
    clock_passes(store, DUE + 60 * DAY)
    found = store.read(lambda s: s.exec(select(Task).where(col(Task.code) == TaskCode.UNDELIVERABLE)).all())
    # One for the lead, one for the partnership, both whoever waits has: nobody else is left to tell.
    assert sorted(task.owner_team_id for task in found) == [SENDER, SENDER]
    assert store.read(climbs) is None


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (Move.ACCEPT, {"meaning": "We visit on Monday.", "conversation": SPOKEN}),
        (Move.DECLINE, {"reason": ResponseReason.NOT_KNOWN}),
    ],
)
def test_an_answer_stops_it(store, task, move, said):
    moves(store, HV, task, move, **said)
    clock_passes(store, DUE + 30 * DAY)
    assert rows(store, task) == []


def test_what_was_agreed_climbs_by_itself(store, task):
    """F14: either, undone, escalates."""
    agreed = _agreed(store, task, action(days=7))
    moves(store, HV, agreed, Move.OPEN)  # a look is no answer
    clock_passes(store, NOON + 9 * DAY)
    assert [(rung, team) for _, rung, team, _ in rungs(store, agreed)] == [
        ("team", HV),
        ("team-lead", HV),
        ("lead", LEAD),
        ("executive", None),
    ]


def _agreed(store, task, what, at=NOON):
    [agreed] = moves(store, HV, task, Move.ACCEPT, now=at, actions=(what,), conversation=SPOKEN).content["actions"]
    return agreed


def test_an_acknowledgement_of_which_nothing_comes_lapses_and_climbs_again(store, task):
    _agreed(store, task, action(days=7))
    lapses = NOON + 9 * DAY
    clock_passes(store, lapses + HOUR)
    assert rungs(store, task) == [(1, "team", HV, lapses + HOUR)]
    lapsed = one(store, task).row
    assert (lapsed.status, lapsed.business_status) == (TaskStatus.ACCEPTED, "lapsed")
    assert f"outcome:{task}:{lapsed.version}" in messages(store, SENDER)  # whoever waits relies on it no more
    clock_passes(store, lapses + 10 * DAY)
    assert [team for _, rung, team, _ in rungs(store, task) if rung == "partnership"] == [PARTNERSHIP]


def test_an_action_that_gets_on_keeps_the_acknowledgement(store, task):
    agreed = _agreed(store, task, action(days=7))
    moves(store, HV, agreed, Move.NOTE, now=NOON + 8 * DAY, text="They were out; we try again tomorrow.")
    clock_passes(store, NOON + 10 * DAY)
    assert rungs(store, task) == []
    clock_passes(store, NOON + 10 * DAY + HOUR)  # two days after the note
    assert [rung for _, rung, _, _ in rungs(store, task)] == ["team"]
    moves(store, HV, agreed, Move.COMPLETE, now=NOON + 11 * DAY, text="Weighed.")
    done = one(store, task).row
    assert (done.status, done.business_status, done.climbs_at) == (TaskStatus.COMPLETED, None, None)


def test_an_extension_begins_the_ladder_anew(store, task):
    clock_passes(store, DUE + 2 * HOUR)
    later = DUE + 4 * DAY
    moves(store, HV, task, Move.EXTEND, now=DUE + 2 * HOUR, due_at=later, text="The family is away until Friday.")
    assert one(store, task).row.level == 0
    clock_passes(store, later + HOUR)
    assert [(level, at) for level, _, _, at in rungs(store, task)] == [(1, DUE + HOUR), (1, later + HOUR)]
    assert [at for rung, _, at in before(store, task) if rung == "reminder"] == [DUE - 2 * HOUR, later - 2 * HOUR]


def test_a_lead_to_whom_it_climbed_may_give_more_time(store, task):
    later, why = DUE + 4 * DAY, "Half the team is ill; I have spoken with the ward."
    with pytest.raises(NotFound):  # not before it is told of it
        moves(store, LEAD, task, Move.EXTEND, NAMED_NURSE, now=DUE, due_at=later, text=why)
    clock_passes(store, DUE + DAY)
    at = DUE + DAY + HOUR
    with pytest.raises(Conflict):  # the answer is the team's
        moves(store, LEAD, task, Move.ACCEPT, NAMED_NURSE, now=at, meaning="We visit.", conversation=SPOKEN)
    extended = moves(store, LEAD, task, Move.EXTEND, NAMED_NURSE, now=at, due_at=later, text=why)
    assert (extended.row.due_at, extended.row.level, extended.row.owner_team_id) == (later, 0, HV)
    version = extended.row.version
    assert f"outcome:{task}:{version}" in messages(store, HV)
    assert f"outcome:{task}:{version}" in messages(store, SENDER)


def test_nobody_elses_lead_may_give_more_time(store, task):
    clock_passes(store, DUE + 3 * DAY)
    with pytest.raises(Conflict):
        moves(
            store, PARTNERSHIP, task, Move.EXTEND, NAMED_NURSE, now=DUE + 4 * DAY, due_at=DUE + 9 * DAY, text="Later."
        )


def test_a_later_policy_changes_nothing_of_what_was_raised(store, task):
    """The clocks are kept with the task; what is raised after it has the new ones."""
    only = Clocks(rungs=(Rung(to=Target.PARTNERSHIP, wait=elapsed(minutes=5)),))
    policy = replace(POLICY, clocks=(replace(POLICY.clocks[-1], clocks=only),))

    def later(session: Session, codec) -> Context:
        return replace(context(session, codec), policy=policy)

    clock_passes(store, DUE + DAY, later)
    assert [rung for _, rung, _, _ in rungs(store, task)] == ["team", "team-lead", "lead"]
    assert [rung for rung, _, _ in before(store, task)] == ["opening", "reminder"]

    def of_before_they_were_kept(session):
        session.get_one(Task, task).clocks = None

    store.write(of_before_they_were_kept)
    clock_passes(store, DUE + 2 * DAY, later)
    assert store.read(climbs) is None  # the policy in force has one rung, and it stood on the third


def test_no_rung_fires_after_the_answer_committed(store, task):
    """Both read the task; the answer commits first, and the rung finds another version."""

    def rung_too_late(session):
        found = tasks.get(session, store.codec, task, ALL)
        what = Change(move="escalated", content=found.content, columns={"level": 1}, detail={})
        return found, what

    found, what = store.read(rung_too_late)
    moves(store, HV, task, Move.DECLINE, reason=ResponseReason.NOT_KNOWN)
    with pytest.raises(Raced), Session(store.engine) as session:
        tasks.change(session, store.codec, found, what, DUE + HOUR)
    assert one(store, task).row.status == TaskStatus.REJECTED


@pytest.mark.parametrize("at", [NOON + 4 * HOUR, DUE - 2 * HOUR])
def test_nobody_is_reminded_who_has_answered_meanwhile(store, task, at):
    """The clock read the task before the answer committed."""
    found = store.read(lambda session: tasks.get(session, store.codec, task, ALL))
    moves(store, HV, task, Move.DECLINE, reason=ResponseReason.NOT_KNOWN)
    with pytest.raises(Raced), Session(store.engine) as session:
        escalate._look(session, context(session, store.codec), found, at)
    assert rows(store, task) == []


def test_two_clocks_at_once_climb_each_rung_once(store, task):
    clock_passes(store, DUE)

    def passes(holder):
        return lambda session: clock.tick_alone(
            session, context(session, store.codec), holder=holder, now=DUE + HOUR, lease=timedelta(seconds=30)
        )

    assert [store.write(passes(name)) for name in ("first", "second")] == [1, 0]
    assert len(rungs(store, task)) == 1


def test_the_lead_may_read_what_climbed_to_it(store, task):
    scope = Scope(team=LEAD)
    assert store.read(lambda s: tasks.get(s, store.codec, task, scope)) is None
    clock_passes(store, DUE + DAY)
    seen = store.read(lambda s: tasks.get(s, store.codec, task, scope))
    assert seen is not None
    assert seen.row.code == TaskCode.ACKNOWLEDGE


def test_what_is_due_before_it_could_be_opened_has_no_clock_for_that(store):
    ready(store)
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY, owner=HV, description="Mend it.", priority=Priority.URGENT, due_at=NOON + HOUR
    )
    [task] = store.write(lambda session: raising.raise_tasks(session, context(session, store.codec), [wanted], NOON))
    row = one(store, task).row
    assert (row.open_by, row.remind_at, row.climbs_at) == (None, None, NOON + HOUR)


# --- what a lead does in a team's place


@pytest.fixture
def climbed(store, task):
    """It has come to the lead."""
    clock_passes(store, DUE + DAY)
    return task


AT = DUE + DAY + HOUR
TALKED = Discussion(
    with_whom="Nora Nurse and the ward",
    at=AT - HOUR,
    outcome=DiscussionOutcome.EARLY_HELP,
    because="They visit weekly.",
)


def test_a_lead_takes_over_what_climbed_with_what_its_team_had(store, climbed):
    after = moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team=LEAD, text="The whole team is ill.")
    assert (after.row.owner_team_id, after.row.status, after.row.answered_at) == (LEAD, TaskStatus.REQUESTED, None)
    assert after.view is View.FULL
    outcome = f"outcome:{climbed}:{after.row.version}"
    assert outcome in messages(store, HV)  # whose it was
    assert outcome in messages(store, SENDER)  # who waits
    assert "" in messages(store, LEAD)  # the notification itself
    done = moves(store, LEAD, climbed, Move.ACCEPT, NAMED_NURSE, now=AT, meaning="I visit today.", conversation=SPOKEN)
    assert done.row.answered_at == AT


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD])
def test_taking_over_is_no_way_round_a_decision_not_to_tell_the_lead(store, climbed, state):
    told(store, LEAD, state=state)
    with pytest.raises(Conflict):
        moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team=LEAD, text="Mine.")
    assert one(store, climbed).row.owner_team_id == HV


def test_a_lead_gives_it_to_nobody_who_could_not_have_had_it_from_the_team(store, climbed):
    """The executive's team and the midwives do other work, and were not told."""
    store.write(lambda s: s.add(Team(id="swbh-ward", agency_id="swbh", function=Function.MIDWIFERY, name="W")))
    with pytest.raises(Conflict):
        moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team="swbh-ward", text="Theirs.")
    with pytest.raises(Invalid):  # of another agency
        moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team=GP, text="Theirs.")
    with pytest.raises(Invalid):  # where it is
        moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team=HV, text="Theirs.")


def test_a_lead_gives_it_to_another_team_that_does_the_same_work(store, climbed):
    store.write(lambda s: s.add(Team(id="swbh-north", agency_id="swbh", function=Function.HEALTH_VISITING, name="N")))
    after = moves(
        store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, now=AT, to_team="swbh-north", text="They live there."
    )
    assert after.row.owner_team_id == "swbh-north"
    assert f"outcome:{climbed}:{after.row.version}" in messages(store, HV)


def test_a_lead_closes_it_with_the_discussion_and_nobody_has_acknowledged(store, climbed):
    with pytest.raises(Invalid) as wanting:
        moves(store, LEAD, climbed, Move.COMPLETE, NAMED_NURSE, now=AT, text="Sorted.")
    assert {problem.path for problem in wanting.value.problems} >= {"discussion.with", "discussion.outcome"}
    alone = replace(TALKED, with_whom=NAMED_NURSE.name)
    with pytest.raises(Invalid):  # not with oneself
        moves(store, LEAD, climbed, Move.COMPLETE, NAMED_NURSE, now=AT, discussion=alone)
    after = moves(store, LEAD, climbed, Move.COMPLETE, NAMED_NURSE, now=AT, discussion=TALKED)
    assert (after.row.status, after.row.business_status) == (TaskStatus.COMPLETED, "closed-by-lead")
    assert after.row.answered_at is None
    assert "answered" not in after.content
    assert after.content["closed"]["name"] == NAMED_NURSE.name
    assert after.content["discussion"]["because"] == TALKED.because
    outcome = f"outcome:{climbed}:{after.row.version}"
    assert outcome in messages(store, HV)
    assert outcome in messages(store, SENDER)
    assert store.read(climbs) is None


def test_a_lead_neither_closes_nor_takes_on_a_transfer(store):
    """Responsibility stays where it is until somebody who does that work confirms."""
    ready(store)
    whole = timed(store, HV, priority=Priority.URGENT, code=TaskCode.TRANSFER)
    clock_passes(store, DUE + DAY)
    with pytest.raises(Conflict) as refused:
        moves(store, LEAD, whole, Move.COMPLETE, NAMED_NURSE, now=AT, discussion=TALKED)
    assert set(refused.value.allowed) == {"reassign", "extend", "note"}
    with pytest.raises(Invalid):
        moves(store, LEAD, whole, Move.REASSIGN, NAMED_NURSE, now=AT, to_team=LEAD, text="Mine.")


def test_nobody_takes_over_before_it_has_climbed_to_them(store, task):
    with pytest.raises(NotFound):
        moves(store, LEAD, task, Move.REASSIGN, NAMED_NURSE, now=DUE, to_team=LEAD, text="Mine.")


def test_two_leads_at_once_take_it_over_once(store, climbed):
    version = one(store, climbed).row.version
    asked = {"now": AT, "to_team": LEAD, "text": "Mine.", "expected_version": version}
    moves(store, LEAD, climbed, Move.REASSIGN, NAMED_NURSE, **asked)
    with pytest.raises(Stale):
        moves(store, LEAD, climbed, Move.REASSIGN, Professional(name="Other", role="named-nurse"), **asked)
