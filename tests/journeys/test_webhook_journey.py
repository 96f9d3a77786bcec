"""A team that is told by webhook: its system checks the signature, and a system that is down is neither forgotten nor in anybody's way."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from schemas.codes import Event
from schemas.examples.cast import CHLOE
from schemas.examples.telling import MIDWIFE, fact, tell
from tests.conftest import Clock
from tests.journeys.brokers import SETTINGS
from tests.journeys.copies import Copy, due, inputs, milestones, requester

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of a test secret").decode()
LADDER = [timedelta(minutes=1), timedelta(minutes=10)]
PATIENCE = 30
"""Seconds of real time after which a wait is given up; nothing is measured by it."""


@dataclass
class Receiver:
    """A team's own HTTP server: what arrived, and the status it answers with."""

    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiving(status: int = 204) -> Iterator[Receiver]:
    """A server on a free port of loopback."""
    receiver = Receiver(status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for what happens beside the calls."""
    assert _comes_true(holds, seconds), "it did not happen"


def as_time_passes(clock: Clock, step: timedelta, holds: Callable[[], object]) -> None:
    """Let time go on step by step, with a moment for the worker after each, until something has happened."""
    for _ in range(PATIENCE):
        if _comes_true(holds, 0.5):
            return
        clock.time += step
    pytest.fail("it did not happen")


def _comes_true(holds: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def clock():
    """The real time at the start: receivers judge timestamps by their own clocks."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def settings():
    """A short ladder, looked at often; a lease outlives the jumps of the clock."""
    return SETTINGS.model_copy(
        update={
            "retry_ladder": LADDER,
            "poll_seconds": 0.05,
            "webhook_timeout_seconds": 5,
            "lease_seconds": timedelta(days=30).total_seconds(),
        }
    )


def subscribes(office, team, url, secret=SECRET):
    """Register a webhook over HTTP."""
    office.put(f"/admin/teams/{team}/channel", {"kind": "webhook", "url": url, "secret": secret})


def booking(clock):
    """A pregnancy booked just now."""
    return tell(
        "booked-now",
        Event.PREGNANCY_NOTIFICATION,
        "swbh-midwifery",
        clock() - timedelta(hours=1),
        subjects=[CHLOE],
        author=MIDWIFE,
        facts=(fact("expected-date", (clock() + timedelta(days=150)).date(), CHLOE),),
    )


def test_the_message_arrives_signed_and_2xx_is_delivery(office, clock):
    with receiving() as hook:
        subscribes(office, "bcht-health-visiting", hook.url)
        midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
        midwifery.tells(booking(clock))
        until(lambda: hook.got)
        headers, body = hook.got[0]
        Webhook(SECRET).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body.replace(b"Chloe", b"Clara"), headers)
        [copy] = visitors.heard()  # the mailbox stays open, and both say the same
        pushed = Copy(copy.number, headers["webhook-id"], copy.purpose, json.loads(body))
        assert (pushed.id, pushed.header, pushed.facts) == (copy.id, copy.header, copy.facts)
        until(lambda: visitors.inbox(after=0)[0]["acknowledged"])
        [seen] = midwifery.waits_for("acknowledge")
        assert seen["status"] == "received"
        assert set(milestones(seen)) == {"delivered"}  # to a system: nobody has opened it
        assert len(hook.got) == 1


def test_a_dead_receiver_is_parked_with_a_task_and_stops_nobody(office, clock):
    midwifery, visitors, practice = (
        office.system(team) for team in ("swbh-midwifery", "bcht-health-visiting", "harborne-practice")
    )
    lead = office.system("bcht-safeguarding-lead")
    with receiving(status=500) as dead, receiving() as well:
        subscribes(office, visitors.team, dead.url)
        subscribes(office, practice.team, well.url)
        midwifery.tells(booking(clock))
        until(lambda: well.got)  # while the other fails
        as_time_passes(clock, timedelta(minutes=5), lambda: lead.tasks("undeliverable"))
        assert len(dead.got) == len(LADDER) + 1
        assert {headers["webhook-id"] for headers, _ in dead.got} == {
            visitors.inbox()[0]["id"]
        }  # always the same message
        task = lead.task("undeliverable")
        assert "could not be reached by its system" in task["description"]
        assert inputs(task, "team") == ["bcht-health-visiting"]
        assert requester(task) == "swbh-midwifery"
        assert due(task) > clock()
        assert visitors.inbox()  # it waits in the mailbox all the while
        dead.status = 204
        as_time_passes(
            clock, timedelta(hours=13), lambda: visitors.inbox(after=0)[0]["acknowledged"]
        )  # tried once a day
        assert len(dead.got) == len(LADDER) + 2
        assert len(well.got) == 1
        assert len(lead.tasks("undeliverable")) == 1


def test_a_receiver_that_is_not_there_at_all_is_tried_again(office, clock):
    with receiving() as gone:
        url = gone.url
    midwifery, visitors = office.system("swbh-midwifery"), office.system("bcht-health-visiting")
    subscribes(office, visitors.team, url)
    midwifery.tells(booking(clock))
    assert visitors.inbox()
    with receiving() as back:
        subscribes(office, visitors.team, back.url)
        as_time_passes(clock, timedelta(minutes=1), lambda: not visitors.inbox())
    assert len(back.got) == 1


def test_a_webhook_needs_an_address_and_a_secret_that_are_usable(office):
    for channel in (
        {"kind": "webhook", "secret": SECRET},
        {"kind": "webhook", "url": "http://127.0.0.1:9/hook", "secret": "whsec_short"},
        {"kind": "webhook", "url": "file:///etc/passwd", "secret": SECRET},
    ):
        answer = office.admin.call("PUT", "/admin/teams/bcht-health-visiting/channel", json=channel)
        assert answer.status_code in (400, 422), channel
        assert answer.json()["resourceType"] == "OperationOutcome"
