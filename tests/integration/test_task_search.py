"""Who sees which tasks, and searching them: filters, orders and pages, on both databases."""

from datetime import timedelta

import pytest
from sqlmodel import select

from broker.domain.answers import Move
from broker.domain.states import View
from broker.domain.wanted import TaskWanted
from broker.errors import Conflict, NotFound
from broker.storage import keyset, task_search
from broker.storage.tables import Audit
from broker.storage.task_search import SortBy, Span, TaskQuery
from broker.storage.task_values import Scope
from broker.workflow import acknowledge
from schemas.codes import TaskCode, TaskStatus
from tests.conftest import NOON
from tests.integration.delivery_rows import SENDER
from tests.integration.task_rows import (
    ALL,
    DUE,
    GP,
    HV,
    MIDWIFE,
    PROBATION,
    action,
    caller,
    context,
    messages,
    moves,
    one,
    raised,
    ready,
    told,
)


@pytest.fixture
def prepared_store(store):
    ready(store)
    return store


# --- who sees what ------------------------------------------------------------------------------------------------


def found(store, team, **query):
    scope = Scope(team=team)
    page, _ = store.read(lambda s: task_search.search(s, store.codec, TaskQuery(**query), scope))
    total = store.read(lambda s: task_search.count(s, TaskQuery(**query), scope))
    assert total == len(page)
    return {task.row.id for task in page}


def test_a_sender_neither_sees_nor_counts_nor_hears_of_recipients_it_may_not_know(prepared_store):
    """Invariant 8, sharing principle 9: nor of what they agree to."""
    store = prepared_store
    known, hidden = told(store, HV), told(store, PROBATION, known_to_sender=False)
    moves(store, PROBATION, hidden, Move.ACCEPT, actions=(action(),))
    assert found(store, SENDER) == found(store, SENDER, requester=SENDER) == {known}
    assert messages(store, SENDER) == []
    with pytest.raises(NotFound):
        store.read(lambda s: acknowledge.read(s, context(s, store.codec), caller(SENDER), hidden, NOON))
    assert len(found(store, PROBATION)) == 2


def test_a_third_team_finds_nothing_and_moves_nothing(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    assert found(store, GP) == found(store, GP, owner=HV) == set()
    with pytest.raises(NotFound):
        moves(store, GP, task_id, Move.OPEN)
    with pytest.raises(Conflict) as refused:
        moves(store, SENDER, task_id, Move.ACCEPT, MIDWIFE, meaning="Ours.")
    assert refused.value.allowed == ("note",)


@pytest.mark.parametrize(
    ("view", "by_person", "by_requester"),
    [
        (View.FULL, True, True),
        (View.RISK, True, True),
        (View.SAFETY, False, True),
        (View.POINTER, False, True),
        (View.EXISTENCE, False, False),
        (View.ENDED, False, False),
    ],
)
def test_a_filter_tells_nothing_that_the_task_does_not_show(prepared_store, view, by_person, by_requester):
    store = prepared_store
    task_id = told(store, HV, view=view)
    person = one(store, task_id).row.person_id
    assert (task_id in found(store, HV, person_id=person)) is by_person
    assert (task_id in found(store, HV, requester=SENDER)) is by_requester
    assert found(store, SENDER, person_id=person) == {task_id}


def test_an_auditor_sees_all_and_every_reading_is_written_down(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV, known_to_sender=False)
    auditor = caller(None, "baton/audit")
    store.write(lambda s: acknowledge.read(s, context(s, store.codec), auditor, task_id, NOON))
    store.write(lambda s: acknowledge.search(s, context(s, store.codec), auditor, TaskQuery(), NOON))
    store.write(lambda s: acknowledge.count(s, auditor, TaskQuery(), NOON))
    person = one(store, task_id).row.person_id
    rows = store.read(lambda s: s.exec(select(Audit)).all())
    read = [row for row in rows if row.action != "record"]  # those of the rows themselves, for the digests
    assert sorted((row.action, row.entity_id, str(row.detail)) for row in read) == [
        ("read", task_id, f"{{'patients': ['{person}']}}"),
        ("search", None, "{'count': 1, 'patients': []}"),
        ("search", None, f"{{'found': ['{task_id}'], 'patients': ['{person}']}}"),
    ]


# --- searching ----------------------------------------------------------------------------------------------------


def test_pages_hold_each_task_once_in_every_order(prepared_store):
    store = prepared_store
    due = [None, DUE, DUE, DUE + timedelta(days=1), None, NOON]
    wanted = [
        TaskWanted(code=TaskCode.DATA_QUALITY, owner=HV, description=str(n), due_at=at) for n, at in enumerate(due)
    ]
    ids = set(store.write(lambda s: raised(s, store.codec, *wanted)))
    for sort in SortBy:
        for descending in (False, True):
            seen, after = [], None
            while True:
                query = TaskQuery(sort=sort, descending=descending, count=2, after=after)
                page, last = store.read(
                    lambda s, query=query: task_search.search(s, store.codec, query, Scope(team=HV))
                )
                seen += [task.row.id for task in page]
                if last is None:
                    break
                after = keyset.position(last.text(sort, descending=descending), sort, descending=descending)
                assert after == last
            assert len(seen) == 6
            assert set(seen) == ids


def test_due_first_and_tasks_without_a_date_last(prepared_store):
    store = prepared_store
    late, soon = told(store, HV, due_at=DUE), told(store, GP, due_at=NOON)
    never = TaskWanted(code=TaskCode.DATA_QUALITY, owner=HV, description="Some time.")
    [last] = store.write(lambda s: raised(s, store.codec, never))
    page, _ = store.read(lambda s: task_search.search(s, store.codec, TaskQuery(), ALL))
    assert [task.row.id for task in page] == [soon, late, last]


def test_every_filter_narrows(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    part = moves(store, HV, task_id, Move.ACCEPT, actions=(action(),)).content["actions"][0]
    assert found(store, HV, codes={TaskCode.AGREED_ACTION}) == found(store, HV, part_of=task_id) == {part}
    assert found(store, HV, statuses={TaskStatus.REQUESTED}) == set()
    assert found(store, HV, statuses={TaskStatus.ACCEPTED}) == {task_id, part}
    assert found(store, HV, due=[Span(end=DUE)]) == set()
    assert found(store, HV, due=[Span(start=DUE, end=DUE + timedelta(seconds=1))]) == {task_id}
    assert found(store, HV, authored=[Span(start=NOON)]) == {task_id, part}
    assert found(store, HV, changed=[Span(start=NOON + timedelta(seconds=1))]) == set()
    assert found(store, HV, owner=SENDER) == set()


def test_a_position_that_somebody_made_up_is_none():
    for text in ("", "!", "WzFd", "AAAA", "é", "bnVsbA"):
        assert keyset.position(text, SortBy.DUE, descending=False) is None
