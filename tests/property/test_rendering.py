"""Whatever the event, the function and the view: what a copy may not hold, shown with values that stand nowhere else."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from broker.domain.reasons import Why
from broker.domain.rules import About
from broker.domain.sharing import render
from broker.domain.states import PersonState, View
from broker.domain.world import KnownIdentifier
from schemas import content
from schemas.codes import Category, Event, Function, LawfulBasis, RelationshipKind
from schemas.events import FACTS, SPECS, FactType, category_of
from schemas.identifiers import CRN, NHS_NUMBER, local_system
from schemas.message import (
    Coding,
    Fact,
    HouseholdMember,
    Identifier,
    Message,
    Person,
    PostalAddress,
    Professional,
    Relationship,
)
from tests.unit.domain.family import (
    DIRECTORY,
    KIN,
    LONG_AGO,
    NOW,
    PEOPLE,
    TEAMS,
    home,
    policy,
    works,
    world,
)

_ADULTS = ("mother", "father", "grandfather")


CANARY = re.compile(r"canary-[a-z0-9-]+")


def canary(*parts):
    """A text that stands nowhere else."""
    return "canary-" + "-".join(parts)


def _value(code, person, count):
    spec = FACTS[code]
    if spec.type is FactType.BOOLEAN:
        return True
    if spec.type is FactType.INTEGER:
        return 7_000_000 + count
    if spec.type is FactType.QUANTITY:
        return Decimal(8_000_000 + count)
    if spec.type is FactType.DATE:
        return date(1900, 1, 1) + timedelta(days=count)
    if spec.type is FactType.DATETIME:
        return datetime(1901, 1, 1, tzinfo=UTC) + timedelta(days=count)
    if spec.type is FactType.CODE:
        return Coding(system="canary", code=canary(code, person))
    return canary(code, person)


def _people():
    for id_, known in PEOPLE.items():
        yield Person(
            key=id_,
            identifiers=(
                Identifier(system=NHS_NUMBER, value=canary("nhs", id_)),
                Identifier(system=CRN, value=canary("crn", id_)),
                Identifier(system=local_system("mental-trust"), value=canary("local", id_)),
            ),
            family=canary("family", id_),
            given=(canary("given", id_),),
            birth_date=known.born,
            unborn=known.state is PersonState.UNBORN,
            expected=known.expected,
            addresses=(PostalAddress(lines=(canary("address", id_),), postcode=canary("postcode", id_)),),
            practice=canary("practice", id_),
        )


@cache
def loaded(event, *subjects):
    """A message that says everything about everybody, each thing in its own words; and what each fact is."""
    facts = tuple(
        Fact(code=code, value=_value(code, person, index * 10 + offset), about=person)
        for index, code in enumerate(FACTS)
        for offset, person in enumerate(("baby", "father"))
        if code not in ("suspected-source-of-harm", "independently-mobile")
    )
    kinds = SPECS[event].kinds
    return Message(
        id="message-1",
        event=event,
        sender="cmht",
        occurred=datetime(1999, 9, 9, 9, 9, tzinfo=UTC),
        sent=datetime(1999, 9, 9, 9, 10, tzinfo=UTC),
        kind=next(iter(kinds.values.codes)) if kinds else None,
        subjects=subjects,
        people=tuple(_people()),
        relationships=tuple(Relationship(person=r.person_id, kind=r.kind, to=r.to) for r in KIN),
        household=tuple(HouseholdMember(person=id_, since=date(1902, 1, 1)) for id_ in PEOPLE),
        facts=facts,
        author=Professional(name=canary("author"), role="psychiatrist"),
        basis=LawfulBasis.CHILDREN_ACT_2004_S11,
        to=("police", "social-care"),
        reference=canary("reference"),
        conversation=canary("conversation"),
        labels=frozenset({"held-for-release", "secret-label"}),
    )


@cache
def full_world(team, client):
    """Everybody in one home, known under other words than the message's; the team works with the client."""
    known = world(home(*PEOPLE), work=[works(team, client, renewed=LONG_AGO)])
    people = {
        id_: replace(
            person,
            family=canary("known-family", id_),
            identifiers=(
                KnownIdentifier(
                    system=NHS_NUMBER, value=canary("known-nhs", id_), valid=True, verified=None, asserted_by="cmht"
                ),
            ),
        )
        for id_, person in known.people.items()
    }
    return replace(known, people=people)


def rendered(what, known, team, view, reason_code):
    """The copy, as value and as text."""
    seen = render(
        what,
        TEAMS[team],
        view,
        reason_code=reason_code,
        world=known,
        directory=DIRECTORY,
        policy=policy(),
        told_at=NOW,
    )
    return seen, content.dump(seen).decode()


def _client_of(function):
    if function in (
        Function.MENTAL_HEALTH,
        Function.PROBATION,
        Function.PRISON,
        Function.SUBSTANCE_MISUSE,
        Function.POLICE,
    ):
        return "father"
    return "baby"


