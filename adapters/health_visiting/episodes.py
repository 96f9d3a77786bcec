"""NEMS Professional Contacts: an episode of care by which a health visiting team has a child on its caseload, or no longer has.

The specification: nhsconnect/Events-Management, "Professional Contacts". Every event carries the episode as it now is. It names
no team that takes over: a child that moves between teams is an episode that ends and another that begins, unless the
Bundle has a request for transfer that was made in the episode.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from fhir.resources.STU3.careteam import CareTeam
from fhir.resources.STU3.episodeofcare import EpisodeOfCare
from fhir.resources.STU3.organization import Organization
from fhir.resources.STU3.practitioner import Practitioner
from fhir.resources.STU3.practitionerrole import PractitionerRole
from fhir.resources.STU3.referralrequest import ReferralRequest

from adapters.health_visiting.lifecycle import Record, changed_at, midnight, record, withdrawal
from adapters.health_visiting.outcomes import PERSON, NotTold, Outcome, Told, code, said
from adapters.identity import id_in_record
from adapters.nems import HEADER, EventMessage, Part, codes, instant
from adapters.nems_subjects import Subject, subject
from adapters.patients import name_of
from schemas.codes import Event, Function
from schemas.message import Fact, Message
from schemas.problem import Problem

_SERVICES: Final[Mapping[str | None, Function]] = {
    "1078501000000104": Function.HEALTH_VISITING,
    "1326391000000100": Function.FAMILY_NURSE_PARTNERSHIP,
    "931821000000105": Function.SCHOOL_NURSING,
}
"""SNOMED CT codes of the services whose episodes are read."""

_TRANSFER_OF_CARE: Final = "308292007"
"""SNOMED CT: Transfer of care."""

_STARTS: Final = frozenset({"active"})
_ENDS: Final = frozenset({"finished", "cancelled"})
_NOT_TOLD: Final[Mapping[str, str]] = {
    "planned": "The episode is planned: nobody works with the child yet. It is told when it is active.",
    "waitlist": "The episode waits for its beginning: nobody works with the child yet. It is told when it is active.",
    "onhold": "The episode is on hold: the team keeps the child, so who works with it does not change.",
}
_NEVER_TOLD: Final = "The episode was recorded in error or came to nothing, and nobody was told of it before."


@dataclass(frozen=True, slots=True)
class _Episode:
    """An episode with what surrounds it in its event."""

    event: EventMessage
    record: Record
    part: Part
    resource: EpisodeOfCare

    def at(self, name: str) -> str:
        return f"{self.part.path}.{name}"


def contact(event: EventMessage) -> Outcome:
    """What the event says of who works with a child."""
    part = event.resolve(next(iter(event.header.focus or ()), None))
    if part is None or not isinstance(part.resource, EpisodeOfCare):
        return (Problem(f"{HEADER}.focus", "leads to no EpisodeOfCare in the Bundle", "not-found"),)
    episode = _Episode(event, record(event, part.resource.identifier), part, part.resource)
    services = codes(*(part.resource.type or ()))
    if services and not services & _SERVICES.keys():
        return (Problem(episode.at("type"), "is of a service that is not health visiting's", "not-supported"),)
    if event.change == "delete" or part.resource.status == "entered-in-error":
        return NotTold(_NEVER_TOLD) if event.change == "new" else Told((withdrawal(episode.record),))
    return _current(episode)


def _current(episode: _Episode) -> Outcome:
    status = episode.resource.status or ""
    if status in _NOT_TOLD:
        return NotTold(_NOT_TOLD[status])
    if status == "cancelled" and episode.event.change == "new":
        return NotTold(_NEVER_TOLD)
    if status not in _STARTS | _ENDS:
        return (Problem(episode.at("status"), "is no status of an episode of care", "code-invalid"),)
    child = subject(episode.event, episode.event.resolve(episode.resource.patient), episode.at("patient"))
    if not isinstance(child, Subject):
        return child
    message, doubts = _ended(episode, child) if status in _ENDS else _started(episode, child)
    # A transfer goes before the end of the episode, so that nobody drops the child half-way.
    messages = (*_transfers(episode, child), message)
    return Told(_numbered(episode.record, messages), (*child.warnings, *doubts))


def _numbered(record: Record, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The first has the id of the event, by which it is known again; the others one made of it, within the record."""
    return tuple(
        replace(message, id=id_in_record(record.id, record.message, str(position)) if position else record.message)
        for position, message in enumerate(messages)
    )


