"""Watches those who watch: every pass asks, independently of the code that takes them, whether every obligation has its next step and none is late.

What it finds is a figure and a log line, and where it lasts, a task for the partnership of the area. A deadline that had no
next step gets one. Whoever waits for the heartbeat outside hears nothing while anything is found.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker import log
from broker.domain import clocks
from broker.domain.wanted import TaskWanted
from broker.storage import leases, pulses, watchdog
from broker.storage.pulses import Found, Watched
from broker.storage.watchdog import MOST, Broken, Stepping
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import Function, Priority, TaskCode

LEASE: Final = "watchdog"
ALLOWED: Final = timedelta(minutes=1)
"""How late a step may be."""
TELL_AFTER: Final = timedelta(minutes=1)
"""How long something late lasts until a person is told: what was late because nothing ran catches up by itself."""
NAMED: Final = 10
"""Ids of one log line."""

_log = log.get("broker.watchdog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of thing that must not be."""

    name: str
    words: str
    """What was found, for people; without names."""
    look: Callable[[Session, Context, datetime], Sequence[Broken]]
    mend: Callable[[Session, Sequence[Broken], datetime], object] | None = None
    """What can be done about it at once; then a person is told at once as well, unless it is `mended_alone`."""
    mended_alone: bool = False
    """What is found once has a cause that is past, such as another calendar: a person is told where it comes again."""
    of_the_clock: bool = False
    """Found for more than a minute, it means that the clock stands still."""


def _of_the_clock(name: str, words: str, late: Callable[[Session, datetime, timedelta], Sequence[Broken]]) -> Check:
    """What the clock should have done a minute ago."""
    return Check(name=name, words=words, look=lambda session, _ctx, now: late(session, now, ALLOWED), of_the_clock=True)


def _too_late(session: Session, ctx: Context, now: datetime) -> list[Broken]:
    """Tasks whose next step is set past one of their times: each counted out from the clocks that it was raised with."""
    found = []
    for task in watchdog.tasks_past_a_step(session, now):
        should = _next_step(ctx, task)
        if should is not None and task.climbs_at > should + ALLOWED:
            found.append(Broken(id=task.id, team_id=task.team_id, since=min(should, now)))
    return found[: watchdog.MOST]


def _next_step(ctx: Context, task: Stepping) -> datetime | None:
    """The earliest of what is still to come: a reminder, that nobody has opened it, the next rung; None when its ladder is at its end."""
    rungs, team = clocks.read(task.clocks).rungs[task.level :], ctx.directory.teams.get(task.team_id)
    rung = rungs[0].wait.after(task.passes, team.calendar) if rungs and team is not None else None
    return min((at for at in (task.remind_at, task.open_by, rung) if at is not None), default=None)


CHECKS: Final = (
    Check(
        name="task-without-step",
        words="open tasks had a date and no next step; they have one again",
        look=lambda session, ctx, now: watchdog.tasks_without_step(session, now, _fewest_rungs(ctx)),
        mend=watchdog.look_again,
    ),
    Check(
        name="delivery-unwatched",
        words="open tasks had a time by which to be delivered and no step by then; they have one again",
        look=lambda session, _ctx, now: watchdog.tasks_untimed(session, now),
        mend=watchdog.look_again,
    ),
    Check(
        name="step-too-late",
        words="open tasks were to be looked at later than their clocks say; they are looked at now",
        look=_too_late,
        mend=watchdog.look_again,
        mended_alone=True,
    ),
    _of_the_clock("task-late", "tasks should have been looked at by the clock and were not", watchdog.tasks_late),
    _of_the_clock(
        "stand-in-late",
        "urgent tasks had met a closed team, and nobody looked for who stands in",
        watchdog.stand_ins_late,
    ),
    _of_the_clock(
        "hand-back-late",
        "practitioners are away or have left, and what they held has not gone back to their teams",
        watchdog.hand_backs_late,
    ),
    _of_the_clock(
        "expectation-late",
        "things that should have come should have been asked for and were not",
        watchdog.expectations_late,
    ),
    _of_the_clock(
        "pattern-late",
        "persons should have been looked at again by the clock and were not",
        watchdog.pattern_looks_late,
    ),
    _of_the_clock(
        "pattern-unseen", "messages should have been seen beside those before them and were not", watchdog.patterns_late
    ),
    Check(
        name="delivery-without-step",
        words="messages for teams with a push wait for nothing",
        look=lambda session, _ctx, now: watchdog.deliveries_without_step(session, now),
    ),
    Check(
        name="delivery-late",
        words="messages should have been pushed and were not",
        look=lambda session, _ctx, now: watchdog.deliveries_late(session, now, ALLOWED),
    ),
    Check(
        name="lookup-late",
        words="records should have been asked for elsewhere and were not",
        look=lambda session, _ctx, now: watchdog.lookups_late(session, now, ALLOWED),
    ),
    Check(
        name="message-unnumbered",
        words="messages are in no mailbox",
        look=lambda session, _ctx, now: watchdog.unnumbered(session, now, ALLOWED),
    ),
)
"""Whoever adds a rule of time adds what must not be of it."""


