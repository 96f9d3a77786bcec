"""The one list of all event specifications."""

from typing import Final

from schemas.codes import Event
from schemas.events import (
    adult_mental_health,
    child_health,
    concerns,
    household_and_exchange,
    justice,
    pregnancy_and_birth,
    registration_and_identity,
    social_care,
)
from schemas.events.specification import EventSpec

SPECS: Final[dict[Event, EventSpec]] = {
    spec.event: spec
    for family in (
        pregnancy_and_birth,
        child_health,
        concerns,
        registration_and_identity,
        adult_mental_health,
        justice,
        social_care,
        household_and_exchange,
    )
    for spec in family.EVENTS
}
"""Every event's specification."""
