"""K12: a receiver that answers 200 and does nothing, and one that is down for five days; the first is escalated in time, the second never given up."""

import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col

from broker.domain import clocks, retry
from broker.domain.states import DeliveryState
from broker.storage import bank_holidays
from broker.storage.deliveries import OPEN
from broker.storage.store import Store
from broker.storage.tables import Attempt, Delivery, Escalation, Task
from schemas.codes import TaskCode, TaskStatus
from tests.faults import town
from tests.faults.checker import opened
from tests.faults.processes import free_port
from tests.faults.receivers import Receivers, receivers
from tests.faults.running import running
from tests.faults.size import record
from tests.faults.test_k09_clock import WrongClock
from tests.faults.town import PUSHED, Town

ESCALATED_WITHIN = 60.0
"""Seconds after its deadline."""
DAYS = 5
A_DAY_AND_ITS_SPREAD = timedelta(days=1) * (1 + retry.SPREAD)
SOON = 60.0


def until(store: Store, holds, seconds: float = SOON) -> float:
    """Seconds until something is so in the database."""
    began = time.monotonic()
    while not store.read(holds):
        assert time.monotonic() - began < seconds, "it did not come about"
        time.sleep(0.1)
    return time.monotonic() - began


def test_a_receiver_that_takes_everything_and_does_nothing_is_escalated_in_time(
    on_postgres: Town, hooks: Receivers, tmp_path: Path
) -> None:
    clock = WrongClock(tmp_path / "offset")
    with (
        running(on_postgres, hooks, tmp_path, settings=clock.settings, clock=clock) as run,
        opened(on_postgres) as store,
    ):
        figures = run.finish()
        task_id, deadline, kept = store.read(_first_due)
        first = clocks.read(kept).rungs[0]
        due = first.wait.after(deadline, bank_holidays.calendar())  # of the escalation
        clock.is_wrong_by(due - timedelta(seconds=5) - (clock() - clock.offset))
        assert store.read(lambda session: session.get_one(Task, task_id).level) == 0
        waited = until(store, lambda session: session.get_one(Task, task_id).level > 0, seconds=5 + ESCALATED_WITHIN)
        told = store.read(
            lambda session: session.scalar(
                sa.select(col(Escalation.at)).where(col(Escalation.task_id) == task_id, col(Escalation.level) > 0)
            )
        )
        assert told is not None
        assert told >= due
        status = store.read(lambda session: session.get_one(Task, task_id).status)
        assert status in (TaskStatus.REQUESTED, TaskStatus.RECEIVED)  # open until somebody answers
    late = (told - due).total_seconds()
    assert late < ESCALATED_WITHIN
    record("K12", "does-nothing", figures, escalated_after_seconds=round(late, 1), watched_seconds=round(waited, 1))


def _first_due(session: Session):
    """The acknowledgement that a team with a webhook owes first."""
    owed = sa.select(col(Task.id), col(Task.due_at), col(Task.clocks)).where(
        col(Task.code) == TaskCode.ACKNOWLEDGE, col(Task.owner_team_id).in_(PUSHED), col(Task.climbs_at).is_not(None)
    )
    return session.execute(owed.order_by(col(Task.due_at)).limit(1)).one()


def test_a_receiver_that_is_down_for_five_days_gets_everything_on_the_sixth(
    on_postgres: Town, hooks: Receivers, tmp_path: Path
) -> None:
    [down, _] = PUSHED
    clock, port = WrongClock(tmp_path / "offset"), free_port()
    with opened(on_postgres) as store:
        urls = {down: f"http://127.0.0.1:{port}/takes/{down}"}
        store.write(lambda session: town.webhooks(session, store.codec, urls, clock()))
        settings = clock.settings | {
            "BATON_RETRY_LADDER": "[0.2, 0.5]",
            "BATON_DAILY_RETRY": "P1D",
            "BATON_BREAKER_LADDER": "[0.05]",
            "BATON_POLL_SECONDS": "0.05",  # a channel that fails is tried once in a look
        }
        with running(on_postgres, hooks, tmp_path, per_second=5, settings=settings, clock=clock) as run:
            figures = run.finish(away=frozenset({down}))
            waiting = store.read(lambda session: _waiting(session, down))
            assert waiting
            for day in range(1, DAYS + 1):
                tries = store.read(lambda session: _tries(session, waiting))
                clock.is_wrong_by(A_DAY_AND_ITS_SPREAD * day)
                until(store, lambda session, before=tries: _tries(session, waiting) > before)
            assert store.read(lambda session: _states(session, waiting)) <= {
                DeliveryState.PARKED,
                DeliveryState.SENDING,
            }
            with receivers(tmp_path, port) as back:
                clock.is_wrong_by(A_DAY_AND_ITS_SPREAD * (DAYS + 1))
                until(
                    store,
                    lambda session: _states(session, waiting) == {DeliveryState.DELIVERED},
                )
                assert {one.id for one in back.received()} >= waiting
    record("K12", "five-days", figures, days=DAYS, waited=len(waiting))


def _waiting(session: Session, team: str) -> frozenset[str]:
    """What a team has not."""
    open_rows = sa.select(col(Delivery.id)).where(col(Delivery.team_id) == team, col(Delivery.state).in_(OPEN))
    return frozenset(session.scalars(open_rows))


def _states(session: Session, ids: Collection[str]) -> set[DeliveryState]:
    return {
        DeliveryState(state)
        for state in session.scalars(sa.select(col(Delivery.state)).where(col(Delivery.id).in_(ids)))
    }


def _tries(session: Session, ids) -> int:
    return (
        session.scalar(sa.select(sa.func.count()).select_from(Attempt).where(col(Attempt.delivery_id).in_(list(ids))))
        or 0
    )
