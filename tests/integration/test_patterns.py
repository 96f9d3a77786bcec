"""Patterns on both databases: raised once, growing, closed by people alone, each team on what it may see; and what ends with whom."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlmodel import select

from broker.domain.answers import DiscussionOutcome, Move, ReleaseDecision
from broker.domain.caller import Caller
from broker.errors import Conflict, Invalid
from broker.storage import directory, patterns, task_search
from broker.storage.tables import Audit, Notification
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import Scope
from broker.workflow import flags, outbound, pattern_tasks
from broker.workflow import patterns as looking
from schemas.codes import Event, Function, Standing, TaskCode, TaskStatus
from schemas.examples import cast
from schemas.examples.telling import choice, fact, mother, together
from tests.integration.pattern_rows import (
    BABY,
    CMHT,
    DAY,
    GRANDFATHER,
    LEAD,
    LONDON,
    MIDWIVES,
    MOTHER,
    NURSE,
    OTHER,
    PRACTICE,
    SANDWELL,
    TODDLER,
    VISITORS,
    Family,
    concerned,
)

MISSED, CONCERNS, BRUISE = "missed-appointments", "concerns-of-two-agencies", "bruise-not-mobile"


@pytest.fixture
def family(store):
    """A family that health visiting and the practice work with."""
    told = Family(store)
    told.lives_together()
    return told


# --- raised once, growing -----------------------------------------------------------------------------------------


def test_it_is_raised_once_with_what_makes_it(family):
    first, second, third = family.misses(1, 2, 3)
    [pattern] = family.patterns()
    assert (pattern.rule, pattern.household_id is not None, pattern.person_id) == (MISSED, True, None)
    assert family.counted(pattern) == {first: True, second: True, third: True}
    task = family.task(MISSED)
    assert (task.row.code, task.row.status) == (TaskCode.PATTERN_REVIEW, TaskStatus.REQUESTED)
    assert task.row.person_id == family.id_of(BABY)
    assert task.content["options"]["rule"] == f"{MISSED}, policy {family.policy.version}"
    assert [line[:23] for line in family.evidence(MISSED)] == [f"2026-03-0{day}; not brought" for day in (3, 4, 5)]
    assert [row.cause for row in family.messages(VISITORS, "task")][-1] == f"task:{task.row.id}"


def test_below_the_threshold_nothing_is_there(family):
    family.misses(1, 2)
    assert family.patterns() == []
    assert family.flags() == set()


def test_siblings_and_agencies_are_one(family):
    family.misses(1, about=TODDLER)
    family.misses(1, team=PRACTICE)
    family.says(Event.NO_ACCESS, MIDWIVES, MOTHER, occurred=family.now - timedelta(days=2), kind="postnatal")
    [pattern] = family.patterns(MISSED)
    assert len(family.counted(pattern)) == 3
    assert len(family.evidence(MISSED)) == 3


def test_it_grows_and_is_told_again_only_as_policy_says(family):
    family.misses(1, 2, 3)
    family.misses(2)
    assert len(family.evidence(MISSED)) == 4
    assert family.messages(VISITORS, "grown") == []
    family.misses(27)
    assert len(family.evidence(MISSED)) == 5
    assert len(family.messages(VISITORS, "grown")) == 1
    family.misses(3)
    assert len(family.messages(VISITORS, "grown")) == 1
    assert len(family.patterns()) == 1
    assert len(family.tasks(family.patterns()[0])) == 1


def test_the_same_message_again_changes_nothing(family):
    [_, _, third] = family.misses(1, 2, 3)
    before = family.task(MISSED).row.version
    [pattern] = family.patterns()
    assert third in family.counted(pattern)
    family.waits(0)
    assert family.task(MISSED).row.version == before


def test_a_pass_takes_the_oldest_with_all_that_came_about_the_same_persons(family):
    """A flood about one child is one look, and nobody who has waited for longer is passed over for it."""
    first, *others = [family.says(Event.NOT_BROUGHT, VISITORS, BABY, kind="clinic") for _ in range(4)]
    elder = family.says(Event.NOT_BROUGHT, VISITORS, TODDLER, kind="clinic")

    def waiting(session):
        for minute, told in enumerate((first, elder, *others)):
            patterns.look_at(session, told, (), family.now + timedelta(minutes=minute))

    def come(session, oldest, limit):
        later = family.now + DAY
        return [row.notification_id for row in patterns.came(session, later, oldest, limit)]

    family.store.write(waiting)
    assert family.store.read(lambda session: come(session, 1, 500)) == [first, *others]
    assert family.store.read(lambda session: come(session, 1, 3)) == [first, *others[:2]]
    assert family.store.read(lambda session: come(session, 2, 500)) == [first, elder, *others]
    assert family.store.read(lambda session: patterns.came(session, family.now - DAY, 4, 500)) == []


def test_two_at_once_miss_nothing_and_raise_one(family):
    """Each would see two of three, if they did not take turns."""
    family.misses(1)
    teams = (VISITORS, PRACTICE)
    before = family.now

    def one(index):
        told = replace(family, now=before + (index + 1) * DAY)
        told.persons = dict(family.persons)
        return told.says(
            Event.NOT_BROUGHT, teams[index], BABY, kind="clinic", occurred=before + index * DAY / 2 + DAY / 4
        )

    family.now = before + 3 * DAY
    with ThreadPoolExecutor(2) as pool:
        assert len({*pool.map(one, range(2))}) == 2
    family.misses(1)
    assert len(family.patterns(MISSED)) == 1


def test_who_takes_over_the_work_is_asked_when_more_comes(family):
    family.misses(1, 2, 3)
    family.says(Event.INVOLVEMENT_START, SANDWELL, BABY)
    [pattern] = family.patterns()
    assert [task.row.owner_team_id for task in family.tasks(pattern)] == [VISITORS]
    assert (SANDWELL, family.id_of(BABY)) in family.flags()  # the flag it has from the first day
    family.misses(1, team=SANDWELL)
    assert {task.row.owner_team_id for task in family.tasks(pattern)} == {VISITORS, SANDWELL}
    assert len(family.evidence(MISSED, SANDWELL)) == 4  # it need not begin again (F20)


# --- closed by people ---------------------------------------------------------------------------------------------


def test_it_is_closed_by_a_recorded_discussion_and_begins_anew(family):
    family.misses(1, 2, 3)
    family.closes(family.task(MISSED))
    [pattern] = family.patterns()
    assert (pattern.outcome, pattern.closed_at) == ("not-referred-because", family.now)
    assert family.flags() == set()
    family.misses(1, 2)
    assert len(family.patterns()) == 1  # what was talked about does not count again
    family.misses(1)
    assert [one.closed_at is None for one in family.patterns()] == [False, True]


def test_without_the_outcome_it_is_not_closed(family):
    family.misses(1, 2, 3)
    for outcome, wanting in (
        (DiscussionOutcome.NOT_REFERRED, "discussion.because"),
        (DiscussionOutcome.EARLY_HELP, "discussion.because"),
        (None, "discussion.outcome"),
    ):
        with pytest.raises(Invalid) as refused:
            family.closes(family.task(MISSED), outcome=outcome, because=None)
        assert [problem.path for problem in refused.value.problems] == [wanting]
    assert family.patterns()[0].closed_at is None


def test_early_help_is_an_outcome_with_what_was_agreed(family):
    family.misses(1, 2, 3)
    family.closes(family.task(MISSED), outcome=DiscussionOutcome.EARLY_HELP, because="A worker visits weekly.")
    assert family.patterns()[0].outcome == "early-help"


def test_nothing_declines_it_and_time_closes_nothing(family):
    family.misses(1, 2, 3)
    with pytest.raises(Conflict):
        family.moves(family.task(MISSED), Move.DECLINE)
    family.waits(900)
    assert family.patterns()[0].closed_at is None
    assert family.flags() == {(team, family.id_of(child)) for team in (VISITORS, PRACTICE) for child in (BABY, TODDLER)}
    assert family.task(MISSED).row.level > 0  # unanswered, it climbs like any task


def test_it_is_closed_when_the_last_of_its_teams_has_answered(family):
    family.misses(1, 2, 3)
    family.says(Event.INVOLVEMENT_START, SANDWELL, BABY)
    family.misses(1, team=SANDWELL)
    family.closes(family.task(MISSED))
    assert family.patterns()[0].closed_at is None
    family.closes(family.task(MISSED, SANDWELL), outcome=DiscussionOutcome.REFERRED, because=None)
    assert family.patterns()[0].outcome == "referred"


def test_what_is_closed_while_somebody_looks_again_keeps_no_flag(family, monkeypatch):
    """Whoever looks has counted what is there when the discussion is recorded."""
    family.misses(1, 2, 3)
    [pattern], task, show = family.patterns(), family.task(MISSED), pattern_tasks.show

    with ThreadPoolExecutor(1) as pool:

        def while_it_is_talked_about(*args, **said):
            monkeypatch.undo()
            closing = pool.submit(family.closes, task)
            wait([closing], timeout=1)  # nobody waits for it whom it waits for
            show(*args, **said)

        monkeypatch.setattr(pattern_tasks, "show", while_it_is_talked_about)
        family.store.write(
            lambda session: looking._Looking(session, family.context(session), family.now).refresh(pattern)
        )
    assert family.patterns()[0].outcome == "not-referred-because"
    assert family.flags() == set()


def test_the_last_two_who_answer_at_once_close_it(family, monkeypatch):
    family.misses(1, 2, 3)
    family.says(Event.INVOLVEMENT_START, SANDWELL, BABY)
    family.misses(1, team=SANDWELL)
    both, answered = Barrier(1 if family.store.embedded else 2), looking.answered

    def together_with_the_other(*args):
        both.wait(60)
        answered(*args)

    monkeypatch.setattr(looking, "answered", together_with_the_other)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(family.closes, [family.task(MISSED, team) for team in (VISITORS, SANDWELL)]))
    assert family.patterns()[0].outcome == "not-referred-because"
    assert family.flags() == set()


def concerns_of_two_agencies(family):
    family.says(Event.CHILD_CONTACT, VISITORS, BABY, kind="other", facts=concerned(), author=NURSE)
    family.now += DAY
    family.says(Event.CHILD_CONTACT, PRACTICE, BABY, kind="other", facts=concerned("Thin."), author=OTHER)
    family.now += DAY
    family.says(Event.CHILD_CONTACT, VISITORS, BABY, kind="other", facts=concerned(), author=NURSE)


def test_who_reported_any_of_it_cannot_close_it_where_the_rule_says_so(family):
    concerns_of_two_agencies(family)
    task = family.task(CONCERNS)
    for reporter in (NURSE, replace(OTHER, name="olive  OTHER")):
        with pytest.raises(Invalid) as refused:
            family.closes(task, reporter)
        assert [problem.path for problem in refused.value.problems] == ["practitioner.name"]
    family.closes(task, replace(OTHER, name="Lou Leader"))
    assert family.patterns(CONCERNS)[0].outcome == "not-referred-because"


def test_what_was_discussed_already_is_none(family):
    """F16: concerns of two agencies without a recorded discussion."""
    family.misses(1, 2, 3)
    family.says(Event.CHILD_CONTACT, VISITORS, BABY, kind="other", facts=concerned())
    family.now += DAY
    family.says(Event.CHILD_CONTACT, PRACTICE, BABY, kind="other", facts=concerned())
    family.closes(family.task(MISSED))
    family.now += DAY
    family.says(Event.CHILD_CONTACT, VISITORS, BABY, kind="other", facts=concerned())
    assert family.patterns(CONCERNS) == []


def test_the_task_of_the_bruise_is_the_patterns(family):
    """F17: no second task; closed by the lead's discussion, and a flag until then."""
    bruise = family.says(
        Event.CONCERN, VISITORS, BABY, kind="bruising", facts=(fact("concern-detail", "A bruise.", BABY),)
    )
    [pattern] = family.patterns(BRUISE)
    [task] = family.tasks(pattern)
    assert (task.row.owner_team_id, task.row.notification_id) == (LEAD, bruise)
    assert "evidence" not in task.content.get("options", {})  # the lead was not told of the message
    assert family.flags() == {(team, family.id_of(BABY)) for team in (VISITORS, PRACTICE)}
    family.closes(task, replace(OTHER, role="named-nurse"))
    assert family.patterns(BRUISE)[0].closed_at is not None
    assert family.flags() == set()


