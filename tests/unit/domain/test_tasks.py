"""The state machine of a task: who may do what when, what an answer must contain, what it leads to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain import tasks
from broker.domain.answers import (
    FURTHEST,
    LONGEST_TEXT,
    MOST_ACTIONS,
    AgreedAction,
    Conversation,
    Discussion,
    DiscussionOutcome,
    Move,
    MoveRequest,
    ReleaseDecision,
)
from broker.domain.tasks import (
    MOVES,
    TERMINAL,
    BusinessStatus,
    Moved,
    Mover,
    NotAllowed,
    OutOfDate,
    Repeated,
    RoleKind,
    TaskNow,
    Wanting,
)
from schemas.codes import Function, Priority, ResponseReason, TaskCode, TaskStatus
from schemas.message import Professional

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HV, MIDWIVES, OTHER = "swbh-health-visiting", "swbh-midwifery", "cape-hill-practice"
NURSE = Professional(name="Nora Nurse", role="health-visitor")
CLERK = Professional(name="Clem Clerk", role="receptionist")
ROLES = {"health-visitor": RoleKind.PROFESSIONAL, "receptionist": RoleKind.CLERICAL}
MOVER = Mover(
    team=HV,
    function=Function.HEALTH_VISITING,
    agency_teams=frozenset({HV, MIDWIVES}),
    roles=ROLES,
    caretaking_at_most=timedelta(days=42),
)
SENDER = replace(MOVER, team=MIDWIVES, function=Function.MIDWIFERY)
LEAD = replace(MOVER, function=Function.SAFEGUARDING_LEAD)
TOMORROW = NOW + timedelta(days=1)
ACTION = AgreedAction(action="Weigh the child", owner=NURSE, due_at=TOMORROW)


def a_task(code=TaskCode.ACKNOWLEDGE, status=TaskStatus.RECEIVED, **more):
    return TaskNow(code=code, status=status, version=3, owner=HV, requester=MIDWIVES, **more)


def a_move(move, practitioner=NURSE, **more):
    return MoveRequest(move=move, practitioner=practitioner, **more)


def verdict(task, request, mover=MOVER):
    return tasks.move(task, request, mover, NOW)


def paths(found):
    assert isinstance(found, Wanting), found
    return [problem.path for problem in found.problems]


# --- an acknowledgement says something (F25) ----------------------------------------------------------------------


def test_a_positive_acknowledgement_without_meaning_or_action_is_refused():
    assert paths(verdict(a_task(), a_move(Move.ACCEPT))) == ["meaning"]


def test_with_a_meaning_alone_the_task_is_done():
    moved = verdict(a_task(), a_move(Move.ACCEPT, meaning="We visit weekly from now on."))
    assert (moved.status, moved.reason) == (TaskStatus.COMPLETED, ResponseReason.ACCEPTED)


def test_with_agreed_actions_the_task_stays_accepted_until_they_end():
    moved = verdict(a_task(), a_move(Move.ACCEPT, actions=(ACTION,)))
    assert (moved.status, moved.business_status) == (TaskStatus.ACCEPTED, BusinessStatus.ACTIONS_OPEN)
    open_, done = TaskStatus.ACCEPTED, TaskStatus.COMPLETED
    assert tasks.after_actions([open_, done]) == (TaskStatus.ACCEPTED, BusinessStatus.ACTIONS_OPEN)
    assert tasks.after_actions([done, done]) == (TaskStatus.COMPLETED, None)
    assert tasks.after_actions([TaskStatus.REJECTED, done]) == (TaskStatus.COMPLETED, BusinessStatus.ACTION_NOT_DONE)


@pytest.mark.parametrize(
    ("action", "path"),
    [
        (replace(ACTION, owner=None), "agreed-action[0].owner"),
        (replace(ACTION, owner=Professional()), "agreed-action[0].owner"),
        (replace(ACTION, owner=None, team=OTHER), "agreed-action[0].owner"),
        (replace(ACTION, owner=None, team=MIDWIVES), "agreed-action[0].owner"),
        (replace(ACTION, due_at=None), "agreed-action[0].due"),
        (replace(ACTION, due_at=NOW), "agreed-action[0].due"),
        (replace(ACTION, due_at=NOW + timedelta(days=800)), "agreed-action[0].due"),
        (replace(ACTION, action=None), "agreed-action[0].action"),
        (replace(ACTION, action="x" * (LONGEST_TEXT + 1)), "agreed-action[0].action"),
    ],
)
def test_an_action_without_owner_or_due_date_is_refused_with_where(action, path):
    """F15, F29."""
    assert paths(verdict(a_task(), a_move(Move.ACCEPT, actions=(action,)))) == [path]


def test_an_action_may_be_the_teams_own_or_a_roles():
    for owner in ({"team": HV, "owner": None}, {"owner": Professional(role="health-visitor")}):
        moved = verdict(a_task(), a_move(Move.ACCEPT, actions=(replace(ACTION, **owner),)))
        assert isinstance(moved, Moved)


def test_a_list_of_actions_has_an_end():
    assert paths(verdict(a_task(), a_move(Move.ACCEPT, actions=(ACTION,) * (MOST_ACTIONS + 1)))) == ["agreed-action"]
    assert isinstance(verdict(a_task(), a_move(Move.ACCEPT, actions=(ACTION,) * MOST_ACTIONS)), Moved)
    last = replace(ACTION, due_at=NOW + FURTHEST, action="x" * LONGEST_TEXT)
    assert isinstance(verdict(a_task(), a_move(Move.ACCEPT, actions=(last,))), Moved)


@pytest.mark.parametrize("priority", [Priority.URGENT, Priority.ASAP, Priority.STAT])
def test_an_urgent_task_needs_a_conversation_that_was_held(priority):
    """F6."""
    task = a_task(priority=priority)
    accept = a_move(Move.ACCEPT, meaning="We go today.")
    assert paths(verdict(task, accept)) == ["conversation.with", "conversation.at"]
    planned = replace(accept, conversation=Conversation(with_whom="The ward", at=TOMORROW))
    assert paths(verdict(task, planned)) == ["conversation.at"]
    held = replace(accept, conversation=Conversation(with_whom="The ward", at=NOW - timedelta(hours=1)))
    assert verdict(task, held).status is TaskStatus.COMPLETED


# --- declining and asking -----------------------------------------------------------------------------------------


def test_a_decline_needs_a_reason_that_is_one():
    assert paths(verdict(a_task(), a_move(Move.DECLINE))) == ["reason"]
    for not_one in (ResponseReason.ACCEPTED, ResponseReason.KNOWN_HERE):
        assert paths(verdict(a_task(), a_move(Move.DECLINE, reason=not_one))) == ["reason"]
    moved = verdict(a_task(), a_move(Move.DECLINE, reason=ResponseReason.NO_LONGER_HERE))
    assert (moved.status, moved.reason) == (TaskStatus.REJECTED, ResponseReason.NO_LONGER_HERE)


def test_a_question_puts_the_task_on_hold_and_one_is_asked_at_a_time():
    assert paths(verdict(a_task(), a_move(Move.ASK))) == ["question"]
    moved = verdict(a_task(), a_move(Move.ASK, text="Which flat?"))
    assert (moved.status, moved.business_status) == (TaskStatus.ON_HOLD, BusinessStatus.QUESTION_ASKED)
    asking = a_task(status=TaskStatus.ON_HOLD, asking=True)
    again = verdict(asking, a_move(Move.ASK, text="And which floor?"))
    assert isinstance(again, NotAllowed)
    assert Move.ASK not in again.allowed
    assert {Move.ACCEPT, Move.DECLINE} <= set(again.allowed)


def test_whoever_was_asked_may_answer_on_the_task_that_waits():
    assert Move.ANSWER in tasks.allowed(a_task(status=TaskStatus.ON_HOLD, asking=True), MIDWIVES)
    assert Move.ANSWER not in tasks.allowed(a_task(), MIDWIVES)


def test_an_answer_needs_words():
    question = a_task(TaskCode.SUPPLY_INFORMATION)
    for move in (Move.ANSWER, Move.COMPLETE):
        assert paths(verdict(question, a_move(move))) == ["answer"]
        assert verdict(question, a_move(move, text="The ground floor.")).status is TaskStatus.COMPLETED


# --- who may (F13) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", sorted(set(Move) - {Move.OPEN, Move.NOTE}))
@pytest.mark.parametrize("code", sorted(set(TaskCode)))
def test_a_clerical_role_ends_nothing_but_data_quality_and_resolving(code, move):
    task = a_task(code)
    full = a_move(move, CLERK, meaning="m", text="t", reason=ResponseReason.NOT_KNOWN, choice="c", to_team=MIDWIVES)
    found = verdict(task, replace(full, due_at=TOMORROW))
    clerical = code in (TaskCode.DATA_QUALITY, TaskCode.RESOLVE_IDENTITY, TaskCode.RESOLVE_ADDRESS)
    assert isinstance(found, Moved) is (clerical and move in MOVES[code, task.status])


def test_opening_by_a_clerk_and_by_a_professional_are_two_facts():
    opened = verdict(a_task(), a_move(Move.OPEN, CLERK))
    assert (opened.status, opened.business_status, opened.kind) == (
        TaskStatus.RECEIVED,
        BusinessStatus.OPENED,
        RoleKind.CLERICAL,
    )
    seen_by_clerk = a_task(opened_as=RoleKind.CLERICAL)
    assert isinstance(verdict(seen_by_clerk, a_move(Move.OPEN, CLERK)), Repeated)
    assert verdict(seen_by_clerk, a_move(Move.OPEN)).kind is RoleKind.PROFESSIONAL
    seen = a_task(opened_as=RoleKind.PROFESSIONAL)
    assert isinstance(verdict(seen, a_move(Move.OPEN, CLERK)), Repeated)
    assert isinstance(verdict(seen, a_move(Move.OPEN)), Repeated)


def test_a_clerk_is_told_what_a_clerk_may_do():
    refused = verdict(a_task(), a_move(Move.ACCEPT, CLERK, meaning="Seen."))
    assert refused == NotAllowed((Move.OPEN, Move.NOTE), "This needs a professional role; a clerical one may open it.")


@pytest.mark.parametrize(
    ("who", "path"),
    [
        (None, "practitioner.name"),
        (Professional(role="health-visitor"), "practitioner.name"),
        (Professional(name="Nora Nurse"), "practitioner.role"),
        (Professional(name="Nora Nurse", role="astrologer"), "practitioner.role"),
    ],
)
def test_who_moves_a_task_has_a_name_and_a_role_that_policy_lists(who, path):
    assert path in paths(verdict(a_task(), a_move(Move.ACCEPT, who, meaning="Seen.")))


def test_only_a_safeguarding_lead_releases():
    """Sharing principle 7."""
    gate = a_task(TaskCode.RELEASE)
    decide = a_move(Move.COMPLETE, decision=ReleaseDecision(functions=(Function.HEALTH_VISITING,)))
    refused = verdict(gate, decide)
    assert isinstance(refused, NotAllowed)
    assert Move.COMPLETE not in refused.allowed
    assert verdict(gate, decide, LEAD).status is TaskStatus.COMPLETED
    assert paths(verdict(gate, a_move(Move.COMPLETE), LEAD)) == ["decision"]
    assert paths(verdict(gate, replace(decide, decision=ReleaseDecision()), LEAD)) == ["decision.because"]


@pytest.mark.parametrize("code", sorted(set(TaskCode)))
def test_nobody_but_owner_and_requester_may_do_anything(code):
    for status in TaskStatus:
        assert tasks.allowed(a_task(code, status), OTHER) == frozenset()


def test_whoever_asked_may_take_a_question_back_but_not_an_acknowledgement():
    assert Move.CANCEL in tasks.allowed(a_task(TaskCode.SUPPLY_INFORMATION), MIDWIVES)
    assert tasks.allowed(a_task(), MIDWIVES) == {Move.NOTE}


# --- kinds of completing ------------------------------------------------------------------------------------------


def test_a_discussion_with_the_lead_is_recorded_with_its_outcome():
    """F16."""
    task = a_task(TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD)
    complete = a_move(Move.COMPLETE)
    assert paths(verdict(task, complete)) == ["discussion.with", "discussion.at", "discussion.outcome"]
    talk = Discussion(with_whom="Lea Lead", at=NOW, outcome=DiscussionOutcome.NOT_REFERRED)
    assert paths(verdict(task, replace(complete, discussion=talk))) == ["discussion.because"]
    assert isinstance(verdict(task, replace(complete, discussion=replace(talk, because="Weight regained."))), Moved)
    referred = replace(talk, outcome=DiscussionOutcome.REFERRED)
    assert isinstance(verdict(task, replace(complete, discussion=referred)), Moved)
    alone = replace(referred, with_whom="nora  NURSE")
    assert paths(verdict(task, replace(complete, discussion=alone))) == ["discussion.with"]
    assert Move.DECLINE not in tasks.allowed(task, HV)


@pytest.mark.parametrize(
    "code",
    [
        TaskCode.CONFIRM_HOUSEHOLD,
        TaskCode.CONFIRM_INVOLVEMENT,
        TaskCode.RESOLVE_IDENTITY,
        TaskCode.RESOLVE_ADDRESS,
    ],
)
def test_a_choice_must_be_one_that_was_offered(code):
    task = a_task(code, choices=frozenset({"yes", "no"}))
    assert paths(verdict(task, a_move(Move.COMPLETE))) == ["choice"]
    assert paths(verdict(task, a_move(Move.COMPLETE, choice="perhaps"))) == ["choice"]
    assert verdict(task, a_move(Move.COMPLETE, choice="yes")).status is TaskStatus.COMPLETED


def test_an_agreed_action_is_done_with_words_or_not_done_with_a_reason():
    action = a_task(TaskCode.AGREED_ACTION, TaskStatus.ACCEPTED)
    assert paths(verdict(action, a_move(Move.COMPLETE))) == ["note"]
    assert verdict(action, a_move(Move.COMPLETE, text="Weighed.")).status is TaskStatus.COMPLETED
    declined = a_move(Move.DECLINE, reason=ResponseReason.UNABLE_TO_CONTACT)
    assert verdict(action, declined).status is TaskStatus.REJECTED


# --- reassigning and extending ------------------------------------------------------------------------------------


def test_a_task_goes_only_to_another_team_of_the_same_agency_and_with_a_reason():
    assert paths(verdict(a_task(), a_move(Move.REASSIGN, text="Moved."))) == ["owner"]
    assert paths(verdict(a_task(), a_move(Move.REASSIGN, to_team=HV, text="Moved."))) == ["owner"]
    assert paths(verdict(a_task(), a_move(Move.REASSIGN, to_team=OTHER, text="Moved."))) == ["owner"]
    assert paths(verdict(a_task(), a_move(Move.REASSIGN, to_team=MIDWIVES))) == ["note"]
    moved = verdict(a_task(), a_move(Move.REASSIGN, to_team=MIDWIVES, text="Still with the midwives."))
    assert (moved.owner, moved.status) == (MIDWIVES, TaskStatus.REQUESTED)


def test_an_agreed_action_can_be_ended_by_the_team_it_was_given_to():
    action = a_task(TaskCode.AGREED_ACTION, TaskStatus.ACCEPTED)
    moved = verdict(action, a_move(Move.REASSIGN, to_team=MIDWIVES, text="Moved."))
    given = replace(action, status=moved.status, owner=moved.owner)
    assert verdict(given, a_move(Move.COMPLETE, text="Done."), SENDER).status is TaskStatus.COMPLETED


def test_a_later_date_needs_a_reason_and_keeps_the_task_answerable():
    task = a_task(due_at=TOMORROW)
    assert paths(verdict(task, a_move(Move.EXTEND))) == ["due", "note"]
    assert paths(verdict(task, a_move(Move.EXTEND, due_at=TOMORROW, text="Leave."))) == ["due"]
    moved = verdict(task, a_move(Move.EXTEND, due_at=TOMORROW + timedelta(days=2), text="On leave."))
    assert (moved.status, moved.business_status) == (TaskStatus.ON_HOLD, BusinessStatus.EXTENDED)
    held = replace(task, status=moved.status, due_at=moved.due_at, business_status=moved.business_status)
    assert verdict(held, a_move(Move.ACCEPT, meaning="We go.")).status is TaskStatus.COMPLETED


def test_extending_does_not_hide_that_a_question_is_open():
    asking = a_task(status=TaskStatus.ON_HOLD, asking=True, business_status=BusinessStatus.QUESTION_ASKED)
    moved = verdict(asking, a_move(Move.EXTEND, due_at=TOMORROW, text="No answer yet."))
    assert moved.business_status is BusinessStatus.QUESTION_ASKED


# --- late, repeated, racing ---------------------------------------------------------------------------------------


def test_the_same_request_again_gets_the_same_answer_whatever_version_it_names():
    accept = a_move(Move.ACCEPT, meaning="We visit.", expected_version=2)
    ended = a_task(status=TaskStatus.COMPLETED, last=accept.fingerprint(HV))
    assert isinstance(verdict(ended, accept), Repeated)
    other = verdict(ended, replace(accept, meaning="We do not visit."))
    assert isinstance(other, OutOfDate)
    assert isinstance(verdict(ended, replace(accept, meaning="Else.", expected_version=None)), NotAllowed)


def test_the_same_words_of_another_team_are_not_the_same_request():
    note = a_move(Move.NOTE, text="Rang.")
    assert isinstance(verdict(a_task(last=note.fingerprint(HV)), note, SENDER), Moved)


def test_a_move_on_an_earlier_version_is_out_of_date():
    assert isinstance(verdict(a_task(), a_move(Move.OPEN, expected_version=2)), OutOfDate)
    assert isinstance(verdict(a_task(), a_move(Move.OPEN, expected_version=3)), Moved)


@pytest.mark.parametrize("status", sorted(TERMINAL))
@pytest.mark.parametrize("code", sorted(set(TaskCode)))
def test_nothing_follows_an_ended_task(code, status):
    """Invariant 6: a positive acknowledgement is never followed by a negative one, or the other way round."""
    assert (code, status) not in MOVES
    for team in (HV, MIDWIVES):
        assert tasks.allowed(a_task(code, status), team) == frozenset()
    refused = verdict(a_task(code, status), a_move(Move.NOTE, text="Late."))
    assert refused == NotAllowed((), f"This task has ended ({status.value}); a change of mind is a new task.")


def test_an_accepted_task_cannot_be_declined_while_its_actions_are_open():
    accepted = a_task(status=TaskStatus.ACCEPTED)
    refused = verdict(accepted, a_move(Move.DECLINE, reason=ResponseReason.NOT_NEEDED))
    assert refused == NotAllowed((), "This task was accepted; what was agreed are tasks of their own.")
    received = verdict(a_task(), a_move(Move.COMPLETE))
    assert received.why == verdict(a_task(TaskCode.AGREED_ACTION, TaskStatus.ACCEPTED), a_move(Move.ASK)).why
    assert received.why == "This move is not possible now."


def test_delivery_makes_a_requested_task_received_and_no_other():
    after = {status: tasks.delivered(status) for status in TaskStatus}
    assert after.pop(TaskStatus.REQUESTED) is TaskStatus.RECEIVED
    assert all(status is then for status, then in after.items())


def test_overdue_is_only_what_has_not_ended():
    yesterday = NOW - timedelta(days=1)
    assert tasks.overdue(TaskStatus.RECEIVED, yesterday, NOW)
    assert not tasks.overdue(TaskStatus.RECEIVED, None, NOW)
    assert not tasks.overdue(TaskStatus.RECEIVED, TOMORROW, NOW)
    assert not tasks.overdue(TaskStatus.RECEIVED, NOW, NOW)
    assert not tasks.overdue(TaskStatus.COMPLETED, yesterday, NOW)
