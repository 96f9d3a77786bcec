"""Concerns, advice and referrals: what one professional saw and another must act on."""

from typing import Final

from schemas.codes import ConcernKind, Event, Function
from schemas.events.specification import EventSpec, Kinds, Level, Whom, values_of

EVENTS: Final = (
    EventSpec(
        event=Event.CONCERN,
        text="Something about a child, a pregnancy or an adult at home that others should know; it is no referral.",
        cites=("F11", "F16", "F17", "F28", "F30", "7.3.5"),
        focus="Flag",
        subject=Whom.ANY,
        many=True,
        kinds=Kinds(values=values_of(ConcernKind, "Kind of concern"), level=Level.REQUIRED),
        expected=("concern-detail",),
        expected_for={
            # A bruise means something else in a child who cannot move about (F17, 7.5.10).
            ConcernKind.BRUISING: ("independently-mobile", "injury-site", "explanation-given"),
            ConcernKind.INJURY: ("independently-mobile", "injury-site", "explanation-given"),
            # What one agency learns of an adult at home is routed as the CMHT's own message would be (F30, F5).
            ConcernKind.ADULT_MENTAL_HEALTH: ("risk-to-others-at-home", "staff-safety"),
            ConcernKind.DOMESTIC_ABUSE: ("staff-safety",),
            ConcernKind.GROWTH: ("weight",),
        },
        optional=(
            "centile",
            "feeding",
            "feeding-detail",
            "sleeping-arrangements",
            "home-conditions",
            "maternal-mood",
            "child-said",
            "delay-in-presenting",
            "setting",
            "action-taken",
            "follow-up-plan",
        ),
    ),
    EventSpec(
        event=Event.ADVICE_TO_ATTEND,
        text="A family was advised to take a child somewhere.",
        cites=("F7", "7.2.3"),
        focus="ServiceRequest",
        subject=Whom.CHILD,
        many=True,
        # Attendance at any of them satisfies the expectation; without a place nothing could be expected.
        required=("advised-places",),
        expected=("advice-reason",),
        optional=("attend-by", "concern-detail"),
    ),
    EventSpec(
        event=Event.REFERRAL,
        text="A team is asked to see somebody. Urgent safeguarding concerns are telephoned.",
        cites=("F9", "F4", "7.3.1"),
        focus="ServiceRequest",
        subject=Whom.ANY,
        many=True,
        kinds=Kinds(values=values_of(Function, "Function of a team")),
        expected=("referral-reason",),
        addressed=True,
        optional=(
            "concern-detail",
            "action-taken",
            "attend-by",
            "injury-site",
            "explanation-given",
            "weight",
            "centile",
        ),
    ),
    EventSpec(
        event=Event.REFERRAL_OUTCOME,
        text="What became of a referral.",
        cites=("F9", "7.3.3", "8.1.8"),
        focus="Communication",
        subject=Whom.ANY,
        many=True,
        required=("referral-decision",),
        # Not required: the referral may have come by letter, and its outcome must still arrive.
        reference=Level.EXPECTED,
        optional=("decision-reason", "action-taken", "follow-up-plan"),
    ),
)
