"""What benches of single questions share: each asked in a transaction that is taken back, so that every try finds the same, and told by half and 99 of 100."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from broker.storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One question: milliseconds of a transaction that asks it, in half of the tries and in 99 of 100."""

    question: str
    p50: float
    p99: float


def timed(question: str, milliseconds: Sequence[float]) -> Timed:
    """Its tries, summed up."""
    ordered = sorted(milliseconds)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99))
    return Timed(question=question, p50=round(p50, 2), p99=round(p99, 2))


def taken_back(store: Store, work: Callable[[Session], object]) -> None:
    """Do it in a transaction that leaves nothing."""

    def once(session: Session) -> None:
        work(session)
        raise _TakenBack

    try:
        store.write(once)
    except _TakenBack:
        return


class _TakenBack(Exception):
    """So that every try finds the same."""
