"""The page of a task over HTTP: for whom it is there, what it says to each side, and that looking is known."""

import pytest
from lxml import html

from broker.storage.tables import Audit, Delivery, Task
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

SENDERS, PRACTICE = "swbh-health-visiting", "harborne-practice"
HOSTILE = "<script>alert(1)</script> \u202eevil\u202c 👶 " + "x" * 200


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A birth of a child with a hostile name, and a bruise that was reported."""
    with town_copy(request, tmp_path_factory.mktemp("tasks")) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "joanne", SENDERS)
        employ(broker, "jo", PRACTICE, role="general-practitioner", name="Dr Jo Marsh")
        employ(broker, "lee", PRACTICE, role="receptionist", name="Lee Carter")
        employ(broker, "amina", MIDWIVES, role="midwife")
        employ(broker, "police", "wmp-police", role="police-officer")
        birth = message("birth")
        for entry in birth["entry"]:
            if entry["resource"]["resourceType"] == "Patient":
                entry["resource"]["name"] = [{"family": "Shaw", "given": [HOSTILE]}]
        assert broker.post(birth).status_code == 200
        assert broker.post(message("concern-bruising"), team=SENDERS).status_code == 200
        yield broker


def task(town, team, **where):
    return max(town.rows(Task, owner_team_id=team, **where), key=lambda row: row.authored_at)


def the_bruise(town):
    return task(town, PRACTICE, code="acknowledge", priority="urgent")


def test_a_task_of_another_team_is_not_there(town):
    mine = the_bruise(town)
    for who in ("police", "ruth"):
        answer = visitor(town, who).http.get(f"/app/tasks/{mine.id}")
        assert answer.status_code == 404
        assert "Page not found" in text(html.fromstring(answer.text))


@pytest.mark.parametrize("id_", ["nothing", "9" * 10, "%00", "a" * 65])
def test_a_task_that_is_none_is_a_page_that_says_so(town, id_):
    answer = visitor(town, "jo").http.get(f"/app/tasks/{id_}")
    assert answer.status_code == 404
    assert "Page not found" in answer.text


def test_what_is_urgent_says_whom_to_ring_and_that_it_is_no_referral(town):
    page = text(visitor(town, "jo").get(f"/app/tasks/{the_bruise(town).id}"))
    assert "This is not a referral" in page
    assert "Sandwell health visiting (sent this): 0121 496 0102" in page
    assert "Why your team was told" in page


def test_that_somebody_looked_is_known_by_their_role(town):
    before = town.rows(Task, id=the_bruise(town).id)[0].opened_at
    visitor(town, "lee").get(f"/app/tasks/{the_bruise(town).id}")
    page = text(visitor(town, "jo").get(f"/app/tasks/{the_bruise(town).id}"))
    assert town.rows(Task, id=the_bruise(town).id)[0].opened_at is not None
    assert before is None or "Dr Jo Marsh, general practitioner" in page
    version = the_bruise(town).version
    visitor(town, "jo").get(f"/app/tasks/{the_bruise(town).id}")
    assert the_bruise(town).version == version  # looking again changes nothing


def test_a_receptionist_sees_it_and_is_offered_what_a_receptionist_may_do(town):
    page = visitor(town, "lee").get(f"/app/tasks/{the_bruise(town).id}")
    offered = {link.get("href").rsplit("/", 1)[1] for link in page.xpath("//ul[@class='baton-actions']//a")}
    assert offered == {"note"}


def test_the_sender_sees_how_each_recipient_stands_whom_it_may_know(town):
    page = visitor(town, "joanne").get(f"/app/tasks/{the_bruise(town).id}")
    known = {
        row.team_id
        for row in town.rows(Delivery, notification_id=the_bruise(town).notification_id, cause="")
        if row.known_to_sender and row.state != "withheld"
    }
    rows = page.xpath("//table//tbody/tr")
    assert len(rows) == len(known)
    assert "Harborne Practice" in text(page)


def test_a_name_is_text_whatever_is_in_it(town):
    answer = visitor(town, "ruth").http.get(f"/app/tasks/{task(town, VISITORS, code='acknowledge').id}")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    heading = html.fromstring(answer.text).xpath("//h1/bdi")[0]
    assert "👶" in heading.text_content()


def test_looking_at_a_household_is_in_the_audit_and_one_of_others_is_not_there(town):
    jo = visitor(town, "jo")
    page = jo.get(f"/app/tasks/{the_bruise(town).id}")
    read = {row.entity_id for row in town.rows(Audit, client_name="person:jo", entity="household", outcome="success")}
    assert read
    assert page.xpath("//ul[@class='baton-members']/li")
    for home in read:
        assert jo.http.get(f"/app/households/{home}").status_code == 200
        assert visitor(town, "police").http.get(f"/app/households/{home}").status_code == 404
