"""Which key-encryption key is active, and how far rows have been brought over to it (`keyepoch`); the keys are in `keyring`."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select, update

from broker.errors import Misconfigured
from broker.settings import Settings
from broker.storage import directory
from broker.storage.codec import AesCodec, Codec
from broker.storage.key_sources import source
from broker.storage.keyring import DERIVED, Keyring
from broker.storage.tables import KeyEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A key that was made active, as the database knows it."""

    number: int
    fingerprint: bytes
    activated_at: datetime
    done_at: datetime | None
    progress: Mapping[str, Any]
    unreadable: int
    forgotten_at: datetime | None


def codec_of(settings: Settings) -> AesCodec:
    """A codec with the keys that the settings name. Misconfigured without a secret key."""
    secret = settings.key()
    return AesCodec(secret, Keyring(secret, source(settings)))


def active(session: Session) -> int:
    """The epoch under which is sealed; the derived one while none was ever made active."""
    found = session.execute(select(func.max(KeyEpoch.number))).scalar()
    return DERIVED if found is None else int(found)


def follow(session: Session, codec: Codec) -> None:
    """Have the codec seal under the active epoch. Misconfigured when its key is not here, or another stands under its number."""
    epoch = active(session)
    codec.follow(epoch)
    if isinstance(codec, AesCodec) and epoch != DERIVED:
        kept = session.get_one(KeyEpoch, epoch).fingerprint
        if not hmac.compare_digest(kept, codec.keys.check(epoch) or b""):
            raise Misconfigured(
                f"The key of epoch {epoch} here is not the one that rows were sealed with: put the right one back."
            )


def listed(session: Session) -> Sequence[Epoch]:
    """All there were, the oldest first."""
    rows = session.exec(select(KeyEpoch).order_by(col(KeyEpoch.number)))
    return [
        Epoch(
            number=row.number,
            fingerprint=row.fingerprint,
            activated_at=row.activated_at,
            done_at=row.done_at,
            progress=dict(row.progress),
            unreadable=row.unreadable,
            forgotten_at=row.forgotten_at,
        )
        for row in rows
    ]


def activate(session: Session, codec: AesCodec, epoch: int, now: datetime) -> None:
    """Make an epoch the one under which is sealed, in every process from its next step on: each reads the directory's revision first."""
    fingerprint = codec.keys.check(epoch)
    if fingerprint is None:
        raise Misconfigured(f"There is no key of epoch {epoch} here.")
    session.add(KeyEpoch(number=epoch, fingerprint=fingerprint, activated_at=now, progress={}))
    directory.touch(session)
    session.flush()


def progressed(session: Session, epoch: int, progress: Mapping[str, Any], unreadable: int) -> None:
    """Note how far a pass has come, in the transaction of its batch."""
    values = {"progress": dict(progress), "unreadable": unreadable}
    session.execute(update(KeyEpoch).where(col(KeyEpoch.number) == epoch).values(**values))


def done(session: Session, epoch: int, now: datetime) -> None:
    """Note that every row that can be opened is under it."""
    session.execute(update(KeyEpoch).where(col(KeyEpoch.number) == epoch).values(done_at=now))


def forgotten(session: Session, epoch: int, now: datetime) -> None:
    """Note that its key was destroyed."""
    session.execute(update(KeyEpoch).where(col(KeyEpoch.number) == epoch).values(forgotten_at=now))
