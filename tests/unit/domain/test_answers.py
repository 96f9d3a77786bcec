"""What each answer must contain, word by word: whoever answers is told exactly what is missing, and nothing else is asked of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.answers import (
    FURTHEST,
    LONGEST_TEXT,
    MOST_ACTIONS,
    AgreedAction,
    Asked,
    Conversation,
    Discussion,
    DiscussionOutcome,
    Move,
    MoveRequest,
    ReleaseDecision,
    check,
)
from schemas.codes import Function, Priority, ResponseReason, TaskCode
from schemas.message import Professional

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
TOMORROW = NOW + timedelta(days=1)
TEAM, SISTERS, STRANGERS = "visitors", "midwives", "practice"
NURSE = Professional(name="Nora Nurse", role="health-visitor")
ACTION = AgreedAction(action="Weigh the child", owner=NURSE, due_at=TOMORROW)
HELD = Conversation(with_whom="The midwife", at=NOW)
DISCUSSED = Discussion(with_whom="The named nurse", at=NOW, outcome=DiscussionOutcome.REFERRED)
ASKED = Asked(
    code=TaskCode.ACKNOWLEDGE,
    priority=Priority.ROUTINE,
    due_at=None,
    choices=frozenset(),
    functions=frozenset(),
    team=TEAM,
    owner=TEAM,
    agency_teams=frozenset({TEAM, SISTERS}),
    caretaking_at_most=timedelta(days=42),
)
LONG = "x" * LONGEST_TEXT


def said(request: MoveRequest, **asked: object) -> list[tuple[str, str, str]]:
    return [(one.path, one.code, one.reason) for one in check(request, replace(ASKED, **asked), NOW)]


def answer(move: Move, **more: object) -> MoveRequest:
    return MoveRequest(move=move, practitioner=NURSE, **more)


def missing(path: str, reason: str) -> tuple[str, str, str]:
    return path, "required", reason


def against_the_rule(path: str, reason: str) -> tuple[str, str, str]:
    return path, "business-rule", reason


# --- acknowledgement and what is agreed (F15, F25) ---------------------------------------------------------------------

NO_MEANING = missing("meaning", "say what this means here, or name at least one agreed action")
NO_ACTION = missing("agreed-action[0].action", "say what will be done")
NO_OWNER = missing("agreed-action[0].owner", "name who will do it: a practitioner by name or role, or your team")
NOT_THEIRS = against_the_rule(
    "agreed-action[0].owner", "must be of the team that answers; ask another team by a referral"
)
NO_DUE = missing("agreed-action[0].due", "say by when")
PAST = against_the_rule("agreed-action[0].due", "must lie in the future")
FAR = against_the_rule("agreed-action[0].due", "must lie within the next two years")


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        (ACTION, []),
        (replace(ACTION, owner=Professional(name="Nora Nurse")), []),
        (replace(ACTION, owner=Professional(role="health-visitor")), []),
        (replace(ACTION, owner=None, team=TEAM), []),
        (replace(ACTION, owner=Professional(), team=TEAM), []),
        (replace(ACTION, due_at=NOW + INSTANT), []),
        (replace(ACTION, due_at=NOW + FURTHEST), []),
        (replace(ACTION, action=None), [NO_ACTION]),
        (replace(ACTION, owner=None), [NO_OWNER]),
        (replace(ACTION, owner=Professional()), [NO_OWNER]),
        (replace(ACTION, team=STRANGERS), [NOT_THEIRS]),
        (replace(ACTION, owner=None, team=SISTERS), [NOT_THEIRS]),
        (replace(ACTION, due_at=None), [NO_DUE]),
        (replace(ACTION, due_at=NOW), [PAST]),
        (replace(ACTION, due_at=NOW + FURTHEST + INSTANT), [FAR]),
        (AgreedAction(), [NO_ACTION, NO_OWNER, NO_DUE]),
    ],
)
@pytest.mark.parametrize("code", [TaskCode.ACKNOWLEDGE, TaskCode.CONFIRM_CHILD])
def test_an_agreed_action_says_what_who_of_the_team_and_by_when(code, action, wrong):
    assert said(answer(Move.ACCEPT, actions=(action,)), code=code) == wrong


def test_each_action_is_named_by_its_place():
    both = answer(Move.ACCEPT, actions=(ACTION, AgreedAction()))
    assert [path for path, _, _ in said(both)] == [
        "agreed-action[1].action",
        "agreed-action[1].owner",
        "agreed-action[1].due",
    ]


def test_an_acknowledgement_says_what_it_means_or_what_will_be_done():
    assert said(answer(Move.ACCEPT)) == [NO_MEANING]
    assert said(answer(Move.ACCEPT, meaning="We did not know this.")) == []
    assert said(answer(Move.ACCEPT, actions=(ACTION,))) == []
    assert said(answer(Move.ACCEPT), code=TaskCode.CONFIRM_CHILD) == [], "taking a child on means the same everywhere"


def test_there_is_an_end_to_what_may_be_agreed():
    assert said(answer(Move.ACCEPT, actions=(ACTION,) * MOST_ACTIONS)) == []
    assert said(answer(Move.ACCEPT, actions=(ACTION,) * (MOST_ACTIONS + 1))) == [
        ("agreed-action", "too-long", "there may be at most 20")
    ]


@pytest.mark.parametrize("priority", [Priority.URGENT, Priority.ASAP, Priority.STAT])
@pytest.mark.parametrize("code", [TaskCode.ACKNOWLEDGE, TaskCode.CONFIRM_CHILD])
def test_what_is_urgent_is_spoken_of(code, priority):
    with_whom = missing("conversation.with", "an urgent task needs a conversation: say with whom you spoke")
    when = missing("conversation.at", "say when")
    yes = answer(Move.ACCEPT, meaning="We did not know this.")
    for held, wrong in (
        (None, [with_whom, when]),
        (Conversation(), [with_whom, when]),
        (replace(HELD, with_whom=None), [with_whom]),
        (replace(HELD, at=None), [when]),
        (replace(HELD, at=NOW + INSTANT), [against_the_rule("conversation.at", "must not lie in the future")]),
        (HELD, []),
    ):
        assert said(replace(yes, conversation=held), code=code, priority=priority) == wrong
        assert said(replace(yes, conversation=held), code=code) == [], "what is routine need not be"


# --- declining, asking, answering --------------------------------------------------------------------------------------


def test_a_decline_has_a_reason_that_is_one():
    assert said(answer(Move.DECLINE)) == [missing("reason", "choose why it is declined (a coded reason)")]
    for reason in ResponseReason:
        positive = reason in (ResponseReason.ACCEPTED, ResponseReason.KNOWN_HERE)
        wrong = [against_the_rule("reason", "is not a reason to decline")] if positive else []
        assert said(answer(Move.DECLINE, reason=reason)) == wrong, reason


@pytest.mark.parametrize(
    ("code", "move", "wrong"),
    [
        (TaskCode.ACKNOWLEDGE, Move.ASK, missing("question", "write the question")),
        (TaskCode.ACKNOWLEDGE, Move.ANSWER, missing("answer", "write the answer")),
        (TaskCode.SUPPLY_INFORMATION, Move.COMPLETE, missing("answer", "write the answer")),
        (TaskCode.AGREED_ACTION, Move.COMPLETE, missing("note", "say what was done and what came of it")),
        (TaskCode.UNDELIVERABLE, Move.COMPLETE, missing("note", "say what was done and what came of it")),
        (TaskCode.ACKNOWLEDGE, Move.NOTE, missing("note", "write the note")),
    ],
)
def test_what_is_a_text_has_one(code, move, wrong):
    assert said(answer(move), code=code) == [wrong]
    assert said(answer(move, text="In words."), code=code) == []


@pytest.mark.parametrize(
    ("code", "move"),
    [(TaskCode.DATA_QUALITY, Move.COMPLETE), (TaskCode.ACKNOWLEDGE, Move.OPEN), (TaskCode.ACKNOWLEDGE, Move.CANCEL)],
)
def test_some_moves_need_nothing(code, move):
    assert said(answer(move), code=code) == []


# --- a discussion (F16, F17) -------------------------------------------------------------------------------------------

NOT_ALONE = against_the_rule("discussion.with", "must be somebody other than the one who closes the task")
NOT_WHO_REPORTED = against_the_rule("practitioner.name", "must be somebody other than who reported it")


@pytest.mark.parametrize("code", [TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.PATTERN_REVIEW])
@pytest.mark.parametrize(
    ("held", "wrong"),
    [
        (DISCUSSED, []),
        (
            None,
            [
                missing("discussion.with", "say with whom it was discussed"),
                missing("discussion.at", "say when"),
                missing("discussion.outcome", "say whether it was referred, or not referred and why"),
            ],
        ),
        (replace(DISCUSSED, with_whom=None), [missing("discussion.with", "say with whom it was discussed")]),
        (replace(DISCUSSED, with_whom=" nora  NURSE"), [NOT_ALONE]),
        (replace(DISCUSSED, at=NOW + INSTANT), [against_the_rule("discussion.at", "must not lie in the future")]),
        (
            replace(DISCUSSED, outcome=DiscussionOutcome.NOT_REFERRED),
            [missing("discussion.because", "say why it was not referred")],
        ),
        (
            replace(DISCUSSED, outcome=DiscussionOutcome.EARLY_HELP),
            [missing("discussion.because", "say what was agreed")],
        ),
        (replace(DISCUSSED, outcome=DiscussionOutcome.NOT_REFERRED, because="She is seen daily."), []),
        (replace(DISCUSSED, outcome=DiscussionOutcome.EARLY_HELP, because="A family worker."), []),
    ],
)
def test_a_discussion_is_with_somebody_else_and_came_to_something(code, held, wrong):
    assert said(answer(Move.COMPLETE, discussion=held), code=code) == wrong


def test_who_reported_it_does_not_close_it():
    closing = answer(Move.COMPLETE, discussion=DISCUSSED)
    code = TaskCode.PATTERN_REVIEW
    assert said(closing, code=code, reporters=frozenset({"NORA nurse", "Somebody Else"})) == [NOT_WHO_REPORTED]
    assert said(closing, code=code, reporters=frozenset({"Somebody Else"})) == []


def test_who_has_no_name_is_nobody_in_particular():
    code, reporters = TaskCode.PATTERN_REVIEW, frozenset({"Nora Nurse"})
    for who in (None, Professional(role="health-visitor")):
        closing = MoveRequest(move=Move.COMPLETE, practitioner=who, discussion=DISCUSSED)
        assert said(closing, code=code, reporters=reporters) == []


# --- a release, a choice -----------------------------------------------------------------------------------------------


def test_a_release_names_functions_or_the_reason_for_none():
    code, functions = TaskCode.RELEASE, frozenset({Function.MIDWIFERY, Function.POLICE})

    def wrong(decision: ReleaseDecision | None, offered: frozenset[Function] = functions) -> list[tuple[str, str, str]]:
        return said(answer(Move.COMPLETE, decision=decision), code=code, functions=offered)

    assert wrong(None) == [missing("decision", "name the functions to release to, or refuse with a reason")]
    assert wrong(ReleaseDecision()) == [missing("decision.because", "say why nobody may be told")]
    assert wrong(ReleaseDecision(because="The arrest is planned.")) == []
    assert wrong(ReleaseDecision(functions=(Function.POLICE,))) == []
    assert wrong(ReleaseDecision(functions=(Function.POLICE, Function.MIDWIFERY))) == []
    other = ReleaseDecision(functions=(Function.POLICE, Function.HOUSING))
    assert wrong(other) == [("decision.release-to", "not-found", "names a function that nothing is held for")]
    assert wrong(other, frozenset()) == [], "a task that lists none leaves it open"


@pytest.mark.parametrize(
    "code",
    [
        TaskCode.CONFIRM_HOUSEHOLD,
        TaskCode.CONFIRM_INVOLVEMENT,
        TaskCode.RESOLVE_IDENTITY,
        TaskCode.RESOLVE_ADDRESS,
    ],
)
def test_a_choice_is_one_of_those_offered(code):
    none = missing("choice", "say which of the choices listed in the task's input is right")
    other = ("choice", "not-found", "is not one of the choices listed in the task's input")
    offered = frozenset({"this", "that"})
    assert said(answer(Move.COMPLETE), code=code, choices=offered) == [none]
    assert said(answer(Move.COMPLETE, choice="this"), code=code, choices=offered) == []
    assert said(answer(Move.COMPLETE, choice="neither"), code=code, choices=offered) == [other]


def test_a_question_that_lists_nothing_is_yes_or_no_about_work_and_open_about_the_rest():
    other = ("choice", "not-found", "is not one of the choices listed in the task's input")
    for choice, wrong in (("yes", []), ("no", []), ("perhaps", [other])):
        assert said(answer(Move.COMPLETE, choice=choice), code=TaskCode.CONFIRM_INVOLVEMENT) == wrong
        assert said(answer(Move.COMPLETE, choice=choice), code=TaskCode.CONFIRM_HOUSEHOLD) == []


# --- giving it to somebody, more time, leaving somebody out -------------------------------------------------------------


@pytest.mark.parametrize(
    ("to_team", "text", "wrong"),
    [
        (SISTERS, "They visit her.", []),
        (None, "They visit her.", [missing("owner", "name the team")]),
        (TEAM, "They visit her.", [against_the_rule("owner", "is this team already")]),
        (STRANGERS, "They visit her.", [against_the_rule("owner", "must be an open team of your own agency")]),
        (SISTERS, None, [missing("note", "say why")]),
        (None, None, [missing("owner", "name the team"), missing("note", "say why")]),
    ],
)
def test_a_task_is_given_within_the_agency_with_the_reason(to_team, text, wrong):
    assert said(answer(Move.REASSIGN, to_team=to_team, text=text)) == wrong


def test_a_lead_hands_a_teams_task_to_another_team_or_takes_it_unless_it_is_a_transfer():
    lead = {"team": SISTERS, "owner": TEAM, "agency_teams": frozenset({TEAM, SISTERS, "others"}), "as_lead": True}

    def given(to_team: str, **asked: object) -> list[tuple[str, str, str]]:
        return said(answer(Move.REASSIGN, to_team=to_team, text="Nobody answers."), **{**lead, **asked})

    assert given("others") == []
    assert given(SISTERS) == []
    assert given(TEAM) == [against_the_rule("owner", "is this team already")]
    assert given(SISTERS, code=TaskCode.TRANSFER) == [
        against_the_rule("owner", "must be a team that does this work: care is taken over by those who give it")
    ]
    assert given("others", code=TaskCode.TRANSFER) == []


def test_a_lead_closes_a_teams_task_with_a_discussion_whatever_task_it_is():
    lead = {"as_lead": True, "code": TaskCode.SUPPLY_INFORMATION}
    assert said(answer(Move.COMPLETE, discussion=DISCUSSED), **lead) == []
    assert said(answer(Move.COMPLETE, discussion=replace(DISCUSSED, at=None)), **lead) == [
        missing("discussion.at", "say when")
    ]
    assert said(answer(Move.NOTE), **lead) == [missing("note", "write the note")]
    long = answer(Move.COMPLETE, discussion=DISCUSSED, text=f"{LONG}x")
    assert said(long, **lead) == [("note", "too-long", "may have at most 4000 characters")]


@pytest.mark.parametrize(
    ("code", "holder", "to_team", "wrong"),
    [
        (TaskCode.AGREED_ACTION, NURSE, None, []),
        (TaskCode.AGREED_ACTION, NURSE, TEAM, []),
        (
            TaskCode.AGREED_ACTION,
            NURSE,
            SISTERS,
            [against_the_rule("owner", "names a practitioner of your team, or another team, and not both")],
        ),
        (
            TaskCode.AGREED_ACTION,
            Professional(name="Nora Nurse"),
            None,
            [missing("owner", "name the practitioner and the role")],
        ),
        (
            TaskCode.AGREED_ACTION,
            Professional(role="health-visitor"),
            None,
            [missing("owner", "name the practitioner and the role")],
        ),
        (
            TaskCode.ACKNOWLEDGE,
            NURSE,
            None,
            [against_the_rule("owner", "only what was agreed is held by somebody; name the team")],
        ),
    ],
)
def test_only_what_was_agreed_is_held_by_somebody_by_name_and_role(code, holder, to_team, wrong):
    assert said(answer(Move.REASSIGN, holder=holder, to_team=to_team), code=code) == wrong


@pytest.mark.parametrize(
    ("due_at", "text", "wrong"),
    [
        (NOW + timedelta(days=42), "We visit weekly.", []),
        (
            NOW + timedelta(days=42) + INSTANT,
            "We visit weekly.",
            [against_the_rule("review-date", "must lie within 42 days: for longer, confirm or decline")],
        ),
        (NOW, "We visit weekly.", [against_the_rule("review-date", "must lie in the future")]),
        (
            None,
            None,
            [
                missing("review-date", "say when this is reviewed; until then the sender stays responsible"),
                missing("note", "say what your team does until then, and what it does not"),
            ],
        ),
    ],
)
def test_caretaking_has_a_near_review_date_and_says_what_is_done_until_then(due_at, text, wrong):
    assert said(answer(Move.CARETAKE, due_at=due_at, text=text)) == wrong


@pytest.mark.parametrize(
    ("reason", "text", "wrong"),
    [
        (ResponseReason.NO_LONGER_HERE, "With his father.", []),
        (None, "With his father.", [missing("reason", "choose why this person is left out (a coded reason)")]),
        (
            ResponseReason.ACCEPTED,
            "With his father.",
            [against_the_rule("reason", "is not a reason to leave somebody out")],
        ),
        (
            ResponseReason.KNOWN_HERE,
            None,
            [missing("note", "say in words why this person is not part of it")],
        ),
    ],
)
def test_who_leaves_somebody_out_gives_the_reason_and_who_agrees_need_not(reason, text, wrong):
    assert said(answer(Move.EXCLUDE, reason=reason, text=text)) == wrong
    assert said(answer(Move.EXCLUDE, reason=reason, text=text), agrees=True) == []


@pytest.mark.parametrize(
    ("due_at", "text", "wrong"),
    [
        (TOMORROW + INSTANT, "She is away.", []),
        (TOMORROW, "She is away.", [against_the_rule("due", "must be later than the date it was due")]),
        (NOW + FURTHEST + INSTANT, "She is away.", [against_the_rule("due", "must lie within the next two years")]),
        (None, "She is away.", [missing("due", "say until when")]),
        (TOMORROW + INSTANT, None, [missing("note", "say why")]),
    ],
)
def test_more_time_is_later_and_has_a_reason(due_at, text, wrong):
    assert said(answer(Move.EXTEND, due_at=due_at, text=text), due_at=TOMORROW) == wrong


def test_what_had_no_date_may_get_any_in_the_future():
    assert said(answer(Move.EXTEND, due_at=NOW + INSTANT, text="She is away.")) == []


# --- texts, and the same again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (answer(Move.ACCEPT, meaning=LONG), "meaning"),
        (answer(Move.ASK, text=LONG), "note"),
        (answer(Move.COMPLETE, text="Done.", discussion=replace(DISCUSSED, because=LONG)), "discussion.because"),
        (answer(Move.COMPLETE, text="Done.", decision=ReleaseDecision(because=LONG)), "decision.because"),
        (answer(Move.ACCEPT, actions=(ACTION, replace(ACTION, action=LONG))), "agreed-action[1].action"),
    ],
)
def test_a_text_is_an_answer_and_no_record(request_, path):
    assert said(request_) == []
    longer = _longer(request_, path)
    assert said(longer) == [(path, "too-long", "may have at most 4000 characters")]


def _longer(request: MoveRequest, path: str) -> MoveRequest:
    match path:
        case "meaning":
            return replace(request, meaning=f"{LONG}x")
        case "note":
            return replace(request, text=f"{LONG}x")
        case "discussion.because":
            return replace(request, discussion=replace(DISCUSSED, because=f"{LONG}x"))
        case "decision.because":
            return replace(request, decision=ReleaseDecision(because=f"{LONG}x"))
        case _:
            return replace(request, actions=(ACTION, replace(ACTION, action=f"{LONG}x")))


def test_the_same_request_of_the_same_team_has_one_fingerprint_whatever_version_it_names():
    one = answer(Move.ACCEPT, meaning="We did not know this.", actions=(ACTION,), conversation=HELD)
    print_ = one.fingerprint(TEAM)
    assert replace(one, expected_version=7).fingerprint(TEAM) == print_
    assert one.fingerprint(SISTERS) != print_
    assert replace(one, meaning="We knew.").fingerprint(TEAM) != print_
    assert replace(one, move=Move.NOTE).fingerprint(TEAM) != print_
    assert replace(one, due_at=NOW).fingerprint(TEAM) != replace(one, due_at=TOMORROW).fingerprint(TEAM)
