"""`/fhir/Task` as an agency's system meets it: reading, the moves as operations, and every refusal."""

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.operationdefinition import OperationDefinition
from sqlmodel import col, select

from broker.domain.answers import Move
from broker.domain.states import View
from broker.domain.wanted import TaskWanted
from broker.storage.tables import Audit
from broker.web.api import task_parts
from broker.workflow import acknowledge
from schemas.codes import Priority, TaskCode
from schemas.identifiers import TEAM
from schemas.structure import check_resource
from tests.contract.task_calls import FHIR, NOBODY, Callers, details, milestones, operate, practitioner, refused, valid
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER
from tests.integration.task_rows import HV, LEAD, PROBATION, carrier, history, raised, told

DECLINE = {"name": "reason", "valueCode": "30002"}
MEANING = {"name": "meaning", "valueString": "We visit weekly from now on."}
ACTION = {
    "name": "agreed-action",
    "part": [
        {"name": "action", "valueString": "Weigh the child"},
        {"name": "owner", "valueReference": {"display": "Nora Nurse"}},
        {"name": "due", "valueDate": "2026-03-09"},
    ],
}


@pytest.fixture
def database_url(sqlite_url):
    """On SQLite: what is stored and found on PostgreSQL is shown by tests/integration."""
    return sqlite_url


@pytest.fixture
def calls(store, clock):
    return Callers(store, clock)


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_recipient_reads_its_task(store, calls, clock):
    task_id = told(store, HV)
    answer = calls(HV).get(f"/fhir/Task/{task_id}")
    task = valid(answer)
    assert answer.headers["etag"] == 'W/"1"'
    assert (task["status"], task["intent"], task["priority"]) == ("requested", "order", "routine")
    assert task["code"]["coding"][0] == {
        "system": "https://fhir.baton.example/CodeSystem/task-code",
        "code": "acknowledge",
        "display": "Acknowledge",
    }
    assert task["owner"] == {"type": "Organization", "identifier": {"system": TEAM, "value": HV}}
    assert task["requester"]["identifier"]["value"] == SENDER
    assert task["focus"]["identifier"]["value"] == NOTIFICATION
    assert task["for"] == {"reference": f"Patient/{CHILD}"}
    assert task["restriction"]["period"]["end"] == "2026-03-07T12:00:00Z"
    assert task["meta"] == {"versionId": "1", "lastUpdated": "2026-03-02T12:00:00Z"}
    assert milestones(task) == {}
    clock.forward(days=6)
    late = valid(calls(HV).get(f"/fhir/Task/{task_id}"))
    assert late["businessStatus"]["coding"][0]["code"] == "overdue"


@pytest.mark.parametrize(
    ("view", "shows_patient", "shows_requester"),
    [
        (View.FULL, True, True),
        (View.RISK, True, True),
        (View.SAFETY, False, True),
        (View.POINTER, False, True),
        (View.EXISTENCE, False, False),
        (View.ENDED, False, False),
    ],
)
def test_a_task_shows_no_more_than_the_view_of_its_delivery(store, calls, view, shows_patient, shows_requester):
    task_id = told(store, HV, view=view)
    task = valid(calls(HV).get(f"/fhir/Task/{task_id}"))
    assert ("for" in task, "requester" in task) == (shows_patient, shows_requester)
    assert "for" in valid(calls(SENDER).get(f"/fhir/Task/{task_id}"))


def test_what_is_not_for_the_caller_is_not_there(store, calls):
    """404, never 403: T1 of the threats."""
    hidden = told(store, PROBATION, known_to_sender=False)
    for client in (calls(HV), calls(SENDER)):
        answers = [
            client.get(f"/fhir/Task/{hidden}"),
            client.get(f"/fhir/Task/{NOBODY}"),
            operate(client, hidden, "open"),
            operate(client, NOBODY, "open"),
        ]
        bodies = {answer.text for answer in answers}
        assert {answer.status_code for answer in answers} == {404}
        assert len(bodies) == 1


def test_an_auditor_reads_and_moves_nothing(store, calls):
    task_id = told(store, PROBATION, known_to_sender=False)
    auditor = calls(None, {"baton/audit"})
    assert valid(auditor.get(f"/fhir/Task/{task_id}"))["requester"]["identifier"]["value"] == SENDER
    assert len(valid(auditor.get("/fhir/Task"))["entry"]) == 1
    assert operate(auditor, task_id, "open").status_code == 403


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [({"system/Task.u"}, "GET", ""), ({"system/Task.rs"}, "POST", "/$open"), ({"system/Task.rs"}, "PUT", "")],
)
def test_each_call_needs_its_scope(store, calls, scopes, method, path):
    task_id = told(store, HV)
    assert calls(HV, scopes).request(method, f"/fhir/Task/{task_id}{path}", headers=FHIR).status_code == 403


