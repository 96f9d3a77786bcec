"""K11: the same message five times at once, the same answer five times at once, also when it was routed again meanwhile; one effect each."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import col

from broker.cli import bench_town
from broker.clock import utc_now
from broker.storage.tables import Delivery, Task, TaskEvent
from tests.faults.checker import Evidence, check, opened
from tests.faults.load import Sent, messages
from tests.faults.processes import Api, Worker, kept
from tests.faults.receivers import Receivers
from tests.faults.size import record, size
from tests.faults.town import BYSTANDER, HOUSEHOLDS, PULLING, SENDER, Town

AT_ONCE = 5
MESSAGES = size(15, 1_000)
ANSWERS = size(5, 200)
FHIR = {"Content-Type": "application/fhir+json"}


def acceptance() -> dict[str, Any]:
    """What an answer to a concern must have: who, with whom it was talked over, what it means, what will be done by whom and when."""
    now = utc_now()
    role = {"name": "role", "valueCode": "general-practitioner"}
    parts = {
        "practitioner": [{"name": "name", "valueString": "Dr Jo Marsh"}, role],
        "conversation": [
            {"name": "with", "valueString": "The health visitor"},
            {"name": "at", "valueDateTime": now.isoformat(timespec="seconds")},
        ],
        "agreed-action": [
            {"name": "action", "valueString": "See the baby with the paediatric registrar"},
            {"name": "owner", "valueReference": {"display": "Dr Jo Marsh"}},
            role,
            {"name": "due", "valueDateTime": (now + timedelta(days=1)).date().isoformat()},
        ],
    }
    meaning = {"name": "meaning", "valueString": "We have not seen this baby since the eight-week check."}
    said = [meaning, *({"name": name, "part": part} for name, part in parts.items())]
    return {"resourceType": "Parameters", "parameter": said}


async def at_once(ports: list[int], path: str, token: str, **body: Any) -> list[httpx.Response]:
    """The same request so many times at the same moment, over as many connections, to every server."""
    headers = FHIR | {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as client:
        urls = [f"http://127.0.0.1:{ports[number % len(ports)]}{path}" for number in range(AT_ONCE)]
        return list(await asyncio.gather(*(client.post(url, **body) for url in urls)))


async def send(ports: list[int], one: Sent, token: str) -> None:
    """A message so many times at once, and again until it is answered; every answer is the same."""
    while one.accepted is None:
        answers = await at_once(ports, "/fhir/$process-message", token, content=one.body)
        one.answers += [answer.status_code for answer in answers]
        assert set(one.answers) <= {200, 425, 503}
        accepted = {answer.content for answer in answers if answer.status_code == 200}
        assert len(accepted) <= 1
        one.accepted = 1.0 if accepted else None


async def answer(ports: list[int], task: str, token: str) -> list[int]:
    """A task answered so many times at once."""
    answers = await at_once(ports, f"/fhir/Task/{task}/$accept", token, json=acceptance())
    return [one.status_code for one in answers]


def test_five_times_at_once_is_once(on_postgres: Town, hooks: Receivers, tmp_path: Path) -> None:
    settings = on_postgres.settings()
    apis = [Api(settings, tmp_path / f"api{number}.log", "--no-worker") for number in range(2)]
    with kept([*apis, Worker(settings, tmp_path / "worker.log")]):
        ports = [api.once_it_answers().port for api in apis]
        stream = messages(on_postgres)
        sent = [next(stream) for _ in range(MESSAGES)]
        for one in sent:
            asyncio.run(send(ports, one, on_postgres.tokens[SENDER]))
        figures = check(on_postgres, Evidence(sent=sent, received=hooks.received))
        tasks = owed(apis[0], on_postgres)
        routed = [joined(ports[0], on_postgres, household) for household in range(HOUSEHOLDS)]
        assert set(routed) == {200}
        answers = [asyncio.run(answer(ports, task, on_postgres.tokens[PULLING])) for task in tasks]
    assert all(set(statuses) <= {200, 409, 503} and 200 in statuses for statuses in answers), answers
    with opened(on_postgres) as store:
        about = store.read(lambda session: set(session.scalars(_notifications(tasks))))
        told = _copies(about)
        assert store.read(lambda session: session.execute(told.where(col(Delivery.team_id) == BYSTANDER)).all())
        twice = told.having(sa.func.count() > 1)
        assert not store.read(lambda session: session.execute(twice).all())
        moves = sa.select(sa.func.count()).select_from(TaskEvent).where(col(TaskEvent.move) == "accept")
        accepted = store.read(lambda session: session.scalar(moves.where(col(TaskEvent.task_id).in_(tasks))))
    assert accepted == len(tasks) == ANSWERS
    record(
        "K11",
        "at-once",
        figures,
        sent_at_once=AT_ONCE,
        answered_at_once=AT_ONCE,
        tasks_answered=accepted,
        messages_routed_again=len(about),
    )


def joined(port: int, place: Town, household: int) -> int:
    """Another team says that it works with the child of a household: what stands about it is routed again; the answer."""
    body = bench_town._body(bench_town._begins(household, BYSTANDER, place.built))
    headers = FHIR | {"Authorization": f"Bearer {place.tokens[BYSTANDER]}"}
    url = f"http://127.0.0.1:{port}/fhir/$process-message"
    return httpx.post(url, content=body, headers=headers, timeout=30, trust_env=False).status_code


def _notifications(tasks: list[str]) -> Any:
    return sa.select(col(Task.notification_id)).where(col(Task.id).in_(tasks))


def _copies(about: set[str | None]) -> Any:
    """How many messages each team was sent of each of these notifications as such."""
    key = (col(Delivery.notification_id), col(Delivery.team_id))
    return sa.select(*key, sa.func.count()).where(key[0].in_(about), col(Delivery.cause) == "").group_by(*key)


def owed(api: Api, place: Town) -> list[str]:
    """Acknowledgements that a team owes."""
    found = httpx.get(
        f"{api.url}/fhir/Task",
        params={"owner": PULLING, "code": "acknowledge", "status": "requested,received", "_count": ANSWERS},
        headers={"Authorization": f"Bearer {place.tokens[PULLING]}"},
        timeout=30,
        trust_env=False,
    )
    assert found.status_code == 200, found.text
    return [entry["resource"]["id"] for entry in found.json()["entry"]]
