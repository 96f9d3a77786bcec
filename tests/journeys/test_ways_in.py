"""What comes by MESH, from NHS England's own sandbox, and by MLLP is taken as over HTTP; its sender is told when it is on disk, and not before."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.exc import OperationalError

from broker.gateway.mesh import MeshGateway
from broker.storage import notifications
from schemas.codes import Event
from tests.journeys.copies import inputs
from tests.journeys.gateways import NEMS, mesh_entry, mesh_plain, mllp_answers, partner, runtime
from tests.services import mesh as mesh_sandbox

ENGINES = ("sqlite",)
SAMPLES = Path(__file__).parents[1] / "samples"
DIRECTORY = Path(__file__).parent / "leeds.yaml"
BIRTH = (SAMPLES / "nems-stu3/BirthNotificationWithMother.xml").read_bytes()


@pytest.fixture
def start():
    """An empty database."""
    return "template"


@pytest.fixture
def leeds(office, clock):
    """Everybody of a city that the samples speak of, onboarded over HTTP, on the evening of the birth."""
    for team in office.onboard_directory(DIRECTORY):
        office.onboard(team)
    clock.time = datetime(2017, 10, 2, 20, 30, tzinfo=UTC)
    return office


@pytest.fixture(scope="module")
def sandbox():
    """A MESH for the tests of this file."""
    with mesh_sandbox() as address:
        yield address


@pytest.fixture
def nems(sandbox):
    """The national feed, and an empty MESH."""
    httpx.delete(f"{sandbox}/admin/reset", trust_env=False).raise_for_status()
    with partner(sandbox, NEMS) as opened:
        yield opened


@pytest.fixture
def gateway(leeds, sandbox):
    """The broker's mailbox, in the name of midwifery."""
    entry = mesh_entry(sandbox, team="leeds-midwifery", workflows={"BIRTHNOTIFICATION_1": "midwifery"})
    opened = MeshGateway(runtime(leeds), entry)
    yield opened
    opened.close()


def test_a_birth_in_chunks_is_told_as_over_http_and_acknowledged_to_mesh_behind_the_commit(leeds, nems, gateway):
    sent = nems.sends(BIRTH, "BIRTHNOTIFICATION_1", compress=True)
    assert nems.fate_of(sent) == "accepted"

    assert gateway.look() == 1

    assert nems.fate_of(sent) == "acknowledged"
    copy = leeds.system("leeds-health-visiting").copy_of(Event.BIRTH)
    assert copy.facts["birth-weight"] == 3980
    assert gateway.look() == 0
    reply = leeds.system("leeds-midwifery").sends_native("midwifery", BIRTH, "application/fhir+xml")
    assert reply.status == 200  # the same again by another way: nothing more happens
    assert len(leeds.system("leeds-health-visiting").heard()) == 1


def test_what_is_not_on_disk_or_was_not_acknowledged_comes_again_and_changes_nothing(leeds, nems, gateway, monkeypatch):
    sent = nems.sends(BIRTH, "BIRTHNOTIFICATION_1")
    with monkeypatch.context() as cut:
        cut.setattr(runtime(leeds).store, "write", _away)
        assert gateway.look() == 0
    assert nems.fate_of(sent) == "accepted"
    assert leeds.system("leeds-health-visiting").heard() == []

    with monkeypatch.context() as cut:
        cut.setattr(gateway._mailbox, "acknowledge", _dies)
        with pytest.raises(_Died):
            gateway.look()
    assert nems.fate_of(sent) == "accepted"

    assert gateway.look() == 1
    assert nems.fate_of(sent) == "acknowledged"
    assert len(leeds.system("leeds-health-visiting").heard(Event.BIRTH)) == 1


CUT_OFF = gzip.compress(BIRTH)[:-9]


def test_what_cannot_be_used_is_kept_with_a_task_and_no_longer_waits_in_mesh(leeds, nems, gateway):
    sent = [
        nems.sends(BIRTH, "NOBODY_KNOWS_1"),
        nems.sends(CUT_OFF, "BIRTHNOTIFICATION_1", compressed=True),
        nems.sends(b"<Bundle", "BIRTHNOTIFICATION_1"),
    ]
    assert gateway.look() == 3

    assert [nems.fate_of(one) for one in sent] == ["acknowledged"] * 3
    assert sorted(kept(leeds)) == sorted([BIRTH, CUT_OFF, b"<Bundle"])
    tasks = leeds.system("leeds-midwifery").tasks("data-quality")
    said = sorted(line for task in tasks for line in inputs(task, "problems"))
    assert len(said) == 3
    assert said[0].startswith("Bundle")
    assert said[1] == "Mex-WorkflowID is a workflow that this mailbox has no adapter for"
    assert said[2] == "says that it is compressed, and does not unpack"


