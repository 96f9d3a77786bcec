"""Which known person somebody in a message is: by number, by household, by pregnancy; and when a person must decide."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from broker.domain.matching import rekey
from broker.domain.states import PersonState
from schemas.codes import Event, RelationshipKind
from schemas.identifiers import NOMS_NUMBER
from schemas.message import Identifier, Person, Relationship
from tests.town import (
    BABY,
    CHILD,
    EXPECTED,
    FATHER,
    MOTHER,
    TODAY,
    TWIN,
    Town,
    birth,
    booking,
    codes,
    contact,
    crn,
    fact,
    father_of,
    faulty,
    lives,
    local,
    message,
    mother_of,
    nhs,
    statement,
)

BARE = replace(MOTHER, identifiers=())


def town(*persons, by="visitors"):
    """A town in which these persons are known, each by a message of its own."""
    made = Town()
    for person in persons:
        made.send(contact(person), by)
    return made


def same(known, said, by="visitors", first_by="visitors"):
    """Whether `said`, sent by one team, is matched to `known`, sent by another before; with the kinds of doubt."""
    made = town(known, by=first_by)
    before = made.id(known.key)
    made.send(contact(said), by)
    return made.id(said.key) == before, [doubt.kind for doubt in made.matched.doubts]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (MOTHER, (True, [])),
        (replace(MOTHER, identifiers=(nhs(1, verified=None),)), (True, [])),
        (replace(MOTHER, family="Elm", given=("Mary",)), (True, [])),  # number and birth suffice: names change
        (replace(MOTHER, birth_date=None), (True, [])),  # no date of birth, the same family name
        (replace(MOTHER, birth_date=None, family="ASH "), (True, [])),
        (replace(MOTHER, birth_date=None, family="Elm"), (False, ["identity"])),
        (replace(MOTHER, birth_date=None, family=None), (False, ["identity"])),
        (replace(MOTHER, birth_date=date(1998, 4, 2)), (False, ["identity"])),
        (replace(MOTHER, identifiers=(nhs(9),)), (False, [])),  # a number of her own: a namesake
        (replace(MOTHER, identifiers=()), (False, ["identity"])),  # same name and birth, and no number
        (replace(MOTHER, identifiers=(), given=("Zoe",)), (False, [])),  # another initial: nobody is troubled
        (replace(MOTHER, identifiers=(), birth_date=None), (False, [])),
    ],
)
def test_an_nhs_number_matches_with_date_of_birth(said, expected):
    assert same(MOTHER, said) == expected


def test_a_number_written_with_spaces_is_the_same_number():
    spaced = nhs(1).value[:3] + " " + nhs(1).value[3:6] + "-" + nhs(1).value[6:]
    assert same(MOTHER, replace(MOTHER, identifiers=(replace(nhs(1), value=spaced),))) == (True, [])


NUMBERED = replace(BARE, identifiers=(local("trust", "7"),))


@pytest.mark.parametrize(
    ("said", "by", "first_by", "expected"),
    [
        (NUMBERED, "midwives", "visitors", (True, [])),  # two teams of one agency, one number
        (replace(NUMBERED, family="Elm", birth_date=None), "visitors", "visitors", (True, [])),
        (replace(NUMBERED, birth_date=date(1998, 4, 2)), "visitors", "visitors", (False, ["identity"])),
        (NUMBERED, "cmht", "visitors", (False, ["identity"])),  # another agency's word binds nothing
        (NUMBERED, "visitors", "cmht", (True, [])),  # but the agency itself confirms what another noted, birth and all
        (replace(NUMBERED, birth_date=None), "visitors", "cmht", (False, ["identity"])),
    ],
)
def test_a_local_number_matches_for_its_own_agency(said, by, first_by, expected):
    assert same(NUMBERED, said, by, first_by) == expected


@pytest.mark.parametrize(
    ("by", "first_by", "expected"),
    [
        ("probation", "probation", True),
        ("prison", "probation", True),
        ("probation", "prison", True),
        ("cmht", "probation", False),
        ("probation", "cmht", False),
        ("cmht", "cmht", True),  # the same agency repeats itself
    ],
)
def test_a_case_number_goes_with_the_case_through_probation_and_prison(by, first_by, expected):
    case = Person(key="f", identifiers=(crn("X123456"),))
    assert same(case, case, by, first_by)[0] is expected


def test_a_case_number_matches_only_a_date_of_birth_that_fits():
    case = replace(FATHER, identifiers=(crn("X123456"),))
    assert same(case, replace(case, birth_date=None), "probation", "probation") == (True, [])
    assert same(case, replace(case, birth_date=TODAY), "probation", "probation") == (False, ["identity"])


FAULTY = replace(MOTHER, identifiers=(faulty(1),))


@pytest.mark.parametrize(
    ("said", "by", "expected"),
    [
        (FAULTY, "visitors", (True, [])),  # the same slip, the same agency, the same particulars
        (replace(FAULTY, birth_date=TODAY), "visitors", (False, ["identity"])),
        (replace(FAULTY, family="Elm"), "visitors", (False, ["identity"])),
        (FAULTY, "cmht", (False, ["identity"])),
    ],
)
def test_a_number_that_fails_its_check_digit_matches_nobody_by_itself(said, by, expected):
    assert same(FAULTY, said, by) == expected


def test_a_number_and_nothing_else_makes_no_second_person_at_the_second_message():
    bare = Person(key="m", identifiers=(nhs(1),))
    assert same(bare, bare) == (True, [])
    assert same(bare, bare, by="cmht") == (False, ["identity"])


def test_when_particulars_of_a_bound_number_differ_twice_the_second_finds_the_first():
    made = town(MOTHER)
    other = replace(MOTHER, birth_date=date(1998, 4, 2))
    made.send(contact(other))
    second = made.id("m")
    made.send(contact(other), "cmht")
    assert made.id("m") == second


def test_two_numbers_of_two_persons_are_a_doubt_and_the_nhs_number_leads():
    made = town(MOTHER, NUMBERED)
    ids = {person.id for person in made.world.people.values()}
    assert len(ids) == 2
    made.send(contact(replace(MOTHER, identifiers=(local("trust", "7"), nhs(1)))))
    [doubt] = made.matched.doubts
    assert doubt.kind == "duplicate"
    assert {made.id("m"), *doubt.candidates} == ids
    assert "https://fhir.nhs.uk/Id/nhs-number" in {i.system for i in made.person("m").identifiers}


# --- without a number -----------------------------------------------------------------------------------------


def family():
    """A household of mother, father and child, and the ids of the three."""
    made = Town()
    made.send(statement(lives("m", "f", "c"), people=(CHILD, MOTHER, FATHER)))
    return made, made.id("m"), made.id("f"), made.id("c")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (replace(FATHER, identifiers=()), True),
        (replace(FATHER, identifiers=(), birth_date=None), True),
        (replace(FATHER, identifiers=(local("trust", "9"),)), True),  # first sight of an own number: all else is equal
        (replace(FATHER, identifiers=(local("trust", "9"),), birth_date=None), False),
        (replace(FATHER, identifiers=(), birth_date=TODAY), False),
        (replace(FATHER, identifiers=(), given=("Fred",)), False),
        (replace(FATHER, identifiers=(), family=None), False),
        (replace(FATHER, identifiers=(nhs(9),)), False),  # a different valid NHS number
    ],
)
def test_somebody_without_a_number_is_found_in_the_household_of_somebody_found(said, found):
    made, _, father, _ = family()
    made.send(contact(CHILD, said))
    assert (made.id("f") == father) is found


def test_outside_the_household_the_same_name_is_a_doubt_only():
    made, _, father, _ = family()
    made.send(contact(replace(CHILD, identifiers=(nhs(30),), given=("Other",)), replace(FATHER, identifiers=())))
    assert made.id("f") != father
    assert [(doubt.kind, doubt.candidates) for doubt in made.matched.doubts] == [("identity", (father,))]


def test_a_father_known_by_relationship_is_found_though_he_lives_elsewhere():
    made = Town()
    made.send(contact(CHILD, replace(FATHER, identifiers=()), relationships=father_of("f", "c")))
    father = made.id("f")
    made.send(contact(CHILD, replace(FATHER, identifiers=(), birth_date=None)))
    assert made.id("f") == father


def test_a_father_of_whom_nothing_is_said_is_one_person_however_often_he_is_not_named():
    made = Town()
    unnamed = Person(key="x")
    made.send(contact(CHILD, unnamed, relationships=father_of("x", "c")))
    first = made.id("x")
    assert made.world.people[first].resolved is False
    made.send(contact(CHILD, unnamed, relationships=father_of("x", "c")), "cmht")
    assert made.id("x") == first


def test_a_mere_mention_repeats_itself_but_somebody_with_a_household_is_not_found_so():
    named = Person(key="x", family="Alder", given=("Ann",), birth_date=date(1980, 1, 1))
    made = Town()
    made.send(contact(CHILD, named))
    first = made.id("x")
    made.send(contact(replace(CHILD, identifiers=(nhs(31),)), named))
    assert made.id("x") == first
    made.send(statement(lives("c", "x"), people=(CHILD, named)))
    made.send(contact(replace(CHILD, identifiers=(nhs(32),)), named))
    assert made.id("x") != first


def test_two_of_one_name_in_a_household_are_told_apart_by_people():
    made, *_ = family()
    twin = replace(FATHER, identifiers=(nhs(33),), birth_date=date(1970, 1, 1))
    made.send(statement(lives("c", "f2"), people=(CHILD, replace(twin, key="f2"))))
    made.send(contact(CHILD, replace(FATHER, identifiers=(), birth_date=None)))
    assert made.id("f") in made.matched.ids.values()
    assert "f" in made.matched.new


# --- babies ---------------------------------------------------------------------------------------------------


def test_the_unborn_child_becomes_the_baby():
    made = Town()
    made.send(booking(), "midwives")
    mother = made.id("m")
    [unborn] = [p.id for p in made.world.people.values() if p.state is PersonState.UNBORN]
    made.send(birth(BABY), "midwives")
    assert made.id("b") == unborn
    assert made.person("b").state is PersonState.LIVING
    assert made.homes(mother) == [{mother, unborn}]


def test_a_birth_told_twice_by_two_agencies_is_one_baby():
    made = Town()
    made.send(booking(), "midwives")
    made.send(birth(BABY), "midwives")
    first = made.id("b")
    made.send(birth(BABY), "records")
    assert made.id("b") == first
    made.send(birth(replace(BABY, identifiers=())), "practice")  # before the number was issued
    assert made.id("b") == first
    assert len(made.living()) == 2


def test_twins_take_the_place_of_two_and_the_second_notice_takes_the_second():
    made = Town()
    made.send(booking(fetuses=2), "midwives")
    assert [p.state for p in made.living()].count(PersonState.UNBORN) == 2
    made.send(birth(BABY), "midwives")
    made.send(birth(TWIN), "midwives")
    assert [p.state for p in made.living()].count(PersonState.LIVING) == 3
    made.send(birth(BABY, TWIN), "records")
    assert len(made.living()) == 3


def test_an_extra_baby_is_new_and_at_home():
    made = Town()
    made.send(booking(), "midwives")
    made.send(birth(BABY, TWIN), "midwives")
    assert len(made.living()) == 3
    assert made.homes(made.id("m")) == [{made.id("m"), made.id("b"), made.id("t")}]


def test_twins_without_numbers_are_told_apart_by_order_or_asked_about():
    made = Town()
    first = replace(BABY, identifiers=(), birth_order=1)
    second = replace(TWIN, identifiers=(), birth_order=2)
    made.send(booking(fetuses=2), "midwives")
    made.send(birth(first, second), "midwives")
    ids = made.id("b"), made.id("t")
    made.send(birth(second, first), "records")
    assert (made.id("b"), made.id("t")) == ids
    settled = made.send(birth(replace(BABY, identifiers=())), "practice")
    assert codes(settled) == ["resolve-identity"]


def test_a_second_notice_that_may_be_of_either_twin_asks():
    made = Town()
    made.send(booking(fetuses=2), "midwives")
    made.send(birth(replace(BABY, identifiers=())), "midwives")
    first = made.id("b")
    settled = made.send(birth(replace(BABY, identifiers=())), "records")
    assert made.id("b") != first
    assert codes(settled) == ["resolve-identity"]


def test_a_baby_of_another_sex_or_name_is_another_baby():
    made = Town()
    girl = replace(BABY, identifiers=(), given=("Ada",), gender="female")
    made.send(birth(girl), "midwives")
    first = made.id("b")
    made.send(birth(replace(girl, given=("Ben",), gender="male")), "midwives")
    assert made.id("b") != first


@pytest.mark.parametrize(("days", "one"), [(0, True), (42, True), (-42, True), (43, True)])
def test_a_second_booking_is_the_same_pregnancy_as_long_as_the_first_is_open(days, one):
    """Beyond six weeks it is asked about (test_pregnancies); nobody is pregnant twice."""
    made = Town()
    made.send(booking(), "midwives")
    made.send(booking(expected=EXPECTED + timedelta(days=days)), "practice")
    assert ([p.state for p in made.living()].count(PersonState.UNBORN) == 1) is one


def test_a_booking_that_arrives_after_the_birth_is_of_the_baby_born():
    made = Town()
    made.send(birth(BABY), "midwives")
    made.send(booking(expected=TODAY + timedelta(days=10), occurred=made.now - timedelta(days=60)), "practice")
    assert len(made.living()) == 2


def test_an_unborn_child_listed_by_another_agency_is_the_same():
    made = Town()
    made.send(booking(), "midwives")
    [unborn] = [p.id for p in made.living() if p.state is PersonState.UNBORN]
    listed = Person(key="u", unborn=True, expected=EXPECTED + timedelta(days=5))
    made.send(contact(MOTHER, listed, kind="antenatal", relationships=mother_of("m", "u")), "south-visitors")
    assert made.id("u") == unborn


# --- protected identities -------------------------------------------------------------------------------------


def test_a_protected_identity_matches_nobody_and_only_the_lead_is_asked():
    made = town(CHILD)
    old = made.id("c")
    settled = made.send(contact(replace(CHILD, protected=True)), "children")
    assert made.id("c") != old
    assert made.world.people[old].state is PersonState.SEALED
    assert made.person("c").state is PersonState.SEALED
    assert [(task.code.value, task.owner) for task in settled.tasks] == [("resolve-identity", "children-lead")]
    assert old not in str(settled.tasks[0].options)


def test_a_sealed_record_is_found_by_nobody_but_its_own_agency():
    made = Town()
    sealed = replace(CHILD, identifiers=(local("council", "1"), nhs(5)), protected=True)
    made.send(contact(sealed), "children")
    first = made.id("c")
    made.send(contact(sealed), "children")
    assert made.id("c") == first
    made.send(contact(CHILD), "visitors")
    second = made.id("c")
    assert second != first
    made.send(contact(CHILD), "practice")
    assert made.id("c") == second
    assert made.world.people[first].state is PersonState.SEALED


# --- re-keying ------------------------------------------------------------------------------------------------


def test_rekeying_replaces_every_key():
    said = message(
        Event.BIRTH,
        BABY,
        MOTHER,
        relationships=mother_of("m", "b"),
        household=lives("m", "b"),
        facts=(fact("note", "x", about="b"), fact("gestation", 40)),
    )
    done = rekey(said, {"b": "1", "m": "2"})
    assert [p.key for p in done.people] == ["1", "2"]
    assert done.subjects == ("1",)
    assert [(r.person, r.to) for r in done.relationships] == [("2", "1")]
    assert [m.person for m in done.household] == ["2", "1"]
    assert [f.about for f in done.facts] == ["1", None]


def test_two_entries_that_are_one_person_become_one():
    twice = replace(MOTHER, key="m2", identifiers=(crn("X123456"),), practice="M85001")
    said = message(Event.CHILD_CONTACT, CHILD, MOTHER, twice, household=lives("m", "m2"))
    said = replace(
        said, relationships=(Relationship(person="m", kind=RelationshipKind.SIBLING, to="m2"), *mother_of("m2", "c"))
    )
    done = rekey(said, {"c": "1", "m": "2", "m2": "2"})
    assert [p.key for p in done.people] == ["1", "2"]
    assert {i.system for i in done.people[1].identifiers} == {nhs(1).system, crn("X123456").system}
    assert done.people[1].practice == "M85001"
    assert [(r.person, r.to) for r in done.relationships] == [("2", "1")]
    assert len(done.household) == 1


def test_one_number_typed_for_two_children_of_a_message_does_not_make_them_one():
    made = town(CHILD)
    first = made.id("c")
    sibling = replace(CHILD, key="s", given=("Sam",))
    settled = made.send(contact(CHILD, sibling))
    assert made.id("c") == first
    assert made.id("s") != first
    assert "resolve-identity" in codes(settled)


def test_a_noms_number_is_read_however_it_is_cased():
    made = Town()
    made.send(contact(Person(key="f", identifiers=(Identifier(system=NOMS_NUMBER, value="a1234bc"),))), "prison")
    first = made.id("f")
    made.send(contact(Person(key="f", identifiers=(Identifier(system=NOMS_NUMBER, value="A1234BC "),))), "probation")
    assert made.id("f") == first
