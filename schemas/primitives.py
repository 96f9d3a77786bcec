"""R4's primitive types as strict JSON Schema, and in words; HL7's schema lets 30 February and 1.5 as an integer pass."""

from typing import Final

from schemas.tables import Schema

# Control characters are no text in FHIR (R4, datatypes, string), and PostgreSQL stores no NUL. HL7's own pattern
# refuses the no-break space, which names pasted from a letter hold, because \S is Unicode-aware here.
_TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$"
_ADDRESS: Final = r"^[^\s\x00-\x1f]+$"
_CODE: Final = r"^[^\s\x00-\x1f]+( [^\s\x00-\x1f]+)*$"

_YEAR: Final = r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_LEAP_YEAR: Final = r"([0-9][0-9](0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_MONTH_DAY: Final = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_DAY: Final = rf"({_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
_PART: Final = rf"{_YEAR}(-(0[1-9]|1[0-2]))?"
# R4 also allows second 60. No leap second has been announced since 2016, and Python holds none.
_TIME: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_ZONE: Final = r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_INT32_MAX: Final = 2**31 - 1


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _whole(least: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": _INT32_MAX}


PRIMITIVES: Final[dict[str, Schema]] = {
    "base64Binary": _pattern(r"^(\s*([0-9a-zA-Z\+/=]){4}\s*)+$"),
    "boolean": {"type": "boolean"},
    "canonical": _pattern(_ADDRESS),
    "code": _pattern(_CODE),
    "date": _pattern(rf"^({_PART}|{_DAY})$"),
    "dateTime": _pattern(rf"^({_PART}|{_DAY}(T{_TIME}{_ZONE})?)$"),
    "decimal": {"type": "number"},
    "id": _pattern(r"^[A-Za-z0-9\-\.]{1,64}$"),
    "instant": _pattern(rf"^{_DAY}T{_TIME}{_ZONE}$"),
    "integer": _whole(-_INT32_MAX - 1),
    "markdown": _pattern(_TEXT),
    "oid": _pattern(r"^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$"),
    "positiveInt": _whole(1),
    "string": _pattern(_TEXT),
    "time": _pattern(rf"^{_TIME}$"),
    "unsignedInt": _whole(0),
    "uri": _pattern(_ADDRESS),
    "url": _pattern(_ADDRESS),
    "uuid": _pattern(r"^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    "xhtml": _pattern(r"^\s*<div[\s/>][^\x00]*$"),
}

_WORDS: Final = {
    "base64Binary": "must be base64",
    "code": "must be a code: no space at either end, single spaces between, not empty",
    "date": "must be a date that exists: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "must be a date or time that exists: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone",
    "id": "must be an id: up to 64 letters, digits, hyphens and dots",
    "instant": "must be a time that exists: YYYY-MM-DDThh:mm:ss with a zone",
    "oid": "must be an OID: urn:oid: and numbers with dots",
    "string": "must be text: not empty, no control characters",
    "time": "must be a time of day: hh:mm:ss",
    "uri": "must be a URI: not empty, no spaces",
    "uuid": "must be a UUID: urn:uuid: and lower-case digits",
    "xhtml": "must be XHTML in one div",
}

PATTERN_IN_WORDS: Final[dict[str, str]] = {PRIMITIVES[name]["pattern"]: words for name, words in _WORDS.items()}


def primitive_of(element: str, schema: Schema) -> Schema | None:
    """The strict form of a choice's member such as `valueDateTime`, whose primitive HL7's schema writes inline.

    None where `schema` is no inline primitive. HL7 repeats the pattern; the name of the type ends the element's name.
    """
    if "pattern" not in schema:
        return None
    # The longest name decides: `valueDateTime` also ends in `Time`.
    named = [name for name in PRIMITIVES if element.endswith(name[0].upper() + name[1:])]
    return PRIMITIVES[max(named, key=len)]
