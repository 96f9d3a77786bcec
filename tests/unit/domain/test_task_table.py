"""The whole table of moves, spelt out once more as people would say it, and a few cells that stand out."""

from dataclasses import replace

import pytest

from broker.domain import tasks
from broker.domain.answers import Move, ReleaseDecision
from broker.domain.tasks import TERMINAL
from schemas.codes import Function, TaskCode, TaskStatus
from tests.unit.domain.test_tasks import HV, MIDWIVES, MOVER, a_move, a_task, paths, verdict

ALWAYS = "open reassign extend note"
TABLE = {
    # what the owner may do while the task is requested, received or on hold
    "acknowledge": f"{ALWAYS} accept decline ask",
    "expected-event": f"{ALWAYS} complete decline",
    "supply-information": f"{ALWAYS} answer complete decline",
    "transfer": f"{ALWAYS} decline",
    "confirm-child": "open note accept decline ask caretake exclude",
    "agreed-action": f"{ALWAYS} complete decline",
    "data-quality": f"{ALWAYS} complete decline",
    "undeliverable": f"{ALWAYS} complete",
    "discuss-with-safeguarding-lead": f"{ALWAYS} complete",
    "pattern-review": f"{ALWAYS} complete",
    "release": f"{ALWAYS} complete",
    "confirm-household": f"{ALWAYS} complete",
    "confirm-involvement": "open extend note complete",  # of this team and no other
    "resolve-identity": f"{ALWAYS} complete",
    "resolve-address": f"{ALWAYS} complete",
}


WHOEVER_WAITS = {"supply-information": "cancel", "transfer": "cancel", "confirm-child": "exclude"}


@pytest.mark.parametrize("code", sorted(set(TaskCode)))
def test_what_an_owner_and_a_requester_may_do(code):
    expected = set(TABLE.get(code, "").split())
    for status in (TaskStatus.REQUESTED, TaskStatus.RECEIVED, TaskStatus.ON_HOLD):
        assert tasks.allowed(a_task(code, status), HV) == expected
        waits = {"note", *WHOEVER_WAITS.get(code, "").split()}
        assert tasks.allowed(a_task(code, status), MIDWIVES) == waits
        assert tasks.allowed(a_task(code, status, asking=True), HV) == expected - {"ask", "reassign"}
    accepted = tasks.allowed(a_task(code, TaskStatus.ACCEPTED), HV)
    assert accepted == (expected if code is TaskCode.AGREED_ACTION else set())
    partly = tasks.allowed(a_task(code, TaskStatus.IN_PROGRESS), HV)
    assert partly == (expected if code is TaskCode.TRANSFER else set())


def test_four_statuses_are_the_end():
    assert sorted(TERMINAL) == ["cancelled", "completed", "entered-in-error", "rejected"]


def test_the_partnership_releases_where_an_agency_has_no_lead():
    gate = a_task(TaskCode.RELEASE, functions=frozenset({Function.HEALTH_VISITING}))
    partnership = replace(MOVER, function=Function.PARTNERSHIP)
    released = a_move(Move.COMPLETE, decision=ReleaseDecision(functions=(Function.HEALTH_VISITING,)))
    assert verdict(gate, released, partnership).status is TaskStatus.COMPLETED
    other = replace(released, decision=ReleaseDecision(functions=(Function.HEALTH_VISITING, Function.HOUSING)))
    assert paths(verdict(gate, other, partnership)) == ["decision.release-to"]


def test_whoever_is_asked_about_an_involvement_says_yes_or_no():
    task = a_task(TaskCode.CONFIRM_INVOLVEMENT)
    assert paths(verdict(task, a_move(Move.COMPLETE, choice="perhaps"))) == ["choice"]
    for choice in ("yes", "no"):
        assert verdict(task, a_move(Move.COMPLETE, choice=choice)).status is TaskStatus.COMPLETED