def watch(session: Session, ctx: Context, now: datetime, checks: Iterable[Check] = CHECKS) -> Watched:
    """One pass, written down."""
    before = pulses.watched(session)
    known: Mapping[str, Found] = before.found if before else {}
    found: dict[str, Found] = {}
    for check in checks:
        broken = check.look(session, ctx, now)
        if broken:
            since = known[check.name].since if check.name in known else now
            found[check.name] = Found(count=len(broken), since=since)
            _found(session, ctx, check, broken, since, now)
    passed = Watched(at=now, found=found)
    pulses.watch(session, passed)
    return passed


def watch_alone(
    session: Session, ctx: Context, *, holder: str, now: datetime, lease: timedelta, every: timedelta
) -> Watched | None:
    """The same where several processes run: one of them, and not again so soon after a pass that found nothing. None for no pass."""
    if not leases.take(session, LEASE, holder, now=now, until=now + lease):
        return None
    last = pulses.watched(session)
    fresh = last is not None and timedelta() <= now - last.at < every * 0.9
    return None if fresh and last is not None and not last.found else watch(session, ctx, now)


def well(passed: Watched | None, now: datetime, every: timedelta) -> bool:
    """Whether the last pass is fresh and the clock goes."""
    if passed is None or now - passed.at > 3 * every:
        return False
    its = {check.name for check in CHECKS if check.of_the_clock}
    return all(now - passed.found[name].since < TELL_AFTER for name in its & passed.found.keys())


def _found(
    session: Session, ctx: Context, check: Check, broken: Sequence[Broken], since: datetime, now: datetime
) -> None:
    oldest = (now - min(one.since for one in broken)).total_seconds()
    _log.error(
        "watchdog found", check=check.name, count=len(broken), oldest=oldest, ids=[one.id for one in broken[:NAMED]]
    )
    if check.mend is not None:
        check.mend(session, broken, now)
    at_once = check.mend is not None and not check.mended_alone
    if not at_once and now - since < TELL_AFTER:
        return
    _tell(session, ctx, check, broken, now)


def _tell(session: Session, ctx: Context, check: Check, broken: Sequence[Broken], now: datetime) -> None:
    """One task a day for each partnership and check, whatever the number."""
    counted: dict[str, int] = {}
    for one in broken:
        owner = _who_looks(ctx, one.team_id)
        if owner is not None:
            counted[owner] = counted.get(owner, 0) + 1
    wanted = [
        TaskWanted(
            code=TaskCode.DATA_QUALITY,
            owner=owner,
            description=f"Baton watches itself and found that {_number(count)} {check.words}. "
            "Have whoever runs Baton look into it, and ask the teams of your area whether they have seen what waits for them.",
            dedupe_key=f"watchdog:{check.name}:{owner}:{now.date().isoformat()}",
            priority=Priority.URGENT,
            due_at=ctx.policy.own_asks.watch.after(now, ctx.directory.teams[owner].calendar),
            cites="invariant 3",
        )
        for owner, count in sorted(counted.items())
    ]
    raising.raise_tasks(session, ctx, wanted, now)


def _fewest_rungs(ctx: Context) -> int:
    """Of tasks of before their ladders were kept."""
    return min(len(rule.clocks.rungs) for rule in ctx.policy.clocks)


def _number(count: int) -> str:
    return f"{count} or more" if count >= MOST else str(count)


def _who_looks(ctx: Context, team_id: str) -> str | None:
    """The partnership of the team's area, else the safeguarding lead of its agency, else any partnership; None when there is none."""
    team = ctx.directory.teams.get(team_id)
    if team is None:
        partnerships = (one.id for one in ctx.directory.teams.values() if one.function is Function.PARTNERSHIP)
        return min(partnerships, default=None)
    partnership = ctx.directory.provider(team.area_id, Function.PARTNERSHIP)
    lead = ctx.directory.safeguarding_lead(team.agency_id)
    return next((one.id for one in (partnership, lead) if one is not None), None)
