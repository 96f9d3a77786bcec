"""From untrusted bytes to a FHIR STU3 Bundle, as national feeds send it in XML or JSON; what the Bundle means is read elsewhere.

`fhir.resources` has a reader of XML too. It raises whatever its own code stumbles over (AttributeError, IndexError,
AssertionError) and names only the last element of a path, so the XML is put into FHIR's JSON form here and validated
as that: one kind of error, with the whole path. JSON is walked by the same tables before it is validated, because names
that STU3 does not know would be repeated to the sender, and some make the library stumble.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias

from fhir.resources.STU3 import get_fhir_model_class
from fhir.resources.STU3.bundle import Bundle
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from fhir_core.utils import get_fhir_type_name, is_list_type, is_primitive_type
from pydantic import ValidationError

from adapters.fhir_times import repaired
from adapters.fhir_xml import MOST_BYTES, MOST_DEPTH, MOST_ELEMENTS, MOST_ENTRIES, Element, JsonObject, Walk, tree
from schemas.limits import Limits, parse
from schemas.problem import Problem

_MOST_PROBLEMS: Final = 50
"""More than a person will read; the first ones say what is wrong."""

Model: TypeAlias = type[FHIRAbstractModel]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A Bundle that has the structure STU3 demands, and what was repaired to read it."""

    bundle: Bundle
    content: JsonObject
    """The same in FHIR's JSON form, every value as it was written."""
    warnings: tuple[Problem, ...]


def read(body: bytes) -> Parsed | tuple[Problem, ...]:
    """The Bundle in `body`, or the problems that keep it from being read. Never raises.

    JSON is what begins with a brace, whatever its Content-Type; all else must be XML. Refused: document type declarations (XXE, entity expansion), what exceeds the limits above, elements STU3 does
    not have. Comments and processing instructions are dropped, which `fhir.resources` would keep or reject.
    """
    if body.lstrip()[:1] == b"{":
        return _read_json(body)
    root = tree(body)
    if isinstance(root, Problem):
        return (root,)
    walk = Walk(STU3)
    content = {"resourceType": "Bundle", **walk.members(root, "Bundle", "Bundle")}
    return _validated(content, walk.problems, walk.warnings)


def _validated(content: JsonObject, problems: list[Problem], warnings: list[Problem]) -> Parsed | tuple[Problem, ...]:
    if problems:
        return tuple(problems[:_MOST_PROBLEMS])
    _mend(content, "Bundle", "Bundle", warnings)
    try:
        bundle = Bundle.model_validate(content)
    except ValidationError as error:
        return tuple(_problems(error))
    return Parsed(bundle, content, tuple(warnings[:_MOST_PROBLEMS]))


_TIMES: Final = frozenset({"dateTime", "instant"})


def _mend(object_: JsonObject, type_name: str, path: str, warnings: list[Problem]) -> None:
    """Mends in place the times that can be mended with certainty; everything has the shape STU3 gives it."""
    known = _elements(type_name)
    for name, value in object_.items():
        element = name.removeprefix("_")
        kind = known.get(element)
        if kind is None:  # resourceType
            continue
        for index, item in enumerate(value if kind.many else [value]):
            place = f"{path}.{element}[{index}]" if kind.many else f"{path}.{element}"
            if isinstance(item, dict):
                beside = STU3.beside if kind.primitive else kind.type_name
                _mend(item, item.get("resourceType", beside), place, warnings)
            elif isinstance(item, str) and kind.type_name in _TIMES and (mended := repaired(item)):
                warnings.append(Problem(place, mended[1], "value", "warning"))
                if kind.many:
                    value[index] = mended[0]
                else:
                    object_[name] = mended[0]


_JSON_LIMITS: Final = Limits(bytes=MOST_BYTES, depth=2 * MOST_DEPTH, entries=MOST_ENTRIES)
"""An element that repeats is two brackets of JSON."""


def _read_json(body: bytes) -> Parsed | tuple[Problem, ...]:
    document = parse(body, _JSON_LIMITS)
    if isinstance(document, list):
        return tuple(document)
    if document.get("resourceType") != "Bundle":
        return (Problem("Bundle", "must be the outermost resource"),)
    walk = _JsonWalk()
    content = {"resourceType": "Bundle", **walk.members(document, "Bundle", "Bundle")}
    return _validated(content, walk.problems, walk.warnings)