def test_without_a_token_nothing(calls):
    assert TestClient(calls.app).get("/fhir/Task").status_code == 401


def test_every_read_and_answer_is_written_down(store, calls):
    task_id = told(store, HV)
    client = calls(HV)
    client.get(f"/fhir/Task/{task_id}")
    client.get("/fhir/Task")
    operate(client, task_id, "open")
    rows = store.read(lambda s: s.exec(select(Audit).where(col(Audit.action) != "record")).all())
    assert sorted((row.action, str(row.entity_id), row.client_name, row.team_id) for row in rows) == [
        ("answer", task_id, f"system-of-{HV}", HV),
        ("read", task_id, f"system-of-{HV}", HV),
        ("search", "None", f"system-of-{HV}", HV),
    ]


# --- operations ---------------------------------------------------------------------------------------------------


def test_opened_by_a_receptionist_then_answered_by_a_health_visitor(store, calls, clock):
    """F13: three facts, three times, each with who."""
    task_id = told(store, HV)
    delivery_id = carrier(store, task_id)
    store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [delivery_id], clock()))
    client = calls(HV)
    clerk = practitioner("Clem Clerk", "receptionist")
    clock.forward(hours=1)
    opened = valid(operate(client, task_id, "open", who=clerk))
    assert (opened["status"], opened["businessStatus"]["coding"][0]["code"]) == ("received", "opened")
    [(_, reason)] = refused(operate(client, task_id, "accept", MEANING, who=clerk), 409)
    assert reason == "This needs a professional role; a clerical one may open it. Possible now: open, note."
    clock.forward(hours=1)
    done = valid(operate(client, task_id, "accept", MEANING))
    assert (done["status"], done["statusReason"]["coding"][0]["code"]) == ("completed", "30016")
    assert milestones(done) == {
        "delivered": {"at": "2026-03-02T12:00:00Z"},
        "opened": {"at": "2026-03-02T13:00:00Z", "by": "Clem Clerk", "role": "receptionist", "role-kind": "clerical"},
        "answered": {
            "at": "2026-03-02T14:00:00Z",
            "by": "Nora Nurse",
            "role": "health-visitor",
            "role-kind": "professional",
        },
    }
    said = details(done)["meaning"]["valueAnnotation"]
    assert (said["text"], said["authorString"]) == ("We visit weekly from now on.", "Nora Nurse, health-visitor")
    assert valid(calls(SENDER).get(f"/fhir/Task/{task_id}"))["output"] == done["output"]


def test_agreed_actions_become_tasks_with_owner_and_due_date(store, calls):
    """F14, F25."""
    task_id = told(store, HV)
    accepted = valid(operate(calls(HV), task_id, "accept", ACTION))
    assert accepted["status"] == "accepted"
    reference = details(accepted)["agreed-action"]["valueReference"]["reference"]
    for team in (HV, SENDER):
        action = valid(calls(team).get(f"/fhir/{reference}"))
        assert (action["status"], action["description"]) == ("accepted", "Weigh the child")
        assert (action["owner"]["identifier"]["value"], action["owner"]["display"]) == (HV, "Nora Nurse")
        assert action["restriction"]["period"]["end"] == "2026-03-09T23:59:59Z"
        assert action["partOf"] == [{"reference": f"Task/{task_id}"}]
    done = operate(calls(HV), reference.removeprefix("Task/"), "complete", {"name": "note", "valueString": "Weighed."})
    assert valid(done)["note"][0]["text"] == "Weighed."
    assert valid(calls(SENDER).get(f"/fhir/Task/{task_id}"))["status"] == "completed"


def test_an_action_without_owner_or_due_date_is_refused_with_where(store, calls):
    """F15, F29."""
    bare = {"name": "agreed-action", "part": [{"name": "action", "valueString": "A carer's assessment"}]}
    issues = refused(operate(calls(HV), told(store, HV), "accept", bare), 422)
    action = "Parameters.parameter.where(name='agreed-action')[0]"
    assert issues == [
        (f"{action}.part.where(name='owner')", "name who will do it: a practitioner by name or role, or your team"),
        (f"{action}.part.where(name='due')", "say by when"),
    ]


