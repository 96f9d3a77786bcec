"""From untrusted XML to FHIR's JSON form, by the tables of one release of FHIR; whether that is valid is asked elsewhere.

JSON's form because validators of it name the whole path of what is wrong, and because what is read from then on is the
same whichever way it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from lxml import etree

from schemas.problem import Problem

FHIR: Final = "http://hl7.org/fhir"
_XHTML: Final = "http://www.w3.org/1999/xhtml"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

MOST_BYTES: Final = 1_048_576
"""One MiB; the largest public event message has 20 KB."""
MOST_DEPTH: Final = 48
"""Levels of elements; a birth notification reaches 11, a document in a message 24."""
MOST_ELEMENTS: Final = 20_000
"""A birth notification has 400; this many take about two seconds to validate."""
MOST_ENTRIES: Final = 200
"""A birth notification has 19; whoever resolves references looks through all of them."""
MOST_ATTRIBUTES: Final = 8
"""FHIR has two on an element. lxml looks each up from the first: 60,000 on one element took a minute to list."""

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """What a release says of one element: the name of its type, and whether it repeats."""

    type_name: str
    many: bool
    primitive: bool


class Release(Protocol):
    """The tables of one release of FHIR."""

    @property
    def name(self) -> str:
        """What the release is called in problems, e.g. `STU3`."""
        ...

    @property
    def beside(self) -> str:
        """The type of what may stand beside a primitive's value: its extensions."""
        ...

    def elements(self, type_name: str) -> Mapping[str, Element]:
        """The elements of a type by name; the type is one these tables named."""
        ...

    def has_resource(self, name: str | None) -> bool:
        """Whether a resource type of that name exists."""
        ...

    def value(self, kind: Element, text: str) -> object:
        """How a primitive written as `text` stands in JSON; the text itself where it is none of its type."""
        ...


def tree(body: bytes) -> Any | Problem:  # noqa: ANN401 - lxml has no types
    """The Bundle element in `body`, or why it is not to be read. Never raises.

    Refused: document type declarations (XXE, entity expansion) and what exceeds the limits above. Comments and
    processing instructions are dropped.
    """
    if len(body) > MOST_BYTES:
        return Problem("Bundle", f"is longer than {MOST_BYTES} bytes", "too-long")
    # libxml2 expands entities in attributes whatever the parser is told, so a declaration is refused unread; in
    # encodings where these bytes look different libxml2's own limit on expansion holds until the check below.
    if b"<!DOCTYPE" in body:
        return _DECLARED
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser=parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        return Problem("Bundle", f"is not XML: line {line}, column {column}")
    if root.getroottree().docinfo.doctype:
        return _DECLARED
    if root.tag != f"{{{FHIR}}}Bundle":
        return Problem("Bundle", "must be the outermost element, in FHIR's namespace")
    if len(root) > MOST_ENTRIES:
        return Problem("Bundle.entry", f"has more than {MOST_ENTRIES} entries", "too-costly")
    return _excess(root) or root


_DECLARED: Final = Problem("Bundle", "must not have a document type declaration", "forbidden")


def _excess(root: Any) -> Problem | None:  # noqa: ANN401 - lxml has no types
    depth = elements = 0
    for moment, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if moment == "start" else -1
        elements += moment == "start"
        if depth > MOST_DEPTH:
            return Problem("Bundle", f"is nested deeper than {MOST_DEPTH} levels", "too-costly")
        if elements > MOST_ELEMENTS:
            return Problem("Bundle", f"has more than {MOST_ELEMENTS} elements", "too-costly")
        if len(element.attrib) > MOST_ATTRIBUTES:
            return Problem("Bundle", f"has an element of more than {MOST_ATTRIBUTES} attributes", "too-costly")
    return None


