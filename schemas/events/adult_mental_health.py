"""Admission, leave and discharge of an adult: what those who live with them, and those who visit, must know."""

from typing import Final

from schemas.codes import Event
from schemas.events.authority_values import LEAVE_KIND
from schemas.events.specification import EventSpec, Kinds, Time, Whom

# Without them the event is routed at once and a data-quality task goes back (F5, F27).
_SAFETY: Final = ("risk-to-others-at-home", "staff-safety")
_RECORD: Final = (
    "legal-status",
    "diagnosis",
    "ward",
    "children-in-contact",
    "carers-assessment-recommended",
    "follow-up-plan",
)

EVENTS: Final = (
    EventSpec(
        event=Event.MENTAL_HEALTH_ADMISSION,
        text="Somebody was admitted to a mental health ward.",
        cites=("F5", "F6", "F27", "7.1.5", "7.4.4"),
        focus="Encounter",
        subject=Whom.ADULT,
        expected=_SAFETY,
        optional=(*_RECORD, "expected-home-date"),
    ),
    EventSpec(
        event=Event.MENTAL_HEALTH_LEAVE,
        text="Leave was given, ended, or taken without being given.",
        cites=("F5", "F6", "F27"),
        focus="Encounter",
        time=Time.HEADER,
        subject=Whom.ADULT,
        kinds=Kinds(values=LEAVE_KIND),
        expected=(*_SAFETY, "discharge-destination"),
        optional=(*_RECORD, "leave-until"),
    ),
    EventSpec(
        event=Event.MENTAL_HEALTH_DISCHARGE,
        text="Somebody was discharged from a mental health ward, or their section ended and they went home.",
        cites=("F5", "F6", "F27", "F29", "7.1.5", "7.2.5", "8.1.2", "8.1.3"),
        focus="Encounter",
        subject=Whom.ADULT,
        expected=(*_SAFETY, "discharge-destination"),
        time=Time.END,
        optional=(*_RECORD, "expected-home-date", "outstanding-actions"),
    ),
)
