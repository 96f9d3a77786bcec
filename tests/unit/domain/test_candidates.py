"""Every way in which a team comes into question, tie by tie, and in which order they count."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.recipients import Earlier, Missing, candidates
from broker.domain.rules import Group, Relation, Tell
from broker.domain.sharing import Tie
from broker.domain.situation import situation
from broker.domain.states import InvolvementState, PersonState, Purpose, View
from schemas.codes import Function
from tests.unit.domain.family import (
    ADMITTED,
    DIRECTORY,
    FAMILY,
    LONG_AGO,
    NOW,
    TEAMS,
    directory,
    home,
    message,
    policy,
    works,
    world,
    years,
)

OWN, HOUSEHOLD, UNIVERSAL = Relation.OWN, Relation.HOUSEHOLD, Relation.UNIVERSAL
ADDRESSED, ADDED, EARLIER = Relation.ADDRESSED, Relation.ADDED, Relation.EARLIER
GROWTH = message("concern", "baby", kind="growth", sender="practice")


def line(*functions, of, groups=()):
    """A line that tells these functions, standing so."""
    return Tell(
        rule="a line",
        functions=frozenset(functions),
        groups=frozenset(groups),
        of=frozenset({of}),
        view=View.FULL,
        purpose=Purpose.INFORMATION,
        cites="F1",
    )


def found(what, known, *lines, earlier=None, known_directory=DIRECTORY, sender=None, **rules):
    """Who comes into question by these lines of the policy alone."""
    event = replace(policy().events[what.event], tell=lines, **rules)
    changed = replace(policy(), events={**policy().events, what.event: event})
    sender = sender or known_directory.teams[what.sender]
    met = situation(what, known, changed, sender, NOW, directory=known_directory)
    return candidates(met, changed, known_directory, earlier)


def ties(*args, **more):
    """Team → its ties."""
    return {one.team.id: one.ties for one in found(*args, **more).recipients}


def relations(*args, **more):
    """Team → its ties as (relation, person)."""
    return {team: [(tie.relation, tie.person_id) for tie in its] for team, its in ties(*args, **more).items()}


# --- who works there ------------------------------------------------------------------------------------------------------


def test_who_works_with_somebody_there_is_tied_through_them_since_it_was_last_renewed():
    recently = NOW - timedelta(days=2)
    work = [works("visitors", "baby"), works("cmht", "grandfather", renewed=recently)]
    assert ties(GROWTH, world(FAMILY, work=work)) == {
        "visitors": (Tie(OWN, "baby", confirmed=True, renewed_at=LONG_AGO),),
        "cmht": (Tie(HOUSEHOLD, "grandfather", confirmed=True, renewed_at=recently),),
    }


@pytest.mark.parametrize(
    ("work", "sure"),
    [
        (works("early-help", "baby"), True),
        (works("early-help", "baby", state=InvolvementState.UNCONFIRMED), False),
        (works("early-help", "baby", renewed=NOW - timedelta(days=400)), False),  # nothing renewed it in time
        (works("practice", "baby", renewed=NOW - timedelta(days=4000)), True),  # a registration does not lapse
    ],
)
def test_what_nothing_renewed_in_time_is_not_confirmed_whatever_is_stored(work, sure):
    what = message("concern", "baby", kind="growth", sender="visitors")
    [[tie]] = ties(what, world(FAMILY, work=[work])).values()
    assert tie.confirmed is sure


def test_work_that_has_ended_and_work_with_people_of_other_homes_brings_nobody():
    ended = works("visitors", "baby", state=InvolvementState.ENDED)
    elsewhere = home("sibling", "grandmother", called="hers")
    known = world(FAMILY, elsewhere, work=[ended, works("cmht", "grandmother"), works("drugs", "father")])
    assert relations(GROWTH, known) == {"drugs": [(HOUSEHOLD, "father")]}


def test_work_of_one_team_that_ended_hides_nobody_elses():
    known = world(FAMILY, work=[works("visitors", "baby", state=InvolvementState.ENDED), works("drugs", "baby")])
    assert relations(GROWTH, known) == {"drugs": [(OWN, "baby")]}


def test_of_several_ties_the_nearest_comes_first_and_a_childs_before_an_adults():
    work = [works("midwives", person) for person in ("mother", "father", "sibling", "baby")]
    known = world(home("mother", "father", "baby", "sibling"), work=work)
    what = message("concern", "father", kind="isolation", sender="practice", to=("midwives",))
    assert relations(what, known, line(Function.MIDWIFERY, of=ADDED)) == {
        "midwives": [
            (OWN, "father"),
            (HOUSEHOLD, "baby"),
            (HOUSEHOLD, "sibling"),
            (HOUSEHOLD, "mother"),
            (ADDRESSED, None),
            (ADDED, None),
        ]
    }


def test_of_two_ties_too_the_childs_comes_first_whichever_was_known_first():
    for persons in (("father", "baby"), ("baby", "father")):
        known = world(home("mother", "father", "baby"), work=[works("midwives", person) for person in persons])
        what = message("concern", "mother", kind="isolation", sender="practice")
        assert relations(what, known) == {"midwives": [(HOUSEHOLD, "baby"), (HOUSEHOLD, "father")]}


def test_the_sending_team_is_none_and_a_team_that_nobody_has_in_the_directory_is_none():
    gone = replace(works("visitors", "baby"), team_id="gone")
    known = world(FAMILY, work=[works("practice", "baby"), gone, works("visitors", "baby")])
    assert list(relations(GROWTH, known)) == ["visitors"]


def test_a_closed_team_is_named_as_closed_and_is_not_told():
    shut = directory(visitors={"closed": True})
    known = world(FAMILY, work=[works("visitors", "baby"), works("cmht", "mother")])
    search = found(GROWTH, known, known_directory=shut)
    assert ([team.id for team in search.closed], [one.team.id for one in search.recipients]) == (["visitors"], ["cmht"])


# --- universal services ------------------------------------------------------------------------------------------------------

BOTH = world(home("mother", "baby", "sibling"))
SERVICES = line(Function.HEALTH_VISITING, Function.SCHOOL_NURSING, Function.MIDWIFERY, of=UNIVERSAL)


@pytest.mark.parametrize(
    ("lines", "teams"),
    [
        ([], set()),
        ([line(Function.HEALTH_VISITING, of=UNIVERSAL)], {"visitors"}),
        ([line(Function.HEALTH_VISITING, of=OWN)], set()),
        ([line(of=UNIVERSAL, groups=[Group.CHILD_FACING])], {"visitors", "practice"}),
        ([line(of=UNIVERSAL, groups=[Group.ADULT_ONLY])], set()),
    ],
)
def test_a_service_is_looked_for_where_a_line_in_force_would_tell_it(lines, teams):
    what = message("concern", "baby", kind="growth", sender="paediatrics")
    assert relations(what, world(home("mother", "baby")), *lines) == {team: [(UNIVERSAL, "baby")] for team in teams}


@pytest.mark.parametrize(
    ("event", "subject", "looked_for"),
    [
        ("concern", "baby", {"visitors": ["baby"]}),  # about one child: that child's
        ("concern", "mother", {"school-nurses": ["sibling"], "visitors": ["baby"]}),  # about an adult: every child's
        ("concern", "sibling", {"school-nurses": ["sibling"]}),
    ],
)
def test_services_are_those_of_the_child_it_is_about_or_of_every_child_there(event, subject, looked_for):
    what = message(event, subject, kind="isolation", sender="practice")
    assert {team: [person for _, person in its] for team, its in relations(what, BOTH, SERVICES).items()} == looked_for


def test_an_adults_event_of_somebody_who_is_still_a_child_looks_for_every_childs_services():
    admitted = message("mental-health-admission", "sibling", sender="cmht")
    assert relations(admitted, BOTH, SERVICES) == {
        "school-nurses": [(UNIVERSAL, "sibling")],
        "visitors": [(UNIVERSAL, "baby")],
    }


@pytest.mark.parametrize(
    ("event", "state", "born", "teams"),
    [
        ("death", PersonState.DIED, None, {"visitors"}),
        ("birth", PersonState.DIED, None, {"visitors"}),  # a stillbirth, or a death at birth
        ("measurement", PersonState.DIED, None, set()),
        ("death", PersonState.SEALED, None, set()),
        ("death", PersonState.DIED, years(30), set()),
    ],
)
def test_a_child_whose_death_is_told_has_the_services_it_had(event, state, born, teams):
    changed = {"state": state} | ({} if born is None else {"born": born})
    known = world(home("mother", "baby"), baby=changed)
    named = message(event, "baby", sender="emergency")
    if born is not None:
        named = replace(named, people=tuple(replace(person, birth_date=born) for person in named.people))
    assert relations(named, known, SERVICES) == {team: [(UNIVERSAL, "baby")] for team in teams}


def test_a_death_that_is_not_known_yet_brings_the_services_of_a_living_child():
    assert relations(message("death", "baby", sender="emergency"), world(home("mother", "baby")), SERVICES) == {
        "visitors": [(UNIVERSAL, "baby")]
    }


def test_a_pregnancy_for_which_no_unborn_person_stands_is_looked_for_through_its_mother():
    what = message("pregnancy-booking", "mother", sender="practice")
    without = world(home("mother", "father"))
    assert relations(what, without, SERVICES) == {
        "midwives": [(UNIVERSAL, "mother")],
        "visitors": [(UNIVERSAL, "mother")],
    }
    with_child = world(home("mother", "unborn"))
    assert relations(what, with_child, SERVICES) == {
        "midwives": [(UNIVERSAL, "unborn")],
        "visitors": [(UNIVERSAL, "unborn")],
    }
    other = message("concern", "mother", kind="isolation", sender="practice")
    assert relations(other, without, SERVICES) == {}


def test_who_stands_in_where_the_area_has_no_such_team_is_the_service():
    nurses = {("birmingham", Function.FAMILY_NURSE_PARTNERSHIP): "family-nurses"}
    known = world(home("mother", "baby"))
    what = message("concern", "baby", kind="growth", sender="paediatrics")
    both = replace(DIRECTORY, coverage={**DIRECTORY.coverage, **nurses})
    assert list(relations(what, known, SERVICES, known_directory=both)) == ["visitors"]
    alone = replace(DIRECTORY, coverage=nurses)
    assert list(relations(what, known, SERVICES, known_directory=alone)) == ["family-nurses"]
    working = world(home("mother", "baby"), work=[works("family-nurses", "baby")])
    assert relations(what, working, SERVICES) == {"family-nurses": [(OWN, "baby")]}


def test_a_team_that_works_everywhere_or_in_that_area_needs_no_other_beside_it():
    what = message("concern", "baby", kind="growth", sender="paediatrics")
    known = world(home("mother", "baby"), work=[works("visitors-sandwell", "baby")])
    assert set(relations(what, known, SERVICES)) == {"visitors-sandwell", "visitors"}, "it works in another area"
    anywhere = directory(visitors_sandwell={"area_id": None})
    assert set(relations(what, known, SERVICES, known_directory=anywhere)) == {"visitors-sandwell"}


def test_a_closed_team_that_worked_there_stands_in_nobodys_way():
    shut = directory(visitors_sandwell={"closed": True, "area_id": None})
    known = world(home("mother", "baby"), work=[works("visitors-sandwell", "baby")])
    what = message("concern", "baby", kind="growth", sender="paediatrics")
    assert set(relations(what, known, SERVICES, known_directory=shut)) == {"visitors"}


def test_what_is_missing_is_missed_once_with_whose_it_is_and_where():
    bare = replace(DIRECTORY, coverage={})
    twice = world(home("mother", "baby"), home("mother", "baby", called="flat", area="sandwell"))
    what = message("concern", "baby", kind="growth", sender="paediatrics")
    assert found(what, twice, SERVICES, SERVICES, known_directory=bare).missing == (
        Missing(Function.HEALTH_VISITING, "baby", "birmingham"),
        Missing(Function.HEALTH_VISITING, "baby", "sandwell"),
    )


# --- addressed, added, told before ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("homes", "function", "teams"),
    [
        ([home("mother", "baby")], Function.CHILDRENS_SOCIAL_CARE, {"social-care"}),
        ([home("mother", "baby", area="sandwell")], Function.CHILDRENS_SOCIAL_CARE, set()),  # the directory names none
        ([home("mother", "baby"), home("mother", "baby", called="flat", area="sandwell")], Function.HEALTH_VISITING, {"visitors", "visitors-sandwell"}),
        ([home("mother", "baby", area=None)], Function.CHILDRENS_SOCIAL_CARE, {"social-care"}),  # where the sender is
        ([home("mother", "baby")], Function.SAFEGUARDING_LEAD, {"mental-trust-lead"}),  # the sender's own, not the area's
    ],
)  # fmt: skip
def test_a_function_that_the_policy_adds_is_that_of_the_households_areas(homes, function, teams):
    what = message("concern", "baby", kind="growth", sender="cmht")
    assert relations(what, world(*homes), line(function, of=ADDED)) == {team: [(ADDED, None)] for team in teams}
    assert relations(what, world(*homes), line(function, of=OWN)) == {}


def test_an_agency_without_a_lead_has_none_added():
    what = message("concern", "baby", kind="growth", sender="drugs")
    assert relations(what, world(home("mother", "baby")), line(Function.SAFEGUARDING_LEAD, of=ADDED)) == {}


def test_a_team_is_added_once_beside_whatever_else_it_is():
    known = world(home("mother", "baby"), work=[works("social-care", "baby")])
    twice = [
        line(Function.CHILDRENS_SOCIAL_CARE, of=ADDED),
        line(Function.CHILDRENS_SOCIAL_CARE, Function.POLICE, of=ADDED),
    ]
    assert relations(GROWTH, known, *twice) == {
        "police": [(ADDED, None)],
        "social-care": [(OWN, "baby"), (ADDED, None)],
    }


def test_who_sent_and_who_was_told_of_the_earlier_message_come_back_with_what_they_saw():
    before = Earlier(sender_id="cmht", told={"visitors": View.RISK, "probation": View.SAFETY})
    assert ties(ADMITTED, world(home("grandfather")), sender=TEAMS["drugs"], earlier=before) == {
        "cmht": (Tie(EARLIER),),
        "probation": (Tie(EARLIER, most=View.SAFETY),),
        "visitors": (Tie(EARLIER, most=View.RISK),),
    }
    answered = Earlier(sender_id=None, told={"visitors": View.RISK})
    assert list(ties(ADMITTED, world(home("grandfather")), earlier=answered)) == ["visitors"]
    assert ties(ADMITTED, world(home("grandfather"))) == {}


def test_who_is_addressed_and_cannot_be_reached_is_handed_on_beside_who_can():
    what = message("concern", "baby", kind="growth", sender="practice", to=("refuge", "nobody", "practice"))
    search = found(what, world(home("mother", "baby")))
    assert [one.team.id for one in search.recipients] == ["refuge"]
    assert search.unreachable == ("nobody",)
    assert [problem.path[-12:] for problem in search.problems] == ["[1].receiver", "[2].receiver"]
    assert search.unserved is None
