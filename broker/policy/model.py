"""Reading a policy file and checking it; what a `Policy` is stands in `broker.domain.rules`."""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from broker.domain.rules import Policy
from broker.errors import Misconfigured
from broker.policy import faults
from broker.policy.compiling import compile_policy
from broker.policy.document import Document
from schemas.problem import Problem

__all__ = ["DEFAULT", "Policy", "check", "load", "read_text"]

DEFAULT: Final = Path(__file__).with_name("default.yaml")
"""The policy that is in force when none is named."""


def load(path: Path | None = None) -> Policy:
    """The policy of that file, or the default. Misconfigured, with every fault and its place, when it cannot be used."""
    document, problems = _read(path or DEFAULT)
    if document is None or problems:
        named = (path or DEFAULT).name
        raise Misconfigured(f"The policy {named} has {len(problems)} fault(s): mend what is named.", problems=problems)
    return compile_policy(document)


def check(path: Path | None = None) -> list[Problem]:
    """What is wrong with the file, one sentence each with its place in it; empty when it can be used."""
    return _read(path or DEFAULT)[1]


def read_text(text: str) -> tuple[Policy | None, list[Problem]]:
    """The policy that a text is, or what is wrong with it."""
    document, problems = _parsed(text)
    return (None if document is None or problems else compile_policy(document)), problems


def _read(path: Path) -> tuple[Document | None, list[Problem]]:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None, [Problem("", "cannot be read as a text file in UTF-8", "not-found")]


def _parsed(text: str) -> tuple[Document | None, list[Problem]]:
    try:
        plain = yaml.load(text, Once)  # noqa: S506 - a safe loader that also refuses a key given twice
    except yaml.YAMLError as error:
        return None, [_unreadable(error)]
    try:
        document = Document.model_validate(plain)
    except ValidationError as error:
        return None, list(_shape(error))
    return document, faults.found(document)


class Once(yaml.CSafeLoader):
    """YAML in which a key given twice is an error: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """The mapping; a ConstructorError names the line of a key that stands there already."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _unreadable(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}" if mark else ""
    return Problem(where, f"is not YAML as expected: {getattr(error, 'problem', None) or 'it cannot be parsed'}")


def _shape(error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors(include_url=False, include_input=False):
        yield Problem(_path(fault["loc"]), _reason(fault["type"], fault["msg"]), "structure")


def _path(parts: tuple[int | str, ...]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


_REASONS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "string_type": "must be text: put it in quotation marks",
}


def _reason(kind: str, message: str) -> str:
    own = _REASONS.get(kind)
    return own or message.removeprefix("Value error, ").removeprefix("Input ").strip()
