"""Check the sealed audit, in the database or in an export; what is wrong in it is found by `domain.audit_check`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session

from broker.domain.audit_check import LATE, Batch, Checked, Fault, Kind, check, summary
from broker.domain.merkle import consistency, is_consistent
from broker.domain.sealing import ConsistencyProof, Head
from broker.errors import Invalid
from broker.storage import audit_log, signing
from broker.storage.audit_file import Reading
from broker.storage.audit_log import Tail

MOST = 20
"""Faults that are kept to be shown; of the others only their number."""

ALL_RIGHT = timedelta()
"""No clock is known to have been behind."""

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


def of_database(
    session: Session,
    keys: Keys,
    kept: Head | None = None,
    watch: Watch | None = None,
    *,
    behind: timedelta = ALL_RIGHT,
) -> Verified:
    """Check all that is sealed, as it is at one moment. `behind`: how far a process's clock is known to have been behind."""
    audit_log.one_snapshot(session)
    steps = _checked(audit_log.batches(session), keys, kept, behind=behind)
    last, count = summary(watch(steps, audit_log.sealed_count(session)) if watch else steps, MOST)
    stray = [_stray(id_) for id_ in audit_log.unplaced(session, limit=MOST)]
    return Verified(
        size=last.size,
        head=last.head,
        faults=[*last.faults, *stray][:MOST],
        fault_count=count + len(stray),
        tail=audit_log.tail(session),
    )


def of_export(reading: Reading, keys: Keys, kept: Head | None = None, *, behind: timedelta = ALL_RIGHT) -> Verified:
    """The same of an export, from the head it begins behind."""
    last, count = summary(_checked(reading.batches(), keys, kept, reading.base, behind=behind), MOST)
    return Verified(size=last.size, head=last.head, faults=last.faults, fault_count=count)


def prove(session: Session, kept: Head) -> ConsistencyProof:
    """That the newest head's log begins with the whole log of `kept`. Invalid when it does not, or leaves are gone."""
    audit_log.one_snapshot(session)
    last = audit_log.last_head(session)
    if last is None or not 0 < kept.size <= last.size:
        raise Invalid("The log is shorter than the head that was kept: its end was cut off.")
    path = [audit_log.subtree(session, start, end) for start, end in consistency(kept.size, last.size)]
    whole = [step for step in path if step is not None]
    if len(whole) != len(path) or not is_consistent(kept.size, kept.root, last.size, last.root, whole):
        raise Invalid("The log is not the one of the head that was kept: see `baton audit verify --head`.")
    return ConsistencyProof(kept, last, whole)


def of_proof(given: ConsistencyProof, keys: Keys) -> str | None:
    """What is wrong with a proof; None when it proves what it says."""
    for name, head in (("first", given.first), ("second", given.second)):
        if not signing.is_signed(head, keys):
            return f"The {name} head is not signed with a key that is known."
    first, second = given.first, given.second
    if not is_consistent(first.size, first.root, second.size, second.root, given.path):
        return "The log of the second head does not begin with the log of the first: it was rewritten."
    return None


def _checked(
    batches: Iterable[Batch], keys: Keys, kept: Head | None, base: Head | None = None, *, behind: timedelta
) -> Iterator[Checked]:
    late = LATE + behind
    return check(batches, signed=lambda head: signing.is_signed(head, keys), base=base, kept=kept, late=late)


def _stray(entry_id: str) -> Fault:
    what = "counts as sealed and has no place in the log: it was added, or its place was taken away"
    return Fault(kind=Kind.ADDED, what=f"entry {entry_id} {what}")
