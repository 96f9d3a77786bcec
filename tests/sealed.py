"""What tests of the sealed audit share: entries, the sealer, and what a check finds."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage import audit
from broker.storage.signing import Signer
from broker.storage.store import Store
from broker.workflow import seal, verify
from tests.conftest import NOON

LEASE = timedelta(seconds=30)
TEAM, SYSTEM = "swbh-midwifery", "system-of-midwives"


def noted(store: Store, *ids: str, at: datetime = NOON) -> None:
    """Entries that somebody read these tasks."""
    store.write(lambda session: note(session, *ids, at=at))


def note(session: Session, *ids: str, at: datetime = NOON) -> None:
    """The same inside a transaction."""
    caller = Caller(client=SYSTEM, team=TEAM)
    audit.record_many(session, action="read", entity="task", entity_ids=ids, now=at, caller=caller, detail={"n": 1})


def sealed(store: Store, *, now: datetime = NOON, holder: str = "one") -> None:
    """All that waits, sealed."""
    while store.write(lambda session: seal.seal(session, store.codec, holder=holder, now=now, lease=LEASE)):
        pass


def verified(store: Store, keys: verify.Keys | None = None, **more: object) -> verify.Verified:
    """The check of the database with the deployment's own key."""
    signer = Signer(store.codec)
    own = {signer.key: signer.public} if keys is None else keys
    return store.read(lambda session: verify.of_database(session, own, **more))


def faults(store: Store, **more: object) -> list[tuple[str, int | None]]:
    """What is wrong, as kind and position."""
    return [(fault.kind.value, fault.position) for fault in verified(store, **more).faults]


GUARDED = ("audit", "auditleaf", "auditseal")


def unguarded(connection: Connection) -> None:
    """What only the owner of the database can do: the triggers that keep the audit insert-only are off from here on."""
    if connection.dialect.name == "sqlite":
        of_ours = f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN {GUARDED}"
        for name in connection.execute(text(of_ours)).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    else:
        for table in GUARDED:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
