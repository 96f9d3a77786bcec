"""Persons, relationships, households and facts as R4 resources."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from schemas import identifiers as known
from schemas.bundle import profile
from schemas.bundle.elements import JsonObject
from schemas.bundle.foci import FOCUS_TYPES
from schemas.codes import FACT_SYSTEM, SYSTEMS, RelationshipKind, Standing
from schemas.events import FACTS, FactType
from schemas.message import Coding, Fact, FactValue, HouseholdMember, Identifier, Person, PostalAddress, Relationship

Refer = Callable[[str], JsonObject]
"""A Reference to the person with that key."""


def instant(moment: datetime | date) -> str:
    """FHIR's form of a time, in UTC, or of a date."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return moment.isoformat()


def present(**elements: object) -> JsonObject:
    """The elements that have something in them: R4 knows neither null nor empty lists."""
    return {name: value for name, value in elements.items() if value or not (value is None or _is_empty(value))}


def _is_empty(value: object) -> bool:
    return isinstance(value, tuple | list | dict) and not value


def period(since: date | datetime | None, until: date | datetime | None) -> JsonObject:
    """A Period; empty when neither end is known."""
    return present(start=None if since is None else instant(since), end=None if until is None else instant(until))


def patient(person: Person) -> JsonObject:
    """A person as Patient, whether or not they are anybody's patient."""
    name = present(family=person.family, given=list(person.given))
    marks = [{"system": profile.CONFIDENTIALITY, "code": profile.VERY_RESTRICTED}] if person.protected else []
    practice = None if person.practice is None else {"system": known.ODS, "value": person.practice}
    return present(
        resourceType="Patient",
        id=person.key,
        meta=present(security=marks),
        extension=[_unborn(person.expected)] if person.unborn else None,
        identifier=[_identifier(identifier) for identifier in person.identifiers],
        name=[name] if name else None,
        gender=person.gender,
        birthDate=None if person.birth_date is None else instant(person.birth_date),
        **_deceased(person),
        address=[written for written in map(_address, person.addresses) if written],
        multipleBirthInteger=person.birth_order,
        generalPractitioner=None if practice is None else [{"type": "Organization", "identifier": practice}],
    )


def _unborn(expected: date | None) -> JsonObject:
    if expected is not None:
        return {"url": profile.UNBORN, "valueDate": instant(expected)}
    return {"url": profile.UNBORN, "extension": [{"url": profile.DATA_ABSENT, "valueCode": "unknown"}]}


def _identifier(identifier: Identifier) -> JsonObject:
    plain: JsonObject = {"system": identifier.system, "value": identifier.value}
    if identifier.verified is not None:
        code = "01" if identifier.verified else "02"
        concept = {"coding": [{"system": profile.VERIFICATION_SYSTEM, "code": code}]}
        plain["extension"] = [{"url": profile.VERIFICATION, "valueCodeableConcept": concept}]
    return plain


def _deceased(person: Person) -> JsonObject:
    if person.deceased is None:
        return {}
    if isinstance(person.deceased, bool):
        return {"deceasedBoolean": person.deceased}
    return {"deceasedDateTime": instant(person.deceased)}


def _address(address: PostalAddress) -> JsonObject:
    marked = {"url": profile.PROTECTED_ADDRESS, "valueBoolean": True}
    return present(
        extension=[marked] if address.protected else None,
        line=list(address.lines),
        postalCode=address.postcode,
        period=period(address.since, address.until),
    )


def related_person(relation: Relationship, refer: Refer) -> JsonObject:
    """A relationship: the related person is the kind of the patient."""
    return {
        "resourceType": "RelatedPerson",
        "extension": [{"url": profile.RELATED_PATIENT, "valueReference": refer(relation.person)}],
        "patient": refer(relation.to),
        "relationship": [{"coding": [{"system": SYSTEMS[RelationshipKind], "code": relation.kind.value}]}],
    }


def household_group(members: Iterable[HouseholdMember], refer: Refer) -> JsonObject:
    """Who lives together."""
    return {
        "resourceType": "Group",
        **FOCUS_TYPES["Group"].base,
        **present(member=[_member(member, refer) for member in members]),
    }


def _member(member: HouseholdMember, refer: Refer) -> JsonObject:
    return present(
        extension=[{"url": profile.STANDING, "valueCode": member.standing.value}],
        entity=refer(member.person),
        period=period(member.since, member.until),
        inactive=True if member.standing is Standing.LEFT else None,
    )


def observation(fact: Fact, refer: Refer) -> JsonObject:
    """A fact as an Observation."""
    return present(
        resourceType="Observation",
        status="final",
        code={"coding": [present(system=FACT_SYSTEM, code=fact.code, display=_display(fact.code))]},
        subject=None if fact.about is None else refer(fact.about),
        effectiveDateTime=None if fact.at is None else instant(fact.at),
        **_value(fact),
    )


def _display(code: str) -> str | None:
    spec = FACTS.get(code)
    return None if spec is None else spec.text


def _value(fact: Fact) -> JsonObject:
    value = fact.value
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, Decimal | int):
        return _quantity(fact, value)
    if isinstance(value, date):
        return {"valueDateTime": instant(value)}
    if isinstance(value, Coding):
        return {"valueCodeableConcept": concept(value)}
    return {"valueString": value}


def _quantity(fact: Fact, value: Decimal | int) -> JsonObject:
    spec = FACTS.get(fact.code)
    if fact.unit is None and isinstance(value, int) and (spec is None or spec.type is FactType.INTEGER):
        return {"valueInteger": value}
    unit: JsonObject = {} if fact.unit is None else {"unit": fact.unit, "system": profile.UCUM, "code": fact.unit}
    return {"valueQuantity": {"value": number(value), **unit}}


def number(value: Decimal | int) -> int | float:
    """A JSON number. Fifteen digits survive a float, far beyond what is weighed and measured here."""
    return int(value) if value == int(value) else float(value)


def concept(value: FactValue) -> JsonObject:
    """A CodeableConcept of a coding, or of words."""
    if not isinstance(value, Coding):
        return {"text": str(value)}
    return {"coding": [present(system=value.system, code=value.code, display=value.display)]}


MARKED: Final = {"security": [{"system": profile.ACT_CODE, "code": profile.NOPAT}]}
"""`meta` of what patient and family must not be shown."""
