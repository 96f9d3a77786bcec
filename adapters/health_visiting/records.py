"""One R4 resource that a service answered, read as strictly as a message is; what it means is read beside this."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import orjson

from adapters.r4 import Parsed, read
from schemas.bundle.elements import JsonObject, objects_in
from schemas.limits import parse
from schemas.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The event whose record was asked for."""

    type: str
    """Without its version: `pds-change-of-gp`."""
    key: str
    number: str
    """NHS number of whom the event is about, under which a record of the Spine is asked for."""
    at: datetime


def resource(body: bytes, type_name: str) -> Parsed | tuple[Problem, ...]:
    """The resource as the first entry of a Bundle, and after it the Patients it contains.

    So R4's structure is asked of it as of any message, and who reads persons of messages reads them here. Problems
    name the place in the resource itself.
    """
    document = parse(body.strip())
    if isinstance(document, list):
        return tuple(replace(problem, path=type_name) for problem in document)
    if document.get("resourceType") != type_name:
        return (Problem(type_name, "is not what the record is", "structure"),)
    contained = [inner for _, inner in objects_in(document, "contained") if inner.get("resourceType") == "Patient"]
    entries = [{"resource": document}, *({"resource": patient} for patient in contained)]
    found = read(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return in_place(found, type_name) if isinstance(found, tuple) else found


def in_place(problems: tuple[Problem, ...], type_name: str) -> tuple[Problem, ...]:
    """Problems of the Bundle, each at its place in the record."""
    return tuple(replace(problem, path=problem.path.replace(_FIRST, type_name, 1)) for problem in problems)


_FIRST: Final = "Bundle.entry[0].resource"


def as_bytes(record: JsonObject) -> bytes:
    """A record that a signal brought along, as a service would answer it."""
    return orjson.dumps(record)
