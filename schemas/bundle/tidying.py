"""Dropping stray spaces round codes before the structure is checked, which would refuse them."""

from typing import Final, cast

from schemas.bundle.elements import JsonObject
from schemas.problem import Problem

_CODES: Final = frozenset(
    {"code", "gender", "intent", "priority", "resourceType", "status", "system", "type", "use", "valueCode"}
)
"""Elements of type code, and `system`, in the resources of a message. `type` is one where it is a string."""


def trim_codes(bundle: JsonObject) -> tuple[JsonObject, list[Problem]]:
    """The Bundle without spaces at the ends of its codes, and a warning for each; the same object when there are none.

    National samples carry such codes. To be called when the structure check refused: what is clean pays nothing.
    """
    problems: list[Problem] = []
    trimmed = cast(JsonObject, _trimmed(bundle, "Bundle", problems))
    return (trimmed, problems) if problems else (bundle, [])


def _trimmed(value: object, path: str, problems: list[Problem]) -> object:
    if isinstance(value, dict):
        return {name: _member(name, item, f"{path}.{name}", problems) for name, item in value.items()}
    if isinstance(value, list):
        return [_trimmed(item, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    return value


def _member(name: str, item: object, path: str, problems: list[Problem]) -> object:
    if not isinstance(item, str):
        return _trimmed(item, path, problems)
    if name in _CODES and item != item.strip():
        problems.append(Problem(path, "had spaces round it, which were dropped", "value", "warning"))
        return item.strip()
    return item
