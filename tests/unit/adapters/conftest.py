"""Native events for tests: public samples as they are, and HMPPS events made of their parts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.port import Translation
from adapters.registry import ADAPTERS

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """Bytes of a public sample by its path under tests/samples."""
    return lambda name: (SAMPLES / name).read_bytes()


@pytest.fixture
def hmpps() -> Callable[..., bytes]:
    """An HMPPS domain event in bytes: its type, `additionalInformation`, and members that replace the usual ones."""

    def event(event_type: str, information: dict[str, object] | None = None, **members: object) -> bytes:
        usual: dict[str, object] = {
            "eventType": event_type,
            "version": 1,
            "occurredAt": "2024-06-11T15:13:21+01:00",
            "personReference": {"identifiers": [{"type": "CRN", "value": "X777519"}]},
        }
        if information is not None:
            usual["additionalInformation"] = information
        said = usual | members
        return json.dumps({name: value for name, value in said.items() if value is not ...}).encode()

    return event


@pytest.fixture
def translate() -> Callable[[str, bytes], Translation]:
    """What the adapter of a kind makes of some bytes."""
    return lambda kind, body: ADAPTERS[kind].translate(body, None, {})
