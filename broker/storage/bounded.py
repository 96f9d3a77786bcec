"""Connections to PostgreSQL on which no wait is without an end."""

from collections.abc import Generator
from time import monotonic
from typing import Any

import psycopg
from psycopg.waiting import READY_NONE


class NoAnswer(psycopg.OperationalError):
    """The server took longer than anybody waits; whether it did what it was asked for is not known."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives itself up when nothing comes for too long: a frozen server closes nothing and answers nothing."""

    answer_seconds: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 - psycopg's own generators
        """As psycopg's, which all that blocks goes through, commit and rollback too."""
        if timeout is not None or self.answer_seconds is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(_unless_silent(gen, self.answer_seconds), interval)
        except NoAnswer:
            self.close()
            raise


def _unless_silent(steps: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """The same steps of waiting. What keeps coming may take its time, as the answers to many rows in one batch do."""
    heard = monotonic()
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if ready != READY_NONE:
                heard = monotonic()
            elif monotonic() - heard > seconds:
                raise NoAnswer(f"no answer within {seconds:g} s")
            wanted = steps.send(ready)
    except StopIteration as done:
        return done.value
