"""A Patient of FHIR STU3, as CareConnect profiles it, as a person of a message."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, Protocol

from fhir.resources.STU3.humanname import HumanName
from fhir.resources.STU3.organization import Organization
from fhir.resources.STU3.patient import Patient
from fhir.resources.STU3.practitioner import Practitioner
from fhir.resources.STU3.reference import Reference

from adapters.nems import Part, extension, instant
from schemas.identifiers import ODS, MalformedError, OdsCode
from schemas.message import Identifier, Person, PostalAddress
from schemas.problem import Problem

_VERIFICATION: Final = (
    "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSNumberVerificationStatus-1",
    "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-NHSNumberVerificationStatus-1",
)
"""As CareConnect has it, and as GP Connect does."""
_VERIFIED: Final = "01"  # "Number present and verified"

# HL7 Confidentiality: PDS marks the records of people whose whereabouts are not to be told with these.
_SENSITIVE: Final = frozenset({"R", "V"})

_SPINE_DIRECTORY: Final = "https://directory.spineservices.nhs.uk/STU3/Organization/"


class Resolves(Protocol):
    """Whatever holds a Patient beside others, by which its references are followed: an event message, a document."""

    def resolve(self, reference: Reference | None) -> Part | None:
        """The part a reference leads to, if it leads to one."""
        ...


def person(part: Part, key: str, event: Resolves) -> tuple[Person, tuple[Problem, ...]]:
    """The person, and what was left out of it because it cannot be."""
    patient = part.resource
    assert isinstance(patient, Patient)  # the caller looked
    born = _day(patient.birthDate)
    deceased, doubts = _deceased(patient, born, part.path)
    if patient.birthDate is not None and born is None:
        doubts = (*doubts, Problem(f"{part.path}.birthDate", "is no whole date and was left out", "value", "warning"))
    name = name_of(patient)
    return (
        Person(
            key=key,
            identifiers=tuple(_identifiers(patient)),
            family=name.family if name else None,
            given=tuple(given for given in (name.given or ()) if given) if name else (),
            birth_date=born,
            birth_order=patient.multipleBirthInteger,
            gender=patient.gender,
            deceased=deceased,
            addresses=tuple(_addresses(patient)),
            practice=_practice(patient, event),
            protected=any(label.code in _SENSITIVE for label in _labels(patient)),
        ),
        doubts,
    )


def _identifiers(patient: Patient) -> Iterator[Identifier]:
    for identifier in patient.identifier or ():
        if identifier.system and identifier.value:
            yield Identifier(system=identifier.system, value=identifier.value, verified=_verified(identifier))


def _verified(identifier: Any) -> bool | None:  # noqa: ANN401 - the models are untyped
    said = (extension(identifier, url, "valueCodeableConcept") for url in _VERIFICATION)
    status = next((status for status in said if status is not None), None)
    if status is None:
        return None
    return any(coding.code == _VERIFIED for coding in status.coding or ())


def name_of(somebody: Patient | Practitioner) -> HumanName | None:
    """The official name, or the first."""
    names: list[HumanName] = somebody.name or []
    return next((name for name in names if name.use == "official"), names[0] if names else None)


def _deceased(
    patient: Patient, born: date | None, path: str
) -> tuple[datetime | date | bool | None, tuple[Problem, ...]]:
    died = patient.deceasedDateTime
    if died is None:
        return patient.deceasedBoolean, ()
    day = _day(died)
    if day is not None and (born is None or day >= born):
        return instant(died) or day, ()
    # That somebody died is never dropped because the day is wrong: the visit to congratulate would still be made.
    wrong = Problem(
        f"{path}.deceasedDateTime",
        "is before the birth or no whole date; the death is told without its date",
        "value",
        "warning",
    )
    return True, (wrong,)


def _addresses(patient: Patient) -> Iterator[PostalAddress]:
    for address in patient.address or ():
        lines = (*(address.line or ()), address.city, address.district)
        written = tuple(line for line in lines if line) or tuple(filter(None, (address.text,)))
        period = address.period
        if address.use != "old" and (written or address.postalCode):
            yield PostalAddress(
                lines=written,
                postcode=address.postalCode,
                since=_day(period.start) if period else None,
                until=_day(period.end) if period else None,
            )


def _practice(patient: Patient, event: Resolves) -> str | None:
    """ODS code of the practice, from the Spine directory's address or from the organisation in the Bundle."""
    for reference in patient.generalPractitioner or ():
        part = event.resolve(reference)
        written = reference.reference or ""
        if part is not None and isinstance(part.resource, Organization):
            found = ods_code(part.resource)
        elif written.startswith(_SPINE_DIRECTORY):
            found = _ods(written.removeprefix(_SPINE_DIRECTORY))
        else:
            found = None
        if found:
            return found
    return None


def ods_code(organisation: Organization) -> str | None:
    """The organisation's ODS code, when it has one of the form."""
    codes = (_ods(identifier.value) for identifier in organisation.identifier or () if identifier.system == ODS)
    return next(filter(None, codes), None)


def _ods(text: str | None) -> str | None:
    try:
        return OdsCode.parse(text or "").value
    except MalformedError:
        return None


def _labels(patient: Patient) -> tuple[Any, ...]:
    return tuple(patient.meta.security or ()) if patient.meta else ()


def _day(value: object) -> date | None:
    """A whole date; the models keep `2017-10` as text."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
