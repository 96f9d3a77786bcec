"""A question back tells who asks no more than what they were told: neither whom it is about nor who told it (principle 9)."""

import pytest

from broker.domain.states import View
from schemas.identifiers import TEAM
from tests.contract.task_calls import Callers, operate, valid
from tests.integration.delivery_rows import SENDER
from tests.integration.task_rows import HV, LEAD, told

QUESTION = {"name": "question", "valueString": "Whom is this about?"}


@pytest.fixture
def database_url(sqlite_url):
    """On SQLite: it is the rules that decide."""
    return sqlite_url


@pytest.mark.parametrize(
    ("view", "shows_patient", "asked"),
    [(View.RISK, True, SENDER), (View.POINTER, False, SENDER), (View.SAFETY, False, SENDER), (View.EXISTENCE, False, LEAD)],
)  # fmt: skip
def test_a_question_shows_no_more_than_the_view_of_what_it_is_about(store, clock, view, shows_patient, asked):
    calls = Callers(store, clock)
    task_id = told(store, HV, view=view)
    assert operate(calls(HV), task_id, "ask", QUESTION).status_code == 200
    [entry] = valid(calls(HV).get(f"/fhir/Task?requester={HV}"))["entry"]
    question = entry["resource"]
    assert question["owner"] == {"type": "Organization", "identifier": {"system": TEAM, "value": asked}}
    assert ("for" in question) is shows_patient