@dataclass(slots=True)
class Walk:
    """Puts XML into FHIR's JSON form, with what it found wrong on the way. Names that the release does not know are not repeated."""

    release: Release
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def members(self, element: Any, type_name: str, path: str) -> JsonObject:  # noqa: ANN401 - lxml has no types
        """The members of one object: its attributes and its children."""
        known = self.release.elements(type_name)
        object_: JsonObject = self._attributes(element, {"id", "url"} & known.keys(), path)
        if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
            self.problems.append(Problem(path, "has text where FHIR has a value attribute"))
        for child in element:
            name = _local_name(child)
            if name is None or name not in known:
                self.problems.append(Problem(path, f"has an element that {self.release.name} does not have here"))
            else:
                self._add(object_, child, name, known[name], path)
        if not object_:
            self.problems.append(Problem(path, "is empty"))
        # What stands beside repeated primitives is a list as long as theirs, or absent.
        return {
            name: value for name, value in object_.items() if not name.startswith("_") or value != [None] * len(value)
        }

    def _add(self, object_: JsonObject, child: Any, name: str, kind: Element, path: str) -> None:  # noqa: ANN401
        place = f"{path}.{name}[{len(object_.get(name, []))}]" if kind.many else f"{path}.{name}"
        if not kind.many and (name in object_ or f"_{name}" in object_):
            self.problems.append(Problem(place, "may be given once only"))
        elif kind.primitive:
            self._add_primitive(object_, child, name, kind, place)
        elif kind.many:
            object_.setdefault(name, []).append(self._value(child, kind, place))
        else:
            object_[name] = self._value(child, kind, place)

    def _value(self, child: Any, kind: Element, path: str) -> JsonObject:  # noqa: ANN401 - lxml has no types
        if kind.type_name == "Resource":
            return self._resource(child, path)
        return self.members(child, kind.type_name, path)

    def _resource(self, holder: Any, path: str) -> JsonObject:  # noqa: ANN401 - lxml has no types
        if len(holder) != 1:
            self.problems.append(Problem(path, "must hold one resource"))
            return {}
        name = _local_name(holder[0])
        if name is None or not self.release.has_resource(name):
            self.problems.append(Problem(path, f"is of a type that {self.release.name} does not have"))
            return {}
        return {"resourceType": name, **self.members(holder[0], name, path)}

    def _add_primitive(self, object_: JsonObject, child: Any, name: str, kind: Element, path: str) -> None:  # noqa: ANN401
        if kind.type_name == "xhtml":
            object_[name] = etree.tostring(child, encoding="unicode", with_tail=False)
            return
        text = self._trimmed(child.get("value"), path)
        value = None if text is None else self.release.value(kind, text)
        beside = self.members(child, self.release.beside, path) if _has_more(child) else None
        if value is None and beside is None:
            self.problems.append(Problem(path, "has no value"))
        elif kind.many:
            object_.setdefault(name, []).append(value)
            object_.setdefault(f"_{name}", []).append(beside)
        else:
            object_.update({key: given for key, given in ((name, value), (f"_{name}", beside)) if given is not None})

    def _trimmed(self, value: str | None, path: str) -> str | None:
        if value is not None and value != value.strip():
            self.warnings.append(Problem(path, "had spaces round its value, which were dropped", "value", "warning"))
            return value.strip()
        return value

    def _attributes(self, element: Any, allowed: set[str], path: str) -> JsonObject:  # noqa: ANN401 - lxml has no types
        taken: JsonObject = {}
        for name, value in element.attrib.items():
            if name in allowed:
                taken[name] = value
            elif name != "value" and not name.startswith(f"{{{_XSI}}}"):
                self.problems.append(Problem(path, f"has an attribute that {self.release.name} does not have here"))
        return taken


def _local_name(element: Any) -> str | None:  # noqa: ANN401 - lxml has no types
    """The element's name when it stands in FHIR's namespace (a narrative's `div`: in that of XHTML)."""
    if not isinstance(element.tag, str):  # an entity reference
        return None
    name = etree.QName(element)
    return name.localname if name.namespace == (_XHTML if name.localname == "div" else FHIR) else None


def _has_more(element: Any) -> bool:  # noqa: ANN401 - lxml has no types
    """Whether a primitive has more than its value: extensions, an id, or what it must not have."""
    return len(element) > 0 or bool((element.text or "").strip()) or any(name != "value" for name in element.attrib)
