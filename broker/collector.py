"""How often the garbage collector looks: rarely, because next to nothing of what a command or a step makes refers to itself."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
"""Of a batch of deliveries some thousands live for milliseconds; at Python's usual 700 they are looked through dozens of times."""


def calm() -> None:
    """Have it look less often: a sixth of a worker's processor time, a quarter of composing's and of the imports at the start."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)


def spare_what_is_there() -> None:
    """Never have it look at what was imported. Once in a process: what is there later is not all there to stay."""
    if not gc.get_freeze_count():
        gc.freeze()


def leave() -> None:
    """Have it look at nothing when the process ends, which Python has it do otherwise: a twentieth of a second, and all is given back anyway."""
    gc.freeze()


@contextmanager
def resting() -> Iterator[None]:
    """A block in which it does not look at all: of a command that ends before it matters what it would have found."""
    working = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if working:
            gc.enable()
