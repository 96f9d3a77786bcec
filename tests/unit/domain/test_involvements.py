"""Which involvements events open, renew and end, as the default policy says; and what is missing of a household."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain import changes as c
from broker.domain.gaps import GapCode, gaps
from broker.domain.states import InvolvementState
from schemas.codes import Event, TaskCode
from schemas.message import Person
from tests.town import (
    BABY,
    CHILD,
    DIRECTORY,
    FATHER,
    MOTHER,
    NOW,
    Town,
    birth,
    booking,
    contact,
    crn,
    father_of,
    lives,
    message,
    mother_of,
    policy,
    revision,
    statement,
)


def teams(town, key):
    return {i.team_id for i in town.world.involvements if i.person_id == town.id(key)}


@pytest.mark.parametrize(
    ("event", "kind", "by", "opens"),
    [
        (Event.CHILD_CONTACT, "other", "visitors", True),
        (Event.CHILD_CONTACT, "other", "police", False),  # not of those who have a caseload of children
        (Event.EMERGENCY_ATTENDANCE, None, "visitors", False),  # a one-off contact opens none
        (Event.ADVICE_TO_ATTEND, None, "visitors", False),
        (Event.CONCERN, "neglect", "visitors", False),  # sending opens none
        (Event.REFERRAL, None, "practice", False),
        (Event.MEASUREMENT, None, "visitors", False),  # renews only
        (Event.SUPERVISION_START, None, "probation", True),
        (Event.MENTAL_HEALTH_ADMISSION, None, "cmht", True),
        (Event.INVOLVEMENT_START, None, "children", True),
        (Event.GP_REGISTRATION, None, "practice", True),
    ],
)
def test_which_event_of_whom_opens_an_involvement(event, kind, by, opens):
    town = Town()
    town.send(message(event, CHILD, kind=kind), by)
    assert teams(town, "c") == ({by} if opens else set())


def test_midwifery_works_with_mother_and_unborn_child():
    town = Town()
    town.send(booking(), "midwives")
    assert len(town.world.involvements) == 2
    assert {i.evidence for i in town.world.involvements} == {"pregnancy-booking"}


def test_a_registration_elsewhere_ends_the_one_before():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    later = NOW + timedelta(days=30)
    said = message(Event.GP_REGISTRATION, replace(CHILD, practice="M85002"), occurred=later)
    town.send(said, "records")
    assert teams(town, "c") == {"other-practice"}


def test_a_registration_that_arrives_after_a_later_one_changes_nothing():
    town = Town()
    later = message(Event.GP_REGISTRATION, CHILD, occurred=NOW + timedelta(days=30))
    town.send(later, "other-practice")
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    assert teams(town, "c") == {"other-practice"}


def test_a_removal_from_the_list_ends_the_practices_involvement():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    town.send(message(Event.GP_REGISTRATION, CHILD, kind="removed"), "practice")
    assert teams(town, "c") == set()


def test_later_evidence_renews_and_older_does_not():
    town = Town()
    town.send(contact())
    town.send(message(Event.MEASUREMENT, CHILD, occurred=NOW + timedelta(days=5)))
    town.send(message(Event.IMMUNISATION, CHILD, occurred=NOW - timedelta(days=5)))
    [known] = town.world.involvements
    assert (known.since, known.renewed_at, known.evidence) == (NOW, NOW + timedelta(days=5), "measurement")


def test_renewing_what_is_current_raises_no_version_and_reviving_what_lapsed_does():
    """Routing sees no difference in the first case, and must decide again in the second."""
    town = Town()
    town.send(contact())
    town.now = NOW + timedelta(days=10)
    first = town.send(contact(occurred=town.now))
    assert [type(change) for change in first.changes] == [c.RenewInvolvement]
    town.now = NOW + timedelta(days=10 + 601)
    second = town.send(contact(occurred=town.now))
    assert len(revision(second).households) == 1


def test_the_end_of_work_ends_it_unless_it_went_on_later():
    town = Town()
    town.send(contact(occurred=NOW))
    town.send(message(Event.INVOLVEMENT_END, CHILD, occurred=NOW - timedelta(days=2)))
    assert teams(town, "c") == {"visitors"}
    town.send(message(Event.INVOLVEMENT_END, CHILD, occurred=NOW - timedelta(minutes=5)))  # the same day
    assert teams(town, "c") == set()


def test_supervision_ends():
    town = Town()
    town.send(message(Event.SUPERVISION_START, FATHER), "probation")
    town.send(message(Event.SUPERVISION_END, FATHER), "probation")
    assert teams(town, "f") == set()


# --- gaps ---------------------------------------------------------------------------------------------------------


def missing(town, key, now=NOW):
    """Gap codes of the household, with the person's key where it is in the last message."""
    [household] = town.world.households_of(town.id(key))
    names = {id_: name for name, id_ in town.matched.ids.items()}
    found = gaps(town.world, household, DIRECTORY, now, policy=policy())
    return {(gap.code, names.get(gap.person_id, "?")) for gap in found}


