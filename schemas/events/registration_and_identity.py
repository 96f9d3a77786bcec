"""Registration with general practice, and changes in who somebody is, where they live and whether they live."""

from typing import Final

from schemas.codes import Event
from schemas.events.care_values import DEATH_KIND, IDENTIFIER_CHANGE_KIND, REGISTRATION_KIND
from schemas.events.specification import EventSpec, Kinds, Level, Whom

EVENTS: Final = (
    EventSpec(
        event=Event.GP_REGISTRATION,
        text="Somebody registered with a general practice, or was removed from its list.",
        cites=("F8", "7.2.6", "7.5.4", "7.5.8"),
        focus="EpisodeOfCare",
        subject=Whom.ANY,
        many=True,
        kinds=Kinds(values=REGISTRATION_KIND),
        ending_kinds=("removed",),
        # Not required: a practice that sends for itself is known by its team.
        persons_should_have=("practice",),
        optional=("previous-practice",),
    ),
    EventSpec(
        event=Event.CHANGE_OF_ADDRESS,
        text="Somebody has another address.",
        cites=("F15", "7.4.2", "7.5.6"),
        focus="Patient",
        subject=Whom.ANY,
        many=True,
        persons_have=("address",),
    ),
    EventSpec(
        event=Event.IDENTIFIER_CHANGE,
        text="A number by which somebody is known changed, or two records were joined or parted.",
        cites=("principle 11",),
        focus="Patient",
        subject=Whom.ANY,
        kinds=Kinds(values=IDENTIFIER_CHANGE_KIND, level=Level.EXPECTED),
        # No such fact is wanted of a sealed record, where nothing may name old and new together; `checks` knows.
        expected_one_of=("previous-nhs-number", "previous-case-number", "previous-local-number"),
    ),
    EventSpec(
        event=Event.DEATH,
        text="Somebody died.",
        focus="Patient",
        subject=Whom.ANY,
        kinds=Kinds(values=DEATH_KIND),
        persons_should_have=("deceased",),
        optional=("unexpected-death",),
    ),
)
