"""Check the sealed audit, in the database or in an export; what is wrong in it is found by `domain.audit_check`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from broker.domain.audit_check import Batch, Checked, Fault, Kind, check, summary
from broker.domain.sealing import Head
from broker.storage import audit_log, signing
from broker.storage.audit_file import Reading
from broker.storage.audit_log import Tail

MOST = 20
"""Faults that are kept to be shown; of the others only their number."""

Keys = Mapping[str, bytes]
"""Public keys that may have signed, by their ids."""

Watch = Callable[[Iterator[Checked], int], Iterable[Checked]]
"""Passes the steps of a check on, and may show how far it is; the number is that of the entries in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check came to."""

    size: int
    head: Head | None
    faults: Sequence[Fault]
    """The first of them, by position."""
    fault_count: int
    tail: Tail | None = None
    """What waits for the sealer and was not judged; an export has none."""


def of_database(session: Session, keys: Keys, kept: Head | None = None, watch: Watch | None = None) -> Verified:
    """Check all that is sealed, as it is at one moment."""
    audit_log.one_snapshot(session)
    steps = _checked(audit_log.batches(session), keys, kept)
    last, count = summary(watch(steps, audit_log.sealed_count(session)) if watch else steps, MOST)
    stray = [_stray(id_) for id_ in audit_log.unplaced(session, limit=MOST)]
    return Verified(
        size=last.size,
        head=last.head,
        faults=[*last.faults, *stray][:MOST],
        fault_count=count + len(stray),
        tail=audit_log.tail(session),
    )


def of_export(reading: Reading, keys: Keys, kept: Head | None = None) -> Verified:
    """Check an export, from the head it begins behind."""
    last, count = summary(_checked(reading.batches(), keys, kept, reading.base), MOST)
    return Verified(size=last.size, head=last.head, faults=last.faults, fault_count=count)


def _checked(batches: Iterable[Batch], keys: Keys, kept: Head | None, base: Head | None = None) -> Iterator[Checked]:
    return check(batches, signed=lambda head: signing.is_signed(head, keys), base=base, kept=kept)


def _stray(entry_id: str) -> Fault:
    what = "counts as sealed and has no place in the log: it was added, or its place was taken away"
    return Fault(kind=Kind.ADDED, what=f"entry {entry_id} {what}")