def test_asked_back_and_answered(store, calls):
    task_id = told(store, HV)
    held = valid(operate(calls(HV), task_id, "ask", {"name": "question", "valueString": "Which flat?"}))
    assert (held["status"], held["businessStatus"]["coding"][0]["code"]) == ("on-hold", "question-asked")
    [entry] = valid(calls(SENDER).get("/fhir/Task?code=supply-information"))["entry"]
    question = entry["resource"]
    assert details(question, "input")["question"]["valueString"] == "Which flat?"
    assert question["requester"]["identifier"]["value"] == HV
    midwife = practitioner("Mia Midwife", "midwife")
    answer = {"name": "answer", "valueString": "The one on the ground floor."}
    assert valid(operate(calls(SENDER), question["id"], "answer", answer, who=midwife))["status"] == "completed"
    back = valid(calls(HV).get(f"/fhir/Task/{task_id}"))
    assert back["status"] == "received"
    assert details(back)["answer"]["valueAnnotation"]["text"] == "The one on the ground floor."


def test_urgent_needs_a_conversation(store, calls):
    task_id = told(store, HV, priority=Priority.URGENT)
    issues = refused(operate(calls(HV), task_id, "accept", MEANING), 422)
    assert [path for path, _ in issues] == [
        "Parameters.parameter.where(name='conversation').part.where(name='with')",
        "Parameters.parameter.where(name='conversation').part.where(name='at')",
    ]
    spoken = {
        "name": "conversation",
        "part": [
            {"name": "with", "valueString": "The ward"},
            {"name": "at", "valueDateTime": "2026-03-02T12:00:00+01:00"},
        ],
    }
    done = valid(operate(calls(HV), task_id, "accept", MEANING, spoken))
    assert details(done)["conversation"]["valueAnnotation"]["time"] == "2026-03-02T11:00:00Z"


def test_declined_with_a_code_that_is_a_reason(store, calls):
    task_id = told(store, HV)
    client = calls(HV)
    where = "Parameters.parameter.where(name='reason')"
    assert refused(operate(client, task_id, "decline"), 422) == [(where, "choose why it is declined (a coded reason)")]
    assert refused(operate(client, task_id, "decline", {"name": "reason", "valueCode": "30016"}), 422)[0][0] == where
    assert refused(operate(client, task_id, "decline", {"name": "reason", "valueCode": "99999"}), 400)[0][0] == where
    done = valid(operate(client, task_id, "decline", DECLINE, {"name": "note", "valueString": "Never ours."}))
    assert (done["status"], done["statusReason"]["text"]) == ("rejected", "Not known")
    assert details(done)["because"]["valueString"] == "Never ours."
    [(_, reason)] = refused(operate(client, task_id, "accept", MEANING), 409)
    assert reason == "This task has ended (rejected); a change of mind is a new task. Possible now: nothing."


def test_a_role_that_policy_does_not_list_is_refused_without_being_repeated(store, calls):
    answer = operate(calls(HV), told(store, HV), "open", who=practitioner("Zebedee", "astrologer"))
    [(path, _)] = refused(answer, 422)
    assert path == "Parameters.parameter.where(name='practitioner').part.where(name='role')"
    assert "astrologer" not in answer.text
    assert "Zebedee" not in answer.text


def test_reassigned_and_extended(store, calls):
    client = calls(HV)
    task_id = told(store, HV)
    told(store, LEAD)
    due, why = {"name": "due", "valueDate": "2026-03-20"}, {"name": "note", "valueString": "On leave."}
    extended = valid(operate(client, task_id, "extend", due, why))
    assert (extended["status"], extended["restriction"]["period"]["end"]) == ("on-hold", "2026-03-20T23:59:59Z")
    to = {"name": "owner", "valueReference": {"identifier": {"system": TEAM, "value": LEAD}}}
    moved = valid(operate(client, task_id, "reassign", to, why))
    assert (moved["owner"]["identifier"]["value"], moved["status"]) == (LEAD, "requested")
    assert client.get(f"/fhir/Task/{task_id}").status_code == 404


def test_a_discussion_with_the_lead_closes_its_task(store, calls):
    """F16."""
    wanted = TaskWanted(code=TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, owner=HV, description="Discuss.")
    [task_id] = store.write(lambda s: raised(s, store.codec, wanted))
    talk = {
        "name": "discussion",
        "part": [
            {"name": "with", "valueString": "Lea Lead"},
            {"name": "at", "valueDate": "2026-03-02"},
            {"name": "outcome", "valueCode": "not-referred-because"},
            {"name": "because", "valueString": "Weight regained."},
        ],
    }
    done = valid(operate(calls(HV), task_id, "complete", talk))
    assert details(done)["discussion-outcome"]["valueCode"] == "not-referred-because"
    assert details(done)["discussion"]["valueAnnotation"]["authorString"] == "Lea Lead"


