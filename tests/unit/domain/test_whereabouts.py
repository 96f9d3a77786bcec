"""In which areas somebody lives: of the homes a message goes through, else of any home, else by addresses, else nobody knows."""

from dataclasses import replace

import pytest

from broker.domain.situation import situation
from broker.domain.whereabouts import areas_of, household_areas
from broker.domain.world import KnownAddress
from tests.unit.domain.family import DIRECTORY, KIN, NOW, PEOPLE, TEAMS, home, message, policy, works, world

CLINIC = message("child-contact", "baby", kind="clinic")


def met(known, what=CLINIC, **sender):
    return situation(what, known, policy(), replace(TEAMS[what.sender], **sender), NOW, directory=DIRECTORY)


def at(*areas):
    """Addresses in these areas."""
    held = tuple(
        KnownAddress(place=f"place-{n}", area_id=area, protected=False, asserted_by="midwives")
        for n, area in enumerate(areas)
    )
    return {"addresses": held}


def homeless(**addresses):
    """People whom no household has, with these addresses."""
    known = world(home(*addresses), **addresses)
    return replace(known, memberships=(), households={})


@pytest.mark.parametrize(
    ("known", "areas"),
    [
        (world(home("mother", "baby")), ("birmingham",)),
        (world(home("mother", "baby", area="sandwell"), baby=at("birmingham")), ("sandwell",)),  # a home goes before
        (world(home("mother", "baby"), home("mother", "baby", called="flat", area="sandwell")), ("birmingham", "sandwell")),
        (world(home("mother", "baby"), home("mother", "baby", called="flat")), ("birmingham",)),
        (world(home("mother", "baby"), home("mother", "baby", called="flat", area=None)), ("birmingham",)),
        (world(home("mother", "baby", area=None)), (None,)),
        (world(home("mother", "baby", area=None), baby=at("sandwell")), ("sandwell",)),
        (world(home("mother", "baby", area=None), mother=at("sandwell")), ("sandwell",)),
        (homeless(baby=at("sandwell"), mother=at("birmingham")), ("sandwell",)),  # its own before its mother's
        (homeless(baby=at(), mother=at("sandwell", "birmingham")), ("birmingham", "sandwell")),
        (homeless(baby=at("sandwell", None), mother=at()), (None, "sandwell")),  # one is in no area of the directory
        (homeless(baby=at(), mother=at()), (None,)),
        (homeless(baby=at(), father=at("sandwell")), (None,)),
    ],
)  # fmt: skip
def test_where_somebody_lives(known, areas):
    assert areas_of(met(known), "baby") == areas


def test_who_is_known_to_nobody_lives_nowhere_that_is_known_unless_the_mother_does():
    known = replace(homeless(mother=at("sandwell")), relationships=KIN)
    assert areas_of(met(known), "baby") == ("sandwell",)
    assert areas_of(met(known), "stranger") == (None,)


def test_a_home_that_the_message_goes_through_counts_before_any_other():
    """Of separated parents, that with which the sender works (principle 10)."""
    hers = home("mother", "baby", called="hers")
    his = home("father", "baby", called="his", area="sandwell")
    known = world(hers, his, work=[works("midwives", "mother")])
    assert met(known).households == ("hers",)
    assert areas_of(met(known), "baby") == ("birmingham",)
    assert areas_of(met(known), "father") == ("sandwell",), "who lives in none of them, in the own"


def test_a_household_of_which_nothing_more_is_known_has_no_area():
    known = replace(world(home("mother", "baby")), households={})
    assert areas_of(met(known), "baby") == (None,)
    assert household_areas(met(known)) == ("birmingham",), "the sender's"


@pytest.mark.parametrize(
    ("homes", "sender", "areas"),
    [
        ((home("mother", "baby", area="sandwell"),), "birmingham", ("sandwell",)),
        ((home("mother", "baby", area="sandwell"), home("mother", "baby", called="flat")), "london", ("birmingham", "sandwell")),
        ((home("mother", "baby", area=None),), "birmingham", ("birmingham",)),
        ((home("mother", "baby", area=None),), None, ()),
        ((home("mother", "baby", area=None), home("mother", "baby", called="flat")), "london", ("birmingham",)),
    ],
)  # fmt: skip
def test_the_areas_of_the_households_or_of_the_sender_who_can_pass_it_on(homes, sender, areas):
    assert household_areas(met(world(*homes), area_id=sender)) == areas


def test_somebody_of_no_household_is_where_the_sender_is():
    known = replace(world(home("mother", "baby")), memberships=(), people={"baby": PEOPLE["baby"]})
    assert household_areas(met(known)) == ("birmingham",)
