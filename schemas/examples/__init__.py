"""Golden examples: a message of every event as the JSON that is sent; documents, demonstration and tests read these."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """The names of all examples: an event's code, and for further examples of it a word more."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def raw(name: str) -> bytes:
    """The example's bytes, as an agency would post them. FileNotFoundError for a name that is none."""
    return (FOLDER / f"{name}.json").read_bytes()


def load(name: str) -> dict[str, Any]:
    """The example as a Bundle that the caller may change. FileNotFoundError for a name that is none."""
    bundle: dict[str, Any] = orjson.loads(raw(name))
    return bundle
