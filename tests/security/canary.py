"""An invented family that is sent through the broker and then looked for: what stands in messages about them, and no number or name of anybody else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from fastapi.testclient import TestClient

from broker.main import create_app
from broker.runtime import Runtime, wires
from broker.settings import Settings
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from schemas.identifiers import synthetic_nhs_number
from tests.conftest import SECRET, Clock
from tests.contract.calling import Broker, message
from tests.default_policy import default_policy

FAMILY: Final = "Quillonsworth"
STREET: Final = "77 Zephyrine Passage"
WORD: Final = "Thistlewick"
"""Stands in everything that somebody wrote in their own words."""
WORKER: Final = "Ottoline Fernsby"
NUMBER: Final = synthetic_nhs_number(4711)
CASE: Final = "X774711"

_INSTEAD: Final = {
    "Hartley": FAMILY,
    '"Chloe"': '"Philomena"',
    '"Ava"': '"Xanthippe"',
    "14 Clent View Road": STREET,
    "8 Beeches Court": "9 Zephyrine Court",
    "B17 0HG": "B17 9ZQ",
    "Joanne Pike": WORKER,
    "Alison Frost": WORKER,
    synthetic_nhs_number(1): NUMBER,
    "X320741": CASE,
}
WORDS: Final = (
    FAMILY,
    "Philomena",
    "Xanthippe",
    "Zephyrine",
    "B17 9ZQ",
    "B179ZQ",
    "Ottoline",
    "Fernsby",
    WORD,
    NUMBER,
    f"{NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}",
    CASE,
)
"""What nobody may find of them, letter by letter; their dates of birth are a matter of their own."""

TELLINGS = (
    "pregnancy-booking",
    "birth",
    "involvement-start",
    "supervision-start",
    "gp-registration",
    "mental-health-discharge",
    "change-of-address",
    "household-update",
    "concern-bruising",
    "transfer",
    "referral",
    "information-request",
    "identifier-change",
)
"""One of each way in which a message is settled, held, asked about or answered."""


def told(name: str) -> dict[str, Any]:
    """A golden example about them, with a word of ours in everything that was written."""
    text = json.dumps(_with_words(message(name)))
    for old, new in _INSTEAD.items():
        text = text.replace(old, new)
    return dict(json.loads(text))


def _with_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{inner} {WORD}" if name == "valueString" else _with_words(inner) for name, inner in value.items()
        }
    return [_with_words(inner) for inner in value] if isinstance(value, list) else value


def born(bundle: dict[str, Any]) -> str:
    """The mother's date of birth, as the message has it."""
    patients = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Patient"]
    return str(next(one["birthDate"] for one in patients if NUMBER in json.dumps(one)))


def seen(*where: str | bytes) -> set[str]:
    """Which of the words stand there, in whatever case."""
    kept = [one if isinstance(one, bytes) else one.encode() for one in where]
    return {word for word in WORDS for one in kept if word.lower().encode() in one.lower()}


@contextmanager
def running(url: str, settings: Settings) -> Iterator[Broker]:
    """A broker with its worker."""
    clock, store = Clock(), open_store(url, AesCodec(SECRET))
    bus, queues = wires(settings, store)
    runtime = Runtime(settings, store, default_policy(), bus, clock, queues=queues)
    app = create_app(runtime)
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Broker(runtime, app, http, clock)
