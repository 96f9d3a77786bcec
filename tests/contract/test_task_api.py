"""`/fhir/Task` as an agency's system meets it, on both databases: search, read, update, the moves, and every refusal."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationdefinition import OperationDefinition
from fhir.resources.R4B.task import Task as R4Task
from sqlmodel import select

from broker.bus.embedded import EmbeddedBus
from broker.domain.answers import Move
from broker.domain.states import View
from broker.domain.wanted import TaskWanted
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import clients
from broker.storage.tables import Audit
from broker.web import outcomes, tokens
from broker.web.api import task_parts, tasks
from broker.workflow import acknowledge
from schemas.codes import Priority, TaskCode
from schemas.identifiers import TEAM
from schemas.structure import check_resource
from tests.conftest import NOON
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER
from tests.integration.task_rows import GP, HV, LEAD, POLICY, PROBATION, history, one, raised, ready, told

SCOPES = frozenset({"system/Task.rs", "system/Task.u"})
NOBODY = "00000000-0000-4000-8000-00000000ffff"
FHIR = {"Content-Type": "application/fhir+json"}
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
def runtime(store, clock):
    ready(store)
    return Runtime(Settings(public_url="https://baton.example"), store, POLICY, EmbeddedBus(), clock)


@pytest.fixture
def app(runtime):
    application = FastAPI()
    application.state.runtime = runtime
    application.include_router(tasks.router)
    outcomes.install(application)
    return application


@pytest.fixture
def calls(app, runtime):
    """An HTTP client for a team, with these scopes."""

    def client(team, scopes=SCOPES):
        registered = clients.Registered(
            name=f"system-of-{team}", team=team, jwks={"keys": []}, scopes=frozenset(scopes)
        )

        def grant(session):
            clients.put(session, registered, NOON)
            session.flush()
            return tokens.grant(session, registered, None, seconds=10 * 86400, now=NOON)

        token = runtime.store.write(grant).token
        return TestClient(app, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    return client


def practitioner(name="Nora Nurse", role="health-visitor"):
    return {
        "name": "practitioner",
        "part": [{"name": "name", "valueString": name}, {"name": "role", "valueCode": role}],
    }


def operate(client, task_id, move, *parts, who=None, **more):
    body = {"resourceType": "Parameters", "parameter": [who or practitioner(), *parts]}
    headers = FHIR | more.pop("headers", {})
    return client.post(f"/fhir/Task/{task_id}/${move}", json=body, headers=headers, **more)


def valid(answer):
    """The resource of a 200, sound by HL7's schema and by the R4B model."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    resource = answer.json()
    assert check_resource(resource) == []
    {"Task": R4Task, "Bundle": Bundle}[resource["resourceType"]].model_validate(resource)
    return resource


def refused(answer, status):
    """The issues of a refusal: (expression, reason)."""
    assert answer.status_code == status, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return [(issue.get("expression", [""])[0], issue["diagnostics"]) for issue in outcome["issue"]]


def details(task, place="output"):
    return {item["type"]["coding"][0]["code"]: item for item in task.get(place, [])}


def milestones(task):
    found = {}
    for extension in task.get("extension", ()):
        parts = {part["url"]: next(v for k, v in part.items() if k != "url") for part in extension["extension"]}
        found[parts.pop("kind")] = parts
    return found


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


def test_without_a_token_nothing(app):
    assert TestClient(app).get("/fhir/Task").status_code == 401


def test_every_read_and_answer_is_written_down(store, calls):
    task_id = told(store, HV)
    client = calls(HV)
    client.get(f"/fhir/Task/{task_id}")
    client.get("/fhir/Task")
    operate(client, task_id, "open")
    rows = store.read(lambda s: s.exec(select(Audit)).all())
    assert sorted((row.action, str(row.entity_id), row.client_name, row.team_id) for row in rows) == [
        ("answer", task_id, f"system-of-{HV}", HV),
        ("read", task_id, f"system-of-{HV}", HV),
        ("search", "None", f"system-of-{HV}", HV),
    ]


# --- operations ---------------------------------------------------------------------------------------------------


def test_opened_by_a_receptionist_then_answered_by_a_health_visitor(store, calls, clock):
    """F13: three facts, three times, each with who."""
    task_id = told(store, HV)
    delivery_id = one(store, task_id).row.delivery_id
    store.write(lambda s: acknowledge.mark_delivered(s, store.codec, delivery_id, clock()))
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
    assert refused(operate(client, task_id, "decline"), 422) == [(where, "a decline needs a coded reason")]
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
    options = {"choices": ["confirm", "reject"], "members": [CHILD], "place": "a-keyed-hash"}
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
    refused(answer, status)


def test_the_same_operation_again_gets_the_same_task(store, calls):
    task_id = told(store, HV)
    first, second = (operate(calls(HV), task_id, "accept", ACTION, headers={"If-Match": 'W/"1"'}) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert history(store, task_id) == ["raised", "accept"]


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
        "ask",
        "answer",
        "complete",
        "reassign",
        "extend",
    }
    assert Move.NOTE not in task_parts.PARTS


# --- update -------------------------------------------------------------------------------------------------------


def put(client, task, version=None, **changes):
    headers = FHIR | ({"If-Match": f'W/"{version}"'} if version else {})
    return client.put(f"/fhir/Task/{task['id']}", json={**task, **changes}, headers=headers)


NOTE = {"authorString": "Nora Nurse, health-visitor", "text": "We visit weekly."}
REASON = {"coding": [{"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-ResponseCode-1", "code": "30002"}]}


