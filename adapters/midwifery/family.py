"""Who is who in a birth notification: the baby behind the link, and the mother, who is its subject all through."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fhir.resources.STU3.communication import Communication
from fhir.resources.STU3.patient import Patient
from fhir.resources.STU3.relatedperson import RelatedPerson

from adapters.nems import EventMessage, Part
from schemas.codes import RelationshipKind
from schemas.problem import Problem

_MOTHER_CODES: Final = frozenset({"12", "MTH", "NMTH"})
"""v3 RoleCode as the specification has it; `12` of PersonRelationshipType-1 in the older of its own samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A RelatedPerson between a mother, if she is there, and a baby."""

    path: str
    mother: Part | None
    baby: Part
    kind: RelationshipKind


def links(event: EventMessage) -> tuple[Link, ...] | tuple[Problem, ...]:
    """Every link to a baby, at least one; or what keeps the babies from being found."""
    found = tuple(_links(event))
    problems = tuple(link for link in found if isinstance(link, Problem))
    if problems or not found:
        return problems or (Problem("Bundle.entry", "has no RelatedPerson that leads to a baby", "required"),)
    return tuple(link for link in found if isinstance(link, Link))


def _links(event: EventMessage) -> Iterator[Link | Problem]:
    for part in event.parts:
        if not isinstance(part.resource, RelatedPerson):
            continue
        baby = event.resolve(part.resource.patient)
        if baby is None or not isinstance(baby.resource, Patient):
            yield Problem(f"{part.path}.patient", "leads to no Patient in the Bundle", "not-found")
            continue
        mother = _linked(event, part) or _subject(event)
        yield Link(
            path=part.path,
            mother=None if mother == baby else mother,
            baby=baby,
            kind=_kind(part.resource),
        )


def _kind(related: RelatedPerson) -> RelationshipKind:
    codings = related.relationship.coding or () if related.relationship else ()
    is_mother = any(coding.code in _MOTHER_CODES for coding in codings)
    return RelationshipKind.MOTHER if is_mother else RelationshipKind.OTHER


def _linked(event: EventMessage, related: Part) -> Part | None:
    """The Patient whose link leads to the RelatedPerson: the same human being in her other role."""
    for part in event.parts:
        others = part.resource.link or () if isinstance(part.resource, Patient) else ()
        if any(event.resolve(link.other) == related for link in others):
            return part
    return None


def _subject(event: EventMessage) -> Part | None:
    for part in event.parts:
        if isinstance(part.resource, Communication):
            subject = event.resolve(part.resource.subject)
            return subject if subject and isinstance(subject.resource, Patient) else None
    return None