# --- who may see what ---------------------------------------------------------------------------------------------


def test_what_a_team_may_not_see_makes_no_pattern_for_it(family):
    """The professional wants nobody told but those addressed (principle 8)."""
    family.misses(1, 2)
    family.misses(1, team=PRACTICE, to=(CMHT,), labels=frozenset({"addressed-only"}))
    assert family.patterns() == []
    family.misses(1)
    assert len(family.evidence(MISSED)) == 3  # its own; the fourth is not shown, and not counted
    [pattern] = family.patterns()
    assert len(family.counted(pattern)) == 4


def test_a_reduced_view_counts_as_far_as_it_goes(family):
    """A requirement of his order is his offence record: health visiting sees that he is supervised, and no more."""
    requirement = choice("requirement", "drug-rehabilitation", GRANDFATHER)
    family.says(Event.SUPERVISION_START, LONDON, GRANDFATHER, facts=(requirement,))
    assert family.patterns() == []
    stated = fact("substance-misuse", "Says that he uses heroin.", GRANDFATHER)
    family.says(Event.SUPERVISION_CHANGE, LONDON, GRANDFATHER, kind="circumstances", facts=(stated, requirement))
    [line] = family.evidence("untreated-substance-misuse")
    assert "rehabilitation" not in line
    assert {team for team, _ in family.flags()} == {VISITORS, PRACTICE}  # not his probation officer


