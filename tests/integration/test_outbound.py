"""What leaves for a team: one valid R4 message for each delivery, with an id that never changes and nothing of anybody else's."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select, update

from broker.bus.embedded import EmbeddedBus
from broker.domain.states import DeliveryState, View
from broker.domain.wanted import TaskWanted
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import deliveries, tasks
from broker.storage.tables import Delivery, Notification
from broker.storage.task_values import Content, Scope, Who
from broker.storage.tasks import Change, Value
from broker.workflow import outbound, outcomes
from schemas import bundle
from schemas.codes import Event, Priority, RelationshipKind, TaskCode, TaskStatus
from schemas.identifiers import CRN
from schemas.message import Fact, Identifier, Person, Professional, Relationship
from schemas.structure import check_bundle
from tests.conftest import NOON
from tests.default_policy import default_policy
from tests.integration.delivery_rows import (
    CHILD,
    NOTIFICATION,
    SENDER,
    add,
    delivery,
    message,
    new_id,
    notification,
    prepared,
)

HV, GP, LEAD = "swbh-health-visiting", "cape-hill-practice", "swbh-safeguarding"


@pytest.fixture
def runtime(store, clock):
    prepared(store)
    return Runtime(Settings(public_url="https://baton.example/"), store, default_policy(), EmbeddedBus(), clock)


def composed(runtime, delivery_id, now=NOON):
    """The message of a delivery, checked to be an R4 Bundle."""
    found = runtime.store.read(lambda session: outbound.compose(session, runtime.context(session), delivery_id, now))
    said = json.loads(found.body)
    assert check_bundle(said) == []
    assert found.message_id == said["entry"][0]["resource"]["id"] == delivery_id
    return said


def header(said):
    return said["entry"][0]["resource"]


def resources(said, kind):
    return [entry["resource"] for entry in said["entry"] if entry["resource"]["resourceType"] == kind]


def unresolved(said):
    """Literal references of a Bundle that lead neither into it nor to this broker."""
    held = {entry["fullUrl"] for entry in said["entry"]}

    def literal(element):
        if isinstance(element, dict):
            if isinstance(element.get("reference"), str):
                yield element["reference"]
            for value in element.values():
                yield from literal(value)
        elif isinstance(element, list):
            for item in element:
                yield from literal(item)

    return [
        found for found in literal(said) if found not in held and not found.startswith("https://baton.example/fhir/")
    ]


def raised(runtime, owner, **other):
    """A task, and its own message when no delivery carries it; both ids."""
    store = runtime.store
    values = {"code": TaskCode.DATA_QUALITY, "description": "Supply what is missing.", "notification_id": NOTIFICATION}
    wanted = TaskWanted(owner=owner, **(values | other))
    [task] = store.write(lambda s: tasks.raise_tasks(s, store.codec, [wanted], policy_version="test", now=NOON))
    return task, delivery_of(runtime, f"task:{task}")


def delivery_of(runtime, cause):
    return runtime.store.read(lambda s: s.exec(select(Delivery.id).where(Delivery.cause == cause)).first())


def answered(runtime, task, told):
    """Somebody accepts the task, and a team is told; the id of that delivery."""

    def work(session):
        ctx = runtime.context(session)
        before = tasks.get(session, ctx.codec, task, Scope(team=None, everything=True))
        assert before is not None
        columns: dict[str, Value] = {"status": TaskStatus.COMPLETED, "answered_at": NOON}
        by = Who(name="Hetty Visitor", role="health-visitor", kind="professional", at=NOON.isoformat())
        content = Content(**{**before.content, "meaning": "We visit on Thursday.", "answered": by})
        what = Change(move="accept", content=content, columns=columns, detail={}, team_id=before.row.owner_team_id)
        version = tasks.change(session, ctx.codec, before, what, NOON)
        outcomes.tell(session, ctx, before, told, version, NOON)
        return f"outcome:{task}:{version}"

    return delivery_of(runtime, runtime.store.write(work))


# --- the notification --------------------------------------------------------------------------------------------


def test_a_notification_says_what_was_said_to_this_team_alone_under_the_deliverys_id(runtime):
    [id_] = add(runtime.store, delivery(HV, cause=""))
    said = composed(runtime, id_)
    read, problems = bundle.read(said)
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert read is not None
    assert read.event is Event.BIRTH
    assert read.subjects == (CHILD,)
    assert read.people == message().people
    assert header(said)["source"]["endpoint"] == "https://baton.example"
    assert said["timestamp"] == "2026-03-02T12:00:00Z"
    assert unresolved(said) == []


def test_the_same_delivery_is_the_same_message_at_every_try(runtime):
    [id_] = add(runtime.store, delivery(HV, cause=""))
    raised(runtime, HV, code=TaskCode.ACKNOWLEDGE, delivery_id=id_, person_id=None)
    assert composed(runtime, id_) == composed(runtime, id_, NOON + timedelta(minutes=10))


def test_the_task_that_comes_with_it_is_beside_it_and_what_the_team_agreed_to_later_is_not(runtime):
    [id_] = add(runtime.store, delivery(HV, cause=""))
    task, _ = raised(runtime, HV, code=TaskCode.ACKNOWLEDGE, delivery_id=id_, requester=SENDER)
    due = NOON + timedelta(days=3)
    raised(runtime, HV, code=TaskCode.AGREED_ACTION, delivery_id=id_, part_of=task, due_at=due)
    said = composed(runtime, id_)
    assert [found["id"] for found in resources(said, "Task")] == [task]
    assert unresolved(said) == []


def test_an_earlier_message_is_named_by_the_id_under_which_the_team_knows_it_or_not_at_all(runtime):
    store, later = runtime.store, new_id()

    def follow_up(session):
        notification(session, store, later, message(id="birth-2", reference="birth-1"))
        session.execute(update(Notification).where(col(Notification.id) == later).values(reference_id=NOTIFICATION))

    store.write(follow_up)
    first, second, alone = add(
        store,
        delivery(HV, cause=""),
        delivery(HV, cause="", notification_id=later),
        delivery(GP, cause="", notification_id=later),
    )
    reference = "https://fhir.baton.example/StructureDefinition/reference"
    told = [found for found in header(composed(runtime, second))["extension"] if found["url"] == reference]
    assert told == [{"url": reference, "valueId": first}]
    assert "birth-1" not in json.dumps(composed(runtime, alone))


@pytest.mark.parametrize("view", [View.POINTER, View.EXISTENCE, View.ENDED])
def test_what_the_view_does_not_hold_is_not_in_the_message(runtime, view):
    said = message(people=(replace(message().people[0], practice="M12345"),))
    secret = new_id()
    runtime.store.write(lambda session: notification(session, runtime.store, secret, replace(said, id="birth-3")))
    [id_] = add(runtime.store, delivery("sandwell-probation", cause="", notification_id=secret, view=view))
    text = json.dumps(composed(runtime, id_))
    for hidden in ("Testerly", "Bluebell", "M12345", "birth-3"):
        assert hidden not in text


VIEWS = (View.FULL, View.RISK, View.SAFETY, View.POINTER, View.EXISTENCE, View.ENDED)


def concern_told(runtime):
    """A concern about a child and its mother with facts of every kind; each team's delivery in each view, by its id."""
    mother = Person(key=new_id(), family="Testerly", given=("Ann",), practice="M12345")
    child = replace(message().people[0], practice="M12345", identifiers=(Identifier(system=CRN, value="X123456"),))
    facts = (
        Fact(code="concern-detail", value="Bruise on the left arm", about=CHILD),
        Fact(code="restricted-registration", value="MAPPA level 2", about=mother.key),
        Fact(code="staff-safety", value="Two to visit", about=mother.key),
        Fact(code="family-aware", value=True),
    )
    said = message(
        id="concern-1",
        event=Event.CONCERN,
        people=(child, mother),
        relationships=(Relationship(person=mother.key, kind=RelationshipKind.MOTHER, to=CHILD),),
        facts=facts,
        author=Professional(name="Hetty Visitor", role="health-visitor"),
        priority=Priority.URGENT,
    )
    teams = (HV, GP, LEAD, "sandwell-probation", "sandwell-mash")
    told: dict[str, dict[str, Any]] = {}
    for view in VIEWS:
        concern = new_id()
        runtime.store.write(lambda s, id_=concern, of=view: notification(s, runtime.store, id_, replace(said, id=of)))
        rows = [
            delivery(team, cause="", notification_id=concern, view=view_of, reason_code=reason)
            for team, view_of, reason in zip(
                teams,
                (*VIEWS[VIEWS.index(view) :], *VIEWS),
                ("involved-with-subject", "addressed", "involved-in-household", "addressed", "universal-service"),
                strict=False,
            )
        ]
        told |= dict(zip(add(runtime.store, *rows), rows, strict=True))
    for id_, row in told.items():
        raised(runtime, row["team_id"], code=TaskCode.ACKNOWLEDGE, delivery_id=id_, requester=SENDER)
    return told


