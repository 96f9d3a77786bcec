"""`keys`: a new key-encryption key made active, all rows brought over to it beside the running work, an old one destroyed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from broker.errors import Conflict, Misconfigured
from broker.storage import audit, epochs, rekeying
from broker.storage.codec import AesCodec
from broker.storage.epochs import Epoch
from broker.storage.keyring import DERIVED
from broker.storage.store import Store

Progress = Callable[[int, int], None]
"""Told after each batch: batches so far, and rows that were left when the pass began."""
PASSES = 5
"""What other processes still wrote under the old key while they had not heard of the new one is found by a second pass; more means one that never hears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation came to."""

    epoch: int
    unreadable: int
    """Rows that could not be opened and are as they were."""


def rotate(store: Store, now: datetime, progress: Progress = lambda _done, _left: None) -> Rotated:
    """Go on with a rotation that did not end, else begin one: seal under the newest key there is, made if need be, and bring all rows over."""
    codec = _codec(store)
    epoch = _begun(store, codec, now)
    for _ in range(PASSES):
        unreadable = _pass(store, codec, progress)
        if store.read(partial(rekeying.left, codec=codec)) == unreadable:
            store.write(partial(_ended, epoch=epoch, now=now, unreadable=unreadable))
            return Rotated(epoch=epoch, unreadable=unreadable)
        store.write(lambda session: epochs.progressed(session, epoch, {}, 0))
    raise Conflict(
        "Rows are still written under an old key: see that every process has the new one, then rotate again."
    )


def forget(store: Store, epoch: int, now: datetime) -> None:
    """Destroy a key that nothing needs any more. Conflict while it is active or rows are sealed under it."""
    codec = _codec(store)
    if epoch == store.read(epochs.active):
        raise Conflict(f"Epoch {epoch} is active: rotate first.")
    needed = store.read(rekeying.counted).get(epoch, 0)
    if needed:
        raise Conflict(
            f"{needed} rows are sealed under epoch {epoch}: rotate first, and see to those that cannot be read."
        )
    if epoch == DERIVED:
        raise Conflict("Epoch 0 is derived from BATON_SECRET_KEY, which is needed for lookups and signatures.")
    codec.keys.forget(epoch)

    def noted(session: Session) -> None:
        epochs.forgotten(session, epoch, now)
        audit.record(
            session, action="administer", entity="key", entity_id=str(epoch), now=now, detail={"did": "forget"}
        )

    store.write(noted)


def _begun(store: Store, codec: AesCodec, now: datetime) -> int:
    """The epoch to bring rows over to, active in the database and here."""
    listed = store.read(epochs.listed)
    current: Epoch | None = listed[-1] if listed else None
    number = current.number if current else DERIVED
    if current is not None and current.done_at is None:
        store.read(partial(epochs.follow, codec=codec))
        return number
    newest = max(codec.keys.read(), default=DERIVED)
    if newest <= number:
        newest = codec.keys.source.add()
    if newest <= number:
        raise Misconfigured(f"The key source has no epoch above {number}, which is active.")

    def activated(session: Session) -> None:
        epochs.activate(session, codec, newest, now)
        audit.record(
            session, action="administer", entity="key", entity_id=str(newest), now=now, detail={"did": "activate"}
        )

    store.write(activated)
    store.read(partial(epochs.follow, codec=codec))
    return newest


def _pass(store: Store, codec: AesCodec, progress: Progress) -> int:
    """Once through all places from where the last pass stood; how many rows could not be opened."""
    left, done = store.read(partial(rekeying.left, codec=codec)), 0

    def step(session: Session) -> tuple[bool, int]:
        at = epochs.listed(session)[-1]
        return rekeying.batch(session, codec, at), at.unreadable

    while True:
        more, unreadable = store.write(step)
        if not more:
            return unreadable
        done += 1
        progress(done, left)


def _ended(session: Session, epoch: int, now: datetime, unreadable: int) -> None:
    epochs.done(session, epoch, now)
    detail = {"did": "rotate", "unreadable": unreadable}
    audit.record(session, action="administer", entity="key", entity_id=str(epoch), now=now, detail=detail)


def _codec(store: Store) -> AesCodec:
    if not isinstance(store.codec, AesCodec):
        raise Misconfigured("BATON_SECRET_KEY is not set, and this needs it.")
    return store.codec