def test_what_is_held_for_release_counts_once_it_is_released(family):
    family.misses(1, 2)
    family.misses(1, team=PRACTICE, labels=frozenset({"held-for-release"}))
    assert family.patterns() == []
    [gate] = all_tasks(family, TaskCode.RELEASE)
    family.moves(
        gate,
        Move.COMPLETE,
        replace(OTHER, role="safeguarding-lead"),
        decision=ReleaseDecision(functions=(Function.HEALTH_VISITING,)),
    )
    assert len(family.evidence(MISSED)) == 3
    assert PRACTICE in {team for team, _ in family.flags()}  # which sent it


def all_tasks(family, code):
    query = TaskQuery(codes=frozenset({code}), count=100)
    everything = Scope(team=None, everything=True)
    return family.store.read(lambda s: task_search.search(s, family.store.codec, query, everything)[0])


def test_a_task_names_nobody(family):
    family.misses(1, 2, 3)
    concerns_of_two_agencies(family)
    said = "".join(str(task.content) for pattern in family.patterns() for task in family.tasks(pattern)).casefold()
    assert len(family.patterns()) == 2
    for person in (MOTHER, BABY, TODDLER, GRANDFATHER):
        for word in (*person.given, person.identifiers[0].value):
            assert word.casefold() not in said


