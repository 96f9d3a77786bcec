"""Who is involved, who lives together, hand-overs between teams, and questions and their answers."""

from typing import Final

from schemas.codes import Event, Function
from schemas.events.specification import EventSpec, Kinds, Level, Time, Whom, values_of

_FUNCTION: Final = Kinds(values=values_of(Function, "Function of a team"))

EVENTS: Final = (
    EventSpec(
        event=Event.INVOLVEMENT_START,
        text="The sending team began to work with somebody.",
        cites=("principle 3", "F20"),
        focus="EpisodeOfCare",
        subject=Whom.ANY,
        many=True,
        expected=("involvement-evidence",),
        optional=("level-of-service",),
    ),
    EventSpec(
        event=Event.INVOLVEMENT_END,
        text="The sending team no longer works with somebody.",
        cites=("principle 3", "F20"),
        focus="EpisodeOfCare",
        subject=Whom.ANY,
        many=True,
        time=Time.END,
        optional=("outstanding-actions", "last-contact"),
    ),
    EventSpec(
        event=Event.HOUSEHOLD_UPDATE,
        text="Who lives together, according to the sender.",
        cites=("F2", "F19", "7.2.2", "8.3"),
        focus="Group",
        subject=Whom.ANY,
        many=True,
        household=Level.REQUIRED,
    ),
    EventSpec(
        event=Event.TRANSFER,
        text="Responsibility for children, or for an adult under supervision, is to move.",
        cites=("F3", "F12", "F26", "7.1.4", "7.5.1", "8.1.12", "8.4.5"),
        focus="Task",
        subject=Whom.ANY,
        many=True,
        kinds=_FUNCTION,
        # A summary for each child named; a child left out is the broker's to find (F12).
        expected=("transfer-reason", "care-summary"),
        addressed=True,
        optional=(
            "last-contact",
            "level-of-service",
            "weight",
            "birth-weight",
            "centile",
            "feeding",
            "development",
            "immunisations-up-to-date",
            "concerns",
            "concern-detail",
            "outstanding-actions",
            "expected-date",
            "order",
            "order-ends",
            "requirement",
            "outstanding-requirements",
            "engagement",
            "registration-type",
            "restricted-registration",
            "children-in-contact",
        ),
    ),
    EventSpec(
        event=Event.INFORMATION_REQUEST,
        text="A team is asked for information about somebody.",
        cites=("F4", "F14", "7.5.5"),
        focus="CommunicationRequest",
        subject=Whom.ANY,
        many=True,
        kinds=_FUNCTION,
        required=("question",),
        addressed=True,
        optional=("needed-by",),
    ),
    EventSpec(
        event=Event.INFORMATION,
        # Without a request it is what one team wants another to know, a document that asks something for instance: then
        # it says whom, as a question does.
        text="The answer to a request for information, or what another team is to know; any fact may be part of it.",
        cites=("F14",),
        focus="Communication",
        subject=Whom.ANY,
        many=True,
        kinds=_FUNCTION,
        addressed=True,
        answers=True,
        optional=("answer", "nothing-known", "child-in-household", "pregnancy-in-household"),
    ),
    EventSpec(
        event=Event.WITHDRAW,
        text="An earlier message of the sender is withdrawn.",
        focus="Communication",
        subject=Whom.ANY,
        # The message withdrawn says about whom; naming a wrongly named person again would do the harm twice.
        subject_level=Level.OPTIONAL,
        many=True,
        reference=Level.REQUIRED,
        optional=("withdraw-reason",),
        exhaustive=True,
    ),
)
