"""A team that is told by MESH: its mailbox gets the message, MESH says whether its system took it, and what nobody collects is a person's."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import yaml

from adapters.wires.mesh import Account, Mailbox
from broker.gateway.mesh import MeshGateway
from deploy.dev.mesh_sandbox import PASSWORD, SHARED_KEY
from tests import itk3
from tests.conftest import Clock
from tests.journeys.brokers import SETTINGS
from tests.journeys.copies import Copy
from tests.journeys.gateways import OURS, THEIRS, mesh_entry, mesh_plain, partner, runtime
from tests.journeys.test_webhook_journey import booking, until
from tests.services import mesh as mesh_sandbox

ENGINES = ("postgres",)
TEAM = "bcht-health-visiting"
ACKNOWLEDGEMENTS = "GPFED_CONSULT_REPORT_ACK"


@pytest.fixture(scope="module")
def sandbox():
    """A MESH for the tests of this file."""
    with mesh_sandbox() as address:
        yield address


@pytest.fixture
def visitors_mailbox(sandbox):
    """The team's own mailbox, and an empty MESH."""
    httpx.delete(f"{sandbox}/admin/reset", trust_env=False).raise_for_status()
    with partner(sandbox, THEIRS) as opened:
        yield opened


@pytest.fixture
def settings(sandbox, visitors_mailbox, tmp_path):
    """The broker sends from a mailbox of its own."""
    file = tmp_path / "gateways.yaml"
    file.write_text(yaml.safe_dump({"gateways": [mesh_plain(sandbox, team="swbh-midwifery", sends=True)]}))
    return SETTINGS.model_copy(update={"gateways": file, "poll_seconds": 0.05, "lease_seconds": 60})


@pytest.fixture
def gateway(office, sandbox):
    """Looks into the broker's mailbox when the test says so."""
    opened = MeshGateway(runtime(office), mesh_entry(sandbox, team="swbh-midwifery", sends=True))
    yield opened
    opened.close()


@pytest.fixture
def told(office, clock: Clock, visitors_mailbox):
    """A booking of which the team is told by MESH; what lies in its mailbox."""
    office.put(f"/admin/teams/{TEAM}/channel", {"kind": "mesh", "url": f"mesh:{THEIRS}"})
    office.system("swbh-midwifery").tells(booking(clock))
    until(visitors_mailbox.has)
    [message] = visitors_mailbox.has()
    return message


def test_what_is_long_goes_and_comes_in_chunks(sandbox, visitors_mailbox):
    ours = Mailbox(Account(url=sandbox, mailbox=OURS, password=PASSWORD, shared_key=SHARED_KEY, chunk_bytes=1000))
    body = bytes(range(256)) * 10
    sent = ours.send(THEIRS, body, workflow="BATON_NOTIFICATION_1", local_id="d1", content_type="application/fhir+json")
    [message] = visitors_mailbox.has()
    assert (message.body, message.headers["total-chunks"], message.headers["localid"]) == (body, "3", "d1")
    assert ours.fate(sent) == "accepted"
    ours.close()


def test_what_mesh_took_is_sent_and_what_the_team_acknowledged_there_is_delivered(
    office, clock, visitors_mailbox, told, gateway
):
    visitors = office.system(TEAM)
    [copy] = visitors.heard()
    assert Copy(copy.number, told.headers["localid"], copy.purpose, json.loads(told.body)) == copy
    assert told.headers["subject"] == copy.id
    assert told.content_type == "application/fhir+json"

    gateway.ask()
    [entry] = visitors.inbox(after=0)
    assert entry["acknowledged"] is None  # MESH has it, and nobody else
    clock.forward(days=4)
    assert len(visitors_mailbox.has()) == 1  # no copies while MESH keeps it

    visitors_mailbox.mailbox.acknowledge(told.id)
    gateway.ask()
    gateway.ask()
    [entry] = visitors.inbox(after=0)
    assert entry["acknowledged"]


def test_an_acknowledgement_in_itk3_goes_by_its_own_workflow(office, clock, visitors_mailbox):
    sender = "harborne-practice"
    clock.time = datetime(2026, 2, 27, 9, 31, tzinfo=UTC)
    office.put(f"/admin/teams/{sender}/channel", {"kind": "mesh", "url": f"mesh:{THEIRS}", "format": "native"})
    letter = itk3.in_xml(itk3.message(itk3.document(itk3.composition(), itk3.patient(), itk3.AUTHOR)))
    assert office.system(sender).sends_native("gp", letter, "application/fhir+xml").status == 200
    until(lambda: any(message.workflow == ACKNOWLEDGEMENTS for message in visitors_mailbox.has()))
    [receipt] = [message for message in visitors_mailbox.has() if message.workflow == ACKNOWLEDGEMENTS]
    assert receipt.content_type == "application/fhir+xml; charset=utf-8"
    assert b'<identifier value="m-1"/>' in receipt.body


def test_what_mesh_gives_up_is_an_undeliverable_task_and_is_tried_again_the_next_day(
    office, clock, visitors_mailbox, told, gateway
):
    lead = office.system("bcht-safeguarding-lead")
    visitors_mailbox.is_reported(told)
    assert gateway.look() == 1
    visitors_mailbox.is_reported(told)
    assert gateway.look() == 1  # said again: nothing more
    [task] = lead.tasks("undeliverable")
    assert task["status"] == "requested"

    clock.time += timedelta(days=1, hours=6)
    until(lambda: len(visitors_mailbox.has()) == 2)
    again = visitors_mailbox.has()[-1]
    assert again.headers["localid"] == told.headers["localid"]
    visitors_mailbox.mailbox.acknowledge(again.id)
    until(lambda: office.system(TEAM).inbox(after=0)[0]["acknowledged"] or gateway.ask())
    [task] = lead.tasks("undeliverable")
    assert task["status"] == "cancelled"


def test_a_report_about_nothing_of_ours_is_kept_and_a_channel_needs_a_mailbox_to_send_from(
    office, told, visitors_mailbox, gateway
):
    stranger = told.__class__(id="OTHER", body=b"", content_type=None, headers={**told.headers, "localid": "not-ours"})
    visitors_mailbox.is_reported(stranger)
    assert gateway.look() == 1
    [task] = office.system("swbh-midwifery").tasks("data-quality")
    assert "could not be used" in task["description"]
    answer = office.admin.call("PUT", f"/admin/teams/{TEAM}/channel", json={"kind": "mesh", "url": "mesh:no such"})
    assert answer.status_code in (400, 422)