class _Stu3:
    """The tables of FHIR STU3, out of the library's models."""

    name = "STU3"
    beside = "FHIRPrimitiveExtension"

    def elements(self, type_name: str) -> Mapping[str, Element]:
        return _elements(type_name)

    def has_resource(self, name: str | None) -> bool:
        return _resource_model(name) is not None

    def value(self, kind: Element, text: str) -> object:  # noqa: ARG002 - the release's
        """The text: the models read numbers out of it, and `content` keeps them as they were written."""
        return text


STU3: Final = _Stu3()


@cache
def _elements(type_name: str) -> dict[str, Element]:
    model: Model = get_fhir_model_class(type_name)
    fields = ((name, model.model_fields[key]) for name, key in model.get_alias_mapping().items())
    return {
        name: Element(get_fhir_type_name(info, prefix="STU3."), is_list_type(info), is_primitive_type(info))
        for name, info in fields
    }


@dataclass(slots=True)
class _JsonWalk:
    """Goes through FHIR's JSON form with what it found wrong on the way; DSTU2's comments are dropped as those of XML are."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    elements: int = 0

    def members(self, given: object, type_name: str, path: str) -> JsonObject:
        """The members of one object that STU3 has there, each of the shape it has there."""
        self.elements += 1
        if len(self.problems) > _MOST_PROBLEMS:
            return {}  # refused already: no more is said than a person will read
        if not isinstance(given, dict) or not given:
            self.problems.append(Problem(path, "must be an object with something in it"))
            return {}
        if self.elements > MOST_ELEMENTS:
            self.problems.insert(0, Problem("Bundle", f"has more than {MOST_ELEMENTS} elements", "too-costly"))
            return {}
        known = _elements(type_name)
        object_: JsonObject = {}
        for name, value in given.items():
            kind = known.get(name.removeprefix("_"))
            if kind is not None and (kind.primitive or not name.startswith("_")):
                object_[name] = self._member(value, kind, f"{path}.{name}", beside=name.startswith("_"))
            elif name not in ("resourceType", "fhir_comments"):
                self.problems.append(Problem(path, "has an element that STU3 does not have here"))
        return object_

    def _member(self, value: object, kind: Element, path: str, *, beside: bool) -> object:
        if not kind.many:
            return self._one(value, kind, path, beside=beside)
        if not isinstance(value, list) or not value:
            self.problems.append(Problem(path, "must be a list with something in it"))
            return []
        return [self._one(item, kind, f"{path}[{index}]", beside=beside) for index, item in enumerate(value)]

    def _one(self, value: object, kind: Element, path: str, *, beside: bool) -> object:
        if beside:
            return None if value is None and kind.many else self.members(value, STU3.beside, path)
        if not kind.primitive:
            is_resource = kind.type_name == "Resource"
            return self._resource(value, path) if is_resource else self.members(value, kind.type_name, path)
        return self._primitive(value, kind, path)

    def _resource(self, value: object, path: str) -> JsonObject:
        name = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(name, str) or not STU3.has_resource(name):
            self.problems.append(Problem(path, "is of a type that STU3 does not have"))
            return {}
        return {"resourceType": name, **self.members(value, name, path)}

    def _primitive(self, value: object, kind: Element, path: str) -> object:
        if isinstance(value, dict | list) or (value is None and not kind.many):
            self.problems.append(Problem(path, "must be one value"))
            return None
        if isinstance(value, str) and kind.type_name != "xhtml" and value != value.strip():
            self.warnings.append(Problem(path, "had spaces round its value, which were dropped", "value", "warning"))
            return value.strip()
        return value


def _resource_model(name: str | None) -> Model | None:
    try:
        model: Model = get_fhir_model_class(name or "")
    except ValueError:
        return None
    return model if "implicitRules" in model.model_fields else None  # what every resource has and no data type


_REASONS: Final = {
    "model_field_validation.missing": ("is required", "required"),
    "missing": ("is required", "required"),
    "extra_forbidden": ("is not an element STU3 has here", "structure"),
}


def _problems(error: ValidationError) -> Iterator[Problem]:
    """What pydantic found, by place and in our words: its own sentences quote the input."""
    for found in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"])
        yield Problem(f"Bundle{steps}", *_REASONS.get(found["type"], ("is not of the type STU3 demands", "value")))
