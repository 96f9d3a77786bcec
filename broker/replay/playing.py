"""From a scenario file to a report: a database, a run, and a verdict on each expect line."""

from collections.abc import Callable
from typing import Final

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
from broker.storage import directory, fresh, task_search
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import Scope

Progress = Callable[[int, int, str], None]
"""Called after each step: how many are done, of how many, and the day."""


def silent(_done: int, _of: int, _day: str) -> None:
    """Nobody watches."""


def replay(story: Story, settings: Settings, progress: Progress = silent, *, lasting: bool = True) -> Report:
    """Replay in the database of the settings, which must be empty; Misconfigured when it is not.

    Unless it is to be `lasting`, it is SQLite's and no longer there afterwards: no migration is of use to it.
    """
    steps = dated(story.scenario)
    clock = SimulatedClock(steps[0].at)
    runtime = start(settings, clock=clock)
    try:
        if lasting:
            from broker.storage import migrate

            migrate.upgrade(runtime.store.engine)
        else:
            fresh.build(runtime.store.engine)
        if runtime.store.read(directory.revision):
            raise Misconfigured("A story is replayed in an empty database: name one that holds nothing yet.")
        return _run(Player(story, runtime, clock), progress)
    finally:
        runtime.store.close()


TEMPORARY: Final = "sqlite:///:memory:"
"""The address of a database that is there only as long as its store is open."""


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