def test_it_is_given_only_to_a_team_that_may_see_as_much(family):
    family.misses(1, 2, 3)
    task = family.task(MISSED)
    with pytest.raises(Conflict):
        family.moves(task, Move.REASSIGN, to_team="bcht-school-nursing", text="They know the cousin.")
    family.says(Event.INVOLVEMENT_START, "bcht-school-nursing", BABY)
    family.moves(family.task(MISSED), Move.REASSIGN, to_team="bcht-school-nursing", text="They know him too.")
    assert len(family.evidence(MISSED, "bcht-school-nursing")) == 3


# --- flags --------------------------------------------------------------------------------------------------------


def test_flags_go_to_the_teams_that_see_it_and_are_withdrawn(family):
    family.says(Event.INVOLVEMENT_START, CMHT, GRANDFATHER)
    family.misses(1, 2, 3)
    assert family.flags() == {(team, family.id_of(child)) for team in (VISITORS, PRACTICE) for child in (BABY, TODDLER)}
    assert len(family.messages(PRACTICE, "flag")) == 2
    assert family.messages(CMHT, "flag") == []
    nurses = "bcht-school-nursing"
    family.says(Event.INVOLVEMENT_START, nurses, BABY)
    assert {child for team, child in family.flags() if team == nurses} == {family.id_of(BABY), family.id_of(TODDLER)}
    family.says(Event.INVOLVEMENT_END, nurses, BABY)  # and it works with nobody there any more
    assert {team for team, _ in family.flags()} == {VISITORS, PRACTICE}
    assert len(family.messages(nurses, "flag-ended")) == 2
    family.closes(family.task(MISSED))
    assert family.flags() == set()
    assert len(family.messages(PRACTICE, "flag-ended")) == 2


