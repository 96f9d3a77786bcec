"""Where somebody lives and how they are reached (XAD, XTN), the practice they are registered with, and what of it must not be told."""

import re
from datetime import tzinfo
from typing import Final

from adapters.hl7v2.structure import Field, Segment, V2Message, doubt
from adapters.hl7v2.times import moment
from schemas.message import PostalAddress
from schemas.problem import Problem

_LIVES: Final = frozenset({"", "H", "HOME", "HP", "L", "P", "C", "TMP", "T", "RH", "PERMANENT", "CURRENT"})
_POSTAL: Final = frozenset({"M", "MAIL"})
"""Types of addresses (table 0190) at which somebody lives, and to which letters go. Not taken: bad (BA), of birth, of work, billed to."""

_PRACTICE: Final = re.compile(r"[A-Z][0-9]{5}")
"""An ODS code of a general practice."""


def addresses(
    segment: Segment, number: int, zone: tzinfo, warnings: list[Problem], *, protected: bool
) -> tuple[PostalAddress, ...]:
    """Where they live, those of the field that have ended included; `protected` marks them all."""
    given = segment.all(number)
    lived = [found for found in given if found.code(7) in _LIVES]
    postal = [found for found in given if found.code(7) in _POSTAL]
    if postal and not lived:
        warnings.append(doubt(segment.path(number), "is where letters go, and was taken for where they live"))
    made = (_address(found, zone, protected=protected) for found in lived or postal)
    return tuple(dict.fromkeys(address for address in made if address.lines or address.postcode))


def _address(found: Field, zone: tzinfo, *, protected: bool) -> PostalAddress:
    lines = (found(1), found(2), found(3), found(4))
    since = moment(found(13) or found(12, 1), zone)
    until = moment(found(14) or found(12, 2), zone)
    return PostalAddress(
        lines=tuple(line for line in lines if line),
        postcode=found(5) or None,
        protected=protected,
        since=since.day if since else None,
        until=until.day if until else None,
    )


def telephone(found: Field) -> str | None:
    """The number to call: XTN-1 of old senders, XTN-12 of new ones, else the parts."""
    if found.code(3) in ("INTERNET", "X.400") or found(4):
        return found(1) or found(12) or None
    return found(1) or found(12) or "".join(filter(None, (found(6), found(7)))) or None


def practice(pd1: Segment) -> str | None:
    """The ODS code of the practice (PD1-3, an XON), where one stands in it."""
    for organisation in pd1.all(3):
        for component in (3, 10):
            if _PRACTICE.fullmatch(organisation(component).upper()):
                return organisation(component).upper()
    return None


def restricted(message: V2Message) -> frozenset[str]:
    """What access to is restricted (ARV-3, table 0717), except where the segment ends a restriction (ARV-2 `D`)."""
    standing = (arv for arv in message.all("ARV") if arv.first(2).code() != "D")
    return frozenset(field.code() for arv in standing for field in arv.all(3))
