"""The answer to an HL7 v2 message in its own standard: MSH, MSA and, of an error, ERR (HL7 v2.8.2, 2.9.2, 2.14.5, 2.14.8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from adapters.hl7v2.framing import unframed
from adapters.identity import message_id

AckCode: TypeAlias = Literal["AA", "AE", "AR", "CA", "CE", "CR"]
"""Table 0008: application accept, error, reject; C… of enhanced mode, of the commit alone."""

_POSITIVE: Final = frozenset({"AA", "CA"})
_CONDITIONS: Final[Mapping[str, str]] = {
    "structure": "100",
    "required": "101",
    "value": "102",
    "code-invalid": "103",
    "not-supported": "200",
    "conflict": "205",
    "duplicate": "205",
}
"""FHIR's issue-type code of a problem as a code of table 0357; any other is 207, an error of the application."""
_OTHER_CONDITION: Final = "207"

_LOCATION: Final = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<position>\d{1,4})\])?(?:-(?P<field>\d{1,3}))?")
_PLACES: Final = (("segment", ""), ("position", "1"), ("field", ""))
_OLD: Final = (b"2.1", b"2.2", b"2.3", b"2.4")
"""Versions whose ERR has one field for everything."""

_MOST_ECHOED: Final = 250
"""Characters of one field of the original's header that are sent back."""
_MOST_SHORT_TEXT: Final = 80
_MOST_TEXT: Final = 250
"""What MSA-3 and ERR-8 hold."""
_STANDARD_MARKS: Final = b"|^~\\&"


Outcome: TypeAlias = Literal["accept", "error", "reject"]
_CODES: Final[Mapping[Outcome, tuple[AckCode, AckCode]]] = {
    "accept": ("AA", "CA"),
    "error": ("AE", "CE"),
    "reject": ("AR", "CR"),
}
_WANTED: Final[Mapping[bytes, frozenset[Outcome]]] = {
    b"AL": frozenset(("accept", "error", "reject")),
    b"NE": frozenset(),
    b"ER": frozenset(("error", "reject")),
    b"SU": frozenset(("accept",)),
}
"""Table 0155: in which cases an answer is wanted."""


def answer_code(original: bytes, outcome: Outcome) -> AckCode | None:
    """How the sender asked to be told of this, or None when it asked not to be (HL7 v2.8.2, 2.9.2).

    Enhanced mode is what fills MSH-15 or MSH-16. There the first answer wanted is given, of the commit (C…) before that of
    the application (A…): both say that it is on disk, or why not, and an answer of the application's own is never sent later.
    """
    header = _header(original)
    commit, application = header.field(15).strip().upper(), header.field(16).strip().upper()
    original_code, commit_code = _CODES[outcome]
    if not commit and not application:
        return original_code
    if outcome in _WANTED.get(commit, frozenset()):
        return commit_code
    return original_code if outcome in _WANTED.get(application, frozenset()) else None


def acknowledgement(
    original: bytes, code: AckCode, text: str = "", error_location: str = "", *, at: datetime, issue: str = ""
) -> bytes:
    """The acknowledgement of `original`, which may be broken: segments ended by CR, not framed, in the original's character set.

    Args:
        original: the message as it came. What of its header can be made out is sent back; of what is no HL7 v2
            message at all the answer names no control id.
        code: what became of it.
        text: one sentence for the sender in ASCII, without anything that came in.
        error_location: a problem's path, such as `PID-7` or `NK1[2]-3`; one of another form is not said.
        at: the time of the answer, aware.
        issue: a problem's code, such as `required`.

    The control id is made of the original's header and of `code`: the same answer again has the same one.
    """
    header = _header(original)
    field, component = header.marks[:1], header.marks[1:2]
    _, *trigger = header.field(9).split(component)
    # The structure's name in a third part, where the original has one: older systems know none.
    kind = component.join([b"ACK", *trigger[:1], *([b"ACK"] if trigger[1:] else [])])
    msh = [b""] * 18
    msh[0], msh[1], msh[6] = b"MSH", header.marks[1:], at.strftime("%Y%m%d%H%M%S%z").encode()
    msh[2:6] = header.field(5), header.field(6), header.field(3), header.field(4)
    msh[8], msh[9] = kind, message_id("hl7v2-ack", header.line.decode("latin-1"), code).replace("-", "")[:20].encode()
    msh[10], msh[11], msh[17] = header.field(11) or b"P", header.field(12) or b"2.4", header.field(18)
    msa = [b"MSA", code.encode(), header.field(10), _plain(text, header, _MOST_SHORT_TEXT)]
    err = [] if code in _POSITIVE else [_err(header, text, error_location, issue)]
    return b"".join(field.join(segment).rstrip(field) + b"\r" for segment in (msh, msa, *err))


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line of a message, in bytes: it is sent back in the character set it came in."""

    line: bytes
    marks: bytes
    """The field separator, then MSH-2."""

    def field(self, number: int) -> bytes:
        """MSH-n without control characters, as it was written, or empty."""
        parts = self.line.split(self.marks[:1])
        written = parts[number - 1] if 2 < number <= len(parts) else b""
        return bytes(byte for byte in written[:_MOST_ECHOED] if byte >= 0x20)

    @property
    def is_old(self) -> bool:
        return self.field(12).startswith(_OLD)


def _header(original: bytes) -> _Header:
    line = re.split(rb"[\r\n]", unframed(original), maxsplit=1)[0]
    marks = line[3:4] + line[4:].split(line[3:4])[0] if line[:3] == b"MSH" and len(line) > 8 else b""
    usable = 5 <= len(marks) <= 6 and len(set(marks)) == len(marks) and marks.isascii() and not marks.isalnum()
    if not usable:
        return _Header(line if marks else b"", _STANDARD_MARKS)
    return _Header(line, marks)


def _plain(text: str, header: _Header, most: int) -> bytes:
    """Our own words, which need no escaping once they are without the separators."""
    plain = text[:most].encode("ascii", "replace")
    return bytes(byte for byte in plain if byte >= 0x20 and byte not in header.marks)


def _err(header: _Header, text: str, location: str, issue: str) -> list[bytes]:
    """ERR: of version 2.5 and later in parts of their own, before that in ERR-1."""
    component, subcomponent = header.marks[1:2], header.marks[4:5]
    condition = _CONDITIONS.get(issue, _OTHER_CONDITION).encode()
    found = _LOCATION.fullmatch(location)
    place = [(found[name] or default).encode() for name, default in _PLACES] if found else []
    if header.is_old:
        return [b"ERR", component.join([*(place or [b""] * 3), condition + subcomponent])]
    said = _plain(text, header, _MOST_TEXT)
    return [b"ERR", b"", component.join(place).rstrip(component), condition, b"E", b"", b"", b"", said]
