"""One thing that came by a gateway, taken: decided on or kept in quarantine, in either case on disk when this returns.

What HTTP would answer with a refusal that its caller mends has here nobody who waits for it, so it is kept: only what may
be better in a moment is raised, and whoever sent it must then not be told that we have it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import exc as database

from adapters.registry import ADAPTERS
from broker import log
from broker.domain.caller import Caller
from broker.errors import Away, Conflict, Forbidden, Misconfigured, TooEarly
from broker.gateway_file import Entry
from broker.runtime import Runtime
from broker.storage.store import Busy
from broker.workflow import arrive, intake
from broker.workflow.intake import Incoming, Standing
from schemas.problem import Problem

LATER = (
    Away,
    Busy,
    Forbidden,  # the team is not in the directory (yet)
    Misconfigured,
    TooEarly,
    database.OperationalError,
    database.InterfaceError,
    database.TimeoutError,
)
"""Nothing was kept, and the same will be taken later."""

REFUSED: Final = ("unreadable", "unroutable")
"""Standings of what is in quarantine."""

ADAPTERS.ready()

_log = log.get("broker.gateway")


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One thing as a wire brought it."""

    body: bytes
    content_type: str
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(frozen=True, slots=True)
class Taken:
    """It is on disk."""

    standing: Standing
    problems: tuple[Problem, ...]
    """Where and why, of what is in quarantine; warnings, of what is not. Never a value."""


class Taking:
    """Takes for one gateway."""

    def __init__(self, runtime: Runtime, entry: Entry, way: str) -> None:
        """`way` stands in `via` of what no adapter is to read."""
        self._runtime = runtime
        self._name = entry.name
        self._way = way
        self._caller = Caller(client=f"gateway:{entry.name}", team=entry.team)

    def event(self, kind: str, came: Came) -> Taken:
        """A native event, read by the adapter of that kind. Raises what is in `LATER`."""
        return self._kept(came, kind, lambda: self._read(kind, came))

    def unread(self, came: Came, problem: Problem, *, digest: str | None = None, via: str | None = None) -> Taken:
        """What no adapter is to read: kept in quarantine, with a data-quality task. Raises what is in `LATER`.

        `via`: what may be read once this way is known; without it, nothing will.
        """
        via = via or self._way
        return self._kept(came, via, lambda: _aside(came, via, problem, digest))

    def _read(self, kind: str, came: Came) -> Incoming:
        return intake.read_native(ADAPTERS[kind], came.body, came.content_type, came.headers, self._runtime.now())

    def _kept(self, came: Came, via: str, read: Callable[[], Incoming]) -> Taken:
        try:
            taken = self._arrived(read())
        except LATER:
            raise
        except Conflict as error:
            # Not by its adapter: read again, it would be taken for the message whose identity it has.
            taken = self._arrived(_aside(came, self._way, Problem("", str(error), "duplicate")))
        except Exception as error:  # noqa: BLE001 - one poisoned message must not hold up those behind it, and is not lost
            _log.error("a message could not be handled", gateway=self._name, error=error)
            taken = self._arrived(_aside(came, via, _OURS, _ours(came.body)))
        _log.info("taken", gateway=self._name, standing=taken.standing)
        return taken

    def _arrived(self, incoming: Incoming) -> Taken:
        running = self._runtime
        answer = arrive.arrive(running.store, running.context, incoming, self._caller, running.now)
        return Taken(answer.standing, incoming.problems)


_OURS = Problem("", "could not be handled here, by a fault of ours that has been logged", "exception")


def _aside(came: Came, via: str, problem: Problem, digest: str | None = None) -> Incoming:
    return intake.set_aside(came.body, came.content_type, via, problem, digest=digest)


def _ours(body: bytes) -> str:
    """Told apart from the same bytes refused for what they say."""
    return sha256(b"fault of ours\0" + body).hexdigest()
