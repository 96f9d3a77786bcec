"""What every process does before it serves, works or takes in: the newest schema, what must not be so here, the key in use."""

from broker import log, unsafe
from broker.runtime import Runtime
from broker.storage import epochs, migrate, second_lock
from broker.storage.store import Store

_log = log.get(__name__)


def ready(runtime: Runtime) -> None:
    """Make the database ready for this process. Misconfigured where a demonstration and real families would meet."""
    migrate.upgrade(runtime.store.engine)
    _warn_of_what_is_off(runtime.store)
    unsafe.refuse_demonstration(runtime.store, runtime.settings)
    runtime.store.read(lambda session: epochs.follow(session, runtime.store.codec))


def _warn_of_what_is_off(store: Store) -> None:
    """One line where PostgreSQL does not hold by itself what a team may read: the program goes on with its own lock alone."""
    if not store.embedded and not second_lock.is_on(store.engine):
        _log.warning("second lock is off", mend="docs/operations.md, then baton migrate")
