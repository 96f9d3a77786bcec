"""Who a CRN or NOMS number belongs to, as HMPPS services answer: a record in JSON, as a person of a message.

Two shapes, each as its service publishes it:

* of a CRN: `GET /probation-cases/{crn}` of hmpps-probation-integration-services (core-person-record-and-delius,
  `PersonDetail`): `identifiers` with `crn`, `nomsId`, `pnc`; `name` with `forename`, `middleName`, `surname`; `dateOfBirth`; `gender`;
  `addresses` with `fullAddress`, `postcode`, `noFixedAbode`, `status`, `startDate`, `endDate`; `excludedFrom` and `restrictedTo`. Where it
  has `identifiers.nhsNumber` too, that is read;
* of a NOMS number: `GET /prisoner/{number}` of hmpps-prisoner-search: `prisonerNumber`, `firstName`, `middleNames`, `lastName`, `dateOfBirth`,
  `gender`, `addresses` with `fullAddress`, `postalCode`, `startDate`, `primaryAddress`.

Left out, because nobody round a child needs it: PNC and CRO numbers, aliases, ethnicity, nationality, telephone numbers, sentences.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final

from adapters.probation.drafts import PERSON
from adapters.probation.envelope import LIMITS
from adapters.probation.subjects import identifier_of
from adapters.probation.times import day
from schemas.identifiers import CRN, NHS_NUMBER, MalformedError, NhsNumber
from schemas.limits import parse
from schemas.message import Identifier, Person, PostalAddress
from schemas.problem import Problem

PROBATION: Final = "probation-person"
"""The client that is asked about a CRN."""
PRISON: Final = "prison-person"
"""The client that is asked about a NOMS number."""

_GENDERS: Final[Mapping[str, str]] = {"male": "male", "m": "male", "female": "female", "f": "female"}
_MAIN_ADDRESS: Final = "M"

_RESTRICTED: Final = Problem(
    "restrictedTo", "says that not everybody in probation may see this record: a person says who it is", "suppressed"
)


def person(body: bytes, asked: Identifier) -> Person | tuple[Problem, ...]:
    """The person of the record, or why it says nothing. `asked` is the number it was asked for, which it must have."""
    record = parse(body, LIMITS)
    if isinstance(record, list):
        return tuple(Problem("$", problem.reason, problem.code, problem.severity) for problem in record)
    if record.get("excludedFrom") or record.get("restrictedTo"):
        return (_RESTRICTED,)
    found = _of_a_case(record) if "identifiers" in record else _of_a_prisoner(record)
    if asked not in found.identifiers:
        path = "identifiers.crn" if asked.system == CRN else "prisonerNumber"
        return (Problem(path, "is not the number that was asked for", "conflict"),)
    if not found.family or found.birth_date is None:
        return (
            Problem(
                "name" if not found.family else "dateOfBirth", "is missing, and it says who somebody is", "required"
            ),
        )
    return found


def _of_a_case(record: Mapping[str, object]) -> Person:
    numbers, name, gender = (_object(record.get(part)) for part in ("identifiers", "name", "gender"))
    held = (
        identifier_of("CRN", numbers.get("crn")),
        identifier_of("NOMS", numbers.get("nomsId")),
        _nhs_number(numbers.get("nhsNumber")),
    )
    return Person(
        key=PERSON,
        identifiers=tuple(number for number in held if number is not None),
        family=_text(name.get("surname")),
        given=_given(name.get("forename"), name.get("middleName")),
        birth_date=_day(record.get("dateOfBirth")),
        gender=_gender(gender.get("description") or gender.get("code")),
        addresses=_one_home(list(_addresses(record, "postcode", _is_main_of_case))),
    )


def _of_a_prisoner(record: Mapping[str, object]) -> Person:
    number = identifier_of("NOMS", record.get("prisonerNumber"))
    return Person(
        key=PERSON,
        identifiers=(number,) if number else (),
        family=_text(record.get("lastName")),
        given=_given(record.get("firstName"), record.get("middleNames")),
        birth_date=_day(record.get("dateOfBirth")),
        gender=_gender(record.get("gender")),
        addresses=_one_home(list(_addresses(record, "postalCode", _is_main_of_prisoner))),
    )


def _nhs_number(value: object) -> Identifier | None:
    try:
        return Identifier(system=NHS_NUMBER, value=NhsNumber.parse(value).value) if isinstance(value, str) else None
    except MalformedError:
        return None


def _given(*parts: object) -> tuple[str, ...]:
    return tuple(name for part in parts if isinstance(part, str) for name in part.split())


def _gender(value: object) -> str | None:
    return _GENDERS.get(value.strip().lower()) if isinstance(value, str) else None


# --- addresses ----------------------------------------------------------------------------------------------------

_Address = tuple[bool, PostalAddress]


def _is_main_of_case(entry: Mapping[str, object]) -> bool:
    return _object(entry.get("status")).get("code") == _MAIN_ADDRESS


def _is_main_of_prisoner(entry: Mapping[str, object]) -> bool:
    return entry.get("primaryAddress") is True


def _addresses(
    record: Mapping[str, object], postcode: str, is_main: Callable[[Mapping[str, object]], bool]
) -> Iterator[_Address]:
    """Present addresses with whether each is the main one; no fixed abode is none."""
    listed = record.get("addresses")
    for entry in listed[:_MOST_ADDRESSES] if isinstance(listed, list) else ():
        address = _object(entry)
        whole, code = _text(address.get("fullAddress")), _text(address.get(postcode))
        if whole is None or address.get("noFixedAbode") is True or address.get("endDate") is not None:
            continue
        lines = tuple(line for line in (part.strip() for part in whole.split(",")) if line and line != code)
        yield is_main(address), PostalAddress(lines=lines, postcode=code, since=_day(address.get("startDate")))


_MOST_ADDRESSES: Final = 50


def _one_home(found: list[_Address]) -> tuple[PostalAddress, ...]:
    """The main address; without one, the only one. Of several none is taken for where somebody lives."""
    main = [address for is_main, address in found if is_main] or [address for _, address in found]
    return (main[0],) if len(main) == 1 else ()


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _day(value: object) -> date | None:
    return day(value) if isinstance(value, str) else None
