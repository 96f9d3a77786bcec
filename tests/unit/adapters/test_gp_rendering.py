"""Our referrals and outcomes as BaRS messages: read again they say the same, and what would be lost is not rendered."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from adapters.port import Notifications
from adapters.registry import ADAPTERS
from schemas.codes import Event, Function, LawfulBasis, Priority, RelationshipKind
from schemas.events import coded
from schemas.identifiers import NHS_NUMBER
from schemas.message import Fact, Identifier, Message, Person, PostalAddress, Professional, Relationship
from schemas.structure import check_bundle

CHILD = Person(
    key="3f0c7c2e-6d65-4b3e-9a42-0c6d1c1f0001",
    identifiers=(Identifier(system=NHS_NUMBER, value="9990000018", verified=True),),
    family="Okafor",
    given=("Ada", "May"),
    birth_date=date(2024, 8, 14),
    gender="female",
    addresses=(PostalAddress(lines=("1 High Street", "Leeds"), postcode="LS17 7DF", since=date(2025, 1, 1)),),
    practice="M85001",
)
REFERRAL = Message(
    id="3f0c7c2e-6d65-4b3e-9a42-0c6d1c1f0002",
    event=Event.REFERRAL,
    sender="north-health-visiting",
    kind=Function.GENERAL_PRACTICE,
    occurred=datetime(2026, 2, 26, 16, 5, tzinfo=UTC),
    sent=datetime(2026, 2, 27, 9, 30, tzinfo=UTC),
    subjects=(CHILD.key,),
    people=(CHILD,),
    facts=(Fact(code="referral-reason", value="Please weigh her; faltering growth.", about=CHILD.key),),
    author=Professional(
        name="Joanne Pike", role="health-visitor", identifier=Identifier(system="https://x.example", value="1")
    ),
    priority=Priority.URGENT,
    to=("north-practice",),
    labels=frozenset({"NOPAT"}),
)
OUTCOME = replace(
    REFERRAL,
    event=Event.REFERRAL_OUTCOME,
    kind=None,
    priority=Priority.ROUTINE,
    facts=(Fact(code="referral-decision", value=coded("referral-decision", "accepted"), about=CHILD.key),),
    reference="m-1",
)


def rendered(message):
    return ADAPTERS["gp"].render(message)


def decided(decision):
    return replace(
        OUTCOME, facts=(Fact(code="referral-decision", value=coded("referral-decision", decision), about=CHILD.key),)
    )


@pytest.mark.parametrize(
    "message",
    [
        REFERRAL,
        replace(REFERRAL, author=None, labels=frozenset(), to=()),
        replace(REFERRAL, people=(replace(CHILD, practice=None, addresses=(), identifiers=(), deceased=True),)),
        OUTCOME,
        decided("not-accepted"),
        decided("completed"),
    ],
)
def test_what_is_rendered_is_read_again_as_the_same(message):
    found = rendered(message)
    assert found is not None
    assert found.content_type == "application/fhir+json"
    again = ADAPTERS["gp"].translate(found.body, None, {})
    assert isinstance(again, Notifications)
    [read] = again.messages
    # Whom it is from and to, and its own id, a receiver knows by how it came.
    assert read == replace(message, id=read.id, sender=None, to=())
    assert again.warnings == ()
    assert rendered(message) == found


def test_it_is_r4():
    import orjson

    found = rendered(REFERRAL)
    assert found is not None
    assert check_bundle(orjson.loads(found.body)) == []


@pytest.mark.parametrize(
    "lost",
    [
        {"basis": LawfulBasis.DIRECT_CARE},
        {"relationships": (Relationship(person=CHILD.key, kind=RelationshipKind.SIBLING, to="x"),)},
        {"facts": (*REFERRAL.facts, Fact(code="concern-detail", value="Seen alone.", about=CHILD.key))},
        {"facts": (replace(REFERRAL.facts[0], about=None),)},
        {"people": (CHILD, Person(key="mother"))},
        {"people": (replace(CHILD, protected=True),)},
        {"labels": frozenset({"held-for-release"})},
        {"reference": "earlier"},
        {"author": Professional(role="health-visitor")},
        {"event": Event.CONCERN, "kind": "other"},
    ],
)
def test_what_would_be_lost_is_not_rendered(lost):
    assert rendered(replace(REFERRAL, **lost)) is None


def test_an_outcome_that_bars_has_no_status_for_is_not_rendered():
    assert rendered(decided("signposted")) is None
    assert rendered(replace(OUTCOME, reference=None)) is None