def test_a_system_that_cannot_keep_the_mark_is_pointed_to_who_can_tell_and_shown_no_flag(family):
    """Principle 13."""

    def cannot(session):
        team = directory.load(session).teams[PRACTICE]
        directory.put_team(session, replace(team, honours_marks=False), family.now)

    family.store.write(cannot)
    family.misses(1, 2, 3)
    told = [composed(family, row) for row in family.messages(PRACTICE, "flag")]
    assert len(told) == 2  # of each child that it works with
    for text in told:
        assert "contact-person" in text
        assert '"Flag"' not in text
        assert "missed" not in text.casefold()
    system = Caller(client="gp", team=PRACTICE)
    about = family.id_of(BABY)
    assert family.store.write(lambda s: flags.search(s, family.context(s), system, about, None, family.now)) == []
    family.closes(family.task(MISSED))
    ended = [composed(family, row) for row in family.messages(PRACTICE, "flag-ended")]
    assert [row.id in text for row, text in zip(family.messages(PRACTICE, "flag"), ended, strict=True)] == [True, True]


def composed(family, delivery):
    """The message as the team's system gets it."""
    written = family.store.read(lambda s: outbound.compose(s, family.context(s), delivery.id, family.now))
    return written.body.decode()


def test_the_audit_says_by_what_it_was_raised_and_what_it_came_to(family):
    counted = family.misses(1, 2, 3)
    family.closes(family.task(MISSED))
    [pattern] = family.patterns()
    rows = family.store.read(lambda s: s.exec(select(Audit).where(Audit.entity_id == pattern.id)).all())
    said = ({name: value for name, value in row.detail.items() if name != "rows"} for row in rows)
    raised, closed = sorted(said, key=len, reverse=True)
    assert (raised["rule"], raised["policy"], raised["evidence"]) == (MISSED, family.policy.version, counted)
    assert closed == {"rule": MISSED, "closed": "not-referred-because"}


def test_care_to_catch_up_with_is_no_flag(family):
    late = fact("immunisations-up-to-date", False, TODDLER)
    family.says(Event.IMMUNISATION, PRACTICE, TODDLER, facts=(late, fact("immunisation", "MMR", TODDLER)))
    family.says(Event.SIX_TO_EIGHT_WEEK_EXAMINATION, PRACTICE, BABY)
    assert len(family.patterns("delayed-care")) == 1
    assert family.flags() == set()


# --- what time brings about -----------------------------------------------------------------------------------------


