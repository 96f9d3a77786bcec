"""Answering on a page over HTTP: what each form needs, what it does, and what becomes of somebody who was not the first."""

import pytest
from lxml import html

from broker.storage.tables import Task, TaskEvent
from tests.contract.calling import VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

SENDERS, PRACTICE = "swbh-health-visiting", "harborne-practice"


@pytest.fixture
def town(request, tmp_path):
    """A bruise that the practice must answer, and a birth that the health visitors must."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "joanne", SENDERS, name="Joanne Pike")
        employ(broker, "jo", PRACTICE, role="general-practitioner", name="Dr Jo Marsh")
        employ(broker, "lee", PRACTICE, role="receptionist", name="Lee Carter")
        assert broker.post(message("concern-bruising"), team=SENDERS).status_code == 200
        yield broker


def bruise(town):
    return max(town.rows(Task, owner_team_id=PRACTICE, code="acknowledge"), key=lambda row: row.authored_at)


def answer(who, move, town, **fields):
    address = f"/app/tasks/{bruise(town).id}/{move}"
    return who.send(who.get(address), address, **fields)


SPOKEN = {"conversation.with": "Joanne Pike", "conversation.at": "2026-03-02T11:45"}


def test_an_acknowledgement_with_meaning_and_an_agreed_action(town):
    action = {
        "agreed-action[0].action": "See the baby with the registrar",
        "agreed-action[0].owner": "Dr Jo Marsh, general-practitioner",
        "agreed-action[0].due": "2026-03-03",
    }
    done = answer(visitor(town, "jo"), "accept", town, meaning="Not seen since the 8 week check.", **SPOKEN, **action)
    assert done.request.url.path == f"/app/tasks/{bruise(town).id}"
    page = text(html.fromstring(done.text))
    assert "Your acknowledgement was sent" in page
    assert "Not seen since the 8 week check." in page
    assert "See the baby with the registrar" in page
    assert bruise(town).status == "accepted"
    [agreed] = town.rows(Task, owner_team_id=PRACTICE, code="agreed-action")
    assert agreed.due_at.isoformat() == "2026-03-03T23:59:59+00:00"
    mine = visitor(town, "jo").get("/app/inbox", show="mine")
    assert [link.get("href") for link in mine.xpath("//table//a")] == [f"/app/tasks/{agreed.id}"]
    # The sender reads it as it was said.
    seen = text(visitor(town, "joanne").get(f"/app/tasks/{bruise(town).id}"))
    assert "Not seen since the 8 week check." in seen
    assert "Dr Jo Marsh, general practitioner" in seen


def test_what_is_missing_is_said_at_its_field_and_what_was_typed_stays(town):
    typed = {"agreed-action[0].action": "See the <b>baby</b>"}
    wrong = answer(visitor(town, "jo"), "accept", town, **typed)
    assert wrong.status_code == 422
    page = html.fromstring(wrong.text)
    links = {link.get("href") for link in page.xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a")}
    assert links == {
        "#agreed-action-0-owner",
        "#agreed-action-0-due",
        "#conversation-with",
        "#conversation-at",
    }
    for link in links:
        assert page.get_element_by_id(link.removeprefix("#")) is not None
    assert page.get_element_by_id("agreed-action-0-action").value == "See the <b>baby</b>"
    assert page.findtext(".//title").startswith("Error: ")
    assert bruise(town).status in ("requested", "received")


@pytest.mark.parametrize("value", ["tomorrow", "2026-13-01", "99999-01-01", "2026-03-03T10"])
def test_a_date_that_is_none_is_said_in_words(town, value):
    typed = {"agreed-action[0].action": "See", "agreed-action[0].due": value, "meaning": "x", **SPOKEN}
    wrong = answer(visitor(town, "jo"), "accept", town, **typed)
    assert wrong.status_code == 422
    assert "must be a day" in wrong.text


def test_a_colleague_who_was_quicker_is_named_by_side_and_the_typed_words_stay(town):
    jo, ruth = visitor(town, "jo"), visitor(town, "jo")
    address = f"/app/tasks/{bruise(town).id}/accept"
    first, second = jo.get(address), ruth.get(address)
    assert jo.send(first, address, meaning="I know them.", **SPOKEN).status_code == 200
    late = ruth.send(second, address, meaning="Somebody should see them today.", **SPOKEN)
    assert late.status_code == 409
    page = html.fromstring(late.text)
    assert "Somebody was quicker" in text(page)
    assert "your team made it completed (accept)" in text(page)
    assert page.get_element_by_id("meaning").value.strip() == "Somebody should see them today."
    assert len([row for row in town.rows(TaskEvent, task_id=bruise(town).id) if row.move == "accept"]) == 1


def test_the_same_form_sent_twice_answers_once(town):
    jo = visitor(town, "jo")
    address = f"/app/tasks/{bruise(town).id}/accept"
    page = jo.get(address)
    for _ in range(2):
        assert jo.send(page, address, meaning="I know them.", **SPOKEN).status_code == 200
    assert len([row for row in town.rows(TaskEvent, task_id=bruise(town).id) if row.move == "accept"]) == 1


def test_a_decline_needs_a_reason_of_the_list(town):
    jo = visitor(town, "jo")
    assert answer(jo, "decline", town).status_code == 422
    assert answer(jo, "decline", town, reason="30016").status_code == 422  # no reason to decline
    done = answer(jo, "decline", town, reason="30003", note="Moved to another practice.")
    assert done.status_code == 200
    assert (bruise(town).status, bruise(town).reason_code) == ("rejected", "30003")
    assert "Moved to another practice." in text(visitor(town, "joanne").get(f"/app/tasks/{bruise(town).id}"))


def test_a_question_goes_to_the_sender_and_comes_back_answered(town):
    jo, joanne = visitor(town, "jo"), visitor(town, "joanne")
    assert answer(jo, "ask", town, question="Who was with the child?").status_code == 200
    [asked] = town.rows(Task, owner_team_id=SENDERS, code="supply-information", part_of=bruise(town).id)
    address = f"/app/tasks/{asked.id}/answer"
    assert joanne.send(joanne.get(address), address, answer="The grandmother.").status_code == 200
    page = text(jo.get(f"/app/tasks/{bruise(town).id}"))
    assert "Who was with the child?" in page
    assert "The grandmother." in page
    assert bruise(town).business_status == "question-answered"


def test_more_time_needs_a_later_day_and_a_reason(town):
    jo = visitor(town, "jo")
    assert answer(jo, "extend", town, due="2026-03-09").status_code == 422
    assert answer(jo, "extend", town, due="2026-03-09", note="The registrar is back on Monday.").status_code == 200
    assert bruise(town).due_at.date().isoformat() == "2026-03-09"


@pytest.mark.parametrize("move", ["accept", "decline", "extend", "open", "complete"])
def test_a_receptionist_answers_nothing_and_is_told_so(town, move):
    lee = visitor(town, "lee")
    asked = lee.http.get(f"/app/tasks/{bruise(town).id}/{move}")
    assert asked.status_code in (404, 409)
    csrf = {"csrf": lee.get("/app/inbox").xpath("//input[@name='csrf']")[0].value}
    sent = lee.http.post(
        f"/app/tasks/{bruise(town).id}/{move}", data=csrf | {"meaning": "x", "reason": "30003"} | SPOKEN
    )
    assert sent.status_code in (404, 409, 422)
    assert bruise(town).status in ("requested", "received")


def test_another_teams_task_is_answered_by_nobody_here(town):
    ruth = visitor(town, "ruth")
    csrf = {"csrf": ruth.get("/app/inbox").xpath("//input[@name='csrf']")[0].value}
    address = f"/app/tasks/{bruise(town).id}/accept"
    assert ruth.http.get(address).status_code == 404
    assert ruth.http.post(address, data=csrf | {"meaning": "x"} | SPOKEN).status_code == 404