def _started(episode: _Episode, child: Subject) -> tuple[Message, tuple[Problem, ...]]:
    """The team works with the child. An update tells of the same beginning, so that it is no later evidence."""
    occurred, doubts = _moment(episode, "start")
    evidence = code("involvement-evidence", "referral" if episode.resource.referralRequest else "caseload")
    return _message(episode, child, Event.INVOLVEMENT_START, occurred, (evidence, *_whom_to_ask(episode))), doubts


def _ended(episode: _Episode, child: Subject) -> tuple[Message, tuple[Problem, ...]]:
    occurred, doubts = _moment(episode, "end")
    return _message(episode, child, Event.INVOLVEMENT_END, occurred, tuple(_whom_to_ask(episode))), doubts


def _moment(episode: _Episode, edge: Literal["start", "end"]) -> tuple[datetime, tuple[Problem, ...]]:
    """When the episode began or ended; when its record changed, with a warning, where that is not said."""
    period = episode.resource.period
    value = getattr(period, edge) if period else None
    at = instant(value) or midnight(value)
    if at is not None:
        return at, ()
    reason = "is not given as a whole date; the time of the change was taken"
    return changed_at(episode.event), (Problem(episode.at(f"period.{edge}"), reason, "incomplete", "warning"),)


def _transfers(episode: _Episode, child: Subject) -> Iterator[Message]:
    """Requests, made in this episode, that another organisation takes the child over."""
    for part in episode.event.parts:
        request = part.resource
        if not isinstance(request, ReferralRequest) or episode.event.resolve(request.context) != episode.part:
            continue
        if _TRANSFER_OF_CARE in codes(request.type) and request.recipient:
            summary = (said("care-summary", request.description),) if request.description else ()
            asked = instant(request.authoredOn) or changed_at(episode.event)
            message = _message(episode, child, Event.TRANSFER, asked, (*summary, *_whom_to_ask(episode)))
            yield replace(message, kind=_function(episode))


def _function(episode: _Episode) -> Function:
    """The function that takes over: that of the episode's own service. Which team it is follows from where the child lives."""
    services = codes(*(episode.resource.type or ()))
    return next((_SERVICES[code] for code in _SERVICES if code in services), Function.HEALTH_VISITING)


def _message(episode: _Episode, child: Subject, event: Event, occurred: datetime, facts: tuple[Fact, ...]) -> Message:
    return Message(
        id=episode.record.message,
        event=event,
        sender=None,
        occurred=occurred,
        sent=episode.event.sent,
        subjects=(PERSON,),
        people=(child.person,),
        facts=facts,
        reference=episode.record.id,
    )


def _whom_to_ask(episode: _Episode) -> Iterator[Fact]:
    """The named professionals with their team, and the telephone of the organisation that answers for the episode."""
    teams = [team.resource for reference in episode.resource.team or () if (team := episode.event.resolve(reference))]
    names = tuple(_names(episode, teams)) or tuple(
        team.name for team in teams if isinstance(team, CareTeam) and team.name
    )
    if names:
        yield said("contact-person", "; ".join(names))
    phone = _phone(episode.event.resolve(episode.resource.managingOrganization))
    if phone:
        yield said("contact-phone", phone)


def _names(episode: _Episode, teams: list[Any]) -> Iterator[str]:
    manager = _practitioner(episode.event.resolve(episode.resource.careManager), episode.event)
    if manager:
        yield f"{manager}, care manager"
    for team in teams:
        for participant in (team.participant or ()) if isinstance(team, CareTeam) else ():
            name = _practitioner(episode.event.resolve(participant.member), episode.event)
            if name:
                yield f"{name}, {team.name}" if team.name else name


def _practitioner(part: Part | None, event: EventMessage) -> str | None:
    """The name of a practitioner, also behind their role."""
    somebody = part.resource if part else None
    if isinstance(somebody, PractitionerRole):
        behind = event.resolve(somebody.practitioner)
        somebody = behind.resource if behind else None
    name = name_of(somebody) if isinstance(somebody, Practitioner) else None
    return " ".join(filter(None, (*(name.given or ()), name.family))) or None if name else None


def _phone(part: Part | None) -> str | None:
    contacts = part.resource.telecom or () if part and isinstance(part.resource, Organization) else ()
    return next((contact.value for contact in contacts if contact.system == "phone" and contact.value), None)
