"""What others owe a team, over HTTP: what it has sent with each recipient's state, and what was raised to it."""

from uuid import uuid4

import pytest

from broker.storage.tables import Escalation, Task
from tests.contract.calling import MIDWIVES, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

SENDERS, PRACTICE, LEADS = "swbh-health-visiting", "harborne-practice", "harborne-safeguarding-lead"


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A bruise that was told to a practice and is late there, and of which its lead was told."""
    with town_copy(request, tmp_path_factory.mktemp("waiting")) as url, opened(url, demo=True) as broker:
        employ(broker, "joanne", SENDERS, name="Joanne Pike")
        employ(broker, "amina", MIDWIVES, role="midwife")
        employ(broker, "lead", LEADS, role="named-gp", name="Dr Ade Cole")
        employ(broker, "other", "bcht-safeguarding-lead", role="named-nurse")
        assert broker.post(message("concern-bruising"), team=SENDERS).status_code == 200
        late = bruise(broker)
        row = Escalation(
            id=str(uuid4()),
            task_id=late.id,
            level=1,
            due_at=late.due_at,
            rung="safeguarding-lead",
            team_id=LEADS,
            at=broker.clock(),
        )
        broker.runtime.store.write(lambda session: session.add(row))
        yield broker


def bruise(town):
    [found] = town.rows(Task, owner_team_id=PRACTICE, code="acknowledge")
    return found


def listed(page):
    return {link.get("href") for link in page.xpath("//table//a")}


def test_what_was_sent_is_there_for_the_sender_alone(town):
    sent = visitor(town, "joanne").get("/app/sent")
    assert f"/app/tasks/{bruise(town).id}" in listed(sent)
    assert "Harborne Practice, 0121 496 0401" in text(sent)
    assert listed(visitor(town, "amina").get("/app/sent", show="all")) == set()


def test_what_was_raised_is_there_for_whom_it_was_raised_to_and_they_may_act_in_the_team_s_place(town):
    lead = visitor(town, "lead")
    address = f"/app/tasks/{bruise(town).id}"
    assert listed(lead.get("/app/raised")) == {address}
    page = lead.get(address)
    assert {link.get("href").rsplit("/", 1)[1] for link in page.xpath("//ul[@class='baton-actions']//a")} == {
        "complete",
        "extend",
        "note",
        "reassign",
    }
    assert town.rows(Task, id=bruise(town).id)[0].opened_at is None  # a lead who looks is nobody of the team
    form = lead.get(f"{address}/extend")
    done = lead.send(form, f"{address}/extend", due="2026-03-09", note="The practice is closed by a flood.")
    assert done.status_code == 200
    assert bruise(town).due_at.date().isoformat() == "2026-03-09"


def test_another_lead_sees_nothing_of_it(town):
    other = visitor(town, "other")
    assert listed(other.get("/app/raised")) == set()
    assert other.http.get(f"/app/tasks/{bruise(town).id}").status_code == 404
