"""What a team sees of a household's events: as it was told, else as it may be told now; and how long nobody was in contact with a child."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from broker.domain import break_glass, chronology, quiet
from broker.domain.chronology import Before
from broker.domain.quiet import Contact
from broker.domain.reasons import NotTold
from broker.domain.states import DeliveryState, InvolvementState, PersonState, View
from tests.unit.domain.family import (
    ADMITTED,
    DIRECTORY,
    FAMILY,
    NOW,
    TEAMS,
    days,
    fact,
    home,
    message,
    policy,
    works,
    world,
)

REFUSED = "release-refused"
RULES = policy().chronology


def look(what, known, team, before=None, **more):
    return chronology.seen(
        what, known, TEAMS[team], before, policy=policy(), directory=DIRECTORY, now=NOW, refused=REFUSED, **more
    )


def row(state, *, view=View.FULL, reason="involved-with-child"):
    return Before(id="d-1", state=state, view=view, reason_code=reason, at=NOW - timedelta(days=400))


@pytest.mark.parametrize(
    "state", [DeliveryState.READY, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.PARKED]
)
def test_what_was_told_is_seen_as_it_was_told_whoever_works_there_now(state):
    seen = look(ADMITTED, world(FAMILY), "visitors", row(state, view=View.SAFETY))
    assert (seen.view, seen.told, seen.at) == (View.SAFETY, "d-1", NOW - timedelta(days=400))


@pytest.mark.parametrize("state", [DeliveryState.HELD, DeliveryState.CANCELLED])
def test_what_is_held_or_was_taken_back_is_not_there(state):
    known = world(FAMILY, work=[works("visitors", "baby")])
    assert look(ADMITTED, known, "visitors", row(state)) is None


def test_who_takes_over_sees_what_was_before_it_came():
    known = world(FAMILY, work=[works("visitors", "baby")])
    assert look(ADMITTED, known, "visitors").view is View.RISK
    assert look(message("birth", "baby"), known, "visitors").view is View.FULL


def test_in_an_emergency_nothing_is_free_that_is_held_for_release():
    """Even for a function among which it is shared at once (principle 7): nobody of the team works there."""
    restricted = message(
        "supervision-change", "father", sender="midwives", kind="registration", labels=frozenset({"held-for-release"})
    )
    known = break_glass.lent(world(FAMILY), "home", TEAMS["probation"], NOW)
    assert look(restricted, known, "probation") is not None
    assert look(restricted, known, "probation", emergency=True) is None


def test_in_an_emergency_nothing_is_free_that_is_restricted_to_who_works_with_its_subjects():
    restricted = message("birth", "baby", labels=frozenset({"R"}))
    assert look(restricted, world(FAMILY, work=[works("visitors", "baby")]), "visitors") is not None
    known = break_glass.lent(world(FAMILY), "home", TEAMS["visitors"], NOW)
    assert look(restricted, known, "visitors", emergency=True) is None


def test_in_an_emergency_the_rules_take_somebody_as_working_there():
    assert look(message("birth", "baby"), world(FAMILY), "visitors") is None
    known = break_glass.lent(world(FAMILY), "home", TEAMS["visitors"], NOW)
    assert look(message("birth", "baby"), known, "visitors", emergency=True).view is View.FULL
    assert look(ADMITTED, known, "visitors", emergency=True).view is View.RISK


@pytest.mark.parametrize(
    "reason",
    [NotTold.SOURCE_OF_HARM, NotTold.PROFESSIONAL_VIEW, NotTold.SEALED, NotTold.HELD, REFUSED],
)
def test_what_somebody_decided_not_to_tell_stays_untold(reason):
    known = world(FAMILY, work=[works("visitors", "baby")])
    assert look(ADMITTED, known, "visitors", row(DeliveryState.WITHHELD, reason=str(reason))) is None
    assert look(ADMITTED, known, "visitors", row(DeliveryState.WITHHELD, reason=NotTold.NO_RULE.value)) is not None


def test_who_does_not_work_there_or_is_not_sure_to_sees_nothing_that_it_was_not_told():
    unsure = works("visitors", "baby", state=InvolvementState.UNCONFIRMED)
    lapsed = works("visitors", "baby", renewed=NOW - timedelta(days=601))
    for work in ((), [unsure], [lapsed]):
        assert look(ADMITTED, world(FAMILY, work=work), "visitors") is None


@pytest.mark.parametrize("team", ["probation", "drugs", "police", "housing"])
def test_who_works_with_another_adult_alone_sees_nothing_now_that_would_only_point(team):
    known = world(FAMILY, work=[works(team, "father")])
    assert look(message("birth", "baby"), known, team) is None
    assert look(ADMITTED, known, team) is None


def test_who_works_only_with_a_possible_source_of_harm_sees_nothing_of_it():
    known = world(FAMILY, work=[works("probation", "father")])
    assert look(message("concern", "baby", kind="bruising"), known, "probation") is None


def test_a_message_that_its_professional_kept_to_those_addressed_stays_with_them():
    known = world(FAMILY, work=[works("visitors", "baby")])
    label = next(iter(policy().marks.addressed_only))
    assert look(message("concern", "baby", kind="other"), known, "visitors") is not None
    assert look(message("concern", "baby", kind="other", labels=frozenset({label})), known, "visitors") is None


def test_a_teams_own_message_says_nothing_of_who_is_sealed_since():
    said = message("child-contact", "baby", "mother", facts=[fact("seen", True, "baby"), fact("seen", True, "mother")])
    kept = chronology.without(said, {"baby"})
    assert kept.subjects == ("mother",)
    assert [person.key for person in kept.people] == ["mother"]
    assert [one.about for one in kept.facts] == ["mother"]
    assert chronology.without(message("birth", "baby"), {"baby"}) is None
    assert chronology.without(said, set()) is said


# --- gaps


def gaps(*contacts, child="baby", now=NOW, **changed):
    known = world(home("mother", child), **changed)
    seen = [Contact(at=at, persons=frozenset({who})) for at, who in contacts]
    return [(gap.since, gap.until, gap.weeks) for gap in quiet.quiet(seen, known, RULES, now)]


def test_a_gap_is_longer_than_the_age_allows_from_birth_on_and_up_to_now():
    born = datetime.combine(days(100), time(), UTC)
    allowed = next(rule.after for rule in RULES.quiet if rule.name == "half-year")
    assert gaps() == [(born, None, 14)]
    assert gaps((born + allowed, "baby")) == []
    later = born + allowed + timedelta(seconds=1)
    assert gaps((later, "baby")) == [(born, later, 8)]


def test_contacts_with_others_do_not_count_but_those_with_who_expects_it_do():
    born = datetime.combine(days(100), time(), UTC)
    assert gaps((born + timedelta(days=40), "mother")) == gaps()
    booked = NOW - timedelta(weeks=7)
    assert gaps((booked, "mother"), child="unborn") == [(booked, None, 7)]
    assert gaps((booked, "mother"), (NOW - timedelta(weeks=3), "unborn"), child="unborn") == []
    assert gaps(child="unborn") == []


@pytest.mark.parametrize("state", [PersonState.DIED, PersonState.PREGNANCY_ENDED, PersonState.SEALED])
def test_nobody_bereaved_is_reminded(state):
    assert gaps(baby={"state": state}) == []


def test_who_is_older_than_any_rule_has_no_gaps():
    assert gaps(child="sibling") == []
    assert gaps(child="father") == []


@pytest.mark.parametrize(
    ("event", "seen", "view", "counts"),
    [
        ("child-contact", None, View.FULL, True),
        ("child-contact", True, View.RISK, True),
        ("child-contact", False, View.FULL, False),
        ("no-access", None, View.FULL, False),
        ("child-contact", None, View.POINTER, False),
    ],
)
def test_a_contact_is_one_in_which_the_child_was_seen_as_far_as_the_reader_may_know(event, seen, view, counts):
    facts = () if seen is None else [fact("seen", seen, "baby")]
    found = quiet.contact(replace(message(event, "baby"), facts=tuple(facts)), view, RULES)
    assert (found is not None) is counts
