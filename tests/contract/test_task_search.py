"""Search of Tasks over HTTP on both databases: every parameter, every refusal, pages by their next link."""

from datetime import timedelta

import pytest

from broker.domain.wanted import TaskWanted
from schemas.codes import TaskCode
from schemas.identifiers import TEAM
from tests.conftest import NOON
from tests.contract.task_calls import FORM, NOBODY, Callers, refused, valid
from tests.integration.delivery_rows import CHILD, SENDER
from tests.integration.task_rows import GP, HV, LEAD, raised, told


@pytest.fixture
def calls(store, clock):
    return Callers(store, clock)


def ids(answer):
    return [entry["resource"]["id"] for entry in valid(answer).get("entry", [])]


QUERIES = [
    ("", True),
    (f"owner={HV}", True),
    (f"owner=Organization/{HV}", True),
    (f"owner:identifier={TEAM}|{HV}", True),
    (f"owner={GP}", False),
    (f"requester={SENDER}", True),
    (f"requester={HV}", False),
    ("status=requested", True),
    ("status=completed,requested", True),
    ("status=http://hl7.org/fhir/task-status|requested", True),
    ("status=completed", False),
    ("code=acknowledge", True),
    ("code=release&_format=json", False),
    (f"patient={CHILD}", True),
    (f"patient=Patient/{CHILD}", True),
    (f"patient={NOBODY}", False),
    (f"part-of=Task/{NOBODY}", False),
    ("authored-on=2026-03-02", True),
    ("authored-on=2026", True),
    ("authored-on=2026-03&authored-on=ge2026-03-02", True),
    ("authored-on=2026-03-02T12:00:00Z", True),
    ("authored-on=2026-03-02T12:00:01Z", False),
    ("authored-on=gt2026-03-02", False),
    ("authored-on=lt2026-03-03", True),
    ("authored-on=2026-03-02T13:00:00%2B01:00", True),
    ("due=le2026-03-07", True),
    ("due=lt2026-03-07", False),
    ("due=ge2026-03-07T12:00", True),
    ("due=gt2026-03-07T12:00", False),
    ("_lastUpdated=ge2026-03-02T12:00:00.000Z", True),
    ("_sort=-_lastUpdated&_count=1", True),
    ("_count=999", True),
    ("due=ge0001", True),
    ("due=lt9998", True),
]


def test_each_parameter_finds_what_it_should(store, calls):
    task_id = told(store, HV)
    client = calls(HV)
    for query, finds in QUERIES:
        expected = [task_id] if finds else []
        assert ids(client.get(f"/fhir/Task?{query}")) == expected, query
        counted = valid(client.get(f"/fhir/Task?{query}&_summary=count"))
        assert (counted["total"], "entry" in counted) == (int(finds), False), query
        assert ids(client.post("/fhir/Task/_search", content=query, headers=FORM)) == expected, query


BAD_QUERIES = [
        "mood=good", "owner:missing=true", "status=done", "status=requested&status=completed", "code=x|acknowledge",
        "due=ne2026", "due=yesterday", "due=2026-02-30", "due=0000", "due=9999-12-31T23:59:59-14:00",
        "due=0001-01-01T00:00:00%2B14:00", "_sort=owner", "_sort=due,authored-on", "_count=-1", "_count=many",
        "_count=1&_count=2", "_summary=true", "_cursor=made-up", "owner=%00", "patient=a|b", "owner:identifier=x|y",
        f"owner:identifier={TEAM}|%00",
    ]  # fmt: skip


def test_what_cannot_be_served_is_refused_and_not_ignored(calls):
    client = calls(HV)
    for query in BAD_QUERIES:
        answer = client.get(f"/fhir/Task?{query}")
        refused(answer, 400)
        value = query.partition("=")[2]
        assert len(value) < 4 or value not in answer.text


def test_zero_is_a_count(store, calls):
    told(store, HV)
    assert valid(calls(HV).get("/fhir/Task?_count=0"))["total"] == 1


def test_pages_follow_the_next_link(store, calls):
    wanted = [TaskWanted(code=TaskCode.DATA_QUALITY, owner=HV, description=str(n)) for n in range(5)]
    expected = store.write(lambda s: raised(s, store.codec, *wanted))
    client, seen = calls(HV), []
    url: str | None = f"https://baton.example/fhir/Task?owner:identifier={TEAM}|{HV}&_count=2&_sort=-authored-on"
    while url:
        page = valid(client.get(url.removeprefix("https://baton.example")))
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        assert page["entry"][0]["fullUrl"] == f"https://baton.example/fhir/Task/{page['entry'][0]['resource']['id']}"
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert (sorted(seen), len(seen)) == (sorted(expected), 5)


def test_a_search_in_the_body_is_a_form_in_utf_8(calls):
    assert calls(HV).post("/fhir/Task/_search", content="owner=x").status_code == 415
    assert calls(HV).post("/fhir/Task/_search", content=b"owner=\xff", headers=FORM).status_code == 400


def test_overdue_tasks_come_first(store, calls, clock):
    later, sooner = told(store, HV), told(store, LEAD, due_at=NOON + timedelta(hours=1))
    auditor = calls(None, {"baton/audit"})
    assert ids(auditor.get("/fhir/Task?_sort=due")) == [sooner, later]
    assert ids(auditor.get("/fhir/Task?_sort=-due")) == [later, sooner]
