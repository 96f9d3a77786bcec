"""Gateways of a journey's broker, each used when the test says so, and the partners at the other end of MESH."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer

from adapters.wires.mesh import Account, Mailbox
from adapters.wires.mllp import END, START
from broker.gateway.mllp import MllpGateway
from broker.gateway.sqs import SqsGateway
from broker.gateway_file import Gateways, Mesh, Mllp, Sqs
from broker.runtime import Runtime
from deploy.dev.mesh_sandbox import PASSWORD, SHARED_KEY

OURS, NEMS, THEIRS = "X26ABC1", "X26ABC2", "X26ABC3"
"""The sandbox's mailboxes: the broker's, a national feed's, a practice's."""


def runtime(office) -> Runtime:
    """What the journey's broker runs on."""
    running: Runtime = office.admin.http.app.state.runtime
    return running


def mesh_plain(url: str, **more):
    """A MESH mailbox as the file has it."""
    os.environ["JOURNEY_MESH_PASSWORD"], os.environ["JOURNEY_MESH_KEY"] = PASSWORD, SHARED_KEY
    return {
        "way": "mesh",
        "name": "mesh",
        "url": url,
        "mailbox": OURS,
        "password": {"env": "JOURNEY_MESH_PASSWORD"},
        "shared_key": {"env": "JOURNEY_MESH_KEY"},
        **more,
    }


def mesh_entry(url: str, **more) -> Mesh:
    """The same, read."""
    [entry] = Gateways.model_validate({"gateways": [mesh_plain(url, **more)]}).gateways
    assert isinstance(entry, Mesh)
    return entry


def mllp_answers(office, *messages: bytes, team: str, adapter: str) -> list[bytes]:
    """What a listener in the name of a team answers to these on one connection; fewer where it closes instead."""
    plain = {"way": "mllp", "name": "mllp", "port": 0, "team": team, "adapter": adapter}
    [entry] = Gateways.model_validate({"gateways": [plain]}).gateways
    assert isinstance(entry, Mllp)

    async def talk() -> list[bytes]:
        async with MllpGateway(runtime(office), entry).listener as listener:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            answers = []
            try:
                for message in messages:
                    writer.write(START + message + END)
                    answers.append((await reader.readuntil(END)).strip(START + END))
            except asyncio.IncompleteReadError:
                pass
            writer.close()
            return answers

    return asyncio.run(asyncio.wait_for(talk(), 60))


@contextmanager
def sqs() -> Iterator[tuple[Any, str]]:
    """A queue that speaks SQS (moto's) for as long as the block runs: its publisher's client, and its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    known = {"region_name": "eu-west-2", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("sqs", endpoint_url=f"http://{host}:{port}", **known)
    try:
        yield client, client.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    finally:
        server.stop()


def publish(client, url: str, *bodies: str) -> None:
    """Put messages into the queue."""
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body)


def sqs_plain(url: str, *, team: str, adapter: str):
    """A queue as the file has it."""
    os.environ["JOURNEY_SQS_KEY"] = "test"
    return {
        "way": "sqs",
        "name": "sqs",
        "queue_url": url,
        "region": "eu-west-2",
        "access_key_id": {"env": "JOURNEY_SQS_KEY"},
        "secret_access_key": {"env": "JOURNEY_SQS_KEY"},
        "team": team,
        "adapter": adapter,
        "visibility_seconds": 5,
        "wait_seconds": 0,
    }


async def sqs_look(office, url: str, *, team: str, adapter: str) -> bool:
    """One look into a queue in the name of a team; whether all of it was taken."""
    plain = sqs_plain(url, team=team, adapter=adapter)
    [entry] = Gateways.model_validate({"gateways": [plain]}).gateways
    assert isinstance(entry, Sqs)
    gateway = SqsGateway(runtime(office), entry)
    async with gateway._queue:
        return await gateway.look()


@dataclass
class Partner:
    """Somebody else with a MESH mailbox."""

    url: str
    id: str
    mailbox: Mailbox

    def sends(
        self, body: bytes, workflow: str, *, to: str = OURS, content_type: str = "application/octet-stream", **more
    ) -> str:
        """Put a message into a mailbox, in chunks of 4 KB; MESH's id of it."""
        with self.mailbox._client() as client:
            return client.send_message(
                to, body, workflow_id=workflow, content_type=content_type, max_chunk_size=4096, **more
            )

    def has(self):
        """What waits in its own mailbox."""
        return [self.mailbox.fetch(id_, most=10_000_000) for id_ in self.mailbox.ids()]

    def fate_of(self, message_id: str) -> str:
        """What MESH says of a message that it sent."""
        return self.mailbox.fate(message_id)

    def is_reported(self, message, recipient: str = OURS) -> None:
        """MESH gives up on a message: a report of it stands in its sender's mailbox."""
        report = {
            "mailbox_id": recipient,
            "status": "undeliverable",
            "workflow_id": message.workflow,
            "local_id": message.headers["localid"],
            "linked_message_id": message.id,
            "subject": "",
            "code": "14",
            "description": "Message not collected by recipient after 5 days",
            "file_name": "",
        }
        httpx.post(f"{self.url}/messageexchange/admin/report", json=report, trust_env=False).raise_for_status()


@contextmanager
def partner(url: str, mailbox: str) -> Iterator[Partner]:
    """A partner for as long as the block runs."""
    opened = Mailbox(Account(url=url, mailbox=mailbox, password=PASSWORD, shared_key=SHARED_KEY))
    try:
        yield Partner(url, mailbox, opened)
    finally:
        opened.close()
