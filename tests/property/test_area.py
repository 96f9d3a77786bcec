"""However badly agencies do their part, and whatever befalls a household: what Baton promises holds after every event."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from broker.replay import playing, promises
from broker.replay.area import Rates, area
from broker.replay.record import SimulatedClock
from broker.replay.run import Player
from broker.replay.staff import Staff
from broker.replay.timeline import dated
from broker.runtime import start
from broker.settings import Settings
from broker.storage import fresh
from tests.property.machines import machine

OFTEN = st.floats(0.2, 3)
RATES = st.builds(
    Rates,
    births=OFTEN,
    moves=st.sampled_from([0.01, 2]),
    attendances=OFTEN,
    missed=OFTEN,
    concerns=OFTEN,
    admissions=OFTEN,
    supervisions=OFTEN,
    done=st.sampled_from([0.0, 0.5, 1.0]),
)


def told(rates, seed, answers):
    """One household over a year; what did not hold, and after how many events."""
    story = area(1, seed, years=1, rates=rates)
    found: Counter[str] = Counter()
    if not story.scenario.timeline:
        return found
    clock = SimulatedClock(dated(story.scenario)[0].at)
    runtime = start(Settings(database_url=playing.TEMPORARY, demo=True), clock=clock)
    try:
        fresh.build(runtime.store.engine)
        player = Player(story, runtime, clock, judged=False, staff=Staff(runtime, seed, answers=answers))
        player.settle_in()
        for _ in player.play():
            player.pass_time(clock.time)
            found.update(runtime.store.read(lambda s: promises.broken(s, runtime.context(s), clock.time)))
    finally:
        runtime.store.close()
    return found


@machine(examples=3, steps=1)
@given(RATES, st.integers(0, 10_000), st.sampled_from([0.0, 0.6, 1.0]))
def test_what_is_promised_holds_whatever_happens(rates, seed, answers):
    assert told(rates, seed, answers) == {}
