"""From the bytes of an HL7 v2 message, however framed, to its lines as text in the character set it declares; what they mean is read elsewhere.

HL7 v2.8.2 chapter 2: 2.4.2 and 2.5.4 (separators, segments), 2.14.9.18 and table 0211 (MSH-18); MLLP release 1 (framing).
"""

import re
from dataclasses import dataclass
from typing import Final

from schemas.problem import Problem

MOST_BYTES: Final = 1_048_576
"""One MiB, as for FHIR; an admission has 2 KB, the longest public sample 7."""

MOST_LINES: Final = 5_000
"""Segments, and lines of the notes in them; the longest public sample has 24."""

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_OTHER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_BLOCK: Final = b"\x0b\x1c\r\n \t"
"""What MLLP puts round a message (start and end of block), and blank lines and spaces round it in files."""

_CHARSETS: Final = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "UNICODE UTF-8": "utf-8",
    # What begins with the bytes `MSH` is in no wider form of Unicode than UTF-8.
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "US-ASCII": "ascii",
    **{f"ISO-8859-{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    **{f"ISO8859-{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
}
"""Table 0211 of HL7 and, below it, what the same sets are called in MIME, which senders put into MSH-18 too."""

_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?(?P<name>[\w.:/+-]{1,40})""", re.IGNORECASE | re.ASCII)
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, of which text has tabs only. Those of 8859 between 7F and 9F mean that another set was used than declared."""


@dataclass(frozen=True, slots=True)
class Lines:
    """One line for each segment, MSH first."""

    lines: tuple[str, ...]
    warnings: tuple[Problem, ...]


def begins_as_v2(body: bytes) -> bool:
    """Whether the bytes begin as an HL7 v2 message does, with or without a byte order mark and MLLP framing."""
    return unframed(body)[:3] == b"MSH"


def lines_of(body: bytes, content_type: str | None) -> Lines | Problem:
    """The lines of a message, or the problem that keeps it from being read. Never raises.

    The character set is that of MSH-18, of the Content-Type or of a UTF-8 byte order mark, in this order, else ASCII; it is
    never guessed. Lines may end in CR, LF or both.
    """
    if len(body) > MOST_BYTES:
        return Problem("MSH", f"is longer than {MOST_BYTES} bytes", "too-long")
    if body.startswith(_OTHER_MARKS):
        return Problem("MSH-18", "is in an encoding whose characters have two bytes; send UTF-8", "not-supported")
    raw = unframed(body)
    if raw[:3] != b"MSH":
        return Problem("MSH", "is no HL7 v2 message: it does not begin with MSH")
    text = _decoded(raw, content_type, marked=_UTF8_MARK in body[: len(body) - len(raw)])
    return text if isinstance(text, Problem) else _lines(text)


def unframed(body: bytes) -> bytes:
    """The message without byte order mark, MLLP's start and end of block, and blank lines round it."""
    return body.lstrip(_BLOCK).removeprefix(_UTF8_MARK).strip(_BLOCK)


def _decoded(raw: bytes, content_type: str | None, *, marked: bool) -> str | Problem:
    if raw.isascii():
        return raw.decode("ascii")
    stated = {
        "MSH-18": _stated(raw),
        "Content-Type": _charset_of(content_type),
        "byte order mark": "UTF-8" if marked else None,
    }
    named = {place: name for place, name in stated.items() if name}
    if not named:
        return Problem("MSH-18", "names no character set, and there are others than ASCII characters", "required")
    place, name = next(iter(named.items()))
    encodings = {_CHARSETS.get(name) for name in named.values()}
    if None in encodings:
        return Problem(place, "names a character set that Baton does not read", "not-supported")
    if len(encodings) > 1:
        return Problem(place, f"names another character set than the {list(named)[1]}", "conflict")
    return _in(raw, _CHARSETS[name], place)


def _in(raw: bytes, encoding: str, place: str) -> str | Problem:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        return Problem(place, f"is not the character set of the message, which shows at byte {error.start}", "value")


def _stated(raw: bytes) -> str | None:
    """The first character set of MSH-18: the others are for switching inside a text, which nobody does."""
    header = re.split(rb"[\r\n]", raw, maxsplit=1)[0]
    fields = header.split(header[3:4], 18) if len(header) > 3 else []
    # The separator itself is MSH-1, so MSH-18 is the eighteenth piece, counted from none.
    written = fields[17] if len(fields) > 17 else b""
    repetition, component = header[5:6] or b"~", header[4:5] or b"^"
    first = written.split(repetition)[0].split(component)[0]
    return first.decode("ascii", "replace").strip().upper() or None


def _charset_of(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type."""
    found = _CHARSET.search(content_type or "")
    return found["name"].upper() if found else None


def _lines(text: str) -> Lines | Problem:
    """Segments, each a line. A line that begins as no segment belongs to the text of the one before: a note with line breaks."""
    warnings: dict[Problem, None] = {}
    segments: list[list[str]] = []
    separator = text[3:4]
    written = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    if len(written) > MOST_LINES:
        return Problem("MSH", f"begins a message of more than {MOST_LINES} lines", "too-costly")
    for line in written:
        bare = line.lstrip(" \t")
        if not segments or _begins_segment(bare, separator):
            segments.append([bare])
            if bare != line:
                warnings[_warning(bare[:3], "had spaces before it, which were dropped")] = None
        else:
            segments[-1].append(line)
            warnings[_warning(segments[-1][0][:3], "has a line break in it, which was kept as one")] = None
    lines = tuple("\n".join(pieces) for pieces in segments)
    found = next((line for line in lines if _NO_TEXT.search(line)), None)
    if found is not None:
        return Problem(found[:3], "has control characters, which no text has", "value")
    return Lines(lines, tuple(warnings))


def _begins_segment(line: str, separator: str) -> bool:
    return bool(_SEGMENT.match(line)) and line[3:4] in ("", separator)


def _warning(path: str, reason: str) -> Problem:
    return Problem(path, reason, "value", "warning")
