"""K10: one message in a hundred is poison, and one receiver fails for ever; the others are delivered, and what is wrong is kept with a task."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
import orjson
import sqlalchemy as sa
from sqlmodel import col

from broker.clock import utc_now
from broker.domain.states import NotificationState
from broker.storage.store import Store
from broker.storage.tables import Notification, Task
from schemas.codes import TaskCode
from tests.faults import town
from tests.faults.checker import opened
from tests.faults.load import messages
from tests.faults.receivers import Receivers
from tests.faults.running import Run, running
from tests.faults.size import record, size
from tests.faults.town import PUSHED, SENDER, Town

REFUSED = frozenset({400, 413, 422})
IN_A_HUNDRED = 100


def poison(place: Town) -> Iterator[bytes]:
    """Malformed, huge, deeply nested, of the wrong shape, half a message, and text that no database takes; each time another."""
    whole = next(messages(place)).body
    for number in range(10**9):
        mark = b"%d" % number
        yield b'{"resourceType": "Bundle", "mark": ' + mark
        yield b'{"resourceType": "Bundle", "mark": "' + mark + b'", "x": "' + b"a" * 2_000_000 + b'"}'
        yield b'{"mark": ' + mark + b', "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
        yield b'{"resourceType": "Bundle", "type": "message", "entry": [' + mark + b"]}"
        yield whole[: len(whole) // 2] + mark
        yield orjson.dumps(orjson.loads(whole) | {"id": f"{number}\x00\ud7ff"})


@contextmanager
def poisoned(run: Run) -> Iterator[list[int]]:
    """A client that sends poison for as long as the block runs, one for a hundred that others send; what it was answered."""
    answers: list[int] = []
    stopping = threading.Event()
    headers = {"Authorization": f"Bearer {run.town.tokens[SENDER]}", "Content-Type": "application/fhir+json"}

    def send() -> None:
        with httpx.Client(base_url=run.apis[0].url, headers=headers, timeout=30, trust_env=False) as client:
            for body in poison(run.town):
                while len(run.load.sent) * size(20, 1) < IN_A_HUNDRED * len(answers) and not stopping.wait(0.02):
                    pass
                if stopping.is_set():
                    return
                answers.append(client.post("/fhir/$process-message", content=body).status_code)

    thread = threading.Thread(target=send, name="poison", daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        stopping.set()
        thread.join(60)


def kept(store: Store) -> int:
    """Refused messages that are kept, each with a task for its sender."""
    refused = sa.select(col(Notification.id)).where(col(Notification.state) == NotificationState.REFUSED)
    tasks = sa.select(col(Task.notification_id)).where(
        col(Task.code) == TaskCode.DATA_QUALITY, col(Task.owner_team_id) == SENDER
    )
    ids = store.read(lambda session: set(session.scalars(refused)))
    assert ids <= store.read(lambda session: set(session.scalars(tasks)))
    return len(ids)


def test_poison_and_a_receiver_that_fails_for_ever_harm_nobody_else(
    on_postgres: Town, hooks: Receivers, tmp_path: Path
) -> None:
    [failing, _] = PUSHED
    with opened(on_postgres) as store:
        urls = {failing: hooks.url(failing, "fails")}
        store.write(lambda session: town.webhooks(session, store.codec, urls, utc_now()))
        # A channel that fails is tried with one message at a time, once in a look: what was given up must not take turns meanwhile.
        tried = {"BATON_RETRY_LADDER": "[0.1]", "BATON_BREAKER_LADDER": "[0.05]", "BATON_DAILY_RETRY": "P1D"}
        settings = tried | {"BATON_POLL_SECONDS": "0.05"}
        with running(on_postgres, hooks, tmp_path, per_second=size(15, 100), settings=settings) as run:
            run.more(size(5, 1_000), seconds=1_000)
            alone = len(run.load.waits)
            with poisoned(run) as answers:
                run.more(size(15, 5_000), seconds=1_000)
            beside = len(run.load.waits)
            p99 = {"alone": _p99(run, 0, alone), "beside": _p99(run, alone, beside)}
            figures = run.finish(away=frozenset({failing}))
            assert run.keeper.deaths == 0
        refused = kept(store)
    assert set(answers) <= REFUSED | {200}  # a message that only looks odd is none
    assert len(REFUSED & set(answers)) > 1
    assert refused == sum(answer in (400, 422) for answer in answers)
    milliseconds = {f"others_p99_{when}_ms": value for when, value in p99.items()}
    record("K10", "poison", figures, poison=len(answers), kept_with_a_task=refused, **milliseconds)


def _p99(run: Run, first: int, last: int) -> int:
    """Of what the others waited for their answers, in milliseconds."""
    waited = sorted(seconds for status, seconds in run.load.waits[first:last] if status == HTTPStatus.OK)
    return round(1000 * waited[int(len(waited) * 0.99)])
