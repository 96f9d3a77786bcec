"""Dead letters by HTTP and by command, on both databases: seen, explained without content, tried again as often as one likes, and gone when delivered."""

import json
import re
from datetime import timedelta

import pytest
from sqlmodel import col, select

from adapters.port import Refused, Taken
from broker.cli import dead_letters as command
from broker.domain.breaker import Breaker
from broker.domain.states import DeliveryState
from broker.storage import claims
from broker.storage.leasing import Share
from broker.storage.tables import Audit, Delivery, Task
from broker.workflow import deliver, number
from broker.workflow.deliver import Ladder, Pushed
from schemas.codes import TaskCode, TaskStatus
from tests.contract.calling import MIDWIVES, VISITORS, Broker, issues, message, sender

WEBHOOK = {"kind": "webhook", "url": "https://hook.example/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
LEASE = timedelta(seconds=30)
LADDER = Ladder(waits=[timedelta(seconds=1)], receipts=[timedelta(minutes=2)], daily=timedelta(days=1))
BREAKER = Breaker(failures=99, ladder=[timedelta(seconds=10)])


def admin(broker: Broker, method: str, path: str, **more):
    return broker.call(method, f"/admin{path}", None, scopes=("baton/admin",), **more)


def channel(broker: Broker, team=VISITORS, **more):
    answer = admin(
        broker,
        "PUT",
        f"/teams/{team}/channel",
        content=json.dumps(WEBHOOK | more).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text


def pushed(broker: Broker, outcome) -> int:
    """Push what is due, all with this outcome; how many that were."""
    store, now = broker.runtime.store, broker.clock()
    store.write(number.number)
    share = Share(limit=100, per_team=100)
    claimed = store.write(lambda session: claims.claim(session, share, now=now, lease=LEASE))
    tried = [Pushed(claimed=one, outcome=outcome, jitter=0.5) for one in claimed]
    if tried:
        store.write(
            lambda session: deliver.conclude(
                session, broker.runtime.context(session), tried, now=now, ladder=LADDER, breaker=BREAKER
            )
        )
    return len(claimed)


def parked(broker: Broker) -> str:
    """A birth that the health visitors' system has refused for as long as it is tried by itself."""
    channel(broker)
    assert broker.post(message("birth")).status_code == 200
    for _ in range(2):
        broker.clock.forward(minutes=1)
        assert pushed(broker, Refused(400)) == 1
    [row] = broker.rows(Delivery, team_id=VISITORS)
    assert row.state is DeliveryState.PARKED
    return row.id


def listed(broker: Broker, **query):
    return admin(broker, "GET", "/dead-letters", params=query).json()


def test_a_dead_letter_says_who_what_since_when_and_why_and_no_content(either_broker: Broker):
    broker = either_broker
    assert listed(broker) == {"dead_letters": [], "next": None}
    id_ = parked(broker)
    answer = admin(broker, "GET", "/dead-letters")
    [letter] = answer.json()["dead_letters"]
    [task] = [row for row in broker.rows(Task) if row.code == TaskCode.UNDELIVERABLE]
    assert (letter["id"], letter["team"], letter["event"], letter["why"]) == (id_, VISITORS, "birth", "parked")
    assert (letter["attempts"], letter["last"]["outcome"], letter["last"]["detail"]) == (2, "refused", "400")
    assert letter["task"] == task.id
    whole = admin(broker, "GET", f"/dead-letters/{id_}")
    assert [tried["detail"] for tried in whole.json()["tries"]] == ["400", "400"]
    for text in (answer.text, whole.text):
        assert not re.search(r"Hartley|Bundle|\b999\d{7}\b", text)


def test_a_retry_makes_it_due_once_and_is_audited(either_broker: Broker):
    broker = either_broker
    id_ = parked(broker)
    assert pushed(broker, Taken()) == 0  # not before tomorrow
    answers = [admin(broker, "POST", f"/dead-letters/{id_}/$retry") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len([row for row in broker.rows(Audit) if (row.action, row.entity_id) == ("retry", id_)]) == 1
    assert pushed(broker, Taken()) == 1
    assert listed(broker)["dead_letters"] == []
    shown = admin(broker, "GET", f"/dead-letters/{id_}").json()
    assert (shown["state"], shown["why"], shown["task"]) == ("delivered", None, None)
    [task] = [row for row in broker.rows(Task) if row.code == TaskCode.UNDELIVERABLE]
    assert (task.status, task.business_status) == (TaskStatus.CANCELLED, "reached-after-all")
    assert admin(broker, "POST", f"/dead-letters/{id_}/$retry").json()["state"] == "delivered"
    assert pushed(broker, Taken()) == 0


def test_a_retry_that_fails_is_a_dead_letter_again_under_the_same_task(either_broker: Broker):
    broker = either_broker
    id_ = parked(broker)
    before = listed(broker)["dead_letters"][0]
    assert admin(broker, "POST", "/dead-letters/$retry", params={"team": VISITORS}).json() == {"retried": 1}
    assert admin(broker, "POST", "/dead-letters/$retry", params={"team": VISITORS}).json() == {"retried": 0}
    assert pushed(broker, Refused(400)) == 1
    [after] = listed(broker)["dead_letters"]
    assert (after["id"], after["task"], after["attempts"]) == (id_, before["task"], 3)


def test_what_waits_for_a_channel_that_is_switched_off_is_one_until_it_is_on_again(either_broker: Broker):
    broker = either_broker
    channel(broker, enabled=False)
    assert broker.post(message("birth")).status_code == 200
    [letter] = listed(broker, team=VISITORS)["dead_letters"]
    assert (letter["why"], letter["attempts"], letter["next_attempt_at"]) == ("channel-disabled", 0, None)
    retried = admin(broker, "POST", f"/dead-letters/{letter['id']}/$retry").json()
    assert retried["next_attempt_at"] is None
    assert pushed(broker, Taken()) == 0
    channel(broker)
    assert listed(broker)["dead_letters"] == []
    assert pushed(broker, Taken()) == 1


def test_the_list_has_pages_and_misses_nothing(either_broker: Broker):
    broker = either_broker
    for name in ("birth", "concern-bruising", "emergency-attendance"):
        bundle = message(name)
        assert broker.post(bundle, sender(bundle)).status_code == 200
    teams = {row.team_id for row in broker.rows(Delivery, state=DeliveryState.READY)}
    for team in teams:
        channel(broker, team, enabled=False)
    waiting = [
        row for row in broker.rows(Delivery, state=DeliveryState.READY) if row.team_id in teams
    ]  # and the leads' tasks
    everything = [letter["id"] for letter in listed(broker)["dead_letters"]]
    assert sorted(everything) == sorted(row.id for row in waiting)
    assert len(everything) > 3
    found, path = [], "/dead-letters?limit=1"
    while path:
        page = admin(broker, "GET", path).json()
        found += [letter["id"] for letter in page["dead_letters"]]
        path = page["next"] and page["next"].removeprefix("/admin")
    assert found == everything
    assert listed(broker, team="nobody")["dead_letters"] == []


@pytest.mark.parametrize("cursor", ["", "x", "W10", "eyJhIjoxfQ"])
def test_a_cursor_that_is_none_is_refused(shared_broker: Broker, cursor):
    answer = admin(shared_broker, "GET", "/dead-letters", params={"cursor": cursor})
    assert (answer.status_code, issues(answer)[0]["expression"]) == (400, ["cursor"])


def test_what_is_no_delivery_or_was_never_to_be_told_is_404(broker: Broker):
    id_ = parked(broker)
    assert admin(broker, "GET", "/dead-letters/nothing").status_code == 404
    assert admin(broker, "POST", "/dead-letters/nothing/$retry").status_code == 404

    def withhold(session):
        row = session.exec(select(Delivery).where(col(Delivery.id) == id_)).one()
        row.state, row.number, row.next_attempt_at = DeliveryState.WITHHELD, None, None
        session.add(row)

    broker.runtime.store.write(withhold)
    assert admin(broker, "GET", f"/dead-letters/{id_}").status_code == 404


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def baton(broker: Broker, monkeypatch, capsys):
    """The command on the database of a broker."""
    url = broker.runtime.store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BATON_DATABASE_URL", url)

    def run(call, *words, **options) -> str:
        capsys.readouterr()
        call(*words, **options)
        return capsys.readouterr().out

    return run


def test_the_command_lists_shows_and_tries_again(broker: Broker, baton):
    id_ = parked(broker)
    whole = json.loads(baton(command.list_letters, as_json=True))
    assert [letter["id"] for letter in whole["dead_letters"]] == [id_]
    lines = baton(command.list_letters).splitlines()
    assert lines[0].split() == ["ID", "TEAM", "EVENT", "SINCE", "TRIES", "LAST"]
    assert lines[1].split()[:3] == [id_, VISITORS, "birth"]
    assert lines[1].endswith("2 refused 400")
    assert baton(command.list_letters, team=MIDWIVES) == "There are none.\n"
    assert baton(command.show, id_).count("refused 400") == 2
    assert baton(command.retry, [id_]) == f"{id_} is tried at once.\n"
    assert baton(command.retry, everything=True) == "0 are tried at once.\n"
    assert pushed(broker, Taken()) == 0  # the broker's own clock has not come to the moment of the command
    broker.clock.time = max(row.next_attempt_at for row in broker.rows(Delivery, id=id_))
    assert pushed(broker, Taken()) == 1
    assert baton(command.retry, [id_]) == f"{id_} is delivered.\n"
