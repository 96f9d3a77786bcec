"""Who belongs together, as teams see it: twins, a birth whose mother comes later, separated parents, one address, one person twice."""

from dataclasses import replace

import pytest

from schemas.codes import Event, Standing
from schemas.examples.cast import (
    AISHA,
    AVA,
    CHLOE,
    DANIEL,
    GRANDPARENTS_HOME,
    KAYLA,
    LACEY,
    NASREEN,
    RYAN,
    TYLER,
    ZAYN,
    fixed_id,
    living,
    nhs_number,
)
from schemas.examples.story import MESSAGES
from schemas.examples.telling import MIDWIFE, SOCIAL_WORKER, fact, father, mother, tell, together, when
from schemas.message import HouseholdMember, Person, PostalAddress
from tests.journeys.copies import inputs, is_open


def names(home, state="living"):
    """Who lives there, by given name."""
    return {member["name"].split()[0] for member in home["members"] if member["state"] == state and member["name"]}


def gaps(home):
    """What nobody knows of it."""
    return {gap["code"] for gap in home["gaps"]}


def expecting(mother_to_be, expected, babies, name, on):
    """A pregnancy is booked."""
    facts = (fact("expected-date", expected.date(), mother_to_be), fact("number-of-fetuses", babies, mother_to_be))
    return tell(
        name, Event.PREGNANCY_BOOKING, "swbh-midwifery", on, subjects=[mother_to_be], author=MIDWIFE, facts=facts
    )


@pytest.fixture
def midwifery(office):
    """Whoever books and delivers."""
    return office.system("swbh-midwifery")


def test_expected_twins_become_the_children_that_are_born(midwifery):
    midwifery.tells(expecting(NASREEN, when(2019, 5, 27), 2, "twins-booked", when(2018, 11, 20)))
    [home] = midwifery.homes_of(NASREEN)
    assert [member["state"] for member in home["members"]].count("unborn") == 2
    midwifery.tells(MESSAGES["birth-twins"])
    [home] = midwifery.homes_of(NASREEN)
    assert names(home) == {"Nasreen", "Zayn", "Aisha"}
    assert "unborn" not in [member["state"] for member in home["members"]]
    assert midwifery.looks_up(ZAYN)["id"] != midwifery.looks_up(AISHA)["id"]


def test_a_birth_without_its_mother_is_a_household_with_a_gap_until_she_is_named(office, midwifery):
    reply = midwifery.tells(MESSAGES["birth-without-mother"])
    assert reply.warnings == ["is expected: the mother of each child"]
    assert midwifery.task("data-quality")
    [alone] = midwifery.homes_of(AVA)
    assert names(alone) == {"Ava"}
    assert "mother-not-identified" in gaps(alone)
    named = replace(MESSAGES["birth"], id=fixed_id("birth again, with mother"))
    midwifery.tells(named)
    [home] = midwifery.homes_of(AVA)
    assert {"Ava", "Chloe"} <= names(home)
    assert "mother-not-identified" not in gaps(home)


def test_the_father_of_a_child_whom_no_agency_names_is_a_gap(midwifery):
    midwifery.tells(MESSAGES["pregnancy-booking"])
    [home] = midwifery.homes_of(CHLOE)
    [gap] = [gap for gap in home["gaps"] if gap["code"] == "father-not-identified"]
    assert "not identified by any agency" in gap["text"]


