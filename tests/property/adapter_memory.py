"""What adapters keep of thousands of damaged inputs: prints the bytes of each by its kind, and of one that keeps what it gets.

A process of its own: what other tests left running allocates too.
"""

import gc
import json
import random
import sys
import tracemalloc

from adapters.port import Adapter
from adapters.registry import ADAPTERS
from tests.property import test_adapters as known
from tests.property.effort import TIMES

SAMPLES = (
    *(known.EVENTS, known.BIRTHS, known.CONTACTS, known.DOCUMENTS, known.PLANS, known.REFERRALS),
    *(known.STAYS, known.WARDS, known.SIGNALS, known.VISITS),
)
BODIES = [body if isinstance(body, bytes) else json.dumps(body).encode() for bodies in SAMPLES for body in bodies]
WARM, TRIED = 60, 60 * TIMES


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


def kept(adapter: Adapter) -> float:
    """Bytes that stay for each input, once everything is warm; the least of some times: a leak is one each time."""
    return min(kept_of(adapter, random.Random(seed)) for seed in range(11, 14))


def kept_of(adapter: Adapter, lot: random.Random) -> float:
    """The same of one time."""
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


class Hoarding:
    """Remembers every input."""

    def __init__(self):
        self.seen = {}

    def translate(self, body, *_):
        return self.seen.setdefault(body, body)


if __name__ == "__main__":
    adapters = {**{kind: ADAPTERS[kind] for kind in ADAPTERS}, "hoarding": Hoarding()}
    sys.stdout.write(json.dumps({kind: kept(adapter) for kind, adapter in adapters.items()}))
