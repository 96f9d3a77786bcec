"""Releasing what was held, giving a task to another team, and choices that change households: on both databases."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from broker.domain.answers import Move, ReleaseDecision
from broker.domain.states import DeliveryState, InvolvementState, View
from broker.domain.wanted import TaskWanted
from broker.errors import Conflict, Invalid
from broker.storage.tables import Delivery, Involvement, Task, Team
from broker.storage.world import load_world
from broker.workflow import acknowledge, route
from schemas.codes import Event, Function, LawfulBasis, TaskCode, TaskStatus
from schemas.message import Professional
from tests.conftest import NOON
from tests.integration.delivery_rows import CHILD, NOTIFICATION, SENDER, message, notification
from tests.integration.task_rows import (
    GP,
    HV,
    LEAD,
    MIDWIFE,
    PROBATION,
    context,
    history,
    messages,
    moves,
    one,
    raised,
    ready,
    told,
)

HELD = "33333333-0000-4000-8000-000000000001"
DAMSON = Professional(name="Lea Lead", role="named-nurse")
OTHER_HV, CMHT = "swbh-health-visiting-north", "swbh-cmht"


@pytest.fixture
def prepared_store(store):
    ready(store)

    def more_teams(session):
        for id_, function in ((OTHER_HV, Function.HEALTH_VISITING), (CMHT, Function.MENTAL_HEALTH)):
            session.add(Team(id=id_, agency_id="swbh", function=function, name=id_, area_id="sandwell"))

    store.write(more_teams)
    return store


# --- release ------------------------------------------------------------------------------------------------------


@pytest.fixture
def gate(prepared_store):
    """A concern that its sender marked as held, to three teams; the release task's id."""
    said = message(
        id="concern-1",
        event=Event.CONCERN,
        kind="neglect",
        to=(HV, PROBATION, GP),
        labels=frozenset({"held-for-release"}),
        author=MIDWIFE,
        basis=LawfulBasis.CHILDREN_ACT_2004_S11,
    )

    def work(session):
        notification(session, prepared_store, HELD, said)
        ctx = context(session, prepared_store.codec)
        decided = route.decide(ctx, said, load_world(session, ctx.codec, said.subjects), NOON)
        assert {one_.state for one_ in decided.told} == {DeliveryState.HELD}
        route.write(session, ctx, HELD, said, decided, NOON)
        return session.exec(select(Task.id).where(Task.code == TaskCode.RELEASE)).one()

    return prepared_store.write(work)


def states(store):
    rows = store.read(lambda s: s.exec(select(Delivery).where(Delivery.notification_id == HELD)).all())
    return {row.team_id: row.state for row in rows if not row.cause}


def acknowledgements(store):
    query = select(Task).where(Task.code == TaskCode.ACKNOWLEDGE, Task.notification_id == HELD)
    return {row.owner_team_id: row for row in store.read(lambda s: s.exec(query).all())}


def test_while_it_is_held_nobody_has_a_task_or_a_message_of_it(prepared_store, gate):
    """Sharing principle 7."""
    assert acknowledgements(prepared_store) == {}
    assert messages(prepared_store, HV) == messages(prepared_store, PROBATION) == []
    assert messages(prepared_store, LEAD) == [f"task:{gate}"]


def test_what_is_released_goes_to_the_functions_named_and_to_no_other(prepared_store, gate):
    store, later = prepared_store, NOON + timedelta(hours=20)
    decision = ReleaseDecision(functions=(Function.HEALTH_VISITING,))
    moves(store, LEAD, gate, Move.COMPLETE, DAMSON, now=later, decision=decision)
    assert states(store) == {
        HV: DeliveryState.READY,
        GP: DeliveryState.WITHHELD,
        PROBATION: DeliveryState.WITHHELD,
    }
    found = acknowledgements(store)
    assert set(found) == {HV}
    assert found[HV].due_at > later + timedelta(days=1), "the time to answer runs from the release"
    assert one(store, gate).content["decision"]["functions"] == ["health-visiting"]
    assert messages(store, SENDER) == [f"outcome:{gate}:2"]
    moves(store, HV, found[HV].id, Move.ACCEPT, meaning="We visit.")


def test_a_refusal_is_a_decision_not_to_tell_with_its_reason(prepared_store, gate):
    decision = ReleaseDecision(because="An arrest is planned.")
    moves(prepared_store, LEAD, gate, Move.COMPLETE, DAMSON, decision=decision)
    assert set(states(prepared_store).values()) == {DeliveryState.WITHHELD}
    assert acknowledgements(prepared_store) == {}
    rows = prepared_store.read(lambda s: s.exec(select(Delivery).where(col(Delivery.cause) == "")).all())
    assert {row.reason_code for row in rows} == {"release-refused"}
    assert not any("arrest" in row.reason for row in rows), "why is the lead's to say"


