"""What an auditor is shown of handovers, against a plain recount over all tasks, after histories of every kind and on both databases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlmodel import col, select

from broker.domain.handovers import AgeBand, HandoverState
from broker.domain.states import PersonState
from broker.storage import handovers, keyset
from broker.storage.handovers import HandoverQuery, SortBy
from broker.storage.store import Store
from broker.storage.tables import Audit, Notification, Task, Team
from broker.workflow import handovers as auditing
from broker.workflow.handovers import CountBy, Seen
from schemas.codes import Event, Function, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import SENDER
from tests.integration.handover_rows import AUDITOR, EVENTS, TEAMS, handed_over, lived, person, transfer
from tests.integration.task_rows import GP, HV, PROBATION, context, ready

OPEN = {"requested", "received", "in-progress", "on-hold"}
ENDED = {
    "declined": {"rejected"},
    "complete": {"accepted", "completed"},
    "withdrawn": {"cancelled", "entered-in-error"},
}
BANDS = {"under-24h": 24, "1-2d": 48, "2-7d": 168, "7-14d": 336, "14-28d": 672}


# --- the plain recount --------------------------------------------------------------------------------------------


class Recount:
    """Every task read, and every question answered by looking at each: nothing of the product is asked."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.now = now
        rows = store.read(lambda session: session.exec(select(Task)).all())
        self.all = [row for row in rows if row.code in ("acknowledge", "transfer") and row.requester_team_id]
        notifications = store.read(lambda session: session.exec(select(Notification)).all())
        self.events = {row.id: row.event for row in notifications}
        self.teams = {row.id: row for row in store.read(lambda session: session.exec(select(Team)).all())}

    def states(self, task: Task) -> set[str]:
        if task.status not in OPEN:
            return {state for state, statuses in ENDED.items() if task.status in statuses}
        late = {"overdue"} if task.due_at is not None and task.due_at < self.now else set()
        return {"unacknowledged"} | late | ({"escalated"} if task.level else set())

    def band(self, task: Task) -> str:
        hours = (self.now - task.authored_at) / timedelta(hours=1)
        return next((name for name, limit in BANDS.items() if hours < limit), "over-28d")

    def found(self, query: HandoverQuery) -> list[Task]:
        return [task for task in self.all if self._fits(task, query)]

    def _fits(self, task: Task, query: HandoverQuery) -> bool:
        receiver, sender = self.teams[task.owner_team_id], self.teams[task.requester_team_id or ""]
        age = self.now - task.authored_at
        return all(
            (
                query.state is None or query.state in self.states(task),
                query.agency in (None, receiver.agency_id),
                query.team in (None, receiver.id),
                query.area in (None, receiver.area_id),
                not query.functions or receiver.function in query.functions,
                query.from_agency in (None, sender.agency_id),
                query.from_team in (None, sender.id),
                not query.kinds or self.events[task.notification_id or ""] in query.kinds,
                query.older_than is None or age >= query.older_than,
                query.since is None or task.authored_at >= query.since,
                query.until is None or task.authored_at < query.until,
            )
        )

    def ordered(self, query: HandoverQuery) -> list[str]:
        tasks, never = self.found(query), datetime.max.replace(tzinfo=NOON.tzinfo)
        if query.sort is SortBy.AGE:
            by_time = sorted(tasks, key=lambda task: (task.authored_at, task.id), reverse=not query.descending)
        else:
            by_time = sorted(tasks, key=lambda task: (task.due_at or never, task.id), reverse=query.descending)
        return [task.id for task in by_time]

    def counts(self, query: HandoverQuery, by: CountBy) -> dict[str, int]:
        tasks = self.found(query)
        match by:
            case CountBy.AGENCY:
                return Counter(self.teams[task.owner_team_id].agency_id for task in tasks)
            case CountBy.AGE:
                return Counter(map(self.band, tasks))
            case CountBy.KIND:
                return Counter(str(self.events[task.notification_id or ""].value) for task in tasks)
            case CountBy.REASON:
                return Counter(task.reason_code or "" for task in tasks)
            case CountBy.STANDING:
                return Counter(task.business_status or "" for task in tasks)
            case CountBy.STATE:
                return Counter(state for task in tasks for state in self.states(task))


