"""How a person is written in rows and read back: sealed particulars, lookup hashes; queries are in `people.py` and `world.py`."""

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

import orjson

from broker.domain.names import duplicate_key
from broker.domain.places import normalise
from broker.domain.states import PersonState
from broker.domain.world import KnownAddress, KnownIdentifier, KnownPerson
from broker.storage.codec import Codec, open_json, seal_json
from schemas.message import PostalAddress

Row: TypeAlias = Mapping[Any, Any]


def person_row(codec: Codec, person: KnownPerson) -> dict[str, object]:
    """The columns of a person that follow from what is known, all but `merged_into`, `version` and `created_at`."""
    return {
        "id": person.id,
        "state": person.state,
        "born": person.born,
        "expected": person.expected,
        "name_blind": name_blind(codec, person.family, person.born),
        "details": seal_json(codec, _details(person), f"person:{person.id}"),
        "resolved": person.resolved,
    }


def _details(person: KnownPerson) -> dict[str, object]:
    said = {
        "family": person.family,
        "given": list(person.given),
        "gender": person.gender,
        "practice": person.practice,
        "birth_order": person.birth_order,
        "also_born": [day.isoformat() for day in person.also_born],
        "also_known": list(person.also_known),
    }
    return {name: value for name, value in said.items() if value}


def known_person(
    codec: Codec,
    row: Row,
    identifiers: tuple[KnownIdentifier, ...] = (),
    addresses: tuple[KnownAddress, ...] = (),
) -> KnownPerson:
    """The person of a row, with what was read of them from other tables."""
    details = open_json(codec, row["details"], f"person:{row['id']}")
    return KnownPerson(
        id=row["id"],
        state=PersonState(row["state"]),
        born=row["born"],
        expected=row["expected"],
        family=details.get("family"),
        given=tuple(details.get("given", ())),
        gender=details.get("gender"),
        practice=details.get("practice"),
        birth_order=details.get("birth_order"),
        also_born=tuple(date.fromisoformat(day) for day in details.get("also_born", ())),
        also_known=tuple(details.get("also_known", ())),
        resolved=row["resolved"],
        version=row["version"],
        identifiers=identifiers,
        addresses=addresses,
    )


def name_blind(codec: Codec, family: str | None, born: date | None) -> str | None:
    """Keyed hash of family name and date of birth; None unless both are known."""
    key = duplicate_key(family, born)
    return None if key is None else codec.blind("name", *key)


def identifier_blind(codec: Codec, system: str, value: str) -> str:
    """Keyed hash of an identifier; `value` as `identifying.normal` leaves it."""
    return codec.blind("identifier", system, value)


def seal_text(codec: Codec, text: str, context: str) -> bytes:
    """One value, sealed."""
    return codec.seal(text.encode(), context)


def open_text(codec: Codec, sealed: bytes, context: str) -> str:
    """The value that `seal_text` sealed."""
    return codec.open(sealed, context).decode()


def place(codec: Codec, address: PostalAddress) -> str | None:
    """Keyed hash of the normalised address, by which equal places are found; None for what names no place."""
    normal = normalise(address)
    return None if normal is None else codec.blind("place", normal)


def seal_address(codec: Codec, address: PostalAddress, row_id: str) -> bytes:
    """An address, sealed."""
    plain = {
        "lines": address.lines,
        "postcode": address.postcode,
        "since": address.since,
        "protected": address.protected,
    }
    return codec.seal(orjson.dumps(plain), f"address:{row_id}")
