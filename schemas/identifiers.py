"""NHS number, ODS code, CRN, NOMS number and postcode: parse, normalise, check, and a repr that shows nobody's."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Self, TypeAlias

NHS_NUMBER: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"

# HMPPS publishes no FHIR system for its identifiers; these two are ours until it does.
CRN: Final = "https://fhir.baton.example/Id/crn"
NOMS_NUMBER: Final = "https://fhir.baton.example/Id/noms-number"

TEAM: Final = "https://fhir.baton.example/Id/team"
AGENCY: Final = "https://fhir.baton.example/Id/agency"
PERSON: Final = "https://fhir.baton.example/Id/person"
HOUSEHOLD: Final = "https://fhir.baton.example/Id/household"

_LOCAL: Final = "https://fhir.baton.example/Id/local/"
_OWN: Final = "https://fhir.baton.example/Id/own/"


def local_system(agency: str) -> str:
    """The system of an agency's own patient or case numbers, e.g. `…/Id/local/swbh`."""
    return _LOCAL + agency


def own_system(authority: str) -> str:
    """The system of numbers that an assigning authority of the sender's gives, as long as the sender is not known.

    An adapter reads what a trust calls its authority (`RCB`, `MATERNITY`), and only the caller's credentials say which
    agency that is: `of_agency` puts it in its place.
    """
    return _OWN + (re.sub(r"[^A-Za-z0-9.-]+", "-", authority)[:40].strip("-").lower() or "unnamed")


def of_agency(system: str, agency: str) -> str:
    """The system as one of that agency's when it is the sender's own, e.g. `…/Id/local/swbh/maternity`; any other as it is."""
    return f"{local_system(agency)}/{system.removeprefix(_OWN)}" if system.startswith(_OWN) else system


def agency_of(system: str) -> str | None:
    """The agency whose local identifiers a system holds, whichever authority of its gave them; None for any other system."""
    return system.removeprefix(_LOCAL).partition("/")[0] or None if system.startswith(_LOCAL) else None


class MalformedError(ValueError):
    """The text is no identifier of its kind. The message names the kind, never the text."""


@dataclass(frozen=True, slots=True, repr=False)
class _Text:
    """A normalised identifier. `value` is the only way to its text: `repr`, `str` and f-strings mask it."""

    value: str

    _form: ClassVar[re.Pattern[str]]
    _kind: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The identifier that `text` writes, however spaced and cased. Raises MalformedError."""
        normal = cls._normal(text)
        if not cls._form.fullmatch(normal):
            raise MalformedError(f"is not {cls._kind}")
        return cls(normal)

    @classmethod
    def _normal(cls, text: str) -> str:
        return "".join(text.split()).upper()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


NhsNumberState: TypeAlias = Literal["valid", "invalid-check-digit", "malformed"]


class NhsNumber(_Text):
    """Ten digits, written without spaces. One with a wrong check digit parses: it is kept and flagged, not refused."""

    __slots__ = ()
    _form = re.compile(r"[0-9]{10}")
    _kind = "an NHS number of ten digits"

    @classmethod
    def _normal(cls, text: str) -> str:
        return super()._normal(text).replace("-", "")

    @property
    def valid(self) -> bool:
        """Whether the check digit is right (NHS Data Dictionary, NHS NUMBER: modulus 11).

        Ten equal digits pass the arithmetic but are typed to fill a field; none was issued to anybody.
        """
        return int(self.value[9]) == _check_digit(self.value[:9]) and len(set(self.value)) > 1


def nhs_number_state(value: str) -> NhsNumberState:
    """What a value asserted as an NHS number is worth, spaces and hyphens aside."""
    try:
        number = NhsNumber.parse(value)
    except MalformedError:
        return "malformed"
    return "valid" if number.valid else "invalid-check-digit"


def _check_digit(nine: str) -> int:
    """The tenth digit; 10 when no number begins with these nine."""
    weighted = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), nine, strict=True))
    return -weighted % 11


SYNTHETIC_NHS_NUMBERS: Final = 800_000


def synthetic_nhs_number(n: int) -> str:
    """The n-th number of the 999 range, which is never issued; different for each n in 0..799,999. For demo and tests.

    Five digits count; the sixth makes the check digit possible, which at most one of its ten values does not.
    """
    if not 0 <= n < SYNTHETIC_NHS_NUMBERS:
        raise ValueError(f"only 0 to {SYNTHETIC_NHS_NUMBERS - 1} have a synthetic NHS number")
    turn, count = divmod(n, 100_000)
    candidates = (f"999{count:05d}{digit}" for digit in range(10))
    numbers = [NhsNumber(f"{nine}{_check_digit(nine)}") for nine in candidates if _check_digit(nine) < 10]
    return [number.value for number in numbers if number.valid][turn]


class OdsCode(_Text):
    """A code of the Organisation Data Service, e.g. `RXK` or `M85001`. It names an organisation and is no secret."""

    __slots__ = ()
    _form = re.compile(r"[A-Z0-9]{3,12}")
    _kind = "an ODS code"

    def __repr__(self) -> str:
        return f"OdsCode({self.value!r})"


class Crn(_Text):
    """A probation case reference number: a letter and six digits."""

    __slots__ = ()
    _form = re.compile(r"[A-Z][0-9]{6}")
    _kind = "a CRN: a letter and six digits"


class NomsNumber(_Text):
    """A prison number: a letter, four digits, two letters."""

    __slots__ = ()
    _form = re.compile(r"[A-Z][0-9]{4}[A-Z]{2}")
    _kind = "a NOMS number: a letter, four digits, two letters"


class Postcode(_Text):
    """A UK postcode in capitals with its one space, e.g. `B70 9AB`."""

    __slots__ = ()
    _form = re.compile(r"(GIR 0AA|ZZ99 [0-9][A-Z]{2}|[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2})")
    _kind = "a UK postcode"

    @classmethod
    def _normal(cls, text: str) -> str:
        closed = super()._normal(text)
        return f"{closed[:-3]} {closed[-3:]}"

    @property
    def outward(self) -> str:
        """The half that names the district, e.g. `B70`."""
        return self.value.partition(" ")[0]

    @property
    def is_pseudo(self) -> bool:
        """Whether it stands for no place, e.g. `ZZ99 3VZ`, no fixed abode (NHS Data Dictionary): shared by strangers."""
        return self.outward == "ZZ99"
