"""Whose patient somebody is in the hospital (PV1-10): maternity's, another service's, or nobody says. Systems send more than their own."""

from typing import Final

from adapters.hl7v2 import V2Message

_OURS: Final = frozenset(
    {
        *("500", "501", "560", "422", "424"),
        *("OB", "OBS", "OBG", "OBGYN", "OBSTETRICS", "MAT", "MATERNITY", "MIDWIFERY", "MIDWIFE EPISODE"),
        *("NEO", "NEONATAL", "NEONATOLOGY", "NNU", "NICU", "SCBU", "WELL BABIES"),
    }
)
"""Obstetrics (and gynaecology), midwife episode, neonatology, well babies: TREATMENT FUNCTION CODE of the NHS Data Dictionary, and in words."""

OTHERS: Final = "Another service of the hospital has this patient, and nothing is said of a pregnancy or a birth."
"""Why such a message of an adult is none of maternity's."""


def is_maternity(message: V2Message) -> bool:
    """Whether the stay is said to be with maternity or the neonatal unit."""
    return bool(_named(message) & _OURS)


def is_another(message: V2Message) -> bool:
    """Whether the stay is said to be with another service. A maternity system that knows one service only names none."""
    named = _named(message)
    return bool(named) and not named & _OURS


def _named(message: V2Message) -> frozenset[str]:
    service = message.first("PV1").first(10)
    return frozenset(filter(None, (service.code(1), service.code(2))))
