"""What runs all day on PostgreSQL finds its rows by the index made for it, whatever lies behind it, prepared statements included; every plan is the server's own word."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from broker.bus.embedded import EmbeddedBus
from broker.cli import bench_town
from broker.domain.caller import Caller
from broker.domain.handovers import HandoverState
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import (
    audit_log,
    claims,
    deliveries,
    escalations,
    expectations,
    handovers,
    mailbox,
    migrate,
    notifications,
    patterns,
    reserving,
    synthetic,
    synthetic_years,
    task_search,
    upcoming,
    watchdog,
)
from broker.storage.codec import AesCodec
from broker.storage.engines import SERVING
from broker.storage.handovers import HandoverQuery
from broker.storage.leasing import Share
from broker.storage.store import Store, open_store
from broker.storage.synthetic import Amount
from broker.storage.task_search import TaskQuery
from broker.storage.task_values import Scope
from broker.workflow import intake, number
from broker.workflow.receive import receive
from schemas.codes import TaskStatus
from schemas.limits import Limits
from tests.conftest import NOON, SECRET
from tests.default_policy import default_policy
from tests.integration import plan_rows
from tests.services import postgres_database

PREPARED = 8  # times after which psycopg has prepared a statement, and the server may use a plan for any values
BIG = 3_000  # rows from which nobody may read a table from end to end

Work = Callable[[Session], object]

_BOXED = "agency-0-midwifery"  # a team with a mailbox alone
_OWNER = synthetic.team_ids()[7]


class Watched:
    """A filled database whose server tells how it ran each statement."""

    def __init__(self, store: Store) -> None:
        """From the next connection on."""
        self.store = store
        self.big = frozenset(store.read(_big))
        self._told: list[str] = []
        event.listen(store.engine, "connect", self._listen)
        store.engine.dispose()

    def _listen(self, connection: psycopg.Connection, _record: object) -> None:
        connection.autocommit = True
        try:
            connection.execute("LOAD 'auto_explain'")
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile):
            connection.close()
            pytest.skip("this PostgreSQL does not let us load auto_explain")
        connection.execute("SET auto_explain.log_min_duration = 0")
        connection.execute("SET auto_explain.log_analyze = on")
        connection.execute("SET client_min_messages = log")
        connection.add_notice_handler(lambda notice: self._told.append(notice.message_primary or ""))
        connection.autocommit = False

    def plans(self, work: Work) -> str:
        """How the statements of `work` are run once they are prepared; what they did is taken back."""

        class TakenBackError(Exception):
            pass

        def often(session: Session) -> None:
            for _ in range(PREPARED):
                self._told.clear()
                with session.begin_nested() as savepoint:
                    work(session)
                    savepoint.rollback()
            raise TakenBackError

        with pytest.raises(TakenBackError):
            self.store.write(often)
        found = [told for told in self._told if told.startswith("duration")]
        assert found
        return "\n".join(found)

    def read_whole(self, plans: str) -> set[str]:
        """Big tables that a plan reads from end to end."""
        return set(re.findall(r"Seq Scan on (\w+)", plans)) & self.big


def _big(session: Session) -> list[str]:
    return list(
        session.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :big"), {"big": BIG})
    )


@pytest.fixture(scope="module")
def town() -> Iterator[Watched]:
    with postgres_database() as url, closing(open_store(url, AesCodec(SECRET), SERVING)) as store:
        migrate.upgrade(store.engine)
        plan_rows.fill(store, 6_000, NOON)
        yield Watched(store)


HOT: dict[str, tuple[Work, str]] = {
    "claim what is due": (
        lambda session: claims.claim(session, Share(limit=50, per_team=8), now=NOON, lease=timedelta(seconds=30)),
        "ix_delivery_due",
    ),
    "claim what was announced": (
        lambda session: claims.claim(
            session,
            Share(limit=50, per_team=8),
            now=NOON,
            lease=timedelta(seconds=30),
            among=[synthetic._id("delivery", 5), synthetic._id("delivery", 6)],
        ),
        "pk_delivery",
    ),
    "ask what has no number": (
        lambda session: mailbox.unnumbered_teams(session, limit=1),
        "ix_delivery_unnumbered",
    ),
    "number it": (
        lambda session: mailbox.number(session, mailbox.unnumbered_teams(session, limit=50), limit=100),
        "ix_delivery_unnumbered",
    ),
    "what waits in a mailbox": (
        lambda session: mailbox.waiting(session, _BOXED, limit=100),
        "ix_delivery_waiting",
    ),
    "a page of a mailbox": (
        lambda session: mailbox.page(session, _BOXED, after=5, limit=100),
        "uq_delivery_team_id_number",
    ),
    "fit rows to channels": (lambda session: deliveries.align(session, now=NOON), "ix_delivery_waiting"),
    "ask when the clock is due": (upcoming.read, "ix_task_climbs"),
    "ask when somebody is to stand in": (upcoming.read, "ix_task_covers"),
    "for what somebody is to stand in": (
        lambda session: escalations.to_cover(session, AesCodec(SECRET), NOON, 100),
        "ix_task_covers",
    ),
    "whether somebody should have stood in": (
        lambda session: watchdog.stand_ins_late(session, NOON, timedelta(minutes=1)),
        "ix_task_covers",
    ),
    "due escalations": (
        lambda session: escalations.due(session, AesCodec(SECRET), NOON, 200),
        "ix_task_climbs",
    ),
    "tasks without a next step": (
        lambda session: watchdog.tasks_without_step(session, NOON, 3),
        "ix_task_unclimbed",
    ),
    "tasks whose next step lies past one of their times": (
        lambda session: watchdog.tasks_past_a_step(session, NOON),
        "ix_task_past_step",
    ),
    "tasks that are late": (
        lambda session: watchdog.tasks_late(session, NOON, timedelta(minutes=1)),
        "ix_task_climbs",
    ),
    "expectations that are late": (
        lambda session: watchdog.expectations_late(session, NOON, timedelta(minutes=1)),
        "ix_expectation_looks",
    ),
    "pushes that are late": (
        lambda session: watchdog.deliveries_late(session, NOON, timedelta(minutes=1)),
        "ix_delivery_due",
    ),
    "messages that wait for nothing": (
        lambda session: watchdog.deliveries_without_step(session, NOON),
        "ix_delivery_waiting",
    ),
    "messages in no mailbox": (
        lambda session: watchdog.unnumbered(session, NOON, timedelta(minutes=1)),
        "ix_delivery_unnumbered",
    ),
    "ask when something expected is due": (upcoming.read, "ix_expectation_looks"),
    "what is expected and due": (
        lambda session: expectations.due(session, NOON, 200),
        "ix_expectation_looks",
    ),
    "ask when somebody is looked at for a pattern": (upcoming.read, "ix_patternlook_at"),
    "who is looked at for a pattern": (
        lambda session: patterns.due_looks(session, NOON, 200),
        "ix_patternlook_at",
    ),
    "who has an identity already": (
        lambda session: notifications.earlier(session, _BOXED, "00" * 32),
        "uq_notification_identity",
    ),
    "what was told of a record": (
        lambda session: notifications.of_record(session, _BOXED, "0" * 32),
        "uq_notification_identity",
    ),
    "by what a record was taken back": (
        lambda session: notifications.withdrawals_of_record(session, _BOXED, "0" * 32),
        "uq_notification_identity",
    ),
    "ask when who stands in is told": (upcoming.read, "ix_task_covers"),
    "of what who stands in is told": (
        lambda session: escalations.to_cover(session, AesCodec(SECRET), NOON, 200),
        "ix_task_covers",
    ),
    "a team's open tasks": (
        lambda session: task_search.search(
            session,
            AesCodec(SECRET),
            TaskQuery(owner=_OWNER, statuses=frozenset({TaskStatus.REQUESTED, TaskStatus.RECEIVED})),
            Scope(team=_OWNER),
        ),
        "ix_task_open",
    ),
    "transfers that do not name everybody": (
        lambda session: reserving.reserved(session, [f"p-{number}" for number in range(1, 200)], [_OWNER, _BOXED]),
        "ix_task_of_transfer",
    ),
    "what nobody has answered": (
        lambda session: handovers.search(session, HandoverQuery(state=HandoverState.UNACKNOWLEDGED), NOON),
        "ix_handover_open",
    ),
    "ask what is unsealed": (audit_log.waiting, "ix_audit_unsealed"),
    "what is unsealed": (lambda session: audit_log.unsealed(session, limit=100), "ix_audit_unsealed"),
}


@pytest.mark.parametrize("name", HOT)
def test_it_is_found_by_the_index_made_for_it(town: Watched, name: str):
    work, index = HOT[name]
    plans = town.plans(work)
    assert index in plans, plans
    assert not town.read_whole(plans), plans


def test_accepting_a_message_reads_no_big_table_from_end_to_end(town: Watched):
    runtime = Runtime(Settings(), town.store, default_policy(), EmbeddedBus(), lambda: NOON)
    bench_town.fill(runtime)
    bodies = iter(bench_town.bodies(NOON, 2 * PREPARED))
    caller = Caller(client="bench", team=bench_town.SENDER)

    def accept(session: Session) -> None:
        incoming = intake.read_fhir(next(bodies), "application/fhir+json", Limits(), NOON)
        answer: Any = receive(session, runtime.context(session), incoming, caller, NOON)
        assert answer.standing == "usable"

    plans = town.plans(accept)
    assert {"person", "identifier", "involvement", "membership", "delivery", "task"} <= town.big
    assert "Insert on delivery" in plans
    assert not town.read_whole(plans), plans


@pytest.fixture(scope="module")
def after_a_burst() -> Iterator[Watched]:
    """What the server last gathered of it, it gathered while everything waited for its number and its seal; it has them by now."""
    with postgres_database() as url, closing(open_store(url, AesCodec(SECRET), SERVING)) as store:
        migrate.upgrade(store.engine)
        for _ in synthetic.load(store, Amount(handovers=4_000, open=200), NOON):
            pass
        store.write(lambda session: plan_rows.audit(session, NOON, 16_000, marked=16_000))
        _run(store, "CREATE TABLE given AS SELECT id, number FROM delivery")
        _run(store, "UPDATE delivery SET number = NULL")
        synthetic.gather_statistics(store)
        _run(store, "UPDATE delivery SET number = given.number FROM given WHERE given.id = delivery.id")
        _run(store, "UPDATE audit SET unsealed = false WHERE id IN (SELECT audit_id FROM auditleaf)")
        store.write(lambda session: synthetic_years.begin(session, 2_000, NOON))
        yield Watched(store)


def _run(store: Store, statement: str) -> None:
    store.write(lambda session: session.execute(text(statement)))


def _announced(session: Session) -> object:
    waiting = session.scalars(text("SELECT id FROM delivery WHERE next_attempt_at <= :now LIMIT 5"), {"now": NOON})
    share = Share(limit=50, per_team=8)
    return claims.claim(session, share, now=NOON, lease=timedelta(seconds=30), among=list(waiting))


AFTER_A_BURST: dict[str, Work] = {
    "number": number.number,
    "ask what has no number": lambda session: mailbox.unnumbered_teams(session, limit=200),
    "claim": lambda session: claims.claim(session, Share(limit=50, per_team=8), now=NOON, lease=timedelta(seconds=30)),
    "claim what was announced": _announced,
    "ask what is unsealed": audit_log.waiting,
    "what is unsealed": lambda session: audit_log.unsealed(session, limit=100),
}


@pytest.mark.parametrize("name", AFTER_A_BURST)
def test_statistics_of_a_burst_make_nobody_read_everything_afterwards(after_a_burst: Watched, name: str):
    plans = after_a_burst.plans(AFTER_A_BURST[name])
    read = [int(rows) for rows in re.findall(r"on (?:delivery|audit).*\(actual (?:time=\S+ )?rows=(\d+)", plans)]
    passed = [int(rows) for rows in re.findall(r"Rows Removed by (?:Join )?Filter: (\d+)", plans)]
    assert read, plans
    assert max(read + passed) < 1_000, plans
    assert not re.search(r"Seq Scan on (delivery|audit)", plans), plans
