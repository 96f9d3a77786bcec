"""The home as it was when somebody was told: whoever has left since is there, whoever left before is not."""

from dataclasses import replace
from datetime import timedelta

from broker.domain.since_then import as_it_was, homes_left
from broker.domain.states import MembershipState
from tests.unit.domain.family import NOW, home, world

ENDED = MembershipState.ENDED


def left(known, person, at, state=ENDED):
    """The same world, in which somebody left at that time."""
    return replace(
        known,
        memberships=tuple(
            replace(m, state=state, ended_at=at) if m.person_id == person else m for m in known.memberships
        ),
    )


def test_who_left_later_still_lives_there():
    known = left(world(home("mother", "baby", "father")), "father", NOW + timedelta(seconds=1))
    assert known.members_of("home") == ("baby", "mother")
    assert homes_left(known, NOW) == {"home"}
    assert as_it_was(known, NOW).members_of("home") == ("baby", "father", "mother")
    assert as_it_was(known, NOW).households_of("father") == ("home",)


def test_who_left_before_or_at_an_unknown_time_or_never_lived_there_does_not():
    whole = world(home("mother", "baby", "father"))
    for known in (
        left(whole, "father", NOW),
        left(whole, "father", None),
        left(whole, "father", NOW + timedelta(days=1), MembershipState.REJECTED),
    ):
        assert as_it_was(known, NOW) is known
        assert homes_left(known, NOW) == frozenset()


def test_who_left_twice_or_has_come_back_is_there_once():
    day = timedelta(days=1)
    gone = left(world(home("mother", "baby", "father")), "father", NOW + day)
    [first] = [m for m in gone.memberships if m.person_id == "father"]
    twice = replace(gone, memberships=(*gone.memberships, replace(first, ended_at=NOW + 3 * day)))
    assert as_it_was(twice, NOW).members_of("home") == ("baby", "father", "mother")
    back = replace(gone, memberships=(*gone.memberships, replace(first, state=MembershipState.CURRENT, ended_at=None)))
    assert as_it_was(back, NOW) is back


def test_who_came_later_to_a_home_that_somebody_left_was_not_there():
    """Those whom the message meets never lived with somebody who moved in once they were gone."""
    day = timedelta(days=1)
    gone = left(world(home("mother", "baby", "father")), "father", NOW + day)
    came = {"mother": NOW - day, "baby": NOW, "father": NOW - day}
    known = replace(gone, memberships=tuple(replace(m, asserted_at=came[m.person_id]) for m in gone.memberships))
    assert as_it_was(known, NOW).members_of("home") == ("baby", "father", "mother")
    assert as_it_was(known, NOW - timedelta(hours=1)).members_of("home") == ("father", "mother")
