"""Receipts from teams' queues on both databases: delivered as by the mailbox, once, and never by another team's word."""

import pytest
from sqlmodel import col, select

from broker.bus.embedded import EmbeddedBus
from broker.domain.receipt import Receipt
from broker.domain.states import DeliveryState
from broker.domain.wanted import TaskWanted
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import tasks
from broker.storage.tables import Audit, Task
from broker.workflow import number, receipts
from broker.workflow.receipts import BY_QUEUE, Counted
from schemas.codes import TaskCode, TaskStatus
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import NOTIFICATION, add, delivery, new_id, prepared, row

HV, GP = "swbh-health-visiting", "cape-hill-practice"


@pytest.fixture
def told(store):
    """Ids of a delivery to each of two teams, numbered."""
    prepared(store)
    ids = add(store, delivery(HV), delivery(GP))
    store.write(number.number)
    return ids


def record(store, *said):
    batch = [Receipt(id_, team) for id_, team in said]
    runtime = Runtime(Settings(), store, default_policy(), EmbeddedBus())
    return store.write(lambda session: receipts.record(session, runtime.context(session), batch, NOON))


def audited(store):
    found = select(Audit).where(col(Audit.client_name) == BY_QUEUE).order_by(col(Audit.entity_id))
    return [(a.action, a.entity_id, a.team_id, a.outcome) for a in store.read(lambda s: list(s.scalars(found)))]


def test_a_receipt_means_delivered(store, told):
    assert record(store, (told[0], HV)) == Counted(first=1, again=0, unknown=0, refused=0)

    found = row(store, told[0])
    assert (found.state, found.delivered_at, found.next_attempt_at) == (DeliveryState.DELIVERED, NOON, None)
    assert row(store, told[1]).state is DeliveryState.READY
    assert audited(store) == [("acknowledge", told[0], HV, "success")]


def test_a_receipt_without_a_team_s_user_counts_for_the_message_s_own_team(store, told):
    record(store, (told[0], None))

    assert audited(store) == [("acknowledge", told[0], HV, "success")]


def test_the_first_receipt_counts_and_the_others_change_nothing(store, told):
    assert record(store, (told[0], HV), (told[0], None)) == Counted(first=1, again=0, unknown=0, refused=0)
    assert record(store, (told[0], HV)) == Counted(first=0, again=1, unknown=0, refused=0)

    assert len(audited(store)) == 1


def test_another_team_s_receipt_is_refused_and_audited(store, told):
    assert record(store, (told[0], GP), (told[1], GP)) == Counted(first=1, again=0, unknown=0, refused=1)

    assert row(store, told[0]).state is DeliveryState.READY
    assert sorted(audited(store)) == sorted(
        [("acknowledge", told[0], GP, "failure"), ("acknowledge", told[1], GP, "success")]
    )


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD])
def test_what_the_team_was_never_told_is_no_message(store, state):
    prepared(store)
    [hidden] = add(store, delivery(HV, state=state))

    assert record(store, (hidden, HV), (new_id(), HV), ("made-up", None)) == Counted(0, 0, 3, 0)
    assert row(store, hidden).state is state
    assert audited(store) == []


def test_the_tasks_that_the_message_brought_are_received(store, told):
    wanted = TaskWanted(
        code=TaskCode.ACKNOWLEDGE,
        owner=HV,
        requester=None,
        description="Say",
        dedupe_key="a",
        delivery_id=told[0],
        notification_id=NOTIFICATION,
    )
    store.write(lambda s: tasks.raise_tasks(s, store.codec, [wanted], policy_version="1", now=NOON))

    record(store, (told[0], HV))

    assert store.read(lambda s: s.scalars(select(Task)).one()).status is TaskStatus.RECEIVED