def test_separated_parents_are_two_households_and_nothing_crosses(office):
    """Lacey lives with her mother, and with her father every second week."""
    visitors, care = office.system("swbh-health-visiting"), office.system("sandwell-csc")
    fathers_home = living(RYAN, PostalAddress(lines=("9 Bull Street", "West Bromwich"), postcode="B70 6EU"))
    partner = Person(
        key=fixed_id("Mia"),
        identifiers=(nhs_number(41),),
        family="Dunn",
        given=("Mia",),
        birth_date=when(1995, 2, 2).date(),
    )
    baby = Person(
        key=fixed_id("Finn"),
        identifiers=(nhs_number(42),),
        family="Cole",
        given=("Finn",),
        birth_date=when(2019, 1, 5).date(),
    )
    with_mother = tell("with-mother", Event.CHILD_CONTACT, visitors.team, when(2019, 3, 1), kind="2-year", subjects=[LACEY],
                       people=[KAYLA, TYLER], relationships=mother(KAYLA, LACEY, TYLER), household=together(LACEY, KAYLA, TYLER))  # fmt: skip
    with_father = tell("with-father", Event.CHILD_CONTACT, care.team, when(2019, 3, 5), kind="other", subjects=[baby],
                       people=[fathers_home, partner, LACEY], relationships=mother(partner, baby) + father(RYAN, LACEY, baby),
                       household=(*together(baby, fathers_home, partner),
                                  HouseholdMember(person=LACEY.key, standing=Standing.SHARED_CARE)))  # fmt: skip
    visitors.tells(with_mother)
    care.tells(with_father)
    [home] = visitors.homes_of(TYLER)
    assert names(home) == {"Lacey", "Kayla", "Tyler"}
    [other] = care.homes_of(baby)
    assert names(other) == {"Finn", "Ryan", "Mia", "Lacey"}
    assert home["id"] != other["id"]
    # Through the child they share nothing goes on from one parent's household to those who work with the other's.
    tylers, finns = office.system("swbh-paediatrics"), office.system("swbh-neonatal")
    tylers.tells(tell("tyler", Event.INVOLVEMENT_START, tylers.team, when(2019, 3, 6), subjects=[TYLER]))
    finns.tells(tell("finn", Event.INVOLVEMENT_START, finns.team, when(2019, 3, 6), subjects=[baby]))
    care.tells(unwell(partner, "mia-unwell", care.team))
    assert "mia" in visitors.copy_of(Event.CONCERN).text  # Lacey's own team: she is there every second week
    assert finns.copy_of(Event.CONCERN)
    assert not tylers.heard(Event.CONCERN)
    care.tells(unwell(KAYLA, "kayla-unwell", care.team))
    assert tylers.copy_of(Event.CONCERN)
    assert "kayla" not in finns.copy_of(Event.CONCERN).text


def unwell(parent, name, sender):
    """A concern about a parent's mood."""
    return tell(
        name,
        Event.CONCERN,
        sender,
        when(2019, 3, 9),
        kind="parental-mental-health",
        subjects=[parent],
        basis=MESSAGES["concern"].basis,
        author=SOCIAL_WORKER,
        facts=(fact("concern-detail", "Low for some weeks.", parent),),
    )


def test_sharing_an_address_makes_nobody_a_household_and_asks_somebody(midwifery, office):
    midwifery.tells(MESSAGES["pregnancy-booking"])
    lodger = living(
        replace(DANIEL, identifiers=(nhs_number(51),)),
        replace(GRANDPARENTS_HOME, lines=("14, Clent View Rd.", "BIRMINGHAM")),
    )
    practice = office.system("harborne-practice")
    practice.tells(
        tell(
            "registers-daniel",
            Event.GP_REGISTRATION,
            practice.team,
            when(2017, 9, 1),
            kind="registered",
            subjects=[lodger],
        )
    )
    [home] = midwifery.homes_of(CHLOE)
    assert names(home) == {"Chloe"}
    task = midwifery.task("confirm-household")
    assert set(inputs(task, "choices")) == {"confirm", "reject"}
    midwifery.chooses(task, "confirm")
    assert names(midwifery.homes_of(CHLOE)[0]) == {"Chloe", "Daniel"}


def test_a_change_of_format_is_no_move(midwifery, office):
    midwifery.tells(MESSAGES["pregnancy-booking"])
    said_again = living(CHLOE, PostalAddress(lines=("14  CLENT VIEW ROAD,",), postcode="b17 0hg"))
    practice = office.system("harborne-practice")
    practice.tells(
        tell(
            "registers-chloe",
            Event.GP_REGISTRATION,
            practice.team,
            when(2017, 9, 1),
            kind="registered",
            subjects=[said_again],
        )
    )
    for team in (midwifery, practice):
        assert not team.tasks("resolve-address")
        assert not team.tasks("confirm-household")


