"""Events from the booking of a pregnancy to the hand-over after birth."""

from typing import Final

from schemas.codes import Event, RelationshipKind
from schemas.events.specification import EventSpec, Level, Time, Whom

_PREGNANCY: Final = (
    "number-of-fetuses",
    "gestation",
    "dating-scan-date",
    "additional-support",
    "maternal-mood",
)

EVENTS: Final = (
    EventSpec(
        event=Event.PREGNANCY_BOOKING,
        text="A pregnancy was booked, or is first known to the sender.",
        cites=("F1", "F19", "7.1.7"),
        focus="EpisodeOfCare",
        subject=Whom.MOTHER,
        # Not required: without it the teams are still found; only the dates of what is expected wait for it.
        expected=("expected-date",),
        # The area finds midwifery and health visiting, who may never have heard of the family (F1).
        persons_should_have=("address",),
        optional=_PREGNANCY,
    ),
    EventSpec(
        event=Event.PREGNANCY_NOTIFICATION,
        text="Midwifery notifies health visiting of a pregnancy.",
        cites=("F1", "7.1.6", "7.1.7"),
        focus="EpisodeOfCare",
        time=Time.HEADER,
        subject=Whom.MOTHER,
        expected=("expected-date",),
        persons_should_have=("address",),
        optional=(*_PREGNANCY, "concerns", "concern-detail"),
    ),
    EventSpec(
        event=Event.PREGNANCY_END,
        # Nothing else is wanted, and nothing else is passed on (principle 14): how it ended is the mother's to tell.
        text="A pregnancy is no longer current; nothing else is said.",
        cites=("principle 14",),
        focus="EpisodeOfCare",
        subject=Whom.MOTHER,
        time=Time.END,
        exhaustive=True,
    ),
    EventSpec(
        event=Event.BIRTH,
        text="One or more babies were born.",
        cites=("F8", "F24", "7.2.1"),
        focus="Patient",
        subject=Whom.CHILD,
        many=True,
        expected=("birth-weight", "gestation"),
        persons_should_have=("birth_date",),
        # Without her the baby joins no household until somebody says so.
        relationships=(RelationshipKind.MOTHER,),
        optional=(
            "place-of-birth",
            "mode-of-birth",
            "neonatal-unit",
            "marks-at-birth",
            "feeding",
            "length",
            "head-circumference",
        ),
    ),
    EventSpec(
        event=Event.MATERNITY_DISCHARGE,
        text="Midwifery hands a mother and her babies over to health visiting and general practice.",
        cites=("F26", "8.1.11", "8.4.5"),
        focus="Encounter",
        subject=Whom.ANY,
        many=True,
        expected=("birth-weight", "weight", "feeding", "concerns"),
        relationships=(RelationshipKind.MOTHER,),
        household=Level.EXPECTED,
        time=Time.END,
        optional=(
            "concern-detail",
            "gestation",
            "mode-of-birth",
            "marks-at-birth",
            "neonatal-unit",
            "centile",
            "feeding-detail",
            "sleeping-arrangements",
            "safe-sleeping-discussed",
            "screening-outcome",
            "maternal-mood",
            "additional-support",
            "outstanding-actions",
            "last-contact",
        ),
    ),
)
