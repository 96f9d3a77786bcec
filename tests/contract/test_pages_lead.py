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
    silent = page.xpath("//table[starts-with(caption,'Teams that have not answered')]/tbody/tr")
    return [[cell.find_class("baton-cell")[0].text_content() for cell in row] for row in silent]


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


def test_a_lead_begins_there_and_others_at_their_inbox(town):
    for who, place in (("lead", "/app/overview"), ("jo", "/app/inbox")):
        assert visitor(town, who).http.get("/app").headers["location"] == place


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


# --- in a team's place


@pytest.fixture(scope="module")
def overdue(town):
    """Something that the practice was to do, raised to its lead."""
    wanted = TaskWanted(code=TaskCode.EXPECTED_EVENT, owner=PRACTICE, description="A review is due.", cites="F5")

    def work(session):
        [id_] = raising.raise_tasks(session, town.runtime.context(session), [wanted], town.clock())
        at = town.clock()
        session.add(Escalation(id=str(uuid4()), task_id=id_, level=1, due_at=at, rung="lead", team_id=LEADS, at=at))
        return id_

    return town.runtime.store.write(work)


def test_a_lead_reads_whom_to_ring_and_what_can_be_done_in_the_team_s_place(town):
    page = visitor(town, "lead").get(f"/app/tasks/{bruise(town).id}")
    assert "It is with Harborne Practice. Ring them:" in text(page)
    offered = [link.text for link in page.xpath("//ul[@class='baton-actions']//a")]
    assert offered == [
        "Close it after a discussion",
        "Give the team more time",
        "Take it over, or give it to another team",
        "Add a note",
    ]
    assert HOSTILE not in text(page)  # what it is about is the team's, until somebody takes it over


def test_the_load_of_the_agency_s_own_teams_is_in_numbers(town, overdue):
    page = visitor(town, "lead").get("/app/overview")
    [row] = page.xpath("//h2[starts-with(.,'What your agency')]/following-sibling::table[1]/tbody/tr")
    name, opened_, late, _, people = (cell.find_class("baton-cell")[0].text_content() for cell in row)
    open_now = [task for task in town.rows(Task, owner_team_id=PRACTICE) if task.code != "confirm-child"]
    assert (name, opened_, late, people) == ("Harborne Practice", str(len(open_now)), "None", "Nothing was agreed")
    assert "Harborne Practice" not in text(visitor(town, "other").get("/app/overview"))


def test_a_lead_closes_by_form_what_nobody_answered_only_with_the_discussion(town, overdue):
    lead, address = visitor(town, "lead"), f"/app/tasks/{overdue}/complete"
    form = lead.get(address)
    assert "nobody has acknowledged it" in text(form)
    assert "With whom was it discussed?" in text(html.fromstring(lead.send(form, address).text))
    said = {
        "discussion.with": "The practice manager",
        "discussion.at": "2026-01-01T10:00",
        "discussion.outcome": "early-help",
        "discussion.because": "<b>A plan</b>",
    }
    after = lead.send(form, address, **said)
    assert "Closed by the lead of its agency after a discussion" in text(html.fromstring(after.text))
    assert "<b>A plan" not in after.text


def test_a_lead_takes_over_by_call_and_then_sees_what_the_team_was_told(town):
    task = bruise(town)
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "practitioner",
                "part": [{"name": "name", "valueString": "Dr Ade Cole"}, {"name": "role", "valueCode": "named-gp"}],
            },
            {
                "name": "owner",
                "valueReference": {"identifier": {"system": "https://fhir.baton.example/Id/team", "value": LEADS}},
            },
            {"name": "note", "valueString": "The practice is closed this week."},
        ],
    }
    assert town.call("POST", f"/fhir/Task/{task.id}/$reassign", "bcht-safeguarding-lead", json=asked).status_code == 404
    taken = town.call("POST", f"/fhir/Task/{task.id}/$reassign", LEADS, json=asked)
    assert taken.status_code == 200, taken.text
    assert taken.json()["owner"]["identifier"]["value"] == LEADS
    answer = visitor(town, "lead").http.get(f"/app/tasks/{task.id}")
    assert "👶" in answer.text
    assert "<script>alert" not in answer.text
    assert "You took over a task that a team of your agency had not answered." in answer.text
    assert visitor(town, "jo").http.get(f"/app/tasks/{task.id}").status_code == 404
