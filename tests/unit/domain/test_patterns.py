"""What makes a pattern and what does not, rule by rule of the default policy: the thresholds, and the cases just below them."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from broker.domain import patterns
from broker.domain.patterns import Happening, Scope
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.domain.world import KnownInvolvement, KnownMembership, KnownPerson, KnownRelationship, World
from schemas.codes import Event, Function, RelationshipKind, Standing
from schemas.events import FACTS, FactType, coded
from schemas.message import Fact, Message, Person, Professional
from tests.default_policy import default_policy

NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
RULES = default_policy().patterns.rules
HOME = "home"
MOTHER, FATHER, BABY, TODDLER = "mother", "father", "baby", "toddler"
BORN = {BABY: NOW.date() - timedelta(days=150), TODDLER: NOW.date() - timedelta(days=800)}
TEAMS = {
    "visitors": ("trust", Function.HEALTH_VISITING),
    "midwives": ("trust", Function.MIDWIFERY),
    "practice": ("practice", Function.GENERAL_PRACTICE),
    "probation": ("probation", Function.PROBATION),
    "cmht": ("mental-trust", Function.MENTAL_HEALTH),
}


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def person(id_: str, **said) -> KnownPerson:
    said.setdefault("born", BORN.get(id_, date(1995, 1, 1)))
    return KnownPerson(id=id_, state=said.pop("state", PersonState.LIVING), **said)


def world(*people: KnownPerson, involvements=()) -> World:
    known = {p.id: p for p in (people or map(person, (MOTHER, FATHER, BABY, TODDLER)))}
    living = tuple(
        KnownMembership(household_id=HOME, person_id=p, standing=Standing.LIVES, state=MembershipState.CURRENT)
        for p in known
    )
    return World(people=known, households={}, memberships=living, involvements=tuple(involvements))


def fact(code: str, value, about: str | None = None) -> Fact:
    spec = FACTS[code]
    if spec.type is FactType.QUANTITY:
        value = Decimal(str(value))
    elif spec.binding is not None:
        value = coded(code, value)
    return Fact(code=code, value=value, about=about, unit=spec.unit)


def said(event: Event, days: float, team: str = "visitors", about: str = BABY, *facts: Fact, **more) -> Happening:
    """A message of that many days ago."""
    agency, function = TEAMS[team]
    author = more.pop("by", None)
    places = {about: more.pop("at")} if "at" in more else {}
    message = Message(
        id=f"{event}-{days}-{team}-{about}",
        event=event,
        sender=team,
        occurred=days_ago(days),
        subjects=(about,),
        people=more.pop("people", ()),
        facts=facts,
        author=Professional(name=author, role="health-visitor") if author else None,
        **more,
    )
    return Happening(
        id=message.id, at=message.occurred, agency=agency, function=function, message=message, places=places
    )


def made(name: str, *happened: Happening, among: World | None = None, since: datetime | None = None) -> bool:
    rule, known = RULES[name], among or world()
    everybody = frozenset(known.people)
    scope = (
        Scope(household_id=HOME, person_id=None, persons=everybody)
        if rule.scope == "household"
        else Scope(household_id=None, person_id=BABY, persons=frozenset({BABY}))
    )
    start = max(NOW - rule.looks_back, since or NOW - rule.looks_back)
    found = patterns.pieces(rule, happened, scope, known, start, NOW)
    return patterns.at_home(rule, scope, known, NOW) and patterns.met(rule, found, NOW)


# --- missed appointments ------------------------------------------------------------------------------------------


def test_what_siblings_and_pregnancies_missed_at_several_agencies_counts_together():
    missed = (
        said(Event.DID_NOT_ATTEND, 200, "midwives", MOTHER, kind="scan"),
        said(Event.NOT_BROUGHT, 60, "practice", TODDLER),
        said(Event.NO_ACCESS, 0, "visitors", BABY),
    )
    assert made("missed-appointments", *missed)
    assert not made("missed-appointments", *missed[1:])


def test_one_visit_that_several_are_told_of_is_one():
    day = [said(Event.NO_ACCESS, 10, team, child) for team in ("visitors", "midwives") for child in (BABY, TODDLER)]
    assert not made("missed-appointments", *day, said(Event.NOT_BROUGHT, 3))


def test_what_lies_further_apart_than_a_pregnancy_is_none():
    assert not made("missed-appointments", *(said(Event.NOT_BROUGHT, days, about=TODDLER) for days in (600, 300, 1)))


def test_where_no_young_child_lives_it_is_none():
    grown = world(person(MOTHER), person(BABY, born=date(2019, 1, 1)))
    missed = [said(Event.NOT_BROUGHT, days) for days in (60, 30, 1)]
    assert not made("missed-appointments", *missed, among=grown)
    expecting = world(person(MOTHER), person("unborn", born=None, state=PersonState.UNBORN))
    assert made(
        "missed-appointments",
        *(said(Event.DID_NOT_ATTEND, days, "midwives", MOTHER, kind="scan") for days in (60, 30, 1)),
        among=expecting,
    )


def test_what_was_discussed_does_not_count_again():
    missed = [said(Event.NOT_BROUGHT, days) for days in (60, 30, 1)]
    assert not made("missed-appointments", *missed, since=days_ago(20))


# --- concerns -----------------------------------------------------------------------------------------------------


def contact(days: float, team: str = "visitors", concern: object = "Bottles dirty.", **more) -> Happening:
    return said(Event.CHILD_CONTACT, days, team, BABY, fact("concerns", concern, BABY), kind="other", **more)


def test_low_level_concerns_on_four_days_of_a_year():
    four = [contact(days) for days in (300, 200, 100, 0)]
    assert made("low-level-concerns", *four)
    assert not made("low-level-concerns", *four[1:])
    assert not made("low-level-concerns", *four[1:], contact(50, concern=False))  # asked, and there were none
    assert not made("low-level-concerns", *four[1:], contact(400))


def test_concerns_of_one_agency_are_that_agencys_to_see():
    both = (contact(14), contact(13, "practice"), contact(0))
    assert made("concerns-of-two-agencies", *both)
    assert not made("concerns-of-two-agencies", contact(14), contact(13), contact(0))
    assert not made("concerns-of-two-agencies", *both[:2])
    assert not made("concerns-of-two-agencies", *both, since=days_ago(5))


# --- centiles, as reported ----------------------------------------------------------------------------------------


def plotted(days: float, centile: float, team: str = "visitors") -> Happening:
    return said(Event.MEASUREMENT, days, team, BABY, fact("centile", centile, BABY))


@pytest.mark.parametrize(
    ("centiles", "reason"),
    [
        ((25, 9), False),  # one space
        ((25, 2), True),  # two, from between the 9th and the 91st
        ((8, 1.5), True),  # one, from below the 9th
        ((98, 75), False),  # two, from above the 91st
        ((98, 50), True),  # three
        ((50, 91), False),  # it rose
        ((1,), True),  # below the 2nd, whatever came before
        ((2,), False),
        ((0.4,), True),
    ],
)
def test_the_thresholds_are_those_of_ng75(centiles, reason):
    told = [plotted(30 - 10 * index, centile) for index, centile in enumerate(centiles)]
    assert made("falling-centiles", *told) is reason


def test_the_pieces_of_two_agencies_make_the_fall():
    assert made("falling-centiles", plotted(100, 75, "midwives"), plotted(1, 25, "practice"))


def test_before_two_weeks_nothing_is_compared():
    newborn = world(person(BABY, born=NOW.date() - timedelta(days=10)))
    assert not made("falling-centiles", plotted(1, 0.4), among=newborn)


# --- delays -------------------------------------------------------------------------------------------------------


def test_one_delay_is_none_and_the_same_told_twice_is_one():
    late = [
        said(Event.IMMUNISATION, days, "practice", BABY, fact("immunisations-up-to-date", False, BABY))
        for days in (20, 10, 1)
    ]
    assert not made("delayed-care", *late)
    examined = said(Event.SIX_TO_EIGHT_WEEK_EXAMINATION, 5, "practice", TODDLER)
    assert made("delayed-care", *late, examined)


def test_twins_are_one():
    twins = world(person(MOTHER), person(BABY), person("twin", born=BORN[BABY]))
    late = [said(Event.SIX_TO_EIGHT_WEEK_EXAMINATION, 3, "practice", child) for child in (BABY, "twin")]
    assert not made("delayed-care", *late, among=twins)


def test_a_birth_that_no_registration_followed_counts_when_its_time_has_passed():
    birth = said(Event.BIRTH, 150, "midwives", BABY)
    examined = said(Event.SIX_TO_EIGHT_WEEK_EXAMINATION, 5, "practice", TODDLER)
    assert made("delayed-care", birth, examined)
    in_time = said(Event.GP_REGISTRATION, 120, "practice", BABY, kind="registered")
    assert not made("delayed-care", birth, examined, in_time)
    too_late = said(Event.GP_REGISTRATION, 60, "practice", BABY, kind="registered")
    assert made("delayed-care", birth, examined, too_late)
    registered = world(person(MOTHER), person(BABY, practice="Y00001"), person(TODDLER))
    assert not made("delayed-care", birth, examined, among=registered)  # by what others say of it
    young = said(Event.BIRTH, 20, "midwives", BABY)
    assert not made("delayed-care", young, examined)


# --- adults at home -----------------------------------------------------------------------------------------------


def test_a_crisis_matters_where_an_infant_lives_and_only_while_it_is_near():
    admitted = said(Event.MENTAL_HEALTH_ADMISSION, 3, "cmht", FATHER)
    assert made("adult-crisis-with-infant", admitted)
    assert not made("adult-crisis-with-infant", admitted, among=world(person(FATHER), person(TODDLER)))
    assert not made("adult-crisis-with-infant", said(Event.MENTAL_HEALTH_ADMISSION, 120, "cmht", FATHER))
    assert not made("adult-crisis-with-infant", said(Event.MENTAL_HEALTH_LEAVE, 1, "cmht", FATHER, kind="leave"))
    assert made("adult-crisis-with-infant", said(Event.MENTAL_HEALTH_LEAVE, 1, "cmht", FATHER, kind="absent"))


def test_substance_misuse_that_is_treated_is_none():
    stated = said(
        Event.SUPERVISION_START, 3, "probation", FATHER, fact("substance-misuse", "Heroin, says himself.", FATHER)
    )
    assert made("untreated-substance-misuse", stated)
    treated = KnownInvolvement(
        team_id="drugs",
        person_id=FATHER,
        function=Function.SUBSTANCE_MISUSE,
        state=InvolvementState.CONFIRMED,
        since=NOW,
        renewed_at=NOW,
        evidence="involvement-start",
    )
    assert not made("untreated-substance-misuse", stated, among=world(involvements=[treated]))
    none = said(Event.SUPERVISION_START, 3, "probation", FATHER, fact("substance-misuse", False, FATHER))
    assert not made("untreated-substance-misuse", none)


# --- addresses and people who come -----------------------------------------------------------------------------------


def test_three_moves_and_not_one_move_told_three_times():
    def moves(*at: str) -> list[Happening]:
        return [said(Event.CHANGE_OF_ADDRESS, 100 - 10 * index, about=BABY, at=to) for index, to in enumerate(at)]

    assert made("repeated-moves", *moves("a", "b", "a"))
    assert not made("repeated-moves", *moves("a", "a", "b"))


def test_two_agencies_that_contradict_each_other_and_no_family_that_moved():
    def at(days: float, team: str, place: str) -> Happening:
        return said(Event.CHILD_CONTACT, days, team, BABY, kind="other", at=place)

    moved = (at(30, "practice", "grandparents"), at(20, "visitors", "flat"))
    assert not made("contradictory-addresses", *moved)
    assert not made("contradictory-addresses", *moved, at(10, "practice", "flat"))
    assert made("contradictory-addresses", *moved, at(10, "practice", "grandparents"))
    alone = (at(30, "visitors", "grandparents"), at(20, "visitors", "flat"), at(10, "visitors", "grandparents"))
    assert not made("contradictory-addresses", *alone)


def test_five_names_within_fifteen_months_however_they_are_spelled():
    def seen(*names: str) -> list[Happening]:
        return [
            said(Event.CHILD_CONTACT, 100 - 10 * index, kind="new-birth", by=name) for index, name in enumerate(names)
        ]

    assert made("many-practitioners", *seen("Ann A", "Bea B", "Cy C", "Di D", "Ed E"))
    assert not made("many-practitioners", *seen("Ann A", "ann  a", "Cy C", "Di D", "Ed E"))
    clinic = said(Event.CHILD_CONTACT, 1, kind="clinic", by="Flo F")
    assert not made("many-practitioners", *seen("Ann A", "Bea B", "Cy C", "Di D"), clinic)


# --- who the men of the home are ------------------------------------------------------------------------------------


def asked(days: float, event: Event = Event.CHILD_CONTACT, about: str = BABY, **more) -> Happening:
    kind = "new-birth" if event is Event.CHILD_CONTACT else None
    return said(event, days, more.pop("team", "visitors"), about, kind=kind, **more)


def with_father(known: World, **said_of_him) -> World:
    is_his = KnownRelationship(person_id=FATHER, kind=RelationshipKind.FATHER, to=BABY)
    told = person(FATHER, family="Price", given=("Daniel",), **said_of_him)
    return replace(known, people={**known.people, FATHER: told}, relationships=(is_his,))


def test_three_contacts_that_say_nothing_of_the_father_whom_only_others_know():
    three = [asked(days) for days in (120, 60, 1)]
    assert made("men-unknown", *three)
    assert not made("men-unknown", *three[1:])
    assert not made("men-unknown", *three[1:], asked(500))
    assert not made("men-unknown", *three[1:], asked(60, about=TODDLER))  # two children at one visit
    his = said(Event.SUPERVISION_START, 130, "probation", FATHER, people=(Person(key=FATHER),))
    assert made("men-unknown", *three, his, among=with_father(world()))


@pytest.mark.parametrize(("days", "unknown"), [(130, False), (60, False), (0.5, True)])
def test_what_was_said_of_him_before_counts_and_what_is_said_after_takes_nothing_away(days, unknown):
    three = [asked(days) for days in (120, 60, 1)]
    named = said(Event.HOUSEHOLD_UPDATE, days, "midwives", MOTHER, people=(Person(key=FATHER),))
    assert made("men-unknown", *three, named, among=with_father(world())) is unknown


def test_somebody_of_whom_only_the_role_is_known_is_not_named():
    three = [asked(days) for days in (120, 60, 1)]
    named = said(Event.HOUSEHOLD_UPDATE, 130, "midwives", MOTHER, people=(Person(key=FATHER),))
    assert made("men-unknown", *three, named, among=with_father(world(), resolved=False))


def test_a_booking_counts_for_whom_she_was_expecting():
    hers = KnownRelationship(person_id=MOTHER, kind=RelationshipKind.MOTHER, to=BABY)
    known = replace(world(), relationships=(hers,))
    booked = asked(250, Event.PREGNANCY_BOOKING, MOTHER, team="midwives")
    assert made("men-unknown", booked, asked(60), asked(1), among=known)
    assert not made(
        "men-unknown", asked(100, Event.PREGNANCY_BOOKING, MOTHER, team="midwives"), asked(60), asked(1), among=known
    )
    assert not made("men-unknown", booked, asked(60), asked(1))  # nobody says whose mother she is


# --- what makes Baton look ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kind", "facts", "looked_for"),
    [
        (Event.NOT_BROUGHT, "clinic", (), {"missed-appointments", "contradictory-addresses"}),
        (Event.CHILD_CONTACT, "other", (), set()),
        (Event.CHILD_CONTACT, "other", (fact("concerns", False),), set()),
        (
            Event.CHILD_CONTACT,
            "other",
            (fact("concerns", "Thin."),),
            {"low-level-concerns", "concerns-of-two-agencies"},
        ),
        (Event.CHILD_CONTACT, "6-8-week", (), {"many-practitioners"}),
        (Event.MEASUREMENT, None, (fact("weight", 4000),), set()),
        (Event.BIRTH, None, (), set()),
    ],
)
def test_a_message_that_counts_towards_nothing_costs_nothing(event, kind, facts, looked_for):
    message = said(event, 0, "visitors", BABY, *facts, kind=kind).message
    asked = {name for name, rule in RULES.items() if patterns.prompts(rule, message, Function.HEALTH_VISITING)}
    assert asked == looked_for


def test_a_birth_is_looked_at_again_when_it_should_have_been_registered():
    birth = said(Event.BIRTH, 0, "midwives", BABY).message
    assert patterns.look_at(RULES["delayed-care"], birth) == NOW + timedelta(days=56)
    assert patterns.look_at(RULES["missed-appointments"], birth) is None


def test_what_once_made_a_pattern_goes_on_to():
    """Time alone closes nothing."""
    rule = RULES["missed-appointments"]
    scope = Scope(household_id=HOME, person_id=None, persons=frozenset({BABY}))
    missed = [said(Event.NOT_BROUGHT, days) for days in (500, 490, 480)]
    found = patterns.pieces(rule, missed, scope, world(), days_ago(700), NOW)
    assert not patterns.met(rule, found, NOW)
    assert patterns.enough(rule, found)
    assert not patterns.enough(rule, found[:2])
