"""Why each team is told or not: of messages never received, and of one that was, as stored; on both databases."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from broker.domain.caller import Caller
from broker.errors import NotFound
from broker.storage import directory, directory_file
from broker.storage.tables import Delivery, Notification, Person, Task
from broker.workflow.context import Context
from broker.workflow.explain import explain, simulate
from broker.workflow.intake import Incoming
from broker.workflow.receive import receive
from schemas.examples.story import MESSAGES
from tests.default_policy import default_policy
from tests.journeys.grandparents import AT_HOME

TOWN = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
NOW = datetime(2019, 6, 1, 9, tzinfo=UTC)
POLICY = default_policy()


@pytest.fixture
def town(store):
    """The demonstration directory in a database with nobody in it."""
    store.write(lambda session: directory_file.store(session, directory_file.read(TOWN)))
    return store


def context(session, codec):
    """A step's context."""
    return Context(codec=codec, directory=directory.load(session), policy=POLICY, public_url="http://testserver")


def simulated(store, name, *, known=True):
    """An example explained before it is received."""

    def work(session):
        ctx = context(session, store.codec)
        message = MESSAGES[name]
        return simulate(message, ctx.directory.teams[message.sender], ctx, NOW, session if known else None)

    return store.read(work)


def received(store, *messages):
    """Messages received in this order; the id of the last notification."""

    def one(session, message):
        incoming = Incoming(
            raw=b"{}",
            content_type="application/fhir+json",
            via="fhir",
            standing="usable",
            content_hash=message.id,
            messages=(message,),
            key=message.id,
        )
        receive(session, context(session, store.codec), incoming, Caller(client="test", team=message.sender), NOW)
        return session.exec(select(Notification.id).where(Notification.message_id == message.id)).one()

    return [store.write(lambda session, message=message: one(session, message)) for message in messages][-1]


def decisions(explained):
    """Team → what was decided."""
    return {row["team"]: (row["decision"], row["view"], row["purpose"], row["reason_code"]) for row in explained.rows}


@pytest.mark.parametrize("known", [True, False])
def test_every_example_can_be_simulated_and_every_team_told_has_its_line(town, known):
    for name in MESSAGES:
        explained = simulated(town, name, known=known)
        assert explained.policy_version == POLICY.version
        assert [row["team"] for row in explained.rows] == sorted(row["team"] for row in explained.rows)
        for row in explained.rows:
            assert row["reason"]
            assert row["name"]
            assert row["decision"] == "withheld" or (row["rule"] and row["cites"]), (name, row)


def test_a_simulation_changes_nothing(town):
    for name in ("pregnancy-booking", "birth", "concern-bruising"):
        assert simulated(town, name).rows
    for table in (Notification, Delivery, Person, Task):
        assert town.read(lambda session, table=table: session.exec(select(table)).all()) == []


def test_a_simulation_says_what_would_have_happened(town):
    received(town, MESSAGES["pregnancy-booking"], AT_HOME)
    foreseen = simulated(town, "mental-health-admission")
    happened = received(town, MESSAGES["mental-health-admission"])
    stored = town.read(lambda session: explain(session, context(session, town.codec), happened))
    assert decisions(stored) == decisions(foreseen)
    assert {row["due"] for row in foreseen.rows} == {row["due"] for row in stored.rows}
    assert (stored.event, stored.policy_version) == ("mental-health-admission", POLICY.version)
    named = {task["code"] for task in foreseen.tasks}
    assert named <= {task["code"] for task in stored.tasks}
    lines = {row["team"]: row["rule"] for row in stored.rows if row["decision"] == "told"}
    assert lines
    assert all(rule.startswith(("mental-health-admission.tell.", "always.tell.")) for rule in lines.values())


def test_lines_are_not_named_when_another_policy_decided(town):
    received(town, MESSAGES["pregnancy-booking"])
    happened = received(town, MESSAGES["pregnancy-notification"])

    def later(session):
        ctx = context(session, town.codec)
        return explain(session, replace(ctx, policy=replace(POLICY, version="later")), happened)

    assert {row["rule"] for row in town.read(later).rows} == {""}


def test_what_was_never_received_cannot_be_explained(town):
    with pytest.raises(NotFound):
        town.read(lambda session: explain(session, context(session, town.codec), "no-such-notification"))
