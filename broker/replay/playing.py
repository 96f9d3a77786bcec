"""From a scenario file to a report: a database, a run, and a verdict on each expect line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event
from sqlmodel import Session

from broker.errors import Misconfigured
from broker.replay.judge import Judge, Verdict
from broker.replay.reading import Story
from broker.replay.record import SimulatedClock
from broker.replay.report import Report
from broker.replay.run import Due, Player
from broker.replay.timeline import dated
from broker.runtime import start
from broker.settings import Settings
from broker.storage import directory, migrate, task_search
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import Scope

Progress = Callable[[int, int, str], None]
"""Called after each step: how many are done, of how many, and the day."""


def silent(_done: int, _of: int, _day: str) -> None:
    """Nobody watches."""


def replay(story: Story, settings: Settings, progress: Progress = silent, *, lasting: bool = True) -> Report:
    """Replay in the database of the settings, which must be empty; Misconfigured when it is not.

    Unless it is to be `lasting`, nothing of it survives a power cut, which makes it quicker.
    """
    steps = dated(story.scenario)
    clock = SimulatedClock(steps[0].at)
    runtime = start(settings, clock=clock)
    if runtime.store.embedded and not lasting:
        event.listen(runtime.store.engine, "connect", _careless)
    try:
        migrate.upgrade(runtime.store.engine)
        if runtime.store.read(directory.revision):
            raise Misconfigured("A story is replayed in an empty database: name one that holds nothing yet.")
        return _run(Player(story, runtime, clock), progress)
    finally:
        runtime.store.close()


def _careless(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
    connection.execute("PRAGMA synchronous=OFF")


@contextmanager
def temporary() -> Iterator[str]:
    """The address of a database that is there only as long as the block runs."""
    with TemporaryDirectory(prefix="baton-replay-") as folder:
        yield f"sqlite:///{Path(folder) / 'story.db'}"


def _run(player: Player, progress: Progress) -> Report:
    verdicts: list[Verdict] = []
    store = player.runtime.store

    def judge(due: Due) -> None:
        def look(session: Session) -> Verdict:
            ctx = player.runtime.context(session)
            return Judge(session=session, ctx=ctx, record=player.record, now=player.clock.time).judge(due)

        verdicts.append(store.read(look))

    player.settle_in()
    for done, one in enumerate(player.play(judge), start=1):
        progress(done, len(player.steps), f"{one.at:%Y-%m-%d}")
    everything = Scope(team=None, everything=True)
    return Report(
        scenario=player.story.scenario,
        start=player.steps[0].at,
        end=player.clock.time,
        messages=len(player.record.heard),
        tasks=store.read(lambda session: task_search.count(session, TaskQuery(), everything)),
        verdicts=verdicts,
    )
