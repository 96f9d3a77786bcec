"""What is done when the database goes away: tried again where nothing can have been kept, told to callers at once while it lasts.

While it is away one thread knocks; everybody else is refused without a wait, so that no caller waits behind another.
"""

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from broker.errors import Away, Misconfigured, Unsure

T = TypeVar("T")

RECONNECT_SECONDS: Final = 3.0
"""How long a caller is kept waiting while connections are refused: a server that is started again, or replaced, takes about that."""

KNOCK_SECONDS: Final = 0.25
"""Wait between two looks whether it is back."""

_GOING: Final = frozenset({"57P01", "57P02", "57P03", "53300", "25P03", "25006"})
"""Ended by an administrator, by a crash, still starting, too many connections, idle for too long, read-only: a new one may do."""


class Outage:
    """Whether the database is away, for all threads of one store."""

    def __init__(self, knock: Callable[[], object], renew: Callable[[], object]) -> None:
        """`knock` asks the database anything and raises while it does not answer; `renew` lets go of all connections nobody uses."""
        self._knock = knock
        self._renew = renew
        self._losses = 0
        self._away = threading.Event()
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._knocking: threading.Thread | None = None

    def through(self, once: Callable[[], T], *, repeatable: bool) -> T:
        """`once`, and again on a new connection while the old was lost before its commit.

        Args:
            once: one transaction.
            repeatable: it may also be run again when its commit may have happened, because it finds what it did itself.

        Raises:
            Away: the database is away, or was lost and did not come back in time.
            Unsure: the same, during the commit.
        """
        give_up, wait = monotonic() + RECONNECT_SECONDS, 0.02
        while True:
            if self._away.is_set():
                raise Away
            losses = self._losses
            try:
                return once()
            except (DBAPIError, Unsure) as error:
                if not is_lost(error):
                    raise
                self._lost_after(losses)
                if isinstance(error, Unsure) and not repeatable:
                    raise
                if is_silent(error) or monotonic() + wait > give_up:
                    self._begin()
                    raise _told(error) from error
            sleep(wait)
            wait = min(2 * wait, KNOCK_SECONDS)

    def close(self) -> None:
        """Knock no more."""
        self._closed.set()
        with self._starting:
            if self._knocking is not None:
                self._knocking.join()

    def _lost_after(self, losses: int) -> None:
        """Where one connection is lost most are: none of them costs another try. Once, however many callers notice it."""
        with self._starting:
            if losses == self._losses:
                self._losses += 1
                self._renew()

    def _begin(self) -> None:
        with self._starting:
            if self._away.is_set() or self._closed.is_set():
                return
            self._away.set()
            self._knocking = threading.Thread(target=self._until_back, name="baton-knock", daemon=True)
            self._knocking.start()

    def _until_back(self) -> None:
        while not self._closed.wait(KNOCK_SECONDS):
            try:
                self._knock()
            except (SQLAlchemyError, Misconfigured):
                continue
            break
        self._away.clear()


def is_lost(error: BaseException) -> bool:
    """Whether an error means that the connection, not the statement, failed."""
    if isinstance(error, Unsure):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # SQLite's have none; psycopg's have none when it was never connected, or the server said nothing
        return isinstance(error, OperationalError) and hasattr(error.orig, "sqlstate")
    return error.connection_invalidated or state in _GOING or state.startswith("08")


def is_silent(error: BaseException) -> bool:
    """Whether a wait ended without an answer, so that trying again would only add another."""
    from psycopg.errors import ConnectionTimeout

    from broker.storage.bounded import NoAnswer

    cause = error.__cause__ if isinstance(error, Unsure) else error
    return isinstance(getattr(cause, "orig", None), NoAnswer | ConnectionTimeout)


def _told(error: BaseException) -> Away:
    return error if isinstance(error, Unsure) else Away()