def test_nothing_is_released_to_a_function_that_nothing_is_held_for(prepared_store, gate):
    with pytest.raises(Invalid) as refused:
        moves(
            prepared_store, LEAD, gate, Move.COMPLETE, DAMSON, decision=ReleaseDecision(functions=(Function.HOUSING,))
        )
    assert [problem.path for problem in refused.value.problems] == ["decision.release-to"]
    assert set(states(prepared_store).values()) == {DeliveryState.HELD}


def test_the_gate_of_another_question_holds_nothing_back(prepared_store, gate):
    """Principle 12: agreeing to name a sibling releases no held delivery of the same notification."""
    wanted = TaskWanted(
        code=TaskCode.RELEASE,
        owner=LEAD,
        description="May the receiver be told of further children?",
        notification_id=HELD,
        options={"persons": [CHILD]},
    )
    [other] = prepared_store.write(lambda s: raised(s, prepared_store.codec, wanted))
    decision = ReleaseDecision(functions=(Function.HEALTH_VISITING,))
    moves(prepared_store, LEAD, other, Move.COMPLETE, DAMSON, decision=decision)
    assert set(states(prepared_store).values()) == {DeliveryState.HELD}


# --- reassign -----------------------------------------------------------------------------------------------------


def reassign(store, task_id, to):
    return moves(store, HV, task_id, Move.REASSIGN, to_team=to, text="They live in the north now.")


def test_a_team_of_the_same_function_gets_the_task_and_what_it_is_about(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV, view=View.RISK)
    moves(store, HV, task_id, Move.OPEN)
    after = reassign(store, task_id, OTHER_HV)
    assert (after.row.owner_team_id, after.row.status, after.row.opened_at) == (OTHER_HV, TaskStatus.REQUESTED, None)
    assert after.view is View.RISK
    assert messages(store, OTHER_HV) == [""]
    assert messages(store, SENDER) == [f"outcome:{task_id}:3"]
    moves(store, OTHER_HV, task_id, Move.OPEN)
    assert moves(store, OTHER_HV, task_id, Move.ACCEPT, meaning="We go.").row.status == TaskStatus.COMPLETED
    assert history(store, task_id) == ["raised", "open", "reassign", "open", "accept"]


def test_a_team_of_another_function_gets_it_only_when_it_was_told_already(prepared_store):
    store, task_id = prepared_store, told(prepared_store, HV)
    with pytest.raises(Conflict) as refused:
        reassign(store, task_id, CMHT)
    assert "reassign" not in refused.value.allowed
    assert one(store, task_id).row.owner_team_id == HV
    told(store, CMHT, view=View.POINTER)
    assert reassign(store, task_id, CMHT).view is View.POINTER


@pytest.mark.parametrize("state", [DeliveryState.WITHHELD, DeliveryState.HELD])
def test_reassigning_is_no_way_round_a_decision_not_to_tell(prepared_store, state):
    task_id = told(prepared_store, HV)
    told(prepared_store, OTHER_HV, state=state)
    with pytest.raises(Conflict):
        reassign(prepared_store, task_id, OTHER_HV)


def test_a_task_of_ours_goes_with_a_message_of_its_own_and_back(prepared_store):
    store = prepared_store
    wanted = TaskWanted(code=TaskCode.DATA_QUALITY, owner=HV, description="Mend.", notification_id=NOTIFICATION)
    [task_id] = store.write(lambda s: raised(s, store.codec, wanted))
    reassign(store, task_id, OTHER_HV)
    first = store.read(lambda s: s.exec(select(Delivery.id).where(Delivery.team_id == HV)).one())
    store.write(lambda s: acknowledge.mark_delivered(s, store.codec, [first], NOON))
    assert one(store, task_id).row.delivered_at is None, "it arrived where it was before, not where it is"
    moves(store, OTHER_HV, task_id, Move.REASSIGN, to_team=HV, text="Not ours.")
    assert messages(store, OTHER_HV) == messages(store, HV) == [f"task:{task_id}"]


# --- choices ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "state"), [("yes", InvolvementState.CONFIRMED), ("no", InvolvementState.ENDED)])
def test_a_choice_is_carried_out_by_whoever_knows_how(prepared_store, choice, state):
    store = prepared_store
    row = Involvement(
        id="44444444-0000-4000-8000-000000000001",
        team_id=HV,
        person_id=CHILD,
        function=Function.HEALTH_VISITING,
        state=InvolvementState.UNCONFIRMED,
        since=NOON - timedelta(days=900),
        renewed_at=NOON - timedelta(days=800),
        evidence="child-contact",
    )
    store.write(lambda s: s.add(row))
    wanted = TaskWanted(code=TaskCode.CONFIRM_INVOLVEMENT, owner=HV, description="Still?", person_id=CHILD)
    [task_id] = store.write(lambda s: raised(s, store.codec, wanted))
    with pytest.raises(Invalid):
        moves(store, HV, task_id, Move.COMPLETE, choice="perhaps")
    assert moves(store, HV, task_id, Move.COMPLETE, choice=choice).content["choice"] == choice
    [after] = store.read(lambda s: s.exec(select(Involvement)).all())
    assert after.state is state