def test_who_else_is_told_at_the_same_time_changes_no_byte_of_what_a_team_is_told(runtime):
    """What teams have in common is made once; what one may know and another may not is neither's but its own."""
    told = concern_told(runtime)

    def bodies(ids):
        found = runtime.store.read(lambda s: outbound.compose_all(s, runtime.context(s), ids, NOON))
        return {id_: composed.body for id_, composed in found.items()}

    alone = {id_: bodies([id_])[id_] for id_ in told}
    rows = list(told)
    for ids in (rows, rows[::-1], sorted(rows, key=lambda id_: told[id_]["team_id"]), rows[1::2] + rows[::2]):
        assert bodies(ids) == alone
    by_view = {view: [alone[id_] for id_, row in told.items() if row["view"] is view] for view in VIEWS}
    assert any(b"Bruise" in body for body in by_view[View.FULL])
    assert any(b"Two to visit" in body for body in by_view[View.SAFETY])
    assert not any(b"MAPPA" in body for body in alone.values())
    assert not any(b"Bruise" in body for view in VIEWS[2:] for body in by_view[view])


def test_teams_told_at_different_times_of_one_message_are_each_told_of_their_own(runtime):
    early, late = add(
        runtime.store,
        delivery(HV, cause="", view=View.EXISTENCE),
        delivery(GP, NOON + timedelta(hours=2), cause="", view=View.EXISTENCE),
    )

    def together(session):
        return outbound.compose_all(session, runtime.context(session), [early, late], NOON + timedelta(hours=3))

    found = {id_: json.loads(one.body) for id_, one in runtime.store.read(together).items()}
    assert found[early]["timestamp"] == "2026-03-02T12:00:00Z"
    assert "2026-03-02T14" not in json.dumps(found[early])
    assert "2026-03-02T12" not in json.dumps(found[late])


