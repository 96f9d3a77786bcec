"""Every type of HMPPS event Baton knows: what it tells, that it is none of Baton's business, or that it cannot be read yet.

A type that stands nowhere here is quarantined: better asked about once than silently dropped for years.
"""

from collections.abc import Mapping
from typing import Final

from adapters.probation import identity_changes, movements, registers, requirements
from adapters.probation.drafts import Reader, asks, code, not_ours, not_read, tells
from schemas.codes import Event

_SUPERVISION: Final[Mapping[str, Reader]] = {
    "probation-case.engagement.created": tells(Event.INVOLVEMENT_START, None, code("involvement-evidence", "caseload")),
    "probation-case.engagement.recovered": tells(
        Event.INVOLVEMENT_START, None, code("involvement-evidence", "caseload")
    ),
    "probation-case.engagement.deleted": tells(Event.INVOLVEMENT_END),
    "probation-case.sentence.created": tells(Event.SUPERVISION_START),
    "probation-case.sentence.amended": tells(Event.SUPERVISION_CHANGE, "order"),
    "probation-case.sentence.terminated": tells(Event.SUPERVISION_END),
    "probation-case.sentence.unterminated": tells(Event.SUPERVISION_START),
    # The event does not say which sentence was told of when: that it ended is what others must know.
    "probation-case.sentence.deleted": tells(Event.SUPERVISION_END),
    "probation-case.requirement.terminated": tells(Event.SUPERVISION_CHANGE, "order"),
    "probation-case.requirement.unterminated": tells(Event.SUPERVISION_CHANGE, "order"),
    "probation-case.licence-condition.created": tells(Event.SUPERVISION_CHANGE, "order"),
    "create-and-vary-a-licence.licence.activated": tells(Event.SUPERVISION_START, None, code("order", "licence")),
    # A licence is inactivated when another takes its place as well as when it ends.
    "create-and-vary-a-licence.licence.inactivated": tells(Event.SUPERVISION_CHANGE, "order"),
    "person.community.manager.allocated": tells(
        Event.INVOLVEMENT_START, None, code("involvement-evidence", "caseload")
    ),
    # To whom is not in the event; a transfer in Baton's sense needs the receiving team (F3), which is asked for.
    "person.community.manager.transferred": tells(Event.SUPERVISION_CHANGE, "area", to_whom=True),
    "event.manager.allocated": tells(Event.SUPERVISION_CHANGE, "manager"),
    "SENTENCE_CHANGED": tells(Event.SUPERVISION_CHANGE, "order"),
    "OFFENDER_MANAGER_CHANGED": tells(Event.SUPERVISION_CHANGE, "manager"),
}

_ENFORCEMENT: Final[Mapping[str, Reader]] = {
    "enforcement.breach.raised": tells(Event.ENFORCEMENT, None, code("enforcement-stage", "breach")),
    "enforcement.breach.concluded": tells(Event.ENFORCEMENT, None, code("enforcement-stage", "concluded")),
    # A recall that is concluded has been decided; the arrest may still be to come (sharing principle 7).
    "enforcement.recall.raised": tells(Event.ENFORCEMENT, None, code("recall", "raised"), held=True),
    "enforcement.recall.concluded": tells(Event.ENFORCEMENT, None, code("recall", "concluded"), held=True),
}

_WORKING_METHOD: Final = "How a case is tiered, scored or assessed is probation's own working method."
_PROGRAMME: Final = "Progress on a programme or a commissioned service is between probation and its provider."
_INSIDE_PRISON: Final = "Who manages somebody inside prison is told to nobody outside; custody and release are."
_TOLD_BY_ANOTHER: Final = "The same is told by another event that Baton reads."
_NO_MOVE: Final = "An application for accommodation or a booking moves nobody; arriving and leaving do."
_COURT: Final = "A report for a court is made before there is a sentence."

