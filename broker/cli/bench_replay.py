"""How fast a simulated area is told, and what Baton asks of people there: `baton bench replay`."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any

from broker import log
from broker.replay import playing, promises
from broker.replay.area import START, area, under_fives
from broker.replay.reading import Story
from broker.replay.record import SimulatedClock
from broker.replay.run import Player
from broker.replay.staff import Staff
from broker.replay.timeline import dated
from broker.replay.workload import BUDGET, Load, workload
from broker.runtime import Runtime, start
from broker.settings import Settings
from broker.storage import fresh
from schemas.codes import Function

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One area as it was told."""

    households: int
    weeks: float
    children: float
    """Under five, on average."""
    messages: int
    seconds: float
    loads: Mapping[Function, Load]
    broken: Mapping[str, int]
    """What was promised and did not hold, and after how many events."""

    @property
    def within_budget(self) -> bool:
        """Whether a health visitor has no more to do than the budget allows."""
        load = self.loads.get(Function.HEALTH_VISITING)
        return load is None or load.a_week <= BUDGET


def measure(households: int, seed: int, progress: Progress) -> Told:
    """Tell two years of an area in a temporary database, and look after every event whether all that is promised holds."""
    log.configure("text", quiet=True)
    story = area(households, seed)
    clock = SimulatedClock(dated(story.scenario)[0].at)
    runtime = start(Settings(database_url=playing.TEMPORARY, demo=True), clock=clock)
    try:
        fresh.build(runtime.store.engine)
        return _told(story, runtime, clock, households, seed, progress)
    finally:
        runtime.store.close()


def _told(
    story: Story,
    runtime: Runtime,
    clock: SimulatedClock,
    households: int,
    seed: int,
    progress: Progress,
) -> Told:
    player = Player(story, runtime, clock, judged=False, staff=Staff(runtime, seed))
    player.settle_in()
    seconds, began, broken = 0.0, perf_counter(), Counter[str]()
    for done, one in enumerate(player.play(), start=1):
        player.pass_time(clock.time)  # what was due when it came
        seconds += perf_counter() - began
        broken.update(runtime.store.read(lambda s: promises.broken(s, runtime.context(s), clock.time)))
        progress(done, len(player.steps), f"{one.at:%Y-%m-%d}")
        began = perf_counter()
    days = (0, 365, 729)
    children = sum(len(list(under_fives(story, START + timedelta(days=day)))) for day in days) / len(days)
    weeks = 730 / 7
    directory = runtime.store.read(runtime.context).directory
    loads = runtime.store.read(lambda s: workload(s, directory, children=children, weeks=weeks))
    return Told(
        households=households,
        weeks=weeks,
        children=children,
        messages=len(player.steps),
        seconds=seconds,
        loads=loads,
        broken=dict(broken),
    )


def plain(told: Told) -> dict[str, Any]:
    """As JSON has it."""
    return asdict(told) | {"per_second": told.messages / told.seconds, "within_budget": told.within_budget}


def shown(told: Told) -> str:
    """For people."""
    lines = [
        f"{told.households} households, {told.children:.0f} children under five, {told.weeks:.0f} weeks",
        f"{told.messages} messages in {told.seconds:.1f} s, {told.messages / told.seconds:.0f} a second",
        "",
        f"{'function':<26}{'tasks':>7}{'a week for 500 children':>26}{'not needed':>12}",
    ]
    for function, load in told.loads.items():
        lines.append(f"{function.value:<26}{load.tasks:>7}{load.a_week:>26.2f}{load.not_needed:>12.0%}")
    lines += ["", *(f"BROKEN {what}, after {times} events" for what, times in told.broken.items())]
    lines += [f"health visiting: {'within' if told.within_budget else 'ABOVE'} the budget of {BUDGET:g} a week"]
    return "\n".join(lines)
