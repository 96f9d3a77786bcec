"""Examples of registration, identity and social care."""

from dataclasses import replace
from datetime import date

from schemas.codes import Event, LawfulBasis, Priority, RelationshipKind
from schemas.examples.cast import (
    AVA,
    BRIAN,
    CHLOE,
    DANIEL,
    FLAT,
    GRANDPARENTS_HOME,
    HARBORNE,
    KAYLA,
    LACEY,
    NOAH,
    RYAN,
    TYLER,
    fixed_id,
    living,
)
from schemas.examples.telling import (
    DOCTOR,
    MIDWIFE,
    OFFICER,
    SOCIAL_WORKER,
    choice,
    fact,
    mother,
    related,
    tell,
    when,
)
from schemas.identifiers import CRN
from schemas.message import Coding, Person, PostalAddress

_S17, _S47 = LawfulBasis.CHILDREN_ACT_1989_S17, LawfulBasis.CHILDREN_ACT_1989_S47
_FOSTER_HOME = PostalAddress(
    lines=("2 Hawthorn Rise", "Oldbury"), postcode="B68 0LH", protected=True, since=date(2019, 10, 4)
)
_AUNT = Person(key=fixed_id("Dawn"), family="Fenwick", given=("Dawn",), gender="female")

EXAMPLES = {
    "gp-registration": tell(
        "gp-registration",
        Event.GP_REGISTRATION,
        "harborne-practice",
        when(2018, 5, 3, 11),
        kind="registered",
        subjects=[replace(AVA, practice=HARBORNE)],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
        author=DOCTOR,
    ),
    "change-of-address": tell(
        "change-of-address",
        Event.CHANGE_OF_ADDRESS,
        "swbh-midwifery",
        when(2019, 2, 27, 13),
        subjects=[
            living(person, FLAT, replace(GRANDPARENTS_HOME, until=date(2019, 2, 24)))
            for person in (CHLOE, AVA, NOAH, DANIEL)
        ],
        relationships=mother(CHLOE, AVA, NOAH),
        author=MIDWIFE,
    ),
    "identifier-change": tell(
        "identifier-change",
        Event.IDENTIFIER_CHANGE,
        "bcrc-probation",
        when(2019, 8, 12, 9),
        kind="merge",
        subjects=[RYAN],
        author=OFFICER,
        basis=LawfulBasis.CHILDREN_ACT_2004_S11,
        facts=(fact("previous-case-number", Coding(system=CRN, code="X409915"), RYAN),),
    ),
    "death": tell(
        "death",
        Event.DEATH,
        "sandwell-practice",
        when(2019, 11, 2, 6, 10),
        kind="informal",
        subjects=[replace(BRIAN, deceased=date(2019, 11, 2))],
        people=[KAYLA],
        relationships=related(RelationshipKind.FATHER, BRIAN, KAYLA),
        author=DOCTOR,
        facts=(fact("unexpected-death", False, BRIAN),),
    ),
    "protection-plan-start": tell(
        "protection-plan-start",
        Event.PROTECTION_PLAN_START,
        "sandwell-csc",
        when(2019, 3, 12, 12),
        priority=Priority.URGENT,
        subjects=[TYLER, LACEY],
        people=[KAYLA],
        relationships=mother(KAYLA, TYLER, LACEY),
        author=SOCIAL_WORKER,
        basis=_S47,
        labels=frozenset({"NOPAT"}),
        facts=(
            choice("plan-category", "neglect", TYLER),
            choice("plan-category", "neglect", LACEY),
            fact("review-date", date(2019, 6, 11)),
            fact("contact-person", "Imran Aziz, social worker"),
        ),
    ),
    "protection-plan-end": tell(
        "protection-plan-end",
        Event.PROTECTION_PLAN_END,
        "sandwell-csc",
        when(2020, 3, 10, 12),
        subjects=[TYLER],
        author=SOCIAL_WORKER,
        basis=_S17,
        facts=(choice("plan-end-reason", "child-in-need", TYLER),),
    ),
    "looked-after-start": tell(
        "looked-after-start",
        Event.LOOKED_AFTER_START,
        "sandwell-csc",
        when(2019, 9, 20, 18),
        priority=Priority.URGENT,
        subjects=[LACEY],
        people=[KAYLA],
        relationships=mother(KAYLA, LACEY),
        author=SOCIAL_WORKER,
        basis=_S47,
        labels=frozenset({"NOPAT"}),
        facts=(
            choice("child-legal-status", "accommodated", LACEY),
            choice("placement-type", "foster", LACEY),
            fact("parental-responsibility", "Mother", LACEY),
            fact("contact-person", "Imran Aziz, social worker"),
        ),
    ),
    "looked-after-move": tell(
        "looked-after-move",
        Event.LOOKED_AFTER_MOVE,
        "sandwell-csc",
        when(2019, 10, 4, 14),
        subjects=[living(LACEY, _FOSTER_HOME)],
        author=SOCIAL_WORKER,
        basis=_S17,
        labels=frozenset({"NOPAT"}),
        facts=(choice("placement-type", "foster", LACEY), fact("contact-person", "Imran Aziz, social worker")),
    ),
    "looked-after-end": tell(
        "looked-after-end",
        Event.LOOKED_AFTER_END,
        "sandwell-csc",
        when(2020, 2, 14, 10),
        subjects=[LACEY],
        people=[KAYLA],
        relationships=mother(KAYLA, LACEY),
        author=SOCIAL_WORKER,
        basis=_S17,
        facts=(choice("plan-end-reason", "returned-home", LACEY),),
    ),
    "private-fostering": tell(
        "private-fostering",
        Event.PRIVATE_FOSTERING,
        "sandwell-csc",
        when(2020, 6, 1, 10),
        kind="started",
        subjects=[living(TYLER, PostalAddress(lines=("19 Causeway Green", "Oldbury"), postcode="B68 8QT"))],
        people=[_AUNT, KAYLA],
        relationships=related(RelationshipKind.CARER, _AUNT, TYLER) + mother(KAYLA, TYLER),
        author=SOCIAL_WORKER,
        basis=_S17,
        facts=(fact("parental-responsibility", "Mother", TYLER),),
    ),
}
