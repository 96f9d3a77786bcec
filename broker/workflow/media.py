"""What is kept of a Content-Type, in plain beside what it came with: nothing that a sender could have written a person into."""

import codecs
import re
from typing import Final

_TYPE: Final = re.compile(r"(?:x-)?(?:application|text|multipart)/(?![a-z.+-]*\d{4})[a-z0-9.+-]{1,60}")

_OF_HL7: Final = re.compile(r"8859/\d{1,2}|unicode")
"""Names that HL7 v2 alone has for character sets (table 0211)."""


def kept(content_type: str) -> str:
    """The media type, of the form that ours have, and its character set, which of HL7 v2 and text may stand nowhere else; "" for anything else.

    A character set that Python does not know is kept as `unknown`, so that what was refused for it is not read as if it had named none.
    """
    media, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if not _TYPE.fullmatch(media):
        return ""
    named = {name.strip(): value.strip(" \"'") for name, _, value in (one.partition("=") for one in parameters)}
    return f"{media}; charset={_known(named['charset'])}" if "charset" in named else media


def _known(charset: str) -> str:
    if _OF_HL7.fullmatch(charset):
        return charset
    try:
        codecs.lookup(charset)
    except (LookupError, ValueError):
        return "unknown"
    return charset
