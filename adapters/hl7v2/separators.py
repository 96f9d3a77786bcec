"""What stands between the parts of an HL7 v2 message, and how a text that holds one of them is escaped (2.5.4, 2.7)."""

from dataclasses import dataclass

from schemas.problem import Problem


@dataclass(frozen=True, slots=True)
class Separators:
    """What stands between the parts (MSH-1 and MSH-2)."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    def unescaped(self, text: str) -> str:
        """Text with its escape sequences replaced (2.7): separators, line breaks, characters by hexadecimal code. Others are left out."""
        if self.escape not in text:
            return text
        pieces = text.split(self.escape)
        # Of an odd number of escapes the last begins nothing and is a character like any other.
        whole = len(pieces) if len(pieces) % 2 else len(pieces) - 1
        told = (piece if index % 2 == 0 else self._meant(piece) for index, piece in enumerate(pieces[:whole]))
        return "".join(told) + "".join(self.escape + piece for piece in pieces[whole:])

    def _meant(self, sequence: str) -> str:
        known = {
            "F": self.field,
            "S": self.component,
            "R": self.repetition,
            "E": self.escape,
            "T": self.subcomponent,
            ".br": "\n",
            ".sp": "\n",
            ".ce": "\n",
        }
        if sequence in known:
            return known[sequence]
        return _of_hexadecimal(sequence[1:]) if sequence.startswith("X") else ""


def _of_hexadecimal(digits: str) -> str:
    """The ASCII characters and line breaks that pairs of hexadecimal digits name; those of other sets are nobody's to guess."""
    try:
        text = bytes.fromhex(digits).decode("ascii").replace("\r\n", "\n").replace("\r", "\n")
    except ValueError:
        return ""
    return "".join(character for character in text if character.isprintable() or character == "\n")


def repaired(header: str) -> tuple[str, tuple[Problem, ...]]:
    r"""MSH with `^~\&` where a template doubled the backslash."""
    if header[4:9] != "^~\\\\&":
        return header, ()
    doubled = Problem("MSH-2", "had its escape character twice, of which one was dropped", "value", "warning")
    return header[:6] + header[7:], (doubled,)


def separators_of(header: str) -> Separators | Problem:
    """The separators that MSH declares, or why they cannot be told apart."""
    separator = header[3:4]
    named = header[4 : header.find(separator, 4)] if separator and header.find(separator, 4) > 0 else ""
    every = separator + named
    odd = any(character.isalnum() or character.isspace() or not character.isascii() for character in every)
    # Four; from version 2.7 on a fifth may say how a text is marked that was cut off.
    if len(named) not in (4, 5) or odd or len(set(every)) < len(every):
        return Problem("MSH-2", "must have four different separators, as ^~\\&", "value")
    return Separators(separator, component=named[0], repetition=named[1], escape=named[2], subcomponent=named[3])
