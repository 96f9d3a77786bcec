"""Identifiers are normalised, checked and never shown."""

import random

import pytest
from nhs_number.validate import is_valid

from schemas import identifiers
from schemas.identifiers import (
    Crn,
    MalformedError,
    NhsNumber,
    NomsNumber,
    OdsCode,
    Postcode,
    agency_of,
    local_system,
    nhs_number_state,
    synthetic_nhs_number,
)


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        (NhsNumber, "9990000018", "9990000018"),
        (NhsNumber, " 999 000-0018\u00a0", "9990000018"),
        (OdsCode, "rxk", "RXK"),
        (OdsCode, " M85001 ", "M85001"),
        (Crn, "x320741", "X320741"),
        (NomsNumber, "a1234bc", "A1234BC"),
        (Postcode, "b70 9ab", "B70 9AB"),
        (Postcode, "B709AB", "B70 9AB"),
        (Postcode, " sw1a  1aa", "SW1A 1AA"),
        (Postcode, "m1 1ae", "M1 1AE"),
        (Postcode, "gir0aa", "GIR 0AA"),
    ],
)
def test_parses_and_normalises(kind, text, normal):
    assert kind.parse(text).value == normal
    assert kind.parse(normal) == kind(normal)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((NhsNumber, text) for text in ("", "999000001", "99900000188", "999000001X", "٩٩٩٠٠٠٠٠١٨", "²990000018")),
        *((OdsCode, text) for text in ("", "RX", "RXK!", "R" * 13)),
        *((Crn, text) for text in ("", "320741", "XX32074", "X3207411")),
        *((NomsNumber, text) for text in ("", "1234BC", "A1234B", "A12345C")),
        *((Postcode, text) for text in ("", "B70", "B70 9CI", "70 9AB", "B7099 AB", "BBB0 9AB")),
    ],
)
def test_refuses_without_repeating(kind, text):
    with pytest.raises(MalformedError) as refused:
        kind.parse(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("kind", [NhsNumber, Crn, NomsNumber, Postcode])
def test_no_text_form_shows_the_value(kind):
    shown = kind("SECRET")
    for text in (repr(shown), str(shown), f"{shown}", f"{shown!s:>20}"):
        assert "SECRET" not in text
    assert repr({"key": [shown]}) == f"{{'key': [{kind.__name__}(…)]}}"


def test_an_organisation_is_no_secret():
    assert repr(OdsCode.parse("rxk")) == "OdsCode('RXK')"


def test_kinds_do_not_compare_equal():
    assert len({Crn("X320741"), Crn.parse("x320741"), NomsNumber("X320741")}) == 2


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("9990000018", "valid"),
        ("999 000 0018", "valid"),
        ("9990000017", "invalid-check-digit"),
        ("1112223330", "invalid-check-digit"),  # in the national birth notification sample
        ("9876543219", "invalid-check-digit"),
        *((digit * 10, "invalid-check-digit") for digit in "0123456789"),
        ("999000001", "malformed"),
        ("", "malformed"),
        ("unknown", "malformed"),
    ],
)
def test_state_of_an_nhs_number(value, state):
    assert nhs_number_state(value) == state


def test_the_check_digit_agrees_with_the_library():
    # Below 3,200,000,000 the library also demands the date of birth inside a Scottish number.
    draw = random.Random(18)
    for _ in range(2_000):
        value = str(draw.randrange(3_200_000_000, 9_999_999_999))
        assert NhsNumber(value).valid == (is_valid(value) and len(set(value)) > 1), value


def test_synthetic_numbers_are_valid_distinct_and_never_issued():
    drawn = [synthetic_nhs_number(n) for n in [*range(3_000), *range(99_990, 100_010), *range(799_900, 800_000)]]
    assert len(set(drawn)) == len(drawn)
    assert all(value.startswith("999") and is_valid(value) for value in drawn)
    assert drawn[:2] == [synthetic_nhs_number(0), synthetic_nhs_number(1)]


@pytest.mark.parametrize("n", [-1, 800_000])
def test_synthetic_numbers_end(n):
    with pytest.raises(ValueError, match="synthetic"):
        synthetic_nhs_number(n)


def test_the_district_of_a_postcode():
    assert Postcode.parse("b70 9ab").outward == "B70"
    assert Postcode.parse("ZZ99 3VZ").is_pseudo
    assert not Postcode.parse("B70 9AB").is_pseudo


def test_local_systems_name_their_agency():
    assert local_system("swbh") == "https://fhir.baton.example/Id/local/swbh"
    assert agency_of(local_system("swbh")) == "swbh"
    assert agency_of(identifiers.NHS_NUMBER) is None
    assert agency_of(local_system("")) is None


def test_the_sender_s_own_numbers_become_those_of_its_agency():
    own = identifiers.own_system("Maternity Unit/1")
    assert agency_of(own) is None
    assert identifiers.of_agency(own, "swbh") == "https://fhir.baton.example/Id/local/swbh/maternity-unit-1"
    assert agency_of(identifiers.of_agency(own, "swbh")) == "swbh"
    assert identifiers.of_agency(identifiers.NHS_NUMBER, "swbh") == identifiers.NHS_NUMBER