def test_a_registration_that_does_not_come_makes_it_by_time_alone(store):
    told = Family(store)
    told.lives_together()
    late = fact("immunisations-up-to-date", False, TODDLER)
    told.says(Event.IMMUNISATION, PRACTICE, TODDLER, facts=(late, fact("immunisation", "MMR", TODDLER)))
    born = replace(cast.ZAYN, birth_date=told.now.date(), addresses=MOTHER.addresses, practice=None)
    told.says(Event.BIRTH, MIDWIVES, born, people=[MOTHER], relationships=mother(MOTHER, born))
    told.waits(55)
    assert told.patterns("delayed-care") == []
    told.waits(3)
    [pattern] = told.patterns("delayed-care")
    assert len(told.counted(pattern)) == 2
    assert [task.row.owner_team_id for task in told.tasks(pattern)] == [VISITORS]


def test_a_crisis_before_the_baby_matters_when_the_baby_comes(store):
    told = Family(store)
    people = (MOTHER, GRANDFATHER)
    told.says(Event.HOUSEHOLD_UPDATE, MIDWIVES, MOTHER, people=[GRANDFATHER], household=together(*people))
    told.says(Event.MENTAL_HEALTH_ADMISSION, CMHT, GRANDFATHER)
    assert told.patterns() == []
    told.now += 20 * DAY
    born = replace(BABY, birth_date=told.now.date())
    told.says(Event.BIRTH, MIDWIVES, born, people=[MOTHER], relationships=mother(MOTHER, born))
    assert [pattern.rule for pattern in told.patterns()] == ["adult-crisis-with-infant"]


# --- what ends with whom --------------------------------------------------------------------------------------------


def test_nobody_bereaved_is_asked(family):
    bruised = family.says(
        Event.CONCERN, VISITORS, BABY, kind="bruising", facts=(fact("concern-detail", "A bruise.", BABY),)
    )
    assert bruised
    family.misses(1, 2, 3)
    family.says(Event.DEATH, PRACTICE, replace(BABY, deceased=family.now))
    [missed], [bruise] = family.patterns(MISSED), family.patterns(BRUISE)
    assert (bruise.outcome, family.tasks(bruise)[0].row.status) == ("no-longer-current", TaskStatus.CANCELLED)
    assert missed.closed_at is None  # his sister lives
    assert {child for _, child in family.flags()} == {family.id_of(TODDLER)}


def test_a_withdrawn_message_is_shown_no_more_and_closes_nothing(family):
    [first, *_] = family.misses(1, 2, 3)
    message_id = family.store.read(lambda s: message_of(s, first))
    family.says(Event.WITHDRAW, VISITORS, facts=(choice("withdraw-reason", "wrong-person"),), reference=message_id)
    [pattern] = family.patterns()
    assert pattern.closed_at is None
    assert family.counted(pattern)[first] is False
    assert len(family.evidence(MISSED)) == 2
    assert family.task(MISSED).row.status is not TaskStatus.CANCELLED  # no reporter ends it alone (F17)
    assert family.flags() == set()  # what is left is none by itself
    family.misses(1)
    assert len(family.evidence(MISSED)) == 3
    assert (PRACTICE, family.id_of(BABY)) in family.flags()


def message_of(session, notification_id):
    return session.get_one(Notification, notification_id).message_id


def left(*people):
    return tuple(replace(one, standing=Standing.LEFT, until=date(2026, 3, 5)) for one in together(*people))


def test_who_leaves_takes_nothing_away(family):
    family.misses(1, 2, 3)
    before = family.evidence(MISSED)
    family.says(
        Event.HOUSEHOLD_UPDATE,
        MIDWIVES,
        MOTHER,
        people=[GRANDFATHER],
        household=(*together(MOTHER), *left(GRANDFATHER)),
    )
    assert family.evidence(MISSED) == before
    family.says(
        Event.HOUSEHOLD_UPDATE,
        MIDWIVES,
        GRANDFATHER,
        people=[MOTHER, BABY, TODDLER],
        household=left(MOTHER, BABY, TODDLER),
    )
    [pattern] = family.patterns()  # no child lives there any more, and they live
    assert pattern.closed_at is None
    assert family.evidence(MISSED) == before