def test_two_agencies_with_two_addresses_are_both_asked_and_neither_sees_the_others(midwifery, office):
    """F15 (7.5.6): the practice had the old address."""
    practice = office.system("harborne-practice")
    practice.tells(
        tell(
            "registers-chloe",
            Event.GP_REGISTRATION,
            practice.team,
            when(2017, 7, 20),
            kind="registered",
            subjects=[CHLOE],
        )
    )
    moved = living(CHLOE, PostalAddress(lines=("3 Moor Pool Avenue", "Birmingham"), postcode="B17 9DP"))
    midwifery.tells(replace(MESSAGES["pregnancy-booking"], people=(moved, *MESSAGES["pregnancy-booking"].people[1:])))
    for team, other in ((practice, "Moor Pool"), (midwifery, "Clent View")):
        task = team.task("resolve-address")
        brought = next(copy for copy in team.heard() if copy.tasks and copy.task["id"] == task["id"])
        assert brought.silent_about(other)
        assert other not in str(task)
    practice.chooses(practice.task("resolve-address"), "not-this-address")
    assert not is_open(practice.tasks("resolve-address")[0])


def test_who_somebody_is_is_asked_and_open_tasks_follow_the_answer(office, midwifery):
    """A father met by a midwife, by name and birthday alone, is the man whom probation supervises."""
    probation = office.system("lcrc-probation")
    probation.tells(MESSAGES["supervision-start"])
    man = replace(DANIEL, identifiers=(), addresses=())
    met = tell("met-father", Event.HOUSEHOLD_UPDATE, midwifery.team, when(2017, 9, 4), subjects=[CHLOE], people=[man],
               household=together(CHLOE, man))  # fmt: skip
    midwifery.tells(MESSAGES["pregnancy-booking"], met)
    concern = tell("worry", Event.CONCERN, midwifery.team, when(2017, 9, 5), kind="substance-misuse", subjects=[man],
                   people=[CHLOE], author=MIDWIFE, basis=MESSAGES["concern"].basis, facts=(fact("concern-detail", "Smelled of cannabis.", man),))  # fmt: skip
    midwifery.tells(concern)
    visitors = office.system("bcht-health-visiting")
    open_task = visitors.copy_of(Event.CONCERN).task
    question = midwifery.task("resolve-identity")
    assert not visitors.heard(Event.SUPERVISION_START)
    [candidate] = [choice for choice in inputs(question, "choices") if choice != "different"]
    midwifery.chooses(question, candidate)
    # What stood about the one now stands about both: the household hears of the supervision, and the open task follows.
    assert visitors.copy_of(Event.SUPERVISION_START).facts["substance-misuse"].startswith("Drug rehabilitation")
    assert probation.looks_up(DANIEL)["id"] == candidate
    followed = visitors.again(open_task)
    assert followed["status"] == "requested"
    assert followed["for"]["reference"] == f"Patient/{candidate}"
    visitors.accepts(followed, "We ask at our visit.")


def test_different_people_stay_different(office, midwifery):
    office.system("lcrc-probation").tells(MESSAGES["supervision-start"])
    man = replace(DANIEL, identifiers=(), addresses=())
    met = tell("met-father", Event.HOUSEHOLD_UPDATE, midwifery.team, when(2017, 9, 4), subjects=[CHLOE], people=[man],
               household=together(CHLOE, man))  # fmt: skip
    midwifery.tells(MESSAGES["pregnancy-booking"], met)
    midwifery.chooses(midwifery.task("resolve-identity"), "different")
    midwifery.tells(replace(met, id=fixed_id("met again"), occurred=when(2017, 10, 4), sent=when(2017, 10, 4)))
    assert not [task for task in midwifery.tasks("resolve-identity") if is_open(task)]  # asked once
    assert not office.system("bcht-health-visiting").heard(Event.SUPERVISION_START)


def test_an_officer_looks_up_his_own_client_and_nobody_else(office, midwifery):
    """Sharing principle 5: of the family he is pointed to he sees neither members nor gaps nor teams beyond those he may know."""
    probation = office.system("lcrc-probation")
    probation.tells(MESSAGES["supervision-start"])
    midwifery.tells(MESSAGES["pregnancy-booking"])
    probation.tells(MESSAGES["supervision-change"])
    probation.chooses(probation.task("confirm-household"), "confirm")
    [home] = probation.homes_of(DANIEL)
    assert names(home) == {"Daniel"}
    assert home["wholeHousehold"] is False
    assert not {"gaps", "relationships"} & home.keys()
    assert {team["team"] for team in home["teams"]} == {"lcrc-probation"}
    assert probation.looks_up(CHLOE) is None
    assert office.system("swbh-neonatal").looks_up(CHLOE) is None  # whoever works with nobody there sees nobody
    assert midwifery.looks_up(CHLOE)