def any_query(chance: Random, now: datetime) -> HandoverQuery:
    """Some filters at once, in some order."""

    def maybe(*values: Any) -> Any:
        return chance.choice(values) if chance.random() < 0.3 else None

    return HandoverQuery(
        state=chance.choice((None, *HandoverState)),
        agency=maybe("swbh", "cape-hill", "nobody"),
        team=maybe(*TEAMS),
        area=maybe("sandwell", "sandwell", "elsewhere"),
        functions=frozenset(chance.sample((Function.HEALTH_VISITING, Function.PROBATION), maybe(1, 2) or 0)),
        from_agency=maybe("swbh", "probation"),
        from_team=maybe(*TEAMS),
        kinds=frozenset(chance.sample((*EVENTS, Event.TRANSFER), maybe(1, 2) or 0)),
        older_than=maybe(timedelta(minutes=1), timedelta(days=2), timedelta(days=30)),
        since=maybe(NOON + timedelta(days=1), now - timedelta(days=7)),
        until=maybe(NOON + timedelta(days=20), now - timedelta(days=1)),
        sort=chance.choice(tuple(SortBy)),
        descending=chance.random() < 0.5,
        limit=chance.choice((1, 3, 500)),
    )


def paged(store: Store, query: HandoverQuery, now: datetime) -> list[str]:
    """The ids of all pages, each begun where the one before says."""
    seen: list[str] = []
    while True:
        found, last = store.read(partial(handovers.search, query=query, now=now))
        assert len(found) <= query.limit
        seen += [handover.id for handover in found]
        if last is None:
            return seen
        cursor = last.text(query.sort, descending=query.descending)
        after = keyset.position(cursor, query.sort, descending=query.descending)
        query = replace(query, after=after)


@pytest.mark.parametrize("seed", [1, 2])
def test_lists_and_counts_say_what_a_plain_recount_says(store, seed):
    chance = Random(seed)
    now = lived(store, chance, 70)
    recount = Recount(store, now)
    assert len(recount.all) > 30
    states = {state for task in recount.all for state in recount.states(task)}
    assert states >= {"unacknowledged", "overdue"}
    assert states & ENDED.keys()
    found = 0
    for _ in range(40):
        query = any_query(chance, now)
        expected = recount.ordered(query)
        found += bool(expected)
        assert paged(store, query, now) == expected, query
        for by in CountBy:
            lines, total = counted(store, query, by, now)
            assert total == len(expected), (query, by)
            assert {key: count for key, count in lines.items() if count} == recount.counts(query, by), (query, by)
    assert found  # some filters find something


def counted(store: Store, query: HandoverQuery, by: CountBy, now: datetime) -> tuple[dict[str, int], int]:
    lines, total = store.write(
        lambda session: auditing.counts(session, context(session, store.codec), AUDITOR, query, by, now)
    )
    return {line.key: line.count for line in lines}, total


def test_figures_agree_with_each_other(store):
    """Agencies, bands and kinds each part the same whole; the four states that exclude each other do too."""
    now = lived(store, Random(4), 70)
    sums = {by: sum(counted(store, HandoverQuery(), by, now)[0].values()) for by in CountBy if by is not CountBy.STATE}
    states, total = counted(store, HandoverQuery(), CountBy.STATE, now)
    parts = ("unacknowledged", "declined", "complete", "withdrawn")
    assert set(sums.values()) == {total} == {sum(states[state] for state in parts)}
    for state in HandoverState:
        assert counted(store, HandoverQuery(state=state), CountBy.AGE, now)[1] == states[state.value]


def test_every_band_and_every_state_is_there_even_when_there_is_none(store):
    ready(store)
    assert set(counted(store, HandoverQuery(), CountBy.AGE, NOON)[0]) == set(AgeBand)
    assert set(counted(store, HandoverQuery(), CountBy.STATE, NOON)[0]) == set(HandoverState)


