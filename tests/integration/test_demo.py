"""What `serve --demo` prepares: the story up to yesterday, told once, and everything that comes next ready to be tried."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from broker import demo
from broker.errors import Misconfigured
from broker.replay.record import system
from broker.runtime import Runtime, start
from broker.settings import Settings
from broker.storage import clients, mailbox, migrate, task_search
from broker.storage.task_search import SortBy, TaskQuery
from broker.storage.task_values import Scope
from broker.workflow import intake
from broker.workflow.receive import receive
from schemas.codes import TaskCode
from schemas.limits import Limits

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
EVERYTHING = Scope(team=None, everything=True)


def prepared(folder, monkeypatch, **settings) -> Runtime:
    """A broker with the demonstration in it, at nine thirty on a Wednesday."""
    monkeypatch.chdir(folder)
    runtime = start(Settings(database_url=f"sqlite:///{folder / 'demo.db'}", demo=True, **settings), clock=lambda: NOW)
    migrate.upgrade(runtime.store.engine)
    assert "demo-administrator" in demo.prepare(runtime)
    return runtime


def tasks(runtime, **query):
    asked = TaskQuery(sort=SortBy.AUTHORED, count=10_000, **query)
    return runtime.store.read(lambda s: task_search.search(s, runtime.store.codec, asked, EVERYTHING))[0]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield (told := prepared(tmp_path_factory.mktemp("demo"), patch))
        told.store.close()


def test_the_story_is_told_up_to_yesterday(runtime):
    raised = [task.row.authored_at for task in tasks(runtime)]
    assert len(raised) > 100
    assert min(raised) < NOW - timedelta(days=600)
    assert max(raised) < NOW.replace(hour=0, minute=0)
    assert not tasks(
        runtime, codes=frozenset({TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD}), owner="swbh-safeguarding-lead"
    )


def test_one_that_was_interrupted_while_it_was_prepared_is_not_shown_as_the_whole(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "_tell", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepared(tmp_path, monkeypatch)
    with pytest.raises(Misconfigured, match="start again"):
        prepared(tmp_path, monkeypatch)


def test_past_steps_count_as_done(runtime):
    """Every message has been taken, and what nobody answered has climbed as far as it would have by now."""
    teams = [client.team for client in runtime.store.read(clients.all_clients) if client.team]
    assert len(teams) > 20
    assert not [team for team in teams if runtime.store.read(lambda s, team=team: mailbox.waiting(s, team, limit=1))]
    assert all(task.row.climbs_at is None or task.row.climbs_at > NOW for task in tasks(runtime))


def test_what_happens_today_can_be_sent(runtime):
    raw = (demo.MESSAGES / f"{demo.NEXT}.json").read_bytes()
    assert datetime.fromisoformat(orjson.loads(raw)["timestamp"]).date() == NOW.date()
    at = datetime.fromisoformat(orjson.loads(raw)["timestamp"])
    incoming = intake.read_fhir(raw, "application/fhir+json", Limits(), at)
    answer = runtime.store.write(lambda s: receive(s, runtime.context(s), incoming, system("swbh-health-visiting"), at))
    assert answer.standing == "usable"
    [discuss] = tasks(
        runtime, codes=frozenset({TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD}), owner="swbh-safeguarding-lead"
    )
    assert discuss.row.authored_at == at


def test_a_second_start_tells_nothing_again(runtime):
    before = len(tasks(runtime))
    demo.prepare(runtime)
    assert len(tasks(runtime)) == before


def test_a_directory_of_ones_own_gets_its_clients_and_no_story(tmp_path, monkeypatch):
    file = tmp_path / "own.yaml"
    file.write_text(
        "agencies: [{id: own, name: Our trust}]\n"
        "teams: [{id: own-midwifery, agency: own, function: midwifery, name: Our midwives}]\n",
        encoding="utf-8",
    )
    runtime = prepared(tmp_path, monkeypatch, directory=file)
    assert sorted(client.name for client in runtime.store.read(clients.all_clients)) == [
        "demo-administrator",
        "demo-own-midwifery",
    ]
    assert tasks(runtime) == []
    runtime.store.close()
