"""A scenario file, read: YAML with every fault named by its line and key. What must fit together stands in `checking.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from pydantic import ValidationError

from broker.errors import Misconfigured
from broker.policy.model import Once
from broker.replay import checking
from broker.replay.model import Scenario
from broker.storage import directory_file
from broker.storage.directory_file import DirectoryFile
from schemas.problem import Problem
from schemas.shifting import shifted

DEMO: Final = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
"""The directory of a scenario that names none."""

Place: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A scenario with where it came from and its directory."""

    scenario: Scenario
    folder: Path
    """Where files that it names are."""
    directory: DirectoryFile
    later: timedelta
    """By how much its dates are moved; those in the files that it names still have to be."""
    places: tuple[str, ...]
    """File and line of each step, for whoever must mend it."""


def read(path: Path, later: timedelta = timedelta()) -> Story:
    """The scenario, its dates moved `later`; Misconfigured names every fault by line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The scenario {path} cannot be read as a text file in UTF-8.") from error
    return parse(text, path, later)


def parse(text: str, path: Path, later: timedelta = timedelta()) -> Story:
    """The same of a text; `path` names it in errors, and files that it names are beside it."""
    try:
        node, plain = _plain(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise _refused(path, [Problem(where, f"is not YAML as expected: {getattr(error, 'problem', None)}")]) from error
    try:
        scenario = Scenario.model_validate(shifted(plain, later))
    except ValidationError as error:
        raise _refused(path, list(_named(path, node, _shape(error)))) from error
    directory = directory_file.read(DEMO if scenario.directory == "demo" else path.parent / scenario.directory)
    faults = list(checking.faults(scenario, directory, path.parent))
    if faults:
        raise _refused(path, list(_named(path, node, faults)))
    lines = [_found(node, ("timeline", index), missing=False)[0] for index in range(len(scenario.timeline))]
    places = tuple(f"{path.name}:{line}" for line in lines)
    return Story(scenario=scenario, folder=path.parent, directory=directory, later=later, places=places)


def _plain(text: str) -> tuple[yaml.Node | None, Any]:
    """A text's nodes, which know their lines, and the values that they are."""
    loader = Plain(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refused(path: Path, problems: list[Problem]) -> Misconfigured:
    return Misconfigured(
        f"The scenario {path.name} has {len(problems)} fault(s): mend what is named.", problems=problems
    )


class Plain(Once):
    """YAML in which, besides, a day is text: a story's dates are moved as text."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


# --- faults by line ---------------------------------------------------------------------------------------------------

_REASONS: Final = {"missing": "is required", "extra_forbidden": "is not known here"}


def _shape(error: ValidationError) -> Iterator[tuple[Place, str]]:
    for fault in error.errors(include_url=False, include_input=False):
        reason = _REASONS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "enum":
            reason = f"is none of {fault['ctx']['expected']}"
        elif "facts" in fault["loc"]:
            reason = "must be an amount, a code, text, true or false, a list of these, or one of these for each person"
        yield _in_file(fault["loc"]), reason


def _in_file(place: Place) -> Place:
    """The place without the kind of step that pydantic put into it."""
    return (*place[:2], *place[3:]) if place[:1] == ("timeline",) else place


def _named(
    path: Path, node: yaml.Node | None, faults: list[tuple[Place, str]] | Iterator[tuple[Place, str]]
) -> Iterator[Problem]:
    """Each place once, by line and key; of several readings that all failed the first is told."""
    told: set[str] = set()
    for place, reason in faults:
        line, key = _found(node, place, missing=reason == _REASONS["missing"])
        where = f"{path.name}:{line} {key}".rstrip()
        if where not in told:
            told.add(where)
            yield Problem(where, reason, "structure")


def _found(node: yaml.Node | None, place: Place, *, missing: bool) -> tuple[int, str]:
    """The line of a place and its key in the file; parts that are no keys of the file (which reading failed) are passed over."""
    key, line = "", 1
    for at, part in enumerate(place):
        inner = _inner(node, part)
        if inner is not None:
            node, line = inner
            key += f"[{part}]" if isinstance(part, int) else f".{part}"
        elif missing and at == len(place) - 1:
            key += f".{part}"
    return line, key.removeprefix(".")


def _inner(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    return None
