"""What open pages are told as it happens: counts and answers of colleagues, from whatever process; that it ends with the session, and is bounded."""

import asyncio
import json
from collections import Counter

import pytest

from broker.domain.answers import Move, MoveRequest
from broker.domain.caller import Caller
from broker.storage.tables import Audit, PageSession, Task
from broker.web.pages import live, sessions
from broker.web.pages.listening import ENDED, MOST, OF_ONE, STILL_HERE, Listening, told
from broker.workflow import acknowledge
from schemas.message import Professional
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, visitor


@pytest.fixture
def town(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, "swbh-neonatal", name="Ruth Okafor")
        employ(broker, "nadia", scopes=("baton/audit",))
        assert broker.post(message("birth"), team=MIDWIVES).status_code == 200
        yield broker, url


@pytest.fixture
def ruth(town):
    broker, _ = town
    one = visitor(broker, "ruth")
    sit(one, VISITORS)
    return one


def sit(one, team):
    page = one.get("/app/help")
    one.send(page, "/app/seat", team=team)


def events(broker, one, *watched):
    """The events of a page of hers that watches these tasks from these versions on, one at a time; what is between them is done meanwhile."""
    [row] = broker.rows(PageSession)
    request = _Asked(one, broker)
    person = sessions.find(request, broker.runtime)
    listening = Listening(every=0.0)

    async def look():
        return broker.runtime.store.read(
            lambda session: live.news(session, broker.runtime, listening, person, row.digest, watched, broker.clock())
        )

    return _steps(told(listening, row.digest, look))


class _Asked:
    def __init__(self, one, broker):
        self.client, self.headers = None, {}
        self.cookies = {sessions.cookie_name(broker.runtime.settings): one.http.cookies["baton"]}


def _steps(source):
    with asyncio.Runner() as runner:
        while (event := runner.run(_next(source))) is not None:
            yield event


async def _next(source):
    return await anext(source, None)


def said(event):
    return json.loads(event.removeprefix(b"data: "))


def test_a_count_comes_at_once_and_again_when_it_changes_in_another_process(town, ruth):
    broker, url = town
    [task] = broker.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    page = events(broker, ruth, (task.id, task.version))
    assert next(page).startswith(b"retry: ")
    before = said(next(page))
    assert before["open"] == len(broker.rows(Task, owner_team_id=VISITORS))
    assert before["changed"] == ""
    assert next(page) == STILL_HERE
    with opened(url, demo=True) as other:
        other.clock.time = broker.clock.time
        answered(other, task.id)
    after = said(next(page))
    assert after["open"] == before["open"] - 1
    assert after["changed"] == (
        "A colleague has answered or changed this while you had it open. How it stands now: Acknowledged."
    )
    page.close()


def answered(broker, task_id):
    def work(session):
        ctx = broker.runtime.context(session)
        who = Professional(name="Joan Other", role="health-visitor")
        asked = MoveRequest(move=Move.ACCEPT, practitioner=who, meaning="We visit.")
        caller = Caller(client="other-system", team=VISITORS, agency="bcht", scopes=frozenset({"system/Task.u"}))
        acknowledge.answer(session, ctx, caller, task_id, asked, broker.clock())

    broker.runtime.store.write(work)


def test_an_opening_is_no_news_and_another_team_s_task_says_nothing(town, ruth):
    broker, _ = town
    [task] = broker.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    ruth.get(f"/app/tasks/{task.id}")
    assert broker.post(message("concern-bruising"), team="swbh-health-visiting").status_code == 200
    [other, *_] = [one for one in broker.rows(Task) if VISITORS not in (one.owner_team_id, one.requester_team_id)]
    page = events(broker, ruth, (task.id, 1))
    next(page)
    assert said(next(page))["changed"] == ""
    page.close()
    person = sessions.find(_Asked(ruth, broker), broker.runtime)
    asked = ((task.id, 1), (other.id, 1))
    theirs = broker.runtime.store.read(lambda session: live.watched(session, broker.runtime, person, asked))
    assert theirs == ((task.id, 1),)


@pytest.mark.parametrize("ends", ["sign-out", "idle", "another seat", "revoked"])
def test_it_ends_with_the_session(town, ruth, ends):
    broker, _ = town
    page = events(broker, ruth)
    next(page)
    next(page)
    match ends:
        case "sign-out":
            ruth.send(ruth.get("/app/help"), "/app/sign-out")
        case "idle":
            broker.clock.forward(minutes=16)
        case "another seat":
            sit(ruth, "swbh-neonatal")
        case "revoked":
            employ(broker, "ruth", VISITORS)
    assert next(page) == ENDED
    assert list(page) == []


def test_being_told_is_no_step_and_leaves_nothing_behind(town, ruth):
    broker, _ = town
    [row], before = broker.rows(PageSession), len(broker.rows(Audit))
    page = events(broker, ruth)
    broker.clock.forward(minutes=5)
    for _ in range(3):
        next(page)
    page.close()
    broker.app.state.listening = Listening(open=Counter({row.digest: OF_ONE}))  # so that it is answered, and ends
    assert ruth.http.get("/app/live").status_code == 204
    assert [one.seen_at for one in broker.rows(PageSession)] == [row.seen_at]
    assert len(broker.rows(Audit)) == before


def test_there_are_only_so_many(town, ruth):
    broker, _ = town
    [row] = broker.rows(PageSession)
    for open_ in ({row.digest: OF_ONE}, {"others": MOST}):
        broker.app.state.listening = Listening(open=Counter(open_))
        assert ruth.http.get("/app/live").status_code == 204
    listening = Listening()
    with listening.page("one"):
        assert listening.open.total() == 1
    assert listening.open == Counter()


def test_several_tasks_are_watched_by_one_address(town, ruth):
    broker, _ = town
    [row] = broker.rows(PageSession)
    broker.app.state.listening = Listening(open=Counter({row.digest: OF_ONE}))  # so that it is answered, and ends
    assert ruth.http.get("/app/live?task=a&version=1&task=b&version=2").status_code == 204
    assert ruth.http.get("/app/live?task=a&version=none").status_code == 404
    assert ruth.http.get(f"/app/live?task=a&version={10**20}").status_code == 404


def test_what_a_page_asks_by_itself_is_counted_and_apart_from_steps(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True, calls_per_second=1.0) as broker:
        employ(broker, "ruth", VISITORS)
        ruth = visitor(broker, "ruth")
        asked = [ruth.http.get("/app/who") for _ in range(60)]
        assert {answer.status_code for answer in asked} == {200, 429}
        assert ruth.http.get("/app/live").status_code == 429
        assert ruth.http.get("/app/inbox").status_code == 200


def test_it_is_for_the_people_of_a_team(town):
    broker, _ = town
    auditor = visitor(broker, "nadia")
    assert auditor.http.get("/app/live").status_code == 204
    assert "data-live" not in auditor.http.get("/app/audit/handovers").text
    auditor.http.cookies.clear()
    assert auditor.http.get("/app/live").headers["location"].startswith("/app/sign-in")


def test_what_is_no_id_is_not_asked_for(ruth):
    """PostgreSQL takes no NUL in a text at all."""
    assert ruth.http.get("/app/live?task=nul%00byte").status_code in (400, 404)