# The message comes from `cmht`, so the other team of that function reads it.
ONE_TEAM_A_FUNCTION = {team.function: team.id for team in reversed(TEAMS.values()) if team.id != "cmht"}


def _subject(event):
    rules = policy().events[event]
    return "mother" if rules.pregnancy else "baby" if rules.about is About.CHILD else "father"


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.parametrize("view", list(View))
def test_no_copy_holds_anything_of_a_category_that_its_view_lacks(event, view):
    what = loaded(event, _subject(event))
    lacking = {fact for fact in what.facts if category_of(what, fact) not in policy().views[view]}
    unsaid = {fact.value for fact in lacking if isinstance(fact.value, str)}
    restricted = {fact for fact in lacking if category_of(what, fact) is Category.RESTRICTED}
    told_what = Category.EVENT in policy().views[view]
    for function, team in ONE_TEAM_A_FUNCTION.items():
        known = full_world(team, _client_of(function))
        reason = Why.INVOLVED_WITH_CHILD if _client_of(function) == "baby" else Why.INVOLVED_IN_HOUSEHOLD
        seen, text = rendered(what, known, team, view, reason.value)
        may = restricted if function in policy().hold.free else set()
        kept = {(one.code, one.value) for one in seen.facts}
        assert not kept & {(one.code, one.value) for one in lacking - may}, function
        assert not set(CANARY.findall(text)) & unsaid, function
        if Category.LOCATION not in policy().views[view]:
            assert "canary-address" not in text
            assert "canary-practice" not in text
        if Category.HOUSEHOLD not in policy().views[view]:
            assert seen.household == ()
        if not told_what:
            assert "1999" not in text
            assert canary("conversation") not in text
            assert canary("author") not in text
            assert seen.sender is None
            assert seen.event in (Event.INFORMATION, Event.PREGNANCY_END)
            assert seen.kind is None
        assert "secret-label" not in seen.labels
        assert set(seen.to) <= {team}


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_for_an_adult_only_function_names_anybody_but_its_own_client(event):
    what = loaded(event, "mother", "baby")
    for team in ("probation", "drugs", "prison", "police", "housing", "refuge", "other-cmht"):
        known = full_world(team, "father")
        for view in View:
            seen, text = rendered(what, known, team, view, Why.INVOLVED_IN_HOUSEHOLD.value)
            assert {person.key for person in seen.people} <= {"father"}
            for other in set(PEOPLE) - {"father"}:
                assert canary("family", other) not in text
                assert canary("nhs", other) not in text
            of_others = {f.code for f in seen.facts if f.about not in (None, "father")}
            assert not of_others
            if view in (View.FULL, View.RISK):
                about_nobody = [f for f in seen.facts if f.about is None]
                assert all(FACTS[f.code].category is Category.STAFF_SAFETY for f in about_nobody)


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_for_a_child_facing_function_holds_an_adults_record_or_case_number(event):
    what = loaded(event, _subject(event))
    for team in ("visitors", "midwives", "school-nurses", "social-care", "practice"):
        known = full_world(team, "baby")
        for view in View:
            seen, text = rendered(what, known, team, view, Why.INVOLVED_WITH_CHILD.value)
            of_adults = {category_of(what, f) for f in seen.facts if f.about in _ADULTS}
            assert not of_adults & {Category.HEALTH, Category.OFFENCE, Category.RESTRICTED}
            assert "canary-crn" not in text
            assert "canary-local" not in text
            for adult in _ADULTS:
                assert canary("nhs", adult) not in text or adult == "mother"


@pytest.mark.parametrize("event", list(Event))
def test_no_copy_holds_a_protected_place_or_who_would_tell_of_it(event):
    what = loaded(event, "baby")
    hidden = replace(
        what,
        people=tuple(
            replace(person, addresses=tuple(replace(a, protected=True) for a in person.addresses))
            for person in what.people
        ),
    )
    for function, team in ONE_TEAM_A_FUNCTION.items():
        known = full_world(team, _client_of(function))
        for view in View:
            seen, text = rendered(hidden, known, team, view, Why.INVOLVED_WITH_SUBJECT.value)
            assert "canary-address" not in text
            assert "canary-practice" not in text
            assert canary("author") not in text
            assert seen.sender is None
            assert "The visitors team" not in text


def test_relationships_of_a_copy_are_between_people_it_names():
    what = loaded(Event.CONCERN, "baby")
    known = full_world("visitors", "baby")
    for view in View:
        seen, _ = rendered(what, known, "visitors", view, Why.INVOLVED_WITH_SUBJECT.value)
        named = {person.key for person in seen.people}
        assert {key for r in seen.relationships for key in (r.person, r.to)} <= named
        assert set(seen.subjects) <= named
        assert {f.about for f in seen.facts} - {None} <= named
        assert (RelationshipKind.MOTHER in {r.kind for r in seen.relationships}) == (
            view in (View.FULL, View.RISK) and "mother" in named
        )