def test_a_family_that_moves_brings_what_was_open(family):
    family.misses(1, 2, 3)
    family.says(
        Event.HOUSEHOLD_UPDATE,
        MIDWIVES,
        GRANDFATHER,
        people=[MOTHER, BABY, TODDLER],
        household=left(MOTHER, BABY, TODDLER),
    )
    [before] = family.patterns()
    moved = [replace(person, addresses=(cast.FLAT,)) for person in (MOTHER, BABY, TODDLER)]
    family.now += DAY
    family.says(Event.HOUSEHOLD_UPDATE, MIDWIVES, moved[0], people=moved[1:], household=together(*moved))
    family.misses(1)
    [after] = family.patterns()
    assert after.id == before.id
    assert after.closed_at is None
    assert len(family.evidence(MISSED)) == 4


def test_a_sealed_record_has_no_flag(family):
    """Principle 11: adopted, he goes on under another record, which nothing here leads to."""
    family.misses(1, 2, 3)
    family.says(Event.IDENTIFIER_CHANGE, PRACTICE, BABY, kind="sealed")
    [pattern] = family.patterns()
    assert pattern.closed_at is None  # his sister lives there
    assert {child for _, child in family.flags()} == {family.id_of(TODDLER)}


def test_two_records_that_are_one_person_have_one_of_each(store):
    """A child told of without a number, then with one."""
    told = Family(store)
    bruise = {"kind": "bruising", "facts": (fact("independently-mobile", False, BABY),)}
    stranger = replace(BABY, identifiers=(cast.local("swbh", "X1"),))
    told.says(Event.CONCERN, MIDWIVES, stranger, **bruise)
    told.says(Event.CONCERN, VISITORS, BABY, **bruise)
    assert len({pattern.person_id for pattern in told.patterns()}) == 2
    both = replace(BABY, identifiers=(*BABY.identifiers, *stranger.identifiers))
    told.says(Event.CHILD_CONTACT, MIDWIVES, both, kind="other")
    [question] = all_tasks(told, TaskCode.RESOLVE_IDENTITY)
    told.moves(question, Move.COMPLETE, choice=question.content["options"]["choices"][0])
    open_ = [pattern for pattern in told.patterns() if pattern.closed_at is None]
    assert len(open_) == 1
    assert len(told.counted(open_[0])) == 2
    assert len(told.tasks(open_[0])) == 2


# --- who the men of the home are ------------------------------------------------------------------------------------

MEN, ASKED_AT = "men-unknown", "new-birth"


def visited(family, *days):
    """Contacts so many days after each other that say nothing of the father; the notifications' ids."""
    ids = []
    for day in days:
        family.now += day * DAY
        ids.append(family.says(Event.CHILD_CONTACT, VISITORS, BABY, kind=ASKED_AT))
    return ids


def prompted(family):
    """The only task of the prompt for the father."""
    [task] = [
        task
        for task in all_tasks(family, TaskCode.SUPPLY_INFORMATION)
        if (task.row.dedupe_key or "").startswith("prompt:father:")
    ]
    return task


def test_men_whom_nobody_recorded_are_raised_once_grow_and_are_closed_by_a_discussion(family):
    three = visited(family, 1, 10, 10)
    [pattern] = family.patterns(MEN)
    assert family.counted(pattern) == dict.fromkeys(three, True)
    assert family.flags() == set()
    visited(family, 10)
    assert len(family.evidence(MEN)) == 4
    assert len(family.tasks(pattern)) == 1
    family.closes(family.task(MEN), because="He moved out; the grandfather lives there.")
    [pattern] = family.patterns(MEN)
    assert pattern.closed_at is not None
    visited(family, 10, 10)
    assert len(family.patterns(MEN)) == 1


def test_who_was_asked_for_the_father_and_answered_is_not_asked_again_for_that(family):
    visited(family, 1, 10)
    family.moves(prompted(family), Move.ANSWER, text="She does not say who he is; no man lives there.")
    visited(family, 10, 10)
    assert family.patterns(MEN) == []
    visited(family, 10)
    assert len(family.patterns(MEN)) == 1