def test_a_workflow_that_gets_an_adapter_later_has_what_came_before_read(leeds, nems, gateway, tmp_path):
    nems.sends(BIRTH, "NEW_FEED_1")
    assert gateway.look() == 1
    file = tmp_path / "gateways.yaml"
    plain = mesh_plain(nems.url, team="leeds-midwifery", workflows={"NEW_FEED_1": "midwifery"})
    file.write_text(yaml.safe_dump({"gateways": [plain]}))
    running = runtime(leeds)
    running.settings = running.settings.model_copy(update={"gateways": file})

    answer = leeds.admin.call("POST", "/admin/dead-letters/quarantined/$retry", params={"via": "mesh/NEW_FEED_1"})

    assert answer.status_code == 200
    assert leeds.system("leeds-health-visiting").copy_of(Event.BIRTH)
    tasks = leeds.system("leeds-midwifery").tasks("data-quality")
    assert [task["status"] for task in tasks if "could not be used" in task["description"]] == ["completed"]


def test_what_is_packed_by_its_sender_is_unpacked_and_what_is_too_long_stays_for_mesh_to_report(leeds, nems, sandbox):
    entry = mesh_entry(sandbox, team="leeds-midwifery", workflows={"BIRTHNOTIFICATION_1": "midwifery"}, max_bytes=5000)
    small = MeshGateway(runtime(leeds), entry)
    packed = nems.sends(gzip.compress(BIRTH), "BIRTHNOTIFICATION_1", compressed=True)
    assert small.look() == 0
    assert nems.fate_of(packed) == "accepted"
    [task] = leeds.system("leeds-midwifery").tasks("data-quality")
    assert any("longer than" in line for line in inputs(task, "problems"))
    small.close()

    large = MeshGateway(runtime(leeds), entry.model_copy(update={"max_bytes": 100_000}))
    assert large.look() == 1
    assert nems.fate_of(packed) == "acknowledged"
    assert leeds.system("leeds-health-visiting").copy_of(Event.BIRTH)
    large.close()


ADMITTED = b"MSH|^~\\&|PAS|RXK01|BATON|BATON|20171002201500||ADT^A99|MSG00001|P|2.4\rPID|1||999\r"


def test_by_mllp_what_cannot_be_read_is_kept_before_it_is_answered_and_what_cannot_be_kept_is_not_answered(
    leeds, monkeypatch
):
    answers = mllp_answers(leeds, ADMITTED, ADMITTED, team="leeds-midwifery", adapter="midwifery")
    assert [b"\rMSA|AE|MSG00001|" in answer or b"\rMSA|AR|MSG00001|" in answer for answer in answers] == [True, True]
    assert all(b"\rERR|" in answer for answer in answers)
    assert kept(leeds) == [ADMITTED]  # once, and one task
    assert len(leeds.system("leeds-midwifery").tasks("data-quality")) == 1

    with monkeypatch.context() as cut:
        cut.setattr(runtime(leeds).store, "write", _away)
        other = ADMITTED.replace(b"MSG00001", b"MSG00002")
        assert mllp_answers(leeds, other, team="leeds-midwifery", adapter="midwifery") == []


def test_a_cloud_event_in_binary_mode_is_the_one_in_structured_mode(leeds, clock):
    clock.time = datetime(2020, 6, 1, 14, tzinfo=UTC)
    event = json.loads((SAMPLES / "mns-cloudevents/pdsDeath2Signal.json").read_bytes())
    visitors = leeds.system("leeds-health-visiting")
    binary = {f"ce-{name}": value for name, value in event.items()}
    answers = [
        visitors.call("POST", "/adapters/health-visiting/events", headers=headers, content=body)
        for headers, body in [
            ({"Content-Type": "application/cloudevents+json; charset=utf-8"}, json.dumps(event).encode()),
            ({"Content-Type": "application/json", **binary}, b""),
        ]
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content


def kept(office) -> list[bytes]:
    """What is in quarantine, as it came."""
    codec = runtime(office).store.codec

    def work(session):
        ids = session.execute(sa.text("SELECT id FROM notification WHERE state = 'refused'")).scalars()
        return [notifications.raw_of(codec, notifications.get(session, id_)) for id_ in ids]

    return runtime(office).store.read(work)


class _Died(Exception):
    """The process ended here."""


def _dies(*_):
    raise _Died


def _away(*_, **__):
    raise OperationalError("", {}, Exception())