_NOT_OURS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "tier.calculation.complete",
            "tier.calculation.changed",
            "assessment.summary.produced",
            "risk-assessment.scores.determined",
            "risk-assessment.scores.ogrs.determined",
            "risk-assessment.scores.rsr.determined",
            "probation-case.risk-scores.ogrs.manual-calculation",
            "probation-case.supervision.created",
            "probation-case.supervision-appointment.created",
            "probation-case.assessment-summary.created",
            "probation.staff.updated",
        ),
        _WORKING_METHOD,
    ),
    **dict.fromkeys(
        (
            "accredited-programmes-community.referral.status-updated",
            "intervention.referral.ended",
            "intervention.referral.sent",
            "intervention.referral.assigned",
            "intervention.referral.concluded",
            "probation-case.non-statutory-intervention.created",
            "probation-case.non-statutory-intervention.deleted",
            "probation-case.non-statutory-intervention.moved",
            "probation-case.non-statutory-intervention.terminated",
            "probation-case.non-statutory-intervention.unterminated",
        ),
        _PROGRAMME,
    ),
    **dict.fromkeys(("offender-management.allocation.changed", "offender-management.handover.changed"), _INSIDE_PRISON),
    **dict.fromkeys(
        (
            "prisoner-offender-search.prisoner.released",
            "prisoner-offender-search.prisoner.received",
            "prisoner-offender-search.prisoner.created",
            "prisoner-offender-search.prisoner.updated",
            "EXTERNAL_MOVEMENT_RECORD-INSERTED",
            "OFFENDER_OFFICER_CHANGED",
            "OFFENDER_DETAILS_CHANGED",
            # Allocated with the sentence they belong to; a message each would be three for one change.
            "requirement.manager.allocated",
            "licence-condition.manager.allocated",
        ),
        _TOLD_BY_ANOTHER,
    ),
    **dict.fromkeys(("pre-sentence.report.started", "pre-sentence.report.completed"), _COURT),
    **dict.fromkeys(
        (
            "accommodation.cas3.booking.cancelled",
            "accommodation.cas3.booking.cancelled.updated",
            "accommodation.cas3.booking.confirmed",
            "accommodation.cas3.booking.provisionally-made",
            "accommodation.cas3.referral.submitted",
            "approved-premises.application.assessed",
            "approved-premises.application.submitted",
            "approved-premises.application.withdrawn",
            "approved-premises.booking.cancelled",
            "approved-premises.booking.changed",
            "approved-premises.booking.made",
            "approved-premises.person.not-arrived",
        ),
        _NO_MOVE,
    ),
    **dict.fromkeys(
        (
            "probation-case.mappa-information.created",
            "probation-case.mappa-information.updated",
            "probation-case.mappa-information.deleted",
            "probation-case.mappa-export.created",
            "probation-case.mappa-export.terminated",
        ),
        "What is recorded under MAPPA stays between its agencies; the registration itself is held for release.",
    ),
}

_ADDRESSES: Final = (
    "probation-case.address.created",
    "probation-case.address.updated",
    "probation-case.address.deleted",
    # Delius takes over where somebody has arrived from these services: its record says it.
    "accommodation.cas3.person.arrived",
    "accommodation.cas3.person.arrived.updated",
    "accommodation.cas3.person.departed",
    "accommodation.cas3.person.departed.updated",
    "approved-premises.person.arrived",
    "approved-premises.person.departed",
    "sas.accommodation.person.arrived",
    "sas.accommodation.updated",
)
"""Types by which somebody's address has changed, without the address."""

_DETAILS: Final = "is of a type that only says where to read what changed; Baton does not read it there"
_BY_A_PERSON: Final = "is of a type that a person must act on: who may see this record, or that it is to be erased"

_NOT_READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "SENTENCE_DATES-CHANGED",
            "calculate-release-dates.prisoner.changed",
            "probation-case.personal-circumstance.created",
            "probation-case.personal-circumstance.updated",
            "probation-case.personal-circumstance.deleted",
        ),
        _DETAILS,
    ),
    **dict.fromkeys(
        ("probation-case.deleted.gdpr", "probation-case.exclusion.updated", "probation-case.restriction.updated"),
        _BY_A_PERSON,
    ),
}

TABLE: Final[Mapping[str, Reader]] = {
    **_SUPERVISION,
    **_ENFORCEMENT,
    **registers.READERS,
    **requirements.READERS,
    **identity_changes.READERS,
    **movements.READERS,
    **dict.fromkeys(_ADDRESSES, asks("address")),
    "probation-case.personal-details.updated": asks("person"),
    **{event_type: not_ours(reason) for event_type, reason in _NOT_OURS.items()},
    **{event_type: not_read(reason) for event_type, reason in _NOT_READ.items()},
}