# --- a task and its outcome -----------------------------------------------------------------------------------------


def test_a_task_of_ours_to_the_sender_names_the_message_it_is_about_and_nobody(runtime):
    task, id_ = raised(runtime, SENDER, options={"problems": ["Bundle.entry[1] is required"]})
    said = composed(runtime, id_)
    [found] = resources(said, "Task")
    assert (found["id"], found["code"]["coding"][0]["code"]) == (task, "data-quality")
    assert header(said)["eventCoding"]["code"] == "information"
    assert header(said)["focus"] == [{"reference": f"urn:uuid:{task}"}]
    assert [extension["valueId"] for extension in header(said)["extension"]] == ["birth-1"]
    assert "response" not in header(said)
    assert "Testerly" not in json.dumps(said)


def test_a_task_for_a_team_that_was_not_told_of_the_message_goes_alone(runtime):
    _, id_ = raised(runtime, LEAD, code=TaskCode.UNDELIVERABLE, options={"team": GP})
    said = composed(runtime, id_)
    assert "extension" not in header(said)
    assert resources(said, "Patient") == []
    for hidden in ("birth-1", "Testerly", CHILD):
        assert hidden not in json.dumps(said)


def test_an_outcome_answers_the_message_of_its_sender(runtime):
    [id_] = add(runtime.store, delivery(HV, cause="", known_to_sender=True))
    task, _ = raised(runtime, HV, code=TaskCode.ACKNOWLEDGE, delivery_id=id_, requester=SENDER)
    outcome = answered(runtime, task, SENDER)
    said = composed(runtime, outcome)
    assert header(said)["response"] == {"identifier": "birth-1", "code": "ok"}
    assert header(said)["eventCoding"]["code"] == "birth"
    assert header(said)["sender"]["identifier"]["value"] == HV
    assert header(said)["destination"][0]["receiver"]["identifier"]["value"] == SENDER
    [found] = resources(said, "Task")
    assert (found["id"], found["status"]) == (task, "completed")
    assert "We visit on Thursday." in json.dumps(found)
    assert resources(said, "Patient") == []
    assert unresolved(said) == []


