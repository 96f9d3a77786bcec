"""CloudEvents over HTTP in binary mode, made into the same event in structured mode (HTTP Protocol Binding 1.0.2, 3.1): then the bytes that are kept say all of it."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

import orjson

STRUCTURED: Final = "application/cloudevents+json"
_PREFIX: Final = "ce-"
_SAYS_SO: Final = f"{_PREFIX}specversion"
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,64}")


def structured(headers: Mapping[str, str], body: bytes) -> bytes | None:
    """The event with its attributes beside its data, which stay as they were written; None when it is not in binary mode.

    Data that is no JSON is not made into any: such an event is left as it is, for whoever reads its body alone.
    """
    if _SAYS_SO not in headers or not _is_json(body):
        return None
    attributes = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(_PREFIX) and _ATTRIBUTE.fullmatch(name.removeprefix(_PREFIX))
    }
    attributes.pop("data", None)
    envelope = orjson.dumps(attributes)
    return envelope[:-1] + b',"data":' + body + b"}" if body.strip() else envelope


def _is_json(body: bytes) -> bool:
    if not body.strip():
        return True
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
