"""Examples of concerns, advice and referrals."""

from schemas.codes import ConcernKind, Event, Function, LawfulBasis, Priority, RelationshipKind
from schemas.examples.cast import AVA, CHLOE, FLAT, MARTIN, NOAH, SUSAN, UNBORN_NOAH, fixed_id, living
from schemas.examples.telling import (
    DOCTOR,
    HEALTH_VISITOR,
    MIDWIFE,
    SANDWELL_HEALTH_VISITOR,
    SUPPORT_WORKER,
    choice,
    fact,
    mother,
    related,
    tell,
    together,
    when,
)

_S16LA = LawfulBasis.CHILDREN_ACT_2004_S16LA
_UNSEEN = frozenset({"NOPAT"})

EXAMPLES = {
    "concern": tell(
        "concern",
        Event.CONCERN,
        "swbh-midwifery",
        when(2019, 1, 15, 14),
        kind=ConcernKind.ISOLATION,
        subjects=[AVA, UNBORN_NOAH],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA, UNBORN_NOAH),
        author=SUPPORT_WORKER,
        basis=_S16LA,
        labels=_UNSEEN,
        facts=(
            fact(
                "concern-detail", "Mother stays at home with Ava because it is 'safest'; taking her out is a big step."
            ),
            fact("maternal-mood", "Stressed about the birth, signs of depression.", CHLOE),
            fact("action-taken", "Stay and play sessions suggested; young parents' team told.", CHLOE),
            fact("family-aware", True),
        ),
    ),
    "concern-growth": tell(
        "concern-growth",
        Event.CONCERN,
        "swbh-health-visiting",
        when(2019, 5, 1, 15),
        kind=ConcernKind.GROWTH,
        priority=Priority.URGENT,
        subjects=[living(NOAH, FLAT)],
        people=[living(CHLOE, FLAT)],
        relationships=mother(CHLOE, NOAH),
        author=SANDWELL_HEALTH_VISITOR,
        basis=_S16LA,
        labels=_UNSEEN,
        facts=(
            fact("concern-detail", "Gained 1 kg since birth; from the 25th to below the 0.4th centile.", NOAH),
            fact("weight", 4480, NOAH),
            fact("centile", 0.4, NOAH),
            fact("follow-up-plan", "Weekly weighing by Joanne Pike; appointment with the practice on 2 May.", NOAH),
            fact("family-aware", True),
        ),
    ),
    "concern-bruising": tell(
        "concern-bruising",
        Event.CONCERN,
        "swbh-health-visiting",
        when(2019, 6, 5, 10, 30),
        kind=ConcernKind.BRUISING,
        priority=Priority.URGENT,
        subjects=[living(NOAH, FLAT)],
        people=[living(CHLOE, FLAT)],
        relationships=mother(CHLOE, NOAH),
        author=SANDWELL_HEALTH_VISITOR,
        basis=_S16LA,
        labels=_UNSEEN,
        facts=(
            fact(
                "concern-detail",
                "A bruise on a baby of three and a half months, and a scratch on the left cheek.",
                NOAH,
            ),
            fact("independently-mobile", False, NOAH),
            fact("injury-site", "Left chest, small, greyish, fading.", NOAH),
            fact("explanation-given", "Mother: since the immunisations nine days ago.", NOAH),
            fact("family-aware", False),
        ),
    ),
    "concern-adult-mental-health": tell(
        "concern-adult-mental-health",
        Event.CONCERN,
        "swbh-midwifery",
        when(2018, 11, 13, 9, 30),
        kind=ConcernKind.ADULT_MENTAL_HEALTH,
        subjects=[MARTIN],
        people=[CHLOE, AVA, UNBORN_NOAH],
        relationships=related(RelationshipKind.FATHER, MARTIN, CHLOE) + mother(CHLOE, AVA, UNBORN_NOAH),
        household=together(CHLOE, AVA, MARTIN),
        author=MIDWIFE,
        basis=_S16LA,
        labels=_UNSEEN,
        facts=(
            fact(
                "concern-detail", "Chloe says that her father has been in hospital under section and is at home again."
            ),
            fact("risk-to-others-at-home", "Shouts and breaks things when unwell; has not hurt anybody.", MARTIN),
            fact("staff-safety", "Visit in pairs when he is unwell; ring before coming.", MARTIN),
            fact("family-aware", True),
        ),
    ),
    "advice-to-attend": tell(
        "advice-to-attend",
        Event.ADVICE_TO_ATTEND,
        "bcht-health-visiting",
        when(2018, 2, 27, 11, 45),
        priority=Priority.URGENT,
        subjects=[AVA],
        people=[CHLOE],
        relationships=mother(CHLOE, AVA),
        author=HEALTH_VISITOR,
        facts=(
            choice("advised-places", "general-practice", AVA),
            choice("advised-places", "urgent-treatment-centre", AVA),
            fact("advice-reason", "Below birth weight at 13 days, possible jaundice.", AVA),
            fact("attend-by", when(2018, 2, 28).date(), AVA),
        ),
    ),
    "referral": tell(
        "referral",
        Event.REFERRAL,
        "harborne-practice",
        when(2018, 9, 5, 12),
        kind=Function.HEALTH_VISITING,
        subjects=[AVA],
        people=[CHLOE, SUSAN],
        relationships=mother(CHLOE, AVA) + related(RelationshipKind.GRANDPARENT, SUSAN, AVA),
        author=DOCTOR,
        to=("bcht-health-visiting",),
        facts=(
            fact("referral-reason", "Please visit to see how safe the home is: two falls from a sofa.", AVA),
            fact("concern-detail", "Help was sought a week after the second fall.", AVA),
            fact("family-aware", True),
        ),
    ),
    "referral-outcome": tell(
        "referral-outcome",
        Event.REFERRAL_OUTCOME,
        "bcht-health-visiting",
        when(2018, 10, 4, 16),
        subjects=[AVA],
        author=HEALTH_VISITOR,
        to=("harborne-practice",),
        reference=fixed_id("referral"),
        facts=(
            choice("referral-decision", "completed", AVA),
            fact(
                "action-taken", "Visited; safety at home and safe sleeping discussed with mother and grandmother.", AVA
            ),
            fact("follow-up-plan", "Antenatal contact by Farah Malik by 30 November.", AVA),
        ),
    ),
}
