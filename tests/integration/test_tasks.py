"""Answering tasks on both databases: what is written, who is told, who sees what, and who wins a race."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from broker.domain.answers import Move
from broker.domain.states import View
from broker.domain.wanted import TaskWanted
from broker.errors import Conflict, Invalid, Stale
from broker.storage import tasks
from broker.storage.tables import Delivery, Task
from broker.workflow import acknowledge
from schemas.codes import Priority, ResponseReason, TaskCode, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import NOTIFICATION, SENDER
from tests.integration.task_rows import (
    CLERK,
    DUE,
    GP,
    HV,
    LEAD,
    MIDWIFE,
    PARTNERSHIP,
    PROBATION,
    SPOKEN,
    action,
    carrier,
    context,
    history,
    messages,
    moves,
    one,
    raised,
    ready,
    told,
)


@pytest.fixture
def prepared_store(store):
    ready(store)
    return store


# --- raising ------------------------------------------------------------------------------------------------------


def test_a_task_of_ours_gets_a_message_of_its_own_and_one_that_a_delivery_carries_does_not(prepared_store):
    carried = told(prepared_store, HV)
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY,
        owner=SENDER,
        description="Say who else lives there.",
        notification_id=NOTIFICATION,
        dedupe_key="situation-1",
    )
    first, second = prepared_store.write(lambda s: raised(s, prepared_store.codec, wanted, wanted))
    again = prepared_store.write(lambda s: raised(s, prepared_store.codec, wanted))
    assert first == second == again[0]
    assert messages(prepared_store, SENDER) == [f"task:{first}"]
    assert messages(prepared_store, HV) == [""]
    assert history(prepared_store, first) == history(prepared_store, carried) == ["raised"]


def test_a_situation_that_two_transactions_find_at_once_raises_one_task(prepared_store):
    wanted = TaskWanted(
        code=TaskCode.DATA_QUALITY, owner=SENDER, description="Mend.", notification_id=NOTIFICATION, dedupe_key="twice"
    )
    with ThreadPoolExecutor(4) as pool:
        shares = list(
            pool.map(lambda _: prepared_store.write(lambda s: raised(s, prepared_store.codec, wanted)), range(4))
        )
    assert len({task_id for ids in shares for task_id in ids}) == 1


def test_who_has_a_task_about_a_notification_it_was_not_sent_gets_the_task_and_not_the_content(prepared_store):
    for owner in (SENDER, LEAD):
        wanted = TaskWanted(
            code=TaskCode.RESOLVE_IDENTITY, owner=owner, description="Who is this?", notification_id=NOTIFICATION
        )
        prepared_store.write(lambda s, wanted=wanted: raised(s, prepared_store.codec, wanted))
    rows = prepared_store.read(lambda s: s.exec(select(Delivery)).all())
    assert {row.team_id: row.view for row in rows} == {SENDER: View.FULL, LEAD: View.EXISTENCE}


# --- four facts ---------------------------------------------------------------------------------------------------


def test_delivered_opened_and_acknowledged_are_separate_facts_with_their_own_times(prepared_store):
    """F13, invariant 6."""
    store, task_id = prepared_store, told(prepared_store, HV)
    delivery_id = carrier(store, task_id)
    delivered, opened, answered = (NOON + timedelta(hours=hour) for hour in (1, 2, 3))
    store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [delivery_id], delivered))
    assert (one(store, task_id).row.status, one(store, task_id).row.opened_at) == (TaskStatus.RECEIVED, None)
    moves(store, HV, task_id, Move.OPEN, CLERK, now=opened)
    assert one(store, task_id).row.answered_at is None
    with pytest.raises(Conflict) as refused:
        moves(store, HV, task_id, Move.ACCEPT, CLERK, meaning="Seen.")
    assert refused.value.allowed == ("open", "note")
    done = moves(store, HV, task_id, Move.ACCEPT, meaning="We visit weekly.", now=answered).row
    assert (done.delivered_at, done.opened_at, done.answered_at) == (delivered, opened, answered)
    assert (done.status, done.version) == (TaskStatus.COMPLETED, 4)
    assert history(store, task_id) == ["raised", "delivered", "open", "accept"]


def test_delivery_is_marked_once_and_never_takes_an_answer_back(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    delivery_id = carrier(store, task_id)
    [part] = moves(store, HV, task_id, Move.ACCEPT, actions=(action(),)).content["actions"]
    for _ in range(2):
        store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [delivery_id], NOON))
    after = one(store, task_id).row
    assert (after.status, after.delivered_at, after.version) == (TaskStatus.ACCEPTED, NOON, 3)
    assert one(store, part).row.delivered_at is None, "what was agreed is in no message to those who agreed"


def test_a_task_with_its_own_message_is_received_when_that_arrives(prepared_store):
    store = prepared_store
    wanted = TaskWanted(code=TaskCode.DATA_QUALITY, owner=SENDER, description="Mend.", notification_id=NOTIFICATION)
    [task_id] = store.write(lambda s: raised(s, store.codec, wanted))
    [row] = store.read(lambda s: s.exec(select(Delivery)).all())
    store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [row.id], NOON))
    assert one(store, task_id).row.status == TaskStatus.RECEIVED


# --- agreed actions -----------------------------------------------------------------------------------------------


def test_each_agreed_action_is_a_task_of_the_team_that_agreed_and_ends_by_itself(prepared_store):
    """F10, F14: completing one does not complete another; the whole is done when the last has ended."""
    store, task_id = prepared_store, told(prepared_store, HV)
    after = moves(store, HV, task_id, Move.ACCEPT, actions=(action("Weigh"), action("Antenatal contact", 14)))
    assert after.row.status == TaskStatus.ACCEPTED
    weigh, contact = after.content["actions"]
    for part in (weigh, contact):
        found = one(store, part)
        assert (found.row.code, found.row.owner_team_id, found.row.part_of) == (TaskCode.AGREED_ACTION, HV, task_id)
        assert (found.requester, found.row.due_at is None) == (SENDER, False)
    moves(store, HV, weigh, Move.COMPLETE, text="Weighed: on the 25th centile.")
    assert one(store, contact).row.status == one(store, task_id).row.status == TaskStatus.ACCEPTED
    moves(store, HV, contact, Move.DECLINE, reason=ResponseReason.UNABLE_TO_CONTACT)
    whole = one(store, task_id).row
    assert (whole.status, whole.business_status) == (TaskStatus.COMPLETED, "action-not-done")
    assert history(store, task_id) == ["raised", "accept", "progress", "actions-ended"]
    told_sender = messages(store, SENDER)
    assert sorted(told_sender) == sorted(
        [f"outcome:{task_id}:2", f"outcome:{weigh}:2", f"outcome:{contact}:2", f"outcome:{task_id}:4"]
    )


def test_an_action_without_owner_or_date_writes_nothing(prepared_store):
    """F15."""
    store, task_id = prepared_store, told(prepared_store, HV)
    with pytest.raises(Invalid) as refused:
        moves(store, HV, task_id, Move.ACCEPT, meaning="We weigh.", actions=(action(days=-1),))
    assert [problem.path for problem in refused.value.problems] == ["agreed-action[0].due"]
    assert history(store, task_id) == ["raised"]
    assert messages(store, SENDER) == []


def test_the_last_two_actions_ended_at_once_end_the_whole(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    parts = moves(store, HV, task_id, Move.ACCEPT, actions=(action("One"), action("Two"))).content["actions"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda part: moves(store, HV, part, Move.COMPLETE, text="Done."), parts))
    assert one(store, task_id).row.status == TaskStatus.COMPLETED


# --- questions ----------------------------------------------------------------------------------------------------


def test_a_question_goes_to_the_sender_and_its_answer_gives_the_task_back(prepared_store):
    """F25."""
    store, task_id = prepared_store, told(prepared_store, HV)
    held = moves(store, HV, task_id, Move.ASK, text="Which flat?")
    assert (held.row.status, held.row.business_status) == (TaskStatus.ON_HOLD, "question-asked")
    question_id = held.content["questions"][0]["task"]
    question = one(store, question_id)
    assert (question.row.code, question.row.owner_team_id, question.requester, question.row.part_of) == (
        TaskCode.SUPPLY_INFORMATION,
        SENDER,
        HV,
        task_id,
    )
    assert question.content["options"] == {"question": "Which flat?"}
    assert messages(store, SENDER) == [f"task:{question_id}"]
    moves(store, SENDER, question_id, Move.ANSWER, MIDWIFE, text="The one on the ground floor.")
    back = one(store, task_id)
    assert (back.row.status, back.row.business_status) == (TaskStatus.RECEIVED, "question-answered")
    assert back.content["questions"][0]["answer"] == "The one on the ground floor."
    assert messages(store, HV) == ["", f"outcome:{question_id}:2"]
    assert moves(store, HV, task_id, Move.ACCEPT, meaning="We go.").row.status == TaskStatus.COMPLETED


def test_the_sender_may_answer_on_the_task_that_waits_and_again_gets_the_same(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    moves(store, HV, task_id, Move.ASK, text="Which flat?")
    for _ in range(2):
        after = moves(store, SENDER, task_id, Move.ANSWER, MIDWIFE, text="Ground floor.")
        assert (after.row.id, after.row.status, after.row.version) == (task_id, TaskStatus.RECEIVED, 3)


@pytest.mark.parametrize(
    ("team", "move", "said", "declined"),
    [
        (SENDER, Move.DECLINE, {"reason": ResponseReason.NOT_KNOWN}, "30002"),
        (HV, Move.CANCEL, {}, "30013"),
    ],
)
def test_a_question_that_gets_no_answer_gives_the_task_back_too(prepared_store, team, move, said, declined):
    store, task_id = prepared_store, told(prepared_store, HV)
    question_id = moves(store, HV, task_id, Move.ASK, text="Which flat?").content["questions"][0]["task"]
    moves(store, team, question_id, move, **said)
    back = one(store, task_id)
    assert (back.row.status, back.now().asking) == (TaskStatus.RECEIVED, False)
    assert back.content["questions"][0]["declined"] == declined


def test_answering_without_waiting_for_the_answer_ends_the_question(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    question_id = moves(store, HV, task_id, Move.ASK, text="Which flat?").content["questions"][0]["task"]
    moves(store, HV, task_id, Move.ACCEPT, meaning="We found it out.")
    assert one(store, question_id).row.status == TaskStatus.CANCELLED
    assert f"outcome:{question_id}:2" in messages(store, SENDER)
    with pytest.raises(Conflict):
        moves(store, SENDER, question_id, Move.ANSWER, MIDWIFE, text="Too late.")


def test_a_question_to_a_sender_that_may_not_know_the_asker_goes_to_the_lead(prepared_store):
    """Sharing principle 9."""
    store = prepared_store
    task_id = told(store, HV, known_to_sender=False)
    question_id = moves(store, HV, task_id, Move.ASK, text="Is she safe?").content["questions"][0]["task"]
    assert one(store, question_id).row.owner_team_id == LEAD
    assert messages(store, SENDER) == []
    other = told(store, PROBATION, known_to_sender=False)
    asked = moves(store, PROBATION, other, Move.ASK, text="Where is he?").content["questions"][0]["task"]
    assert one(store, asked).row.owner_team_id == PARTNERSHIP


# --- late, repeated, racing ---------------------------------------------------------------------------------------


def test_the_same_answer_again_changes_nothing(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    said: dict[str, Any] = {"actions": (action(),), "expected_version": 1}
    first = moves(store, HV, task_id, Move.ACCEPT, **said)
    second = moves(store, HV, task_id, Move.ACCEPT, now=NOON + timedelta(hours=1), **said)
    assert (first.row.version, first.content) == (second.row.version, second.content)
    assert len(messages(store, SENDER)) == 1


def test_the_same_answer_twice_at_once_is_one_answer(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV, priority=Priority.URGENT)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: moves(store, HV, task_id, Move.ACCEPT, actions=(action(),), conversation=SPOKEN), range(4)
            )
        )
    assert {answer.row.version for answer in answers} == {2}
    assert history(store, task_id) == ["raised", "accept"]
    assert len(messages(store, SENDER)) == 1


def test_of_two_who_answer_differently_at_once_one_wins_and_the_other_is_told(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)

    def answer(n):
        said: dict[str, Any] = {"meaning": "Ours."} if n % 2 else {"reason": ResponseReason.NOT_KNOWN}
        try:
            return moves(store, HV, task_id, Move.ACCEPT if n % 2 else Move.DECLINE, **said).row.status
        except Conflict as lost:
            return (lost.allowed, str(lost))

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(answer, range(2)))
    [won] = [outcome for outcome in outcomes if isinstance(outcome, str)]
    [lost] = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    assert lost == ((), f"This task has ended ({won}); a change of mind is a new task.")


def test_who_decided_on_an_earlier_version_is_told_what_happened(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    moves(store, SENDER, task_id, Move.NOTE, MIDWIFE, text="She moved yesterday.")
    with pytest.raises(Stale) as late:
        moves(store, HV, task_id, Move.ACCEPT, meaning="We go.", expected_version=1)
    assert str(late.value) == (
        "It was changed since it was read: the other team made it requested (note); it is now version 2."
    )
    assert messages(store, HV) == ["", f"outcome:{task_id}:2"]


# --- withdrawing --------------------------------------------------------------------------------------------------


def test_a_withdrawn_notification_ends_what_is_open_and_nothing_that_was_answered(prepared_store):
    store = prepared_store
    open_, asked, accepted, declined = (told(store, team) for team in (HV, GP, PROBATION, LEAD))
    question = moves(store, GP, asked, Move.ASK, text="Which flat?").content["questions"][0]["task"]
    action_id = moves(store, PROBATION, accepted, Move.ACCEPT, actions=(action(),)).content["actions"][0]
    moves(store, LEAD, declined, Move.DECLINE, reason=ResponseReason.NOT_NEEDED)

    kept = [
        TaskWanted(code=code, owner=LEAD, description="Still a question.", notification_id=NOTIFICATION)
        for code in (TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.RESOLVE_IDENTITY)
    ]
    stay = store.write(lambda s: raised(s, store.codec, *kept))

    def withdraw(session):
        return acknowledge.cancel_for_notification(session, context(session, store.codec), NOTIFICATION, NOON)

    assert set(store.write(withdraw)) == {open_, asked, question}
    assert store.write(withdraw) == []
    statuses = {task_id: one(store, task_id).row.status for task_id in (open_, accepted, declined, action_id)}
    assert statuses == {open_: "cancelled", accepted: "accepted", declined: "rejected", action_id: "accepted"}
    assert one(store, open_).row.business_status == "withdrawn"
    assert {one(store, task_id).row.status for task_id in stay} == {"requested"}, "F17: not ended by the reporter alone"


# --- the database refuses the rest --------------------------------------------------------------------------------


def test_every_move_raises_the_version_by_one_and_leaves_an_event(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    moves(store, HV, task_id, Move.OPEN, CLERK)
    moves(store, HV, task_id, Move.OPEN)
    moves(store, HV, task_id, Move.OPEN)
    moves(store, HV, task_id, Move.EXTEND, due_at=DUE + timedelta(days=1), text="On leave.")
    moves(store, HV, task_id, Move.NOTE, text="Rang twice.")
    after = one(store, task_id).row
    assert after.version == len(history(store, task_id)) == 5
    events = store.read(lambda s: tasks.events(s, store.codec, task_id))
    assert [(event.version, event.team_id, event.client_name) for event in events][1:] == [
        (n, HV, f"{HV}-system") for n in range(2, 6)
    ]
    row = store.read(lambda s: s.exec(select(Task).where(Task.id == task_id)).one())
    assert (row.due_at, row.status) == (DUE + timedelta(days=1), TaskStatus.ON_HOLD)