def test_a_household_of_which_little_is_said():
    town = Town()
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER), relationships=mother_of("m", "c")))
    assert missing(town, "c") == {
        (GapCode.FATHER_NOT_IDENTIFIED, "c"),
        (GapCode.NO_GENERAL_PRACTICE, "c"),
        (GapCode.NO_HEALTH_VISITING, "c"),
        (GapCode.ONE_AGENCY, "m"),
    }


def test_what_is_said_is_no_gap():
    town = Town()
    related = (*mother_of("m", "c"), *father_of("f", "c"))
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER, FATHER), relationships=related))
    town.send(contact(CHILD, MOTHER))
    town.send(message(Event.GP_REGISTRATION, CHILD, MOTHER, subjects=("c", "m")), "practice")
    assert missing(town, "c") == set()


def test_a_father_of_whom_only_the_role_is_told_is_not_identified():
    town = Town()
    related = (*mother_of("m", "c"), *father_of("x", "c"))
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER, Person(key="x")), relationships=related))
    assert (GapCode.FATHER_NOT_IDENTIFIED, "c") in missing(town, "c")


def test_a_father_who_lives_elsewhere_is_identified():
    town = Town()
    related = (*mother_of("m", "c"), *father_of("f", "c"))
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER, FATHER), relationships=related))
    assert (GapCode.FATHER_NOT_IDENTIFIED, "c") not in missing(town, "c")


def test_a_pregnancy_has_midwives_and_health_visitors():
    town = Town()
    town.send(booking(), "practice")
    assert {code for code, _ in missing(town, "m")} >= {GapCode.NO_MIDWIFERY, GapCode.NO_HEALTH_VISITING}
    town.send(booking(), "midwives")
    assert GapCode.NO_MIDWIFERY not in {code for code, _ in missing(town, "m")}


def test_work_that_lapsed_is_a_gap_again():
    town = Town()
    town.send(birth(BABY), "midwives")
    town.send(contact(BABY))
    assert (GapCode.NO_HEALTH_VISITING, "b") not in missing(town, "b")
    assert (GapCode.NO_HEALTH_VISITING, "b") in missing(town, "b", NOW + timedelta(days=601))


def test_unconfirmed_work_is_a_gap():
    town = Town()
    town.send(contact())
    unsure = tuple(replace(i, state=InvolvementState.UNCONFIRMED) for i in town.world.involvements)
    town.world = replace(town.world, involvements=unsure)
    assert (GapCode.NO_HEALTH_VISITING, "c") in missing(town, "c")


def test_a_case_number_in_the_home_is_a_gap():
    town = Town()
    case = Person(key="x", identifiers=(crn("X123456"),))
    town.send(statement(lives("c", "x"), people=(CHILD, case)))
    assert (GapCode.UNRESOLVED, "x") in missing(town, "c")


def test_gaps_name_nobody():
    town = Town()
    town.send(statement(lives("c", "m"), people=(CHILD, MOTHER)))
    [household] = town.world.households_of(town.id("c"))
    for gap in gaps(town.world, household, DIRECTORY, NOW):
        assert "Ash" not in gap.text
        assert "Cara" not in gap.text


# --- who says where somebody is registered ------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["visitors", "midwives"])
def test_what_others_say_of_a_registration_ends_no_practices_work_and_asks_it(by):
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    later = message(Event.GP_REGISTRATION, replace(CHILD, practice="M85002"), occurred=NOW + timedelta(days=30))
    settled = town.send(later, by)
    assert {"practice", "other-practice"} <= teams(town, "c")
    [asked] = [task for task in settled.tasks if task.code is TaskCode.CONFIRM_INVOLVEMENT]
    assert (asked.owner, asked.options["choices"]) == ("practice", ["yes", "no"])
    assert town.person("c").practice == "M85001"


def test_a_practice_is_asked_once_until_it_has_renewed_its_word():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    listed = replace(CHILD, practice="M85001")
    said = [
        town.send(
            message(Event.GP_REGISTRATION, listed, kind="removed", occurred=NOW + timedelta(days=day)), "visitors"
        )
        for day in (30, 31)
    ]
    [first, again] = [task.dedupe_key for settled in said for task in settled.tasks]
    assert first == again
    assert teams(town, "c") == {"practice"}


def test_where_no_practice_is_known_the_health_visitors_word_is_enough():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, replace(CHILD, practice="M85002")), "visitors")
    assert "other-practice" in teams(town, "c")
    assert town.person("c").practice == "M85002"


def test_the_practice_that_registers_somebody_takes_them_from_the_one_before():
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    town.send(message(Event.GP_REGISTRATION, CHILD, occurred=NOW + timedelta(days=30)), "other-practice")
    assert teams(town, "c") == {"other-practice"}


@pytest.mark.parametrize("kind", ["registered", "removed"])
def test_the_word_of_who_has_no_part_in_registering_changes_nothing(kind):
    town = Town()
    town.send(message(Event.GP_REGISTRATION, CHILD), "practice")
    said = replace(CHILD, practice="M85002" if kind == "registered" else "M85001")
    settled = town.send(message(Event.GP_REGISTRATION, said, kind=kind, occurred=NOW + timedelta(days=30)), "probation")
    assert teams(town, "c") == {"practice"}
    assert not settled.tasks
    assert town.person("c").practice == "M85001"