def test_an_outcome_for_another_team_is_information_about_its_task(runtime):
    task, _ = raised(runtime, SENDER, code=TaskCode.SUPPLY_INFORMATION, requester=HV)
    said = composed(runtime, answered(runtime, task, HV))
    assert "response" not in header(said)
    assert header(said)["eventCoding"]["code"] == "information"
    assert "birth-1" not in json.dumps(said)


def test_a_task_that_was_given_to_another_team_is_no_longer_told_to_the_first(runtime):
    task, id_ = raised(runtime, LEAD, code=TaskCode.UNDELIVERABLE)

    def given_away(session):
        ctx = runtime.context(session)
        before = tasks.get(session, ctx.codec, task, Scope(team=LEAD))
        assert before is not None
        columns: dict[str, Value] = {"owner_team_id": HV}
        tasks.change(
            session,
            ctx.codec,
            before,
            Change(move="reassign", content=before.content, columns=columns, detail={}),
            NOON,
        )

    assert resources(composed(runtime, id_), "Task") != []
    runtime.store.write(given_away)
    said = composed(runtime, id_)
    assert header(said)["eventCoding"]["code"] == "withdraw"
    assert resources(said, "Task") == []


@pytest.mark.parametrize(
    ("listed", "functions", "shown"),
    [
        ([HV], ["health-visiting"], True),
        ([HV], ["general-practice"], False),
        ([GP], ["health-visiting"], False),
        ([HV], [], False),
    ],
)
def test_what_was_held_back_is_shown_only_to_teams_that_it_was_released_to(runtime, listed, functions, shown):
    held_back = Fact(code="restricted-registration", value="MAPPA level 2", about=CHILD)
    said, secret = message(id="registered", facts=(held_back,)), new_id()
    runtime.store.write(lambda session: notification(session, runtime.store, secret, said))
    [id_] = add(runtime.store, delivery(HV, cause="", notification_id=secret, reason_code="involved-with-subject"))
    task, _ = raised(runtime, LEAD, code=TaskCode.RELEASE, notification_id=secret, options={"teams": listed})

    def decide(session):
        ctx = runtime.context(session)
        before = tasks.get(session, ctx.codec, task, Scope(team=LEAD))
        assert before is not None
        content = Content(**{**before.content, "decision": {"functions": functions, "because": None}})
        tasks.change(session, ctx.codec, before, Change(move="complete", content=content, columns={}, detail={}), NOON)

    assert "MAPPA" not in json.dumps(composed(runtime, id_))
    runtime.store.write(decide)
    assert ("MAPPA" in json.dumps(composed(runtime, id_))) is shown


# --- withdrawal ---------------------------------------------------------------------------------------------------


def test_a_withdrawal_names_the_message_as_the_team_knows_it_and_nothing_of_what_it_said(runtime):
    original, recall, recall_of_task_only = add(
        runtime.store,
        delivery(HV, cause="", state=DeliveryState.DELIVERED, delivered_at=NOON),
        delivery(HV, cause="withdrawn", view=View.ENDED),
        delivery(LEAD, cause="withdrawn", view=View.ENDED),
    )
    _, task_message = raised(runtime, LEAD)
    for recalled, known in ((recall, original), (recall_of_task_only, task_message)):
        said = composed(runtime, recalled)
        read, problems = bundle.read(said)
        assert [problem for problem in problems if problem.severity == "error"] == []
        assert read is not None
        assert (read.event, read.reference, read.people) == (Event.WITHDRAW, known, ())
        for hidden in ("Testerly", CHILD, "birth-1", NOTIFICATION):
            assert hidden not in json.dumps(said)


def test_what_was_cancelled_after_it_was_listed_is_read_as_withdrawn(runtime):
    [id_] = add(runtime.store, delivery(HV, cause="", number=1))
    runtime.store.write(lambda session: deliveries.withdraw(session, NOTIFICATION, NOON))
    said = composed(runtime, id_)
    assert header(said)["eventCoding"]["code"] == "withdraw"
    assert "Testerly" not in json.dumps(said)


def test_there_is_no_message_of_what_does_not_exist(runtime):
    with pytest.raises(KeyError):
        composed(runtime, new_id())
