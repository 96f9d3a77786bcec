"""Whom an HMPPS event is about: CRN and NOMS number, and where its services put them. HMPPS sends no name and no date of birth."""

from collections.abc import Iterator, Mapping
from typing import Final

from schemas.identifiers import CRN, NOMS_NUMBER, Crn, MalformedError, NomsNumber
from schemas.message import Identifier
from schemas.problem import Problem

_FORMS: Final[Mapping[str, tuple[str, type[Crn] | type[NomsNumber]]]] = {
    "CRN": (CRN, Crn),
    "NOMS": (NOMS_NUMBER, NomsNumber),
}
"""The identifiers of persons that HMPPS services share; others (`DELIUS_EVENT_ID`) name a record, not a person."""


_MOST_IDENTIFIERS: Final = 50
"""Each wrong one is a line in the answer; a person has two or three."""


def identifier_of(kind: str, value: object) -> Identifier | None:
    """The CRN or NOMS number that `value` writes; None when it writes none."""
    system, form = _FORMS[kind]
    try:
        return Identifier(system=system, value=form.parse(value).value) if isinstance(value, str) else None
    except MalformedError:
        return None


def identifiers(event: Mapping[str, object], place: str) -> tuple[tuple[Identifier, ...], tuple[Problem, ...]]:
    """Every identifier of the person, each once, and what is wrong with the others; `place` is put before each path."""
    found: dict[Identifier, None] = {}
    problems: list[Problem] = []
    for path, kind, value in _claims(event):
        identifier = identifier_of(kind, value)
        if identifier:
            found[identifier] = None
        else:
            problems.append(Problem(f"{place}{path}", f"is not a {kind} number", "value", "warning"))
    if not found:
        problems.append(Problem(f"{place}personReference.identifiers", "must have a CRN or a NOMS number", "required"))
    return tuple(found), tuple(problems)


def _claims(event: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    reference, information = event.get("personReference"), event.get("additionalInformation")
    listed = reference.get("identifiers") if isinstance(reference, Mapping) else None
    for index, item in enumerate(listed[:_MOST_IDENTIFIERS] if isinstance(listed, list) else ()):
        kind = item.get("type") if isinstance(item, Mapping) else None
        if isinstance(kind, str) and kind in _FORMS:
            yield f"personReference.identifiers[{index}].value", kind, item.get("value")
    # A death in custody came without personReference; the older events of Delius know nothing but `crn`.
    if isinstance(information, Mapping) and "nomsNumber" in information:
        yield "additionalInformation.nomsNumber", "NOMS", information["nomsNumber"]
    if "crn" in event:
        yield "crn", "CRN", event["crn"]