def test_the_owner_sees_what_there_is_to_choose_and_the_one_who_waits_does_not(store, calls):
    options: dict[str, str | list[str]] = {
        "choices": ["confirm", "reject"],
        "members": [CHILD],
        "place": "a-keyed-hash",
    }
    wanted = TaskWanted(
        code=TaskCode.CONFIRM_HOUSEHOLD, owner=HV, requester=SENDER, description="Together?", options=options
    )
    [task_id] = store.write(lambda s: raised(s, store.codec, wanted))
    mine = valid(calls(HV).get(f"/fhir/Task/{task_id}"))
    assert [item["valueString"] for item in mine["input"]] == ["confirm", "reject", CHILD]
    assert "input" not in valid(calls(SENDER).get(f"/fhir/Task/{task_id}"))


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ([{"name": "mood", "valueString": "good"}], "Parameters.parameter[0].name"),
        ([MEANING, MEANING], "Parameters.parameter[1]"),
        ([{"name": "meaning", "valueBoolean": True}], "Parameters.parameter[0]"),
        ([{"name": "meaning"}], "Parameters.parameter[0]"),
        (
            [{"name": "agreed-action", "part": [{"name": "due", "valueDateTime": "2026-03"}]}],
            "Parameters.parameter[0].part[0]",
        ),
        (
            [{"name": "agreed-action", "part": [{"name": "when", "valueDate": "2026-03-09"}]}],
            "Parameters.parameter[0].part[0].name",
        ),
    ],
)
def test_parameters_that_the_operation_does_not_take_are_400(store, calls, parameters, path):
    body = {"resourceType": "Parameters", "parameter": parameters}
    answer = calls(HV).post(f"/fhir/Task/{told(store, HV)}/$accept", json=body, headers=FHIR)
    assert [where for where, _ in refused(answer, 400)] == [path]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", FHIR, 400),
        (b"", FHIR, 400),
        (b"[]", FHIR, 400),
        (b'{"resourceType":"Patient"}', FHIR, 400),
        (b'{"resourceType":"Parameters","parameter":[]}', FHIR, 400),
        (b'{"resourceType":"Parameters"}', {"Content-Type": "application/fhir+xml"}, 415),
        (b'{"resourceType":"Parameters"}', FHIR, 422),
    ],
)
def test_other_bodies_are_refused(store, calls, body, headers, status):
    answer = calls(HV).post(f"/fhir/Task/{told(store, HV)}/$accept", content=body, headers=headers)
    found = refused(answer, status)
    assert status != 400 or {where.partition(".")[0] for where, _ in found} == {"Parameters"}


def test_a_code_that_is_none_is_answered_with_those_that_there_are(store, calls):
    answer = operate(calls(HV), told(store, HV), "decline", {"name": "reason", "valueCode": "30099"})
    [(where, said)] = refused(answer, 400)
    assert where.endswith("(name='reason')")
    assert {"30002", "30014"} <= set(said.removeprefix("must be one of ").split(", "))
    assert "30099" not in said


def test_the_same_operation_again_gets_the_same_task(store, calls):
    task_id = told(store, HV)
    first, second = (operate(calls(HV), task_id, "accept", ACTION, match='W/"1"') for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert history(store, task_id) == ["raised", "accept"]


def test_giving_a_task_away_shows_no_more_than_having_it(store, calls):
    told(store, LEAD)
    task_id = told(store, HV, view=View.EXISTENCE)
    to = {"name": "owner", "valueReference": {"identifier": {"system": TEAM, "value": LEAD}}}
    given = valid(operate(calls(HV), task_id, "reassign", to, {"name": "note", "valueString": "Not ours to do."}))
    assert given["owner"]["identifier"]["value"] == LEAD
    assert not {"for", "requester", "input"} & given.keys()


@pytest.mark.parametrize("move", sorted(task_parts.PARTS))
def test_each_operation_has_a_definition(move):
    definition = task_parts.operation_definition(move)
    assert check_resource(definition) == []
    OperationDefinition.model_validate(definition)
    assert definition["code"] == move.value


def test_the_operations_of_the_contract_are_there():
    assert {move.value for move in task_parts.PARTS} == {
        "open",
        "accept",
        "decline",
        "caretake",
        "exclude",
        "ask",
        "answer",
        "complete",
        "reassign",
        "extend",
    }
    assert Move.NOTE not in task_parts.PARTS
