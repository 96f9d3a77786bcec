"""K9: the clock is an hour or a day off, goes backwards during a lease, or passes the nights on which clocks change; nothing is lost, early or stuck."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import col

from broker.clock import utc_now
from broker.storage import audit_log
from broker.storage.store import Store
from broker.storage.tables import Notification
from tests.faults import launch, town
from tests.faults.checker import opened
from tests.faults.receivers import Receivers
from tests.faults.running import Run, running
from tests.faults.size import record, size
from tests.faults.town import SENDER, Town

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = [HOUR, timedelta(), -HOUR, timedelta(), DAY, timedelta(), -DAY, timedelta()]
LONDON = ZoneInfo("Europe/London")
NIGHT_SECONDS = size(6, 60)
SEALED_WITHIN = 30  # seconds; a bound on waiting


class WrongClock:
    """A clock that is wrong by what its file says; shared by every process that is given the file."""

    def __init__(self, file: Path) -> None:
        """Right at first."""
        self.file = file
        self.is_wrong_by(timedelta())

    @property
    def settings(self) -> dict[str, str]:
        """For the processes."""
        return {launch.CLOCK: str(self.file)}

    def is_wrong_by(self, offset: timedelta) -> None:
        """From now on; written whole, because it is read at any moment."""
        self.offset = offset
        new = self.file.with_suffix(".new")
        new.write_text(str(offset.total_seconds()))
        new.replace(self.file)

    def __call__(self) -> datetime:
        """What the processes take for the time."""
        return utc_now() + self.offset


@pytest.fixture
def clock(tmp_path: Path) -> WrongClock:
    """One that jumps when a test says so."""
    return WrongClock(tmp_path / "offset")


def climbed_early(store: Store) -> list[str]:
    """Tasks that climbed before they were due, by the clock of the broker; what comes before the ladder is no rung."""
    early = sa.text("SELECT task_id FROM escalation WHERE at < due_at AND level > 0")
    return store.read(lambda session: list(session.execute(early).scalars()))


def until_sealed(town: Town, clock: WrongClock) -> None:
    """Wait until the sealer has come by at the time that the clock shows: a head of that time is what says later that the clock was put back."""
    give_up = time.monotonic() + SEALED_WITHIN
    with opened(town) as store:
        while (head := store.read(audit_log.last_head)) is None or abs(head.at - clock()) > HOUR / 2:
            assert time.monotonic() < give_up, "the audit is not sealed"
            time.sleep(0.1)


def test_a_clock_that_jumps_under_load(on_postgres: Town, hooks: Receivers, tmp_path: Path, clock: WrongClock) -> None:
    with running(on_postgres, hooks, tmp_path, settings=clock.settings, clock=clock) as run:
        for offset in JUMPS:
            clock.is_wrong_by(offset)
            run.more(size(8, 500))
            until_sealed(on_postgres, clock)
        # What was under way at a jump may have been written by the clock of before it.
        figures = run.finish(behind=max(JUMPS) - min(JUMPS))
    with opened(on_postgres) as store:
        assert climbed_early(store) == []
    record("K9", "jumps", figures, jumps=len(JUMPS))


def test_workers_whose_clocks_differ_by_an_hour(
    on_postgres: Town, hooks: Receivers, tmp_path: Path, clock: WrongClock
) -> None:
    clock.is_wrong_by(HOUR)
    with running(on_postgres, hooks, tmp_path, workers=2) as run:
        run.workers[1].kill()
        run.workers[1].settings |= clock.settings
        run.more(size(40, 2_000))
        figures = run.finish()
    record("K9", "clocks-differ", figures)


def test_a_worker_that_dies_with_a_lease_of_tomorrow_holds_it_no_longer_than_any(
    on_postgres: Town, hooks: Receivers, tmp_path: Path, clock: WrongClock
) -> None:
    with running(on_postgres, hooks, tmp_path, settings=clock.settings, clock=clock) as run:
        run.keeper.stop()
        [worker] = run.workers
        worker.kill()
        clock.is_wrong_by(DAY)
        worker.start(**{launch.AT: "claimed 1"})
        run.more(1)
        worker.wait(60)
        assert worker.was_killed
        clock.is_wrong_by(timedelta())
        worker.start()
        run.more(5)
        figures = run.finish()
    record("K9", "lease-of-tomorrow", figures)


def nights() -> Iterator[datetime]:
    """The last two moments at which the clocks of this country changed."""
    moment = utc_now().replace(minute=0, second=0, microsecond=0)
    found = 0
    while found < 2:
        before = moment - HOUR
        if moment.astimezone(LONDON).utcoffset() != before.astimezone(LONDON).utcoffset():
            found += 1
            yield moment
        moment = before


@pytest.mark.parametrize("changed", list(nights()), ids=["last", "last-but-one"])
def test_the_nights_on_which_clocks_change(
    changed: datetime, hooks: Receivers, tmp_path: Path, clock: WrongClock
) -> None:
    clock.is_wrong_by(changed - DAY - utc_now())
    then = town.build(f"sqlite:///{tmp_path}/then.db", hooks.url, clock)
    settings = clock.settings | {"TZ": "Europe/London"}
    with running(then, hooks, tmp_path, workers=0, settings=settings, clock=clock) as run:
        clock.is_wrong_by(changed - timedelta(seconds=NIGHT_SECONDS / 2) - utc_now())
        while clock() < changed + timedelta(seconds=NIGHT_SECONDS / 2):
            time.sleep(0.1)
        figures = run.finish()
        in_order_of_acceptance(run)
    with opened(then) as store:
        assert climbed_early(store) == []
    record("K9", f"night-{changed:%Y-%m-%d}", figures)


def in_order_of_acceptance(run: Run) -> None:
    """What was accepted earlier was received earlier, by what the broker noted."""
    with opened(run.town) as store:
        noted = store.read(
            lambda session: dict(
                session.execute(
                    sa.select(col(Notification.message_id), col(Notification.received_at)).where(
                        col(Notification.sender_team_id) == SENDER
                    )
                ).all()
            )
        )
    accepted = sorted(run.accepted, key=lambda one: one.accepted or 0.0)
    for earlier, later in zip(accepted, accepted[20:], strict=False):  # what is under way together has no order
        assert noted[earlier.id] <= noted[later.id]
