"""Identifiers of HL7 v2 (CX): whose number each is, and whether an NHS number was verified."""

import re
from collections.abc import Iterator
from typing import Final

from adapters.hl7v2.structure import Field, Segment
from schemas.identifiers import NHS_NUMBER, own_system
from schemas.message import Identifier

_NHS: Final = frozenset(
    {"NHS", "NH", "NHSNMBR", "NHSNBR", "NHSNO", "NHSNUMBER", "NHS NUMBER", "2.16.840.1.113883.2.1.4.1"}
)
"""Names of the NHS number as assigning authority (CX-4) or type (CX-5); the last is its object identifier."""

_NO_IDENTIFIERS: Final = frozenset({"AN", "VN", "SS", "DL", "PPN", "BA", "CC"})
"""Types (table 0203) that are of an account, a visit, another country's state or a bank, not of a patient's record."""

_VERIFIED: Final = "01"
_STATUS: Final = re.compile(r"(?:NSTS)?(0[1-8])", re.IGNORECASE)
"""NHS NUMBER STATUS INDICATOR CODE, which ITK puts into PID-32 with `NSTS` before it: 01 is present and verified."""


def of_patient(pid: Segment, facility: str) -> Iterator[Identifier]:
    """Those of PID-3, and of PID-2 and PID-4, where older versions have them."""
    verified = _status(pid)
    for number in (3, 2, 4):
        for found in pid.all(number):
            yield from identifier(found, facility, verified=verified)


def identifier(found: Field, facility: str, *, verified: bool | None = None) -> Iterator[Identifier]:
    """The identifier in a CX: an NHS number, or a number of the assigning authority's (of the facility where none is named)."""
    value, authority, kind = found(1), found(4) or found(4, 2), found.code(5)
    if not value or kind in _NO_IDENTIFIERS:
        return
    if kind in _NHS or {authority.upper(), found(4, 2)} & _NHS:
        yield Identifier(system=NHS_NUMBER, value=value, verified=verified)
    else:
        yield Identifier(system=own_system(authority or facility), value=value)


def _status(pid: Segment) -> bool | None:
    found = (_STATUS.fullmatch(status(1)) for status in pid.all(32))
    codes = [match[1] for match in found if match]
    return codes[0] == _VERIFIED if codes else None
