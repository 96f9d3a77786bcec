"""Which identifiers are not worth what they claim: flagged, never refused, for the family still needs its message."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from schemas import identifiers as known
from schemas.events import places
from schemas.message import Identifier, Message, Person
from schemas.problem import Problem

_IN_WORDS: Final = {
    "invalid-check-digit": "fails its check digit: it is flagged, and matches nobody by itself",
    "malformed": "is not ten digits: it is flagged, and matches nobody",
}

_FORMS: Final[dict[str, Callable[[str], object]]] = {
    known.CRN: known.Crn.parse,
    known.NOMS_NUMBER: known.NomsNumber.parse,
}


def doubtful_identifiers(message: Message) -> Iterator[Problem]:
    """NHS numbers with a wrong check digit, numbers of no known form, a number that two people carry."""
    carried: Counter[Identifier] = Counter()
    for index, person in enumerate(message.people):
        yield from _of_person(index, person)
        # As a set: an identifier repeated on one person is not two people's.
        carried.update({Identifier(system=held.system, value=held.value) for held in person.identifiers})
    if any(count > 1 for count in carried.values()):
        yield Problem(places.focus("Patient"), "shares an identifier with another person", "duplicate", "warning")


def _of_person(index: int, person: Person) -> Iterator[Problem]:
    for position, identifier in enumerate(person.identifiers):
        place = places.person(index, f"identifier[{position}].value")
        if identifier.system == known.NHS_NUMBER:
            state = known.nhs_number_state(identifier.value)
            if state != "valid":
                yield Problem(place, _IN_WORDS[state], "value", "warning")
        elif identifier.system in _FORMS and not _has_form(_FORMS[identifier.system], identifier.value):
            yield Problem(place, "is not of the form of its system", "value", "warning")
    for position, address in enumerate(person.addresses):
        if address.postcode is not None and not _has_form(known.Postcode.parse, address.postcode):
            place = places.person(index, f"address[{position}].postalCode")
            yield Problem(place, "is no UK postcode", "value", "warning")
    if person.practice is not None and not _has_form(known.OdsCode.parse, person.practice):
        yield Problem(places.person(index, "generalPractitioner"), "is no ODS code", "value", "warning")


def _has_form(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except known.MalformedError:
        return False
    return True
