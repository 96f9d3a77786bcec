"""`/admin/retention`, `/admin/legal-holds` and `baton retention`: who may, as often as one likes, with the reason in nobody's address."""

import json

from broker.storage.tables import Audit, Notification
from tests.contract.calling import VISITORS, message

JSON = {"Content-Type": "application/json"}


def call(broker, method, path, body=None, scopes=("baton/admin",), client=None):
    content = None if body is None else json.dumps(body).encode()
    return broker.call(method, path, client, content=content, headers=JSON, scopes=scopes)


def test_the_schedule_is_that_of_the_policy(broker):
    shown = call(broker, "GET", "/admin/retention").json()
    rules = broker.runtime.policy.retention
    assert (shown["payload_days"], shown["unreadable_days"]) == (rules.payloads.days, rules.unreadable.days)
    assert shown["event_days"]["concern"] == 9497
    assert (shown["due"], shown["held"]) == (0, 0)
    assert shown["people"] == {
        "after_last_days": rules.people.after_last.days,
        "children_until_age": 25,
        "maternity_days": 9132,
        "due": 0,
        "held": 0,
    }


def test_a_hold_is_placed_and_lifted_with_reasons_in_the_audit(broker):
    assert broker.post(message()).status_code == 200
    [first, *_] = broker.rows(Notification)
    body = {"notification": first.id, "reason": "Coroner, letter of 3 May"}
    for _ in range(2):
        assert call(broker, "PUT", "/admin/legal-holds/inquest", body).status_code == 200
    [shown] = call(broker, "GET", "/admin/legal-holds").json()["holds"]
    assert (shown["notification"], shown["reason"], shown["lifted_at"]) == (first.id, body["reason"], None)
    ended = call(broker, "PUT", "/admin/legal-holds/inquest", body | {"lifted_because": "Closed"}).json()
    assert ended["lifted_because"] == "Closed"
    assert call(broker, "GET", "/admin/legal-holds").json()["holds"] == []
    assert len(call(broker, "GET", "/admin/legal-holds?lifted=true").json()["holds"]) == 1
    did = [row.detail.get("did") for row in broker.rows(Audit, entity="legal-hold", entity_id="inquest")]
    assert sorted(did) == ["lift", "place"]
    assert call(broker, "PUT", "/admin/legal-holds/inquest", body).status_code == 409


def test_only_administrators_may(broker):
    for method, path in (("GET", "/admin/retention"), ("GET", "/admin/legal-holds"), ("PUT", "/admin/legal-holds/x")):
        body = {"notification": "x", "reason": "x"} if method == "PUT" else None
        assert call(broker, method, path, body, ("baton/mailbox",), VISITORS).status_code == 403
    assert call(broker, "PUT", "/admin/legal-holds/x", {"reason": "x"}).status_code == 422
