"""A `Message` as compact JSON and back, for storage; the published form is FHIR (`schemas.bundle`)."""

from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from schemas.codes import Event, LawfulBasis, Priority, RelationshipKind, Standing
from schemas.message import (
    Coding,
    Fact,
    FactValue,
    HouseholdMember,
    Identifier,
    Message,
    Person,
    PostalAddress,
    Professional,
    Relationship,
    RestrictedParty,
)


def dump(message: Message) -> bytes:
    """The message as JSON bytes; `load(dump(m)) == m`."""
    plain = _said(message)
    plain["facts"] = [_tagged(fact) for fact in message.facts]
    plain["people"] = [_person_out(person) for person in message.people]
    plain["labels"] = sorted(message.labels)
    return orjson.dumps(plain)


def load(data: bytes) -> Message:
    """The message that `dump` wrote."""
    plain = orjson.loads(data)
    author = plain.get("author")
    return Message(
        id=plain["id"],
        event=Event(plain["event"]),
        sender=plain.get("sender"),
        occurred=datetime.fromisoformat(plain["occurred"]),
        sent=_instant(plain.get("sent")),
        kind=plain.get("kind"),
        subjects=tuple(plain.get("subjects", ())),
        people=tuple(_person_in(person) for person in plain["people"]),
        relationships=tuple(
            Relationship(person=r["person"], kind=RelationshipKind(r["kind"]), to=r["to"])
            for r in plain.get("relationships", ())
        ),
        household=tuple(
            HouseholdMember(
                person=m["person"], standing=Standing(m["standing"]), since=_day(m["since"]), until=_day(m["until"])
            )
            for m in plain.get("household", ())
        ),
        facts=tuple(_untagged(fact) for fact in plain["facts"]),
        author=None
        if author is None
        else Professional(
            name=author["name"], role=author["role"], identifier=_identifier_or_none(author["identifier"])
        ),
        basis=None if plain.get("basis") is None else LawfulBasis(plain["basis"]),
        priority=Priority(plain["priority"]),
        to=tuple(plain.get("to", ())),
        reference=plain.get("reference"),
        conversation=plain.get("conversation"),
        labels=frozenset(plain["labels"]),
        kept_from=tuple(RestrictedParty(**party) for party in plain.get("kept_from", ())),
    )


def _said(value: Message | Person) -> dict[str, Any]:
    """Its fields that say something. What stands in them stays as it is: `orjson` writes dataclasses and enums itself."""
    said = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: one for name, one in said if one is not None and one is not False and one not in ((), frozenset())}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _identifier_or_none(plain: dict[str, Any] | None) -> Identifier | None:
    return None if plain is None else Identifier(**plain)


def _tag(value: object) -> dict[str, Any] | None:
    """A value with its type, because JSON has no dates, decimals or codings."""
    if value is None:
        return None
    if isinstance(value, Coding):
        return {"t": "coding", "v": value}
    if isinstance(value, Decimal):
        return {"t": "decimal", "v": str(value)}
    if isinstance(value, datetime):
        return {"t": "datetime", "v": value.isoformat()}
    if isinstance(value, date):
        return {"t": "date", "v": value.isoformat()}
    return {"t": "plain", "v": value}


def _untag(plain: dict[str, Any] | None) -> Any:  # noqa: ANN401 - any FactValue, chosen by its tag
    if plain is None:
        return None
    value = plain["v"]
    match plain["t"]:
        case "coding":
            return Coding(**value)
        case "decimal":
            return Decimal(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case _:
            return value


def _tagged(fact: Fact) -> dict[str, Any]:
    return {"code": fact.code, "value": _tag(fact.value), "about": fact.about, "unit": fact.unit, "at": _tag(fact.at)}


def _untagged(plain: dict[str, Any]) -> Fact:
    value: FactValue = _untag(plain["value"])
    return Fact(code=plain["code"], value=value, about=plain["about"], unit=plain["unit"], at=_untag(plain["at"]))


def _person_out(person: Person) -> dict[str, Any]:
    plain = _said(person)
    if person.deceased is not None:
        plain["deceased"] = _tag(person.deceased)
    return plain


def _person_in(plain: dict[str, Any]) -> Person:
    return Person(
        key=plain["key"],
        identifiers=tuple(Identifier(**identifier) for identifier in plain.get("identifiers", ())),
        family=plain.get("family"),
        given=tuple(plain.get("given", ())),
        birth_date=_day(plain.get("birth_date")),
        birth_order=plain.get("birth_order"),
        gender=plain.get("gender"),
        unborn=plain.get("unborn", False),
        expected=_day(plain.get("expected")),
        deceased=_untag(plain.get("deceased")),
        addresses=tuple(_address_in(address) for address in plain.get("addresses", ())),
        practice=plain.get("practice"),
        protected=plain.get("protected", False),
    )


def _address_in(plain: dict[str, Any]) -> PostalAddress:
    return PostalAddress(
        lines=tuple(plain["lines"]),
        postcode=plain["postcode"],
        protected=plain["protected"],
        since=_day(plain["since"]),
        until=_day(plain["until"]),
    )
