"""Whatever is told in whatever order: a pattern is raised once, closes never by itself, and shows nobody what they may not see."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from broker.storage import chronology, deliveries
from broker.storage.codec import AesCodec
from broker.storage.store import Store, open_store
from broker.storage.tables import Delivery
from broker.workflow.pattern_sight import TELLING
from schemas.codes import Event
from schemas.examples.telling import fact
from tests.conftest import NOON, SECRET
from tests.integration.pattern_rows import BABY, DAY, MIDWIVES, MOTHER, OTHER, PRACTICE, TODDLER, VISITORS, Family
from tests.unit.domain import test_patterns as told

# --- the rules ----------------------------------------------------------------------------------------------------

happenings = st.builds(
    lambda event, days, team, about, stated: told.said(
        event,
        days,
        team,
        about,
        *((told.fact("concerns", "Thin.", about),) if stated else ()),
        kind="other" if event is Event.CHILD_CONTACT else None,
    ),
    st.sampled_from([Event.NOT_BROUGHT, Event.NO_ACCESS, Event.CHILD_CONTACT, Event.SIX_TO_EIGHT_WEEK_EXAMINATION]),
    st.integers(0, 400),
    st.sampled_from(["visitors", "practice", "midwives"]),
    st.sampled_from([told.BABY, told.TODDLER]),
    st.booleans(),
)


@given(st.lists(happenings, max_size=12, unique_by=lambda one: one.id), happenings, st.sampled_from(sorted(told.RULES)))
def test_more_of_the_same_never_makes_it_less(some, one, name):
    """So that a pattern which one team sees is one: what a team sees is a part of what there is. What should come may come."""
    if any(line.missing for line in told.RULES[name].evidence) or name in (
        "falling-centiles",
        "contradictory-addresses",
    ):
        return
    assert not told.made(name, *some) or told.made(name, *some, one)


@given(
    st.lists(happenings, max_size=10, unique_by=lambda one: one.id), st.randoms(), st.sampled_from(sorted(told.RULES))
)
def test_the_order_in_which_it_is_told_changes_nothing(some, chance, name):
    other = list(some)
    chance.shuffle(other)
    assert told.made(name, *some) == told.made(name, *other)


# --- with the database --------------------------------------------------------------------------------------------

TEAMS = (VISITORS, PRACTICE, MIDWIVES)
LABELS = MappingProxyType(
    {"open": frozenset(), "addressed": frozenset({"addressed-only"}), "held": frozenset({"held-for-release"})}
)
events = st.tuples(
    st.sampled_from([Event.NOT_BROUGHT, Event.NO_ACCESS, Event.CONCERN]),
    st.sampled_from(TEAMS),
    st.sampled_from([BABY, TODDLER]),
    st.integers(0, 40),
    st.sampled_from(["open", "open", "open", "addressed", "held"]),
    st.sampled_from(["", "", "", "close"]),
)


@pytest.fixture
def fresh(sqlite_template, tmp_path):
    """An empty database for each example."""
    import shutil

    made: list[Store] = []

    def open_one():
        path = tmp_path / f"{len(made)}.db"
        shutil.copy(sqlite_template, path)
        made.append(open_store(f"sqlite:///{path}", AesCodec(SECRET)))
        return made[-1]

    yield open_one
    for store in made:
        store.close()


@settings(
    max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(events, min_size=3, max_size=9))
def test_of_every_story(fresh, story):
    family = Family(fresh(), now=NOON)
    family.lives_together()
    for event, team, about, days, label, then in story:
        family.now += days * DAY / 2
        kind = {Event.CONCERN: "growth", Event.NOT_BROUGHT: "clinic"}.get(event)
        facts = (fact("concern-detail", "Thin.", about),) if event is Event.CONCERN else ()
        family.says(event, team, about, kind=kind, facts=facts, labels=LABELS[label])
        raised_once(family)
        shown_to_who_may(family)
        if then == "close":
            close_one(family)
    closed_by_somebody(family)


def raised_once(family):
    open_ = [(p.rule, p.household_id, p.person_id) for p in family.patterns() if p.closed_at is None]
    assert len(open_) == len(set(open_))
    for pattern in family.patterns():
        owners = [task.row.owner_team_id for task in family.tasks(pattern)]
        assert len(owners) == len(set(owners)) > 0


def shown_to_who_may(family):
    """Each line of a task is of a message that the team sent, or was told in a view that says what happened."""
    for pattern in family.patterns():
        for task in family.tasks(pattern):
            allowed = family.store.read(lambda s, team=task.row.owner_team_id: may_see(s, family, team))
            for line in task.content["options"].get("evidence", ()):
                assert any(line.startswith(known) for known in allowed), line


def may_see(session, family, team):
    found = chronology.about(session, family.store.codec, [family.id_of(p) for p in (BABY, TODDLER)])
    rows = session.exec(select(Delivery).where(Delivery.team_id == team, Delivery.cause == "")).all()
    told_of = {row.notification_id for row in rows if row.view in TELLING and row.state not in deliveries.NOT_TOLD}
    return [
        f"{entry.occurred_at:%Y-%m-%d}; {entry.message.event.value.replace('-', ' ')}"
        for entry in found
        if entry.sender == team or entry.id in told_of
    ]


def close_one(family):
    for pattern in family.patterns():
        for task in family.tasks(pattern) if pattern.closed_at is None else ():
            family.closes(task, replace(OTHER, name="Lou Leader"))
            return


def closed_by_somebody(family):
    """After years of silence what is open is open still, and what is closed has a recorded discussion."""
    before = {pattern.id for pattern in family.patterns() if pattern.closed_at is None}
    family.now += timedelta(days=700)
    family.says(Event.INVOLVEMENT_START, MIDWIVES, MOTHER)
    after = {pattern.id: pattern for pattern in family.patterns()}
    assert before == {id_ for id_, pattern in after.items() if pattern.closed_at is None}
    for pattern in after.values():
        if pattern.closed_at is not None:
            assert all("discussion" in task.content for task in family.tasks(pattern))
