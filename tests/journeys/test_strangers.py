"""A team that has no part in a family sends messages about it: what it is answered tells nothing that it may not know."""

from dataclasses import replace

from schemas.codes import Event
from schemas.examples.cast import AVA, CHLOE, FLAT, NOAH
from schemas.examples.telling import HEALTH_VISITOR, fact, mother, tell, together, when
from tests.journeys.handing_over import OLD


def concern(name, person):
    """A stranger's word about somebody, to see what is answered."""
    return tell(
        name,
        Event.CONCERN,
        "leeds-health-visiting",
        when(2019, 3, 5),
        kind="neglect",
        subjects=[replace(person, addresses=())],
        author=HEALTH_VISITOR,
        facts=(fact("concern-detail", "Unkempt.", person),),
    )


def said(reply):
    """What the answer says, without ids."""
    [outcome] = [e["resource"] for e in reply.body["entry"] if e["resource"]["resourceType"] == "OperationOutcome"]
    return sorted(issue["diagnostics"] for issue in outcome["issue"])


def test_a_sealed_identity_is_answered_as_one_that_nobody_knows(family, leeds):
    """Principle 11: whoever has the old number of an adopted child must not learn that it is one."""
    family.system(OLD).tells(
        tell("seal", Event.IDENTIFIER_CHANGE, OLD, when(2019, 3, 1), kind="sealed", subjects=[AVA])
    )
    sealed = said(leeds.sends(concern("of-the-sealed", AVA)))
    unknown = said(leeds.sends(concern("of-nobody", NOAH)))
    assert sealed == unknown
    assert not leeds.tasks("resolve-identity")


def test_a_namesake_at_a_protected_address_is_no_question_to_strangers(family, leeds):
    """Who knows a name and a day of birth neither learns that she is known here, nor ties themselves to her by an answer."""
    fled = replace(CHLOE, addresses=(replace(FLAT, protected=True),))
    family.system(OLD).tells(
        tell("fled", Event.CHANGE_OF_ADDRESS, OLD, when(2019, 3, 1), subjects=[fled], people=[replace(AVA, addresses=())],
             relationships=mother(CHLOE, AVA), household=together(CHLOE, AVA), author=HEALTH_VISITOR)
    )  # fmt: skip
    shadow = replace(CHLOE, identifiers=(), addresses=())
    known = leeds.sends(concern("of-her", shadow))
    unknown = leeds.sends(concern("of-nobody", replace(shadow, family="Nobody")))
    assert said(known) == said(unknown)
    assert not leeds.tasks("resolve-identity")
