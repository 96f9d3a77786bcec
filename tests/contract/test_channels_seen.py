"""Channels as those who run the broker see them: `/admin/channels`, `/metrics` and `baton doctor`, by what came through and not by what is connected."""

from datetime import timedelta

from pydantic import SecretStr

from broker.cli import doctor_channels
from broker.storage.tables import ChannelHealth
from tests.contract.calling import ADMIN_SCOPES, MIDWIVES, VISITORS, Broker, message
from tests.contract.test_channels_api import WEBHOOK, put


def channels(broker: Broker, **query):
    answer = broker.call("GET", "/admin/channels", None, scopes=("baton/admin",), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def seen(broker: Broker, team=VISITORS):
    [one] = channels(broker, team=team)["channels"]
    return one


def look(broker: Broker) -> str:
    return doctor_channels.look(broker.runtime.store, broker.runtime.settings, broker.clock())


def health(broker: Broker, **columns):
    broker.runtime.store.write(lambda session: session.merge(ChannelHealth(team_id=VISITORS, failures=0, **columns)))


def test_a_team_that_looks_into_its_mailbox_is_seen_to(either_broker: Broker):
    broker = either_broker
    assert (seen(broker)["kind"], seen(broker)["last_look"]) == ("mailbox", None)
    first = broker.clock()
    for seconds in (0, 30, 59):
        broker.clock.time = first + timedelta(seconds=seconds)
        assert broker.call("GET", "/mailbox/inbox", VISITORS).status_code == 200
    assert broker.rows(ChannelHealth, team_id=VISITORS)[0].looked_at == first
    broker.clock.forward(seconds=1)
    broker.call("GET", "/mailbox/inbox", VISITORS)
    assert broker.rows(ChannelHealth, team_id=VISITORS)[0].looked_at == broker.clock()
    assert seen(broker, MIDWIVES)["last_look"] is None


def test_what_waits_and_what_was_last_taken(either_broker: Broker):
    broker = either_broker
    put(broker, WEBHOOK, VISITORS)
    assert broker.post(message("birth")).status_code == 200
    one = seen(broker)
    assert (one["kind"], one["enabled"], one["waiting"], one["last_message"]) == ("webhook", True, 1, None)
    assert one["oldest_waiting"] is not None
    [entry] = broker.call("GET", "/mailbox/inbox", VISITORS).json()["messages"]
    assert broker.call("PUT", f"/mailbox/inbox/{entry['id']}/acknowledged", VISITORS).status_code == 200
    one = seen(broker)
    assert (one["waiting"], one["oldest_waiting"]) == (0, None)
    assert broker.rows(ChannelHealth, team_id=VISITORS)[0].delivered_at == broker.clock()


def test_what_fails_is_found_by_the_list_the_figures_and_the_doctor(either_broker: Broker):
    broker = either_broker
    now = broker.clock()
    put(broker, WEBHOOK, VISITORS)
    put(broker, WEBHOOK)
    assert channels(broker, failing=True)["channels"] == []
    assert look(broker) == "ok: 2 pushed to, none fails"
    health(broker, failing_since=now - timedelta(hours=3), paused_until=now, canary_at=now - timedelta(hours=3))
    [one] = channels(broker, failing=True)["channels"]
    assert one["team"] == VISITORS
    assert look(broker).startswith(f"mend: {VISITORS} fails since ")
    assert "baton_channel_" not in broker.http.get("/metrics").text  # whose figure rises says who was told
    broker.runtime.settings = broker.runtime.settings.model_copy(update={"metrics_token": SecretStr("of Prometheus")})
    for wrong in ({}, {"Authorization": "Bearer of"}, broker.headers(None, ADMIN_SCOPES)):
        assert VISITORS not in broker.http.get("/metrics", headers=wrong).text
    figures = broker.http.get("/metrics", headers={"Authorization": "Bearer of Prometheus"}).text
    assert f'baton_channel_up{{kind="webhook",team="{VISITORS}"}} 0.0' in figures
    assert f'baton_channel_up{{kind="webhook",team="{MIDWIVES}"}} 1.0' in figures
    assert f'baton_channel_canary_age_seconds{{kind="webhook",team="{VISITORS}"}} 10800.0' in figures


def test_a_test_message_that_does_not_come_through_is_late(broker: Broker):
    put(broker, WEBHOOK, VISITORS)
    health(broker, canary_sent_at=broker.clock(), canary_at=broker.clock() - timedelta(minutes=15))
    assert seen(broker)["canary_late"] is False
    broker.clock.forward(minutes=3)
    assert seen(broker)["canary_late"] is True
    assert look(broker) == f"mend: {VISITORS} has not taken the last test message"


def test_a_channel_that_is_switched_off_is_named_while_something_waits_for_it(broker: Broker):
    put(broker, WEBHOOK | {"enabled": False}, VISITORS)
    assert look(broker).startswith("ok")
    broker.post(message("birth"))
    assert look(broker) == f"mend: {VISITORS} is switched off, 1 wait"
    assert [one["team"] for one in channels(broker, failing=True)["channels"]] == [VISITORS]


def test_a_channel_that_no_process_here_could_push_to_is_named(broker: Broker):
    broker.runtime.settings.smtp_url = SecretStr("smtp://mail.example")
    assert put(broker, {"kind": "email", "url": "mailto:duty@surgery.example"}, VISITORS).status_code == 200
    assert look(broker).startswith("ok")
    broker.runtime.settings.smtp_url = None
    assert look(broker) == f"mend: {VISITORS} is told by email, and BATON_SMTP_URL is not set here"


def test_pages_follow_one_another(shared_broker: Broker):
    everybody = [one["team"] for one in channels(shared_broker, limit=1000)["channels"]]
    found, path = [], "/admin/channels?limit=7"
    while path:
        page = shared_broker.call("GET", path, None, scopes=("baton/admin",)).json()
        found += [one["team"] for one in page["channels"]]
        path = page["next"]
    assert found == everybody == sorted(everybody)
    assert len(everybody) > 7
