"""What a safeguarding lead looks at first, and a meeting's agenda, over HTTP: for whom each is there, and that it holds what the calls of systems say."""

from datetime import timedelta
from uuid import uuid4

import pytest
from lxml import html

from broker.domain.wanted import TaskWanted
from broker.storage.tables import Audit, Escalation, Task
from broker.workflow import raising
from schemas.codes import TaskCode
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor

SENDERS, PRACTICE, LEADS = "swbh-health-visiting", "harborne-practice", "harborne-safeguarding-lead"
HOSTILE = "<script>alert(1)</script> \u202eevil\u202c 👶"


@pytest.fixture(scope="module")
def town(request, tmp_path_factory):
    """A bruise of a child with a hostile name: late at a practice, raised to its lead; and a team that was not reached."""
    with town_copy(request, tmp_path_factory.mktemp("leading")) as url, opened(url, demo=True) as broker:
        employ(broker, "jo", PRACTICE, role="general-practitioner")
        employ(broker, "lead", LEADS, role="named-gp", name="Dr Ade Cole")
        employ(broker, "other", "bcht-safeguarding-lead", role="named-nurse")
        employ(broker, "police", "wmp-police", role="police-officer")
        employ(broker, "nadia", scopes=("baton/audit",))
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        for name, team in (("birth", MIDWIVES), ("involvement-start", VISITORS), ("concern-bruising", SENDERS)):
            assert broker.post(hostile(message(name)), team=team).status_code == 200
        broker.runtime.store.write(lambda session: _troubles(broker, session))
        yield broker


def hostile(told):
    for entry in told["entry"]:
        if entry["resource"]["resourceType"] == "Patient":
            entry["resource"]["name"] = [{"family": "Shaw", "given": [HOSTILE]}]
    return told


def _troubles(broker, session):
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
    session.add(row)
    wanted = TaskWanted(
        code=TaskCode.UNDELIVERABLE,
        owner=LEADS,
        description="Harborne could not be reached.",
        dedupe_key="x",
        cites="F12",
    )
    raising.raise_tasks(session, broker.runtime.context(session), [wanted], broker.clock())


def bruise(town):
    [found] = town.rows(Task, owner_team_id=PRACTICE, code="acknowledge")
    return found


def cells(page):
    return [[cell.find_class("baton-cell")[0].text_content() for cell in row] for row in page.xpath("//table/tbody/tr")]


def test_a_lead_sees_who_is_silent_and_what_was_not_delivered(town):
    page = visitor(town, "lead").get("/app/overview")
    [team, raised, unopened, late] = cells(page)[0]
    assert team.startswith("Harborne Practice")
    assert (raised, unopened, late) == ("1", "1", "Not due yet")
    [unreached] = town.rows(Task, owner_team_id=LEADS, code="undeliverable")
    assert page.xpath(f"//a[@href='/app/tasks/{unreached.id}']")
    assert page.xpath("//a[@href='/app/inbox?kind=undeliverable']")


def test_what_is_late_says_by_how_much(town):
    before, town.clock.time = town.clock.time, bruise(town).due_at + timedelta(days=2, hours=1)
    assert cells(visitor(town, "lead").get("/app/overview"))[0][3] == "2 days"
    town.clock.time = before


def test_another_lead_sees_nothing_of_it(town):
    page = visitor(town, "other").get("/app/overview")
    assert cells(page) == []
    assert "Nothing that was raised to you is open." in text(page)


@pytest.mark.parametrize("who", ["jo", "nadia"])
def test_it_is_for_leads(town, who):
    answer = visitor(town, who).http.get("/app/overview")
    assert answer.status_code == 403
    assert "for safeguarding leads" in text(html.fromstring(answer.text))
    assert "/app/overview" not in visitor(town, who).http.get("/app/help").text


def test_that_a_lead_looked_is_in_the_audit(town):
    before = len(town.rows(Audit, action="search", client_name="person:lead"))
    visitor(town, "lead").get("/app/overview")
    assert len(town.rows(Audit, action="search", client_name="person:lead")) > before


# --- the agenda


@pytest.fixture
def later(town):
    """Seven weeks on: what nobody answered is late, and a matter for a meeting."""
    before = town.clock.time
    town.clock.forward(weeks=7)
    yield town
    town.clock.time = before


@pytest.mark.parametrize(("who", "team", "some"), [("ruth", VISITORS, True), ("police", "wmp-police", False)])
def test_an_agenda_has_the_families_that_the_report_has_for_the_team(later, who, team, some):
    page = visitor(later, who).get("/app/agenda")
    families = later.call("GET", "/reports/agenda", team).json()["families"]
    shown = page.xpath("//section[@class='baton-family']")
    assert bool(shown) is some
    assert [one.xpath(".//a/@href")[0] for one in shown] == [f"/app/households/{one['household']}" for one in families]
    for section, family in zip(shown, families, strict=True):
        assert len(section.xpath("h3[.='Concerns']/following-sibling::ul[1]/li")) == len(family["concerns"])
        assert len(section.xpath("h3[.='To do']/following-sibling::ul[1]/li")) == len(family["tasks"])


def test_a_family_shown_is_in_the_audit_and_its_names_are_text(later):
    before = len(later.rows(Audit, client_name="person:ruth", entity="household"))
    answer = visitor(later, "ruth").http.get("/app/agenda")
    assert len(later.rows(Audit, client_name="person:ruth", entity="household")) > before
    assert "<script>alert" not in answer.text
    assert "👶" in answer.text


def test_a_day_that_is_none_is_said_beside_the_agenda(later):
    answer = visitor(later, "ruth").http.get("/app/agenda?since=<script>")
    assert answer.status_code == 400
    assert "Enter a day" in answer.text
    assert "<script>" not in answer.text.split("</main>")[0].split("<main")[1]
    assert visitor(later, "ruth").get("/app/agenda", since="2020-01-01").xpath("//section[@class='baton-family']")


def test_an_auditor_has_no_meeting(later):
    assert visitor(later, "nadia").http.get("/app/agenda").status_code == 403
