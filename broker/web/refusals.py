"""Refusals leave an audit entry: who was refused what, or could not sign in, by the form of the address; of what stood in it only an id of ours."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from fastapi import Request
from prometheus_client import Counter
from sqlmodel import Session

from broker import log
from broker.domain import rate
from broker.domain.caller import Caller
from broker.domain.rate import Rate
from broker.runtime import Runtime
from broker.storage import audit
from broker.storage.audit import Entry
from broker.web import peers
from broker.web.shares import elapsed

UNWRITTEN = Counter(
    "baton_refusals_unwritten", "Callers without a valid token whose refusal only the next entry counts"
)

NOTED: Final = frozenset({401, 403, 404})
UNKNOWN: Final = Rate(interval=timedelta(milliseconds=100), burst=100)
"""Entries about callers whom nobody knows: whoever likes can call, and an entry is a write."""

KINDS: Final = {
    "task_id": "task",
    "flag_id": "flag",
    "event_id": "audit",
    "message_id": "delivery",
    "household_id": "household",
    "id_": "task",
    "handover_id": "task",
    "delivery_id": "delivery",
    "quarantined_id": "quarantined",
    "refused_id": "quarantined",
}
"""What an id in an address is of, by its name there."""
_OURS: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Refusals:
    """Writes them down; of unknown callers as many as `UNKNOWN` has it, and how many more there were."""

    def __init__(self) -> None:
        """Nobody was refused yet."""
        self._arrival: datetime | None = None
        self._more = 0
        self._lock = Lock()

    def note(self, request: Request, status: int) -> None:
        """One refusal. A database that is away costs the entry: nothing was disclosed, and whoever called has the answer they would have had."""
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None and status == 404:
            return  # an address that nobody has; whoever asks for something of ours is known first
        kind, id_ = _asked(request)
        self._write(
            request,
            Entry(
                action="refuse" if status == 401 else "deny",
                entity=kind,
                entity_id=id_,
                caller=caller,
                outcome="failure",
                detail={"method": request.method, "route": _route(request), "status": status},
            ),
        )

    def sign_in(self, request: Request, because: str) -> None:
        """One sign-in of a person that failed; `because` is a sentence of ours and names nobody."""
        detail = {"because": because}
        self._write(
            request, Entry(action="sign-in", entity="account", entity_id=None, outcome="failure", detail=detail)
        )

    def _write(self, request: Request, entry: Entry) -> None:
        """Of callers whom nobody knows in their turn."""
        more = self._turn() if entry.caller is None else 0
        if more is None:
            UNWRITTEN.inc()
            return
        running: Runtime = request.app.state.runtime
        known = {audit.ADDRESS: peers.caller_at(request, running.settings), "more": more}
        written = replace(entry, detail={**entry.detail, **{name: said for name, said in known.items() if said}})

        def work(session: Session) -> None:
            audit.record_each(session, [written], now=running.now())

        try:
            running.store.write(work)
        except Exception as error:  # noqa: BLE001 - see above
            log.get(__name__).warning("refusal not written", error=error)

    def _turn(self) -> int | None:
        """None when this one is only counted; else how many were only counted before it."""
        with self._lock:
            now = elapsed()
            if not rate.allowed(UNKNOWN, self._arrival, now):
                self._more += 1
                return None
            self._arrival = rate.spent(UNKNOWN, self._arrival, now, 1)
            more, self._more = self._more, 0
            return more


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "none"))


def _asked(request: Request) -> tuple[str, str | None]:
    """What was asked for, when that is said by an id of the form that ours have: no other text of a caller is kept."""
    for name, value in request.path_params.items():
        if name in KINDS and _OURS.fullmatch(str(value)):
            return KINDS[name], str(value)
    return "call", None
