"""Child protection plans, looked-after children and private fostering."""

from typing import Final

from schemas.codes import Event, RelationshipKind
from schemas.events.authority_values import FOSTERING_KIND
from schemas.events.specification import EventSpec, Kinds, Time, Whom

EVENTS: Final = (
    EventSpec(
        event=Event.PROTECTION_PLAN_START,
        text="A child, born or unborn, became subject to a child protection plan.",
        focus="CarePlan",
        subject=Whom.CHILD,
        many=True,
        expected=("plan-category", "contact-person"),
        optional=("review-date", "parental-responsibility", "concern-detail", "follow-up-plan"),
    ),
    EventSpec(
        event=Event.PROTECTION_PLAN_END,
        text="A child protection plan ended.",
        focus="CarePlan",
        subject=Whom.CHILD,
        many=True,
        expected=("plan-end-reason",),
        time=Time.END,
        optional=("plan-category", "follow-up-plan"),
    ),
    EventSpec(
        event=Event.LOOKED_AFTER_START,
        text="A child became looked after.",
        cites=("principle 12",),
        focus="CarePlan",
        subject=Whom.CHILD,
        many=True,
        expected=("child-legal-status", "contact-person"),
        optional=("placement-type", "parental-responsibility", "review-date", "follow-up-plan"),
    ),
    EventSpec(
        event=Event.LOOKED_AFTER_MOVE,
        text="A looked-after child moved to another placement.",
        cites=("principle 10", "principle 12"),
        focus="CarePlan",
        time=Time.HEADER,
        subject=Whom.CHILD,
        many=True,
        expected=("placement-type",),
        persons_should_have=("address",),
        optional=("child-legal-status", "parental-responsibility", "review-date", "follow-up-plan"),
    ),
    EventSpec(
        event=Event.LOOKED_AFTER_END,
        text="A child is no longer looked after.",
        focus="CarePlan",
        subject=Whom.CHILD,
        many=True,
        expected=("plan-end-reason",),
        time=Time.END,
        optional=("child-legal-status", "follow-up-plan"),
    ),
    EventSpec(
        event=Event.PRIVATE_FOSTERING,
        text="A child lives, or is to live, with somebody who is no close relative.",
        focus="Communication",
        subject=Whom.CHILD,
        many=True,
        kinds=Kinds(values=FOSTERING_KIND),
        persons_should_have=("address",),
        relationships=(RelationshipKind.CARER,),
        optional=("parental-responsibility", "review-date"),
    ),
)
