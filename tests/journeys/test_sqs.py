"""What HMPPS publishes is polled from a queue that speaks SQS (moto's): deleted when it is on disk, and not before."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.journeys.gateways import publish, runtime, sqs, sqs_look

ENGINES = ("sqlite",)
SAMPLES = Path(__file__).parents[1] / "samples" / "hmpps"
DIRECTORY = Path(__file__).parent / "leeds.yaml"
ALLOCATED = (SAMPLES / "event-allocation-message.json").read_text()


@pytest.fixture
def start():
    """An empty database."""
    return "template"


@pytest.fixture
def queue():
    """A queue of the test's own, as its publisher has it."""
    with sqs() as found:
        yield found


@pytest.fixture
def leeds(office, clock):
    """Everybody of a city that the samples speak of, onboarded over HTTP, on the day of the event."""
    for team in office.onboard_directory(DIRECTORY):
        office.onboard(team)
    clock.time = datetime(2022, 7, 28, 12, tzinfo=UTC)
    return office


@pytest.fixture
def look(leeds, queue):
    """Looks into the queue once, in the name of probation; whether all of it was taken."""
    return lambda: asyncio.run(sqs_look(leeds, queue[1], team="leeds-probation", adapter="probation"))


def left(queue) -> int:
    """Messages that the queue still has, hidden ones too."""
    client, url = queue
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def received(office, standing: str) -> int:
    """How many messages came to that."""
    count = sa.text("SELECT count(*) FROM notification WHERE standing = :standing").bindparams(standing=standing)
    return runtime(office).store.read(lambda session: session.execute(count).scalar_one())


def test_an_event_and_its_repeat_are_taken_once_and_poison_is_kept_and_holds_up_nothing(leeds, queue, look):
    client, url = queue
    publish(client, url, ALLOCATED, "not an event at all", ALLOCATED)

    assert look()

    assert received(leeds, "usable") == 1
    assert received(leeds, "unreadable") == 1
    assert left(queue) == 0
    tasks = [task["description"] for task in leeds.system("leeds-probation").tasks("data-quality")]
    assert ["could not be used" in description for description in tasks].count(True) == 1


def test_while_the_database_is_away_nothing_is_deleted_and_it_shows_again(leeds, queue, look, eventually, monkeypatch):
    client, url = queue
    publish(client, url, ALLOCATED)
    with monkeypatch.context() as cut:
        cut.setattr(runtime(leeds).store, "write", _away)
        assert not look()
    assert left(queue) == 1
    assert received(leeds, "usable") == 0

    eventually(lambda: look() and received(leeds, "usable") == 1)  # once its time of being hidden is over
    assert left(queue) == 0


def _away(*_, **__):
    raise OperationalError("", {}, Exception())
