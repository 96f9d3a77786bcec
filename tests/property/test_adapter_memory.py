"""What is hostile costs an adapter no memory that it keeps: after thousands of damaged inputs it holds what it held before."""

import gc
import json
import random
import tracemalloc

import pytest

from adapters.registry import ADAPTERS
from tests.property import test_adapters as known
from tests.property.effort import TIMES

SAMPLES = (
    *(known.EVENTS, known.BIRTHS, known.CONTACTS, known.DOCUMENTS, known.PLANS, known.REFERRALS),
    *(known.STAYS, known.WARDS, known.SIGNALS, known.VISITS),
)
BODIES = [body if isinstance(body, bytes) else json.dumps(body).encode() for bodies in SAMPLES for body in bodies]
WARM, TRIED = 60, 60 * TIMES
KEPT_AT_MOST = 500
"""Bytes for each input: a tenth of the smallest thing an adapter could keep of one, and what caches of other people's code may fill."""


def hostile(lot: random.Random, number: int) -> bytes:
    """A sample as something has damaged it: cut, doubled, deeply nested, or with bytes that no format has; no two are the same."""
    body = lot.choice(BODIES)
    for _ in range(lot.randint(1, 4)):
        start = lot.randrange(len(body) + 1)
        end = min(len(body), start + lot.choice((1, 10, 200, 2000)))
        between = lot.choice(
            (b"", body[start:end] * 3, b"\x00", b"\xff\xfe", b"[" * 500, b"<a>" * 500, b"&x;", str(number).encode() * 9)
        )
        body = body[:start] + between + body[end:]
    return body + str(number).encode()


def kept(kind: str) -> float:
    """Bytes that stay for each input, once everything is warm; the least of some times: a leak is one each time, and servers that other tests left running allocate too."""
    return min(kept_of(kind, random.Random(seed)) for seed in range(11, 16))


def kept_of(kind: str, lot: random.Random) -> float:
    """The same of one time."""
    adapter = ADAPTERS[kind]
    for number in range(WARM):
        adapter.translate(hostile(lot, number), None, {})
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(TRIED):
            adapter.translate(hostile(lot, WARM + number), None, {})
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / TRIED


@pytest.mark.parametrize("kind", ADAPTERS)
def test_nothing_of_a_hostile_input_is_kept(kind):
    assert kept(kind) < KEPT_AT_MOST


def test_an_adapter_that_keeps_what_it_gets_is_found(monkeypatch):
    monkeypatch.setitem(ADAPTERS, "hoarding", Hoarding())
    assert kept("hoarding") > KEPT_AT_MOST


class Hoarding:
    """Remembers every input."""

    kind = "hoarding"

    def __init__(self):
        self.seen = {}

    def translate(self, body, *_):
        return self.seen.setdefault(body, body)