def test_a_band_begins_with_its_own_age(store):
    ready(store)
    now = NOON + timedelta(days=40)
    instant = timedelta(microseconds=1)
    for days in (0, 1, 2, 7, 14, 28):
        handed_over(store, now - timedelta(days=days))
        handed_over(store, now - timedelta(days=days) - instant)
    handed_over(store, now - timedelta(days=1) + instant)
    assert counted(store, HandoverQuery(), CountBy.AGE, now)[0] == {
        "under-24h": 3,
        "1-2d": 2,
        "2-7d": 2,
        "7-14d": 2,
        "14-28d": 2,
        "over-28d": 2,
    }


# --- what a row says ----------------------------------------------------------------------------------------------


def shown(store: Store, now: datetime = NOON, **query: Any) -> Sequence[Seen]:
    found, _ = store.write(
        lambda session: auditing.page(session, context(session, store.codec), AUDITOR, HandoverQuery(**query), now)
    )
    return list(found)


def test_a_transfer_says_how_many_children_were_named_how_many_there_are_and_how_many_are_confirmed(store):
    """F12: the sender named the baby, and the household has a toddler."""
    ready(store)
    baby, toddler, gone = (person(store) for _ in range(3))
    mother = person(store, born=NOON - timedelta(days=9000))
    lines = {baby: TaskStatus.COMPLETED, toddler: TaskStatus.ON_HOLD, gone: TaskStatus.CANCELLED}
    transfer(store, NOON, lines, named=(baby, mother))
    [row] = shown(store)
    assert (len(row.children), len(row.lines or ()), row.confirmed) == (1, 2, 1)
    assert {held.person_id for held in row.holders} == {baby, toddler}
    assert {(held.team_id, held.because) for held in row.holders} == {(None, "not-known")}
    assert row.states == (HandoverState.UNACKNOWLEDGED,)
    assert row.told is not None
    assert row.told.reason_code == "task-transfer"


def test_an_acknowledgement_has_no_lines_and_counts_the_unborn_among_the_children(store):
    ready(store)
    unborn = person(store, born=None, state=PersonState.UNBORN)
    mother = person(store, born=NOON - timedelta(days=9000))
    handed_over(store, NOON, about=(mother, unborn))
    [row] = shown(store, NOON + timedelta(hours=3))
    assert (row.children, row.lines, row.confirmed, row.age) == (frozenset({unborn}), None, None, timedelta(hours=3))
    assert row.told is not None
    assert row.told.reason_code == "universal-service"
    assert (row.sender.id, row.receiver.id, row.event) == (SENDER, HV, Event.BIRTH)


def test_a_team_that_is_responsible_for_nobody_has_no_holder_beside_it(store):
    ready(store)
    child = person(store)
    handed_over(store, NOON, receiver=PROBATION, about=(child,))
    handed_over(store, NOON, receiver="swbh-safeguarding", about=(child,))
    assert sorted(len(row.holders) for row in shown(store)) == [0, 1]


def test_every_reading_is_written_down_with_what_it_found(store):
    ready(store)
    ids = [handed_over(store, NOON, receiver=team) for team in (HV, GP)]
    shown(store)
    counted(store, HandoverQuery(), CountBy.KIND, NOON)
    rows = store.read(lambda session: session.exec(select(Audit).where(col(Audit.action) != "record")).all())
    found = {(row.action, row.entity, row.client_name) for row in rows}
    assert found == {("search", "task", "None-system")}
    details = [row.detail for row in rows]
    assert {"count": 2, "by": "kind"} in details
    assert any(sorted(detail.get("found", ())) == sorted(ids) for detail in details)


def test_a_task_that_is_no_handover_is_none(store):
    ready(store)
    nobody_waits = handed_over(store, NOON, requester=None)
    one = handed_over(store, NOON)
    assert store.read(lambda session: handovers.get(session, nobody_waits)) is None
    assert store.read(lambda session: handovers.get(session, "nobody")) is None
    got = store.read(lambda session: handovers.get(session, one))
    assert got is not None
    assert got.id == one
