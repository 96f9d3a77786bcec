"""Supervision by probation or youth justice, enforcement and custody."""

from typing import Final

from schemas.codes import Event
from schemas.events.authority_values import SUPERVISION_CHANGE
from schemas.events.specification import EventSpec, Kinds, Time, Whom

_CASE: Final = (
    "order",
    "order-ends",
    "offence",
    "requirement",
    "outstanding-requirements",
    "engagement",
    "registration-type",
    "restricted-registration",
)

EVENTS: Final = (
    EventSpec(
        event=Event.SUPERVISION_START,
        text="Supervision of somebody began, here or in this area.",
        cites=("F2", "F4", "7.1.3", "7.1.4", "8.1.6"),
        focus="EpisodeOfCare",
        subject=Whom.ADULT,
        expected=("order", "children-in-contact"),
        # Without an address nobody can find the household the officer should hear about.
        persons_should_have=("address",),
        optional=_CASE,
    ),
    EventSpec(
        event=Event.SUPERVISION_CHANGE,
        text="Who supervises, under which order, or what is known at home changed.",
        cites=("F2", "F3", "7.1.3"),
        focus="EpisodeOfCare",
        time=Time.HEADER,
        subject=Whom.ADULT,
        kinds=Kinds(values=SUPERVISION_CHANGE),
        optional=(*_CASE, "registration-ended", "restricted-registration-ended", "children-in-contact"),
    ),
    EventSpec(
        event=Event.SUPERVISION_END,
        text="Supervision ended.",
        cites=("F3", "7.2.7"),
        focus="EpisodeOfCare",
        subject=Whom.ADULT,
        expected=("supervision-end-reason",),
        time=Time.END,
        optional=("outstanding-requirements", "children-in-contact"),
    ),
    EventSpec(
        event=Event.ENFORCEMENT,
        text="Somebody was warned, breached or recalled.",
        cites=("7.1.3", "7.2.7", "principle 7"),
        focus="Communication",
        subject=Whom.ADULT,
        required_one_of=("enforcement-stage", "recall", "planned-arrest"),
        optional=_CASE,
    ),
    EventSpec(
        event=Event.CUSTODY_START,
        text="Somebody was taken into custody.",
        focus="Encounter",
        subject=Whom.ADULT,
        optional=(*_CASE, "custody-type", "establishment", "expected-home-date", "children-in-contact"),
    ),
    EventSpec(
        event=Event.CUSTODY_RELEASE,
        text="Somebody was released from custody, or is about to be.",
        cites=("F2", "F6"),
        focus="Encounter",
        subject=Whom.ADULT,
        expected=("discharge-destination", "children-in-contact"),
        persons_should_have=("address",),
        time=Time.END,
        optional=(*_CASE, "release-type", "establishment", "expected-home-date"),
    ),
)
