"""A gateway is killed between the commit and what its sender is told, once for each way: what was taken is there once, and is told after all."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import SECRET
from tests.faults.processes import ROOT, Process, free_port
from tests.journeys.gateways import NEMS, mesh_plain, partner, publish, sqs, sqs_plain
from tests.journeys.test_ways_together import ALLOCATED, BIRTH, DISCHARGED
from tests.services import mesh, postgres_database

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(240)]

PATIENCE = 60.0  # seconds until a process is up, on a busy machine
CMHT = {"id": "leeds-cmht", "agency": "leeds-trust", "function": "mental-health", "name": "CMHT", "area": "leeds"}


def until(holds: Callable[[], object], gateway: Process) -> None:
    """Wait for what happens in another process."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, gateway.said()
        time.sleep(0.05)


def directory(folder: Path) -> Path:
    """The city of the samples, with a mental health team."""
    plain = yaml.safe_load((ROOT / "tests/journeys/leeds.yaml").read_text())
    file = folder / "directory.yaml"
    file.write_text(yaml.safe_dump({**plain, "teams": [*plain["teams"], CMHT]}))
    return file


def said_by_mllp(port: int, message: bytes, gateway: Process) -> bytes:
    """What is answered, nothing when the connection was closed instead; once the listener is there."""
    found: list[socket.socket] = []

    def connected() -> bool:
        try:
            found.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        except OSError:
            return False
        return True

    until(connected, gateway)
    with found[0] as connection:
        connection.sendall(b"\x0b" + message + b"\x1c\r")
        try:
            return connection.recv(4096)
        except ConnectionError:
            return b""


def test_killed_before_its_sender_is_told_it_loses_and_doubles_nothing(postgres_template: str, tmp_path: Path) -> None:
    port = free_port()
    with postgres_database(postgres_template) as url, mesh() as sandbox, sqs() as (amazon, queue):
        file = tmp_path / "gateways.yaml"
        entries = [
            mesh_plain(
                sandbox, team="leeds-midwifery", workflows={"BIRTHNOTIFICATION_1": "midwifery"}, poll_seconds=0.2
            ),
            {"way": "mllp", "name": "mllp", "port": port, "team": "leeds-cmht", "adapter": "cmht"},
            sqs_plain(queue, team="leeds-probation", adapter="probation"),
        ]
        file.write_text(yaml.safe_dump({"gateways": entries}))
        settings = {"BATON_DATABASE_URL": url, "BATON_SECRET_KEY": SECRET.decode(), "BATON_GATEWAYS": str(file)}
        importing = Process(["directory", "import", str(directory(tmp_path))], settings, tmp_path / "import.log")
        importing.start()
        importing.wait(PATIENCE)
        gateway = Process(["gateway"], settings, tmp_path / "gateway.log")
        store = open_store(url, AesCodec(SECRET))

        def accepted() -> list[str]:
            vias = sa.text("SELECT via FROM notification WHERE state = 'accepted'")
            return sorted(store.read(lambda session: session.execute(vias).scalars().all()))

        with partner(sandbox, NEMS) as nems:
            born = nems.sends(BIRTH, "BIRTHNOTIFICATION_1")
            gateway.start(FAULTS_AT="mesh 1")
            until(lambda: gateway.was_killed, gateway)
            assert accepted() == ["midwifery"]
            assert nems.fate_of(born) == "accepted"

            gateway.start(FAULTS_AT="mllp 1")
            assert said_by_mllp(port, DISCHARGED, gateway) == b""
            until(lambda: gateway.was_killed, gateway)
            assert accepted() == ["cmht", "midwifery"]

            gateway.start(FAULTS_AT="sqs 1")
            assert b"\rMSA|AA|C1" in said_by_mllp(port, DISCHARGED, gateway)
            until(lambda: nems.fate_of(born) == "acknowledged", gateway)
            publish(amazon, queue, ALLOCATED)
            until(lambda: gateway.was_killed, gateway)
            assert accepted() == ["cmht", "midwifery", "probation"]

        gateway.start()
        until(lambda: not left(amazon, queue), gateway)
        gateway.stop()
        assert not gateway.was_killed, "it stops when it is told to"
        assert accepted() == ["cmht", "midwifery", "probation"]
        store.close()


def left(amazon, queue: str) -> int:
    """Messages that the queue still has, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, amazon.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values()))
