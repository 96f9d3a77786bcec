"""`/admin/subject-access`: asked by one, reviewed by another, handed over without anybody else in it."""

import json

import pytest

from broker.domain.subject_access import Others, unread
from broker.storage.tables import Audit, Notification, Subject
from schemas.message import Identifier, Person, PostalAddress
from tests.contract.calling import VISITORS, message, sender

JSON = {"Content-Type": "application/json"}
ASKED = {"requested_by": "The mother, for her child", "reason": "Parental responsibility was seen"}


ONE, TWO = ("baton/admin",), ("baton/admin", "baton/audit")
"""Scopes of two clients: each set has a client of its own."""


@pytest.fixture
def call(broker):
    def called(method, path="", body=None, by=ONE, team=None):
        content = None if body is None else json.dumps(body).encode()
        return broker.call(method, f"/admin/subject-access{path}", team, content=content, headers=JSON, scopes=by)

    return called


@pytest.fixture
def child(broker):
    """Of whom a birth was told."""
    assert broker.post(message()).status_code == 200
    [row] = broker.rows(Subject, named=False)
    return row.person_id


def test_one_asks_and_another_releases_and_all_of_it_is_in_the_audit(call, broker, child):
    made = call("POST", body={"person": child, **ASKED}, by=ONE)
    assert made.status_code == 201
    id_ = made.json()["id"]
    assert call("GET", f"/{id_}", by=ONE).status_code == 403
    review = call("GET", f"/{id_}", by=TWO).json()
    must_read = [one["id"] for one in review["items"] if one["cautions"]]
    assert call("GET", f"/{id_}/export").status_code == 409
    everything = {"read": must_read}
    assert call("POST", f"/{id_}/release", everything, by=ONE).status_code == 403
    [withheld] = [one["id"] for one in review["items"] if one["id"].startswith("message:")]
    body = {
        "read": [one for one in must_read if one != withheld],
        "withheld": {withheld: "It would tell who reported it"},
    }
    released = call("POST", f"/{id_}/release", body, by=TWO)
    assert released.status_code == 200, released.json()
    assert call("POST", f"/{id_}/release", body, by=TWO).status_code == 409
    handed = call("GET", f"/{id_}/export").json()
    assert withheld not in {one["id"] for one in handed["items"]}
    assert handed["withheld"] == 1
    assert "who reported" not in json.dumps(handed)
    did = [row.detail["did"] for row in broker.rows(Audit, entity="subject-access", entity_id=id_)]
    assert sorted(did) == ["ask", "export", "release", "review"]


def test_nothing_of_anybody_else_is_handed_over(call, broker, child):
    id_ = call("POST", body={"person": child, **ASKED}, by=ONE).json()["id"]
    review = call("GET", f"/{id_}", by=TWO).json()
    body = {"read": [one["id"] for one in review["items"] if one["cautions"]]}
    assert call("POST", f"/{id_}/release", body, by=TWO).status_code == 200
    handed = json.dumps(call("GET", f"/{id_}/export").json())
    [row] = broker.rows(Notification)
    said = broker.runtime.store.read(lambda session: message_of(broker, session, row.id))
    own = next(one for one in said.people if one.key == child)
    assert own.identifiers[0].value in handed
    strangers = [one for one in said.people if one.key != child]
    assert strangers
    for other in strangers:
        words = [*other.given, *(one.value for one in other.identifiers)]
        words += [other.family] if other.family != own.family else []
        assert [word for word in words if word and word in handed] == []


def message_of(broker, session, id_):
    from broker.storage import notifications

    return notifications.message_of(broker.runtime.store.codec, notifications.get(session, id_))


def test_a_request_is_refused_with_a_reason_by_somebody_else(call, child):
    id_ = call("POST", body={"person": child, **ASKED}, by=ONE).json()["id"]
    assert call("POST", f"/{id_}/refuse", {"reason": "Nobody proved who they are"}, by=ONE).status_code == 403
    refused = call("POST", f"/{id_}/refuse", {"reason": "Nobody proved who they are"}, by=TWO).json()
    assert (refused["state"], refused["decision"]) == ("refused", {"reason": "Nobody proved who they are"})
    assert call("GET", f"/{id_}/export").status_code == 409
    [listed] = call("GET").json()["requests"]
    assert listed["id"] == id_


def test_who_may_not_and_what_is_not_there(call, child):
    assert call("POST", body={"person": "nobody", **ASKED}).status_code == 422
    assert call("GET", "/nothing").status_code == 404
    assert call("GET", by=("baton/mailbox",), team=VISITORS).status_code == 403


def test_what_names_others_is_taken_out_of_texts_and_nothing_of_ones_own():
    other = Person(
        key="o",
        family="Ash-Bell",
        given=("Mary",),
        identifiers=(Identifier(system="urn:x", value="X540660"),),
        addresses=(PostalAddress(lines=("4 Long Row",), postcode="B17 9ZQ"),),
    )
    text = Others.of([other], {"amy"}).removed_from(
        "Mary ASH-BELL (X540660, 999 000 0018) of 4 Long Row, B17 9ZQ, told that Amy, not Rosemary, slept"
    )
    assert text == (
        "[another person] [another person] ([another person], [removed]) of [another person], [removed], "
        "told that Amy, not Rosemary, slept"
    )
    assert Others.of([other], {"mary"}).removed_from("Mary") == "Mary"
    assert unread([], (), ()) == []


def test_what_reports_harm_is_not_released_unread(call, broker):
    concern = message("concern")
    assert broker.post(concern, sender(concern)).status_code == 200
    [row, *_] = broker.rows(Subject, named=False)
    id_ = call("POST", body={"person": row.person_id, **ASKED}, by=ONE).json()["id"]
    answer = call("POST", f"/{id_}/release", {}, by=TWO)
    assert answer.status_code == 422
    [one] = broker.rows(Notification)
    assert f"message:{one.id}" in answer.text
