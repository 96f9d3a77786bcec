"""Whatever teams say of a family, in whatever order: people, households and involvements stay in one piece."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.domain.kinship import mothers_of
from broker.domain.merging import OPEN
from broker.domain.places import normalise
from broker.domain.states import PersonState
from schemas.codes import Event
from schemas.message import PostalAddress
from tests.property.effort import TIMES
from tests.town import CHILD, TEAMS, Town, birth, booking, contact
from tests.town_life import FORMS, any_message

SLOW = settings(deadline=None, max_examples=200 * TIMES, suppress_health_check=[HealthCheck.too_slow])
CHANCE = st.integers(0, 2**32).map(Random)
"""A seed each: drawing every choice from Hypothesis shrinks better, and is fifty times slower."""


def whole(town):
    """The invariants of people and households."""
    world = town.world
    merged = {id_ for id_, person in world.people.items() if person.state is PersonState.MERGED}
    open_ones = Counter((m.household_id, m.person_id) for m in world.memberships if m.state in OPEN)
    assert not {pair for pair, times in open_ones.items() if times > 1}
    assert not merged & {person for _, person in open_ones}
    assert not merged & {i.person_id for i in world.involvements}
    assert not merged & {id_ for r in world.relationships for id_ in (r.person_id, r.to)}
    assert not any(world.people[id_].identifiers for id_ in merged)
    for person in world.people.values():
        if person.state is PersonState.UNBORN:
            assert len(mothers_of(world, person.id)) <= 1
            assert person.born is None
    bound = Counter((i.system, i.value) for p in world.people.values() for i in p.identifiers if i.binding)
    assert not {number for number, times in bound.items() if times > 1}
    teams = Counter((i.team_id, i.person_id) for i in world.involvements)
    assert not {pair for pair, times in teams.items() if times > 1}
    assert all(m.until is None or m.since is None or m.until >= m.since for m in world.memberships)
    known = set(world.people)
    assert {m.person_id for m in world.memberships} <= known
    assert {m.household_id for m in world.memberships} <= set(world.households)


def sealed_alone(before, after):
    """A sealed identity stays sealed and is never merged (principle 11)."""
    sealed = {id_ for id_, person in before.people.items() if person.state is PersonState.SEALED}
    assert all(after.people[id_].state is PersonState.SEALED for id_ in sealed)


@SLOW
@given(CHANCE, st.integers(1, 8))
def test_any_sequence_of_messages_keeps_the_invariants(chance, length):
    town = Town()
    for _ in range(length):
        said, by = any_message(chance)
        before = town.world
        settled = town.send(said, by)
        whole(town)
        sealed_alone(before, town.world)
        assert all(task.owner in TEAMS for task in settled.tasks)
        assert "Ash" not in str([(task.description, task.options) for task in settled.tasks])


@SLOW
@given(CHANCE, st.integers(0, 5))
def test_settling_a_message_twice_is_settling_it_once(chance, length):
    """What makes a retried transaction, or a message another agency repeats, harmless."""
    town = Town()
    for _ in range(length):
        town.send(*any_message(chance))
    said, by = any_message(chance, faithful=True)
    town.send(said, by)
    unborn = [person for person in said.people if person.unborn]
    if not unborn:
        assert town.send(said, by).changes == ()


@SLOW
@given(CHANCE, st.integers(1, 6))
def test_a_change_of_format_never_opens_a_second_address(chance, length):
    town = Town()
    for _ in range(length):
        town.send(*any_message(chance, faithful=True))
        for person in town.living():
            held = Counter(TEAMS[a.asserted_by].agency_id for a in person.addresses)
            assert not {agency for agency, times in held.items() if times > 1}


def words(text):
    """The text as others would type it."""
    return st.sampled_from([text, text.upper(), text.lower(), f" {text} ", text.replace(" ", "  ")])


COUNTIES = st.sampled_from([(), ("West Midlands",), ("ENGLAND",), ("West Bromwich", "United Kingdom")])


@given(
    words("Flat 2"),
    st.sampled_from(["10 High Street", "10 High St", "10, HIGH STREET", "10 high str."]).flatmap(words),
    COUNTIES,
    words("B70 6AA"),
    st.booleans(),
)
def test_every_way_to_write_an_address_is_one_place(flat, street, county, postcode, one_line):
    lines = (flat, street, *county)
    told = PostalAddress(lines=(", ".join(lines),) if one_line else lines, postcode=postcode)
    assert normalise(told) == normalise(FORMS[0])


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=10))
def test_no_text_is_too_strange_to_be_an_address(one, two, postcode):
    normalise(PostalAddress(lines=(one, two), postcode=postcode))


@SLOW
@given(CHANCE, st.permutations(["midwives", "records", "practice", "visitors"]))
def test_a_birth_is_one_child_whoever_tells_it_first(chance, order):
    """NEMS and MESH keep no order: booking, birth and contact arrive as they like, from whom they like."""
    baby = replace(CHILD, key="b", birth_date=booking().occurred.date(), given=("Baby",))
    told = [birth(baby), birth(baby), contact(baby), booking(expected=booking().occurred.date() + timedelta(days=3))]
    chance.shuffle(told)
    town = Town()
    for said, by in zip(told, order, strict=True):
        if said.event is not Event.CHILD_CONTACT or "b" in town.matched.ids:
            town.send(said, by)
    children = [p for p in town.living() if p.born == baby.birth_date or p.state is PersonState.UNBORN]
    assert len(children) == 1
