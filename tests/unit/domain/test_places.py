"""A change of format is no move, and another door is another place."""

import pytest

from broker.domain.places import normalise
from schemas.message import PostalAddress

FORMS: dict[str, list[tuple[tuple[str, ...], str | None]]] = {
    "flat": [
        (("Flat 2", "10 High Street", "West Bromwich", "West Midlands"), "B70 6AA"),
        (("FLAT 2, 10, High St.",), "b706aa"),
        (("2/10 High St",), "B70  6AA"),
        (("10 High Street, Flat 2", "ENGLAND"), "B70 6AA"),
        (("Apt 2 10 High Street West Bromwich B70 6AA",), None),
        (("Apartment 2", "10 High Str", "Sandwell", "United Kingdom"), "B706AA"),
    ],
    "house": [
        (("10 High Street",), "B70 6AA"),
        (("10, High Street", "West Bromwich"), "B70 6AA"),
        (("No. 10 High St",), "b70 6aa"),
    ],
    "letter": [(("10A High Street",), "B70 6AA"), (("10 a High St",), "B70 6AA")],
    "saint": [
        (("10 St Mary's Road",), "B70 6AB"),
        (("10, St. Marys Rd",), "B706AB"),
        (("10 Saint Mary\N{RIGHT SINGLE QUOTATION MARK}s Rd, Oldbury",), "B70 6AB"),
    ],
    "name": [(("The Larches", "Church Lane"), "B70 6AE"), (("THE LARCHES", "Church Ln, Oldbury"), "B70 6AE")],
    "floor": [(("Ground Floor Flat, 9 Elm Road",), "B70 6AD"), (("GFF", "9 Elm Rd"), "B70 6AD")],
    "pair": [(("12-14 High Street",), "B70 6AA")],
    "no postcode": [(("10 High Street", "Birmingham"), None), (("10 HIGH ST., Birmingham, UK",), None)],
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_one_address_are_one_place(name):
    places = {normalise(PostalAddress(lines=lines, postcode=postcode)) for lines, postcode in FORMS[name]}
    assert len(places) == 1
    assert places != {None}


def test_different_addresses_are_different_places():
    places = [normalise(PostalAddress(lines=forms[0][0], postcode=forms[0][1])) for forms in FORMS.values()]
    assert len(set(places)) == len(FORMS)


@pytest.mark.parametrize(
    "other",
    [
        (("Flat 3", "10 High Street"), "B70 6AA"),
        (("Flat 2", "11 High Street"), "B70 6AA"),
        (("Flat 2", "10 High Road"), "B70 6AA"),
        (("Flat 2", "10 High Street"), "B70 6AB"),
        (("Room 2", "10 High Street"), "B70 6AA"),
    ],
)
def test_another_flat_number_street_or_postcode_is_another_place(other):
    lines, postcode = other
    assert normalise(PostalAddress(lines=lines, postcode=postcode)) != normalise(
        PostalAddress(lines=("Flat 2", "10 High Street"), postcode="B70 6AA")
    )


@pytest.mark.parametrize(
    ("lines", "postcode"),
    [
        ((), "B70 6AA"),
        ((), None),
        (("",), None),
        (("No fixed abode",), "ZZ99 3VZ"),
        (("England",), "B70 6AA"),
        ((",",), "x"),
    ],
)
def test_what_names_no_premises_is_no_place(lines, postcode):
    assert normalise(PostalAddress(lines=lines, postcode=postcode)) is None