def test_a_put_needs_if_match_and_a_current_version(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    assert refused(put(client, task, status="accepted", note=[NOTE]), 400)
    assert refused(client.put(f"/fhir/Task/{task['id']}", json=task, headers=FHIR | {"If-Match": "3"}), 400)
    valid(operate(client, task["id"], "open"))
    [(_, reason)] = refused(put(client, task, version=1, status="accepted", note=[NOTE]), 412)
    assert reason == "It was changed since it was read: your team made it requested (open); it is now version 2."
    done = put(client, task, version=2, status="accepted", note=[NOTE])
    assert valid(done)["status"] == "completed"
    assert done.headers["etag"] == 'W/"3"'
    assert details(done.json())["meaning"]["valueAnnotation"]["authorString"] == "Nora Nurse, health-visitor"


def test_a_put_that_changes_something_else_names_it(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    issues = refused(put(client, task, version=1, priority="stat", description="Another matter"), 422)
    assert [path for path, _ in issues] == ["Task.description", "Task.priority"]
    other = put(client, {**task, "id": task["id"]}, version=1, identifier=[{"value": "x"}])
    assert refused(other, 422)[0][0] == "Task.identifier"
    answer = client.put(f"/fhir/Task/{task['id']}", json={**task, "id": NOBODY}, headers=FHIR | {"If-Match": 'W/"1"'})
    assert refused(answer, 400)[0][0] == "Task.id"


def test_a_put_of_the_same_changes_nothing_however_it_is_written(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    rewritten = {**task, "authoredOn": "2026-03-02T13:00:00.000+01:00"}
    rewritten.pop("description")
    assert valid(put(client, rewritten, version=1))["meta"]["versionId"] == "1"


WRONG_PUTS = [
    ({"status": "accepted"}, 422, "Task.note.authorString"),
    ({"status": "rejected", "note": [NOTE]}, 422, "Task.statusReason"),
    ({"statusReason": REASON}, 422, "Task.statusReason"),
    ({"note": [NOTE, {**NOTE, "text": "And more."}]}, 422, "Task.note"),
    (
        {"status": "accepted", "owner": {"identifier": {"system": TEAM, "value": LEAD}}, "note": [NOTE]},
        422,
        "Task.owner",
    ),
    ({"owner": {"identifier": {"value": LEAD}}, "note": [NOTE]}, 422, "Task.owner"),
    ({"owner": {"identifier": {"system": TEAM, "value": GP}}, "note": [NOTE]}, 422, "Task.owner"),
    ({"status": "completed", "note": [{"text": "We visit."}]}, 422, "Task.note.authorString"),
]


def test_a_put_says_where_it_is_wrong(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    for changes, status, path in WRONG_PUTS:
        assert path in [where for where, _ in refused(put(client, task, version=1, **changes), status)]
    assert valid(client.get(f"/fhir/Task/{task['id']}"))["meta"]["versionId"] == "1"


def test_each_status_that_may_be_put_is_its_move(store, calls):
    client = calls(HV)
    note = valid(put(client, valid(client.get(f"/fhir/Task/{told(store, HV)}")), version=1, note=[NOTE]))
    assert (note["status"], note["note"][0]["text"]) == ("requested", "We visit weekly.")
    held = valid(put(client, note, version=2, status="on-hold", note=[*note["note"], {**NOTE, "text": "Which flat?"}]))
    assert (held["status"], details(held)["question"]["valueAnnotation"]["text"]) == ("on-hold", "Which flat?")
    declined = valid(
        put(client, held, version=3, status="rejected", statusReason=REASON, note=[NOTE | {"text": "No."}])
    )
    assert declined["status"] == "rejected"
    assert refused(put(client, declined, version=4, status="accepted", note=[NOTE | {"text": "Yes."}]), 409)


def test_a_move_that_is_not_allowed_names_those_that_are(store, calls):
    client = calls(HV)
    task = valid(client.get(f"/fhir/Task/{told(store, HV)}"))
    [(_, reason)] = refused(put(client, task, version=1, status="cancelled", note=[NOTE]), 409)
    assert reason == (
        "This move is not possible now. Possible now: open, accept, decline, ask, reassign, extend, note."
    )


# --- search -------------------------------------------------------------------------------------------------------


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
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert ids(client.post("/fhir/Task/_search", content=query, headers=form)) == expected, query


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
    url = f"https://baton.example/fhir/Task?owner:identifier={TEAM}|{HV}&_count=2&_sort=-authored-on"
    while url:
        page = valid(client.get(url.removeprefix("https://baton.example")))
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        assert page["entry"][0]["fullUrl"] == f"https://baton.example/fhir/Task/{page['entry'][0]['resource']['id']}"
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert (sorted(seen), len(seen)) == (sorted(expected), 5)


def test_a_search_in_the_body_is_a_form_in_utf_8(calls):
    assert calls(HV).post("/fhir/Task/_search", content="owner=x").status_code == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert calls(HV).post("/fhir/Task/_search", content=b"owner=\xff", headers=form).status_code == 400


def test_overdue_tasks_come_first(store, calls, clock):
    later, sooner = told(store, HV), told(store, LEAD, due_at=NOON + timedelta(hours=1))
    auditor = calls(None, {"baton/audit"})
    assert ids(auditor.get("/fhir/Task?_sort=due")) == [sooner, later]
    assert ids(auditor.get("/fhir/Task?_sort=-due")) == [later, sooner]
