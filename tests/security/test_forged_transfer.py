"""Whoever transfers a child that is none of theirs learns nothing of the household by it: sending grants no access (principle 3)."""

from dataclasses import replace

import pytest

from broker.storage.tables import Task
from schemas import bundle
from schemas.examples.cast import AVA, CHLOE, NOAH
from schemas.examples.telling import together, when
from tests.contract.calling import MIDWIVES, VISITORS, as_of_yesterday, message, opened, town_copy
from tests.contract.visiting import employ, text, visitor
from tests.journeys.handing_over import at_home, transfer

STRANGERS = "swbh-health-visiting"


@pytest.fixture
def town(request, tmp_path):
    """Two children at home, whom Birmingham's health visitors know, and visitors of another town who have no part in it."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS)
        employ(broker, "joanne", STRANGERS)
        tells(broker, MIDWIVES, message("birth"))
        tells(broker, VISITORS, message("involvement-start"))
        tells(broker, VISITORS, of(at_home("home", when(2019, 2, 26), together(CHLOE, AVA, NOAH))))
        yield broker


def of(said):
    sent = bundle.write(said, source="https://sender.example/fhir", timestamp=said.sent)
    return as_of_yesterday(sent)


def tells(broker, team, bundle_):
    answered = broker.post(bundle_, team=team)
    assert answered.status_code == 200, answered.text


def handed(broker, sender, to):
    """A transfer of Noah alone, by a number and a day of birth; its task."""
    noah = replace(NOAH, addresses=())
    said = transfer("forged", to, when(2019, 2, 27), noah)
    tells(broker, sender, of(replace(said, sender=sender, people=(noah,), relationships=())))
    [whole] = broker.rows(Task, owner_team_id=to, code="transfer")
    return whole


def test_a_stranger_s_transfer_names_to_it_nobody_whom_it_did_not_name_itself(town):
    whole = handed(town, STRANGERS, VISITORS)
    shown = text(visitor(town, "joanne").get(f"/app/transfers/{whole.id}"))
    assert "Noah" in shown
    assert "Ava" not in shown
    assert "Somebody whom you may not know by name" in shown


def test_who_works_with_the_household_sees_by_name_whom_it_forgot(town):
    whole = handed(town, VISITORS, STRANGERS)
    shown = text(visitor(town, "ruth").get(f"/app/transfers/{whole.id}"))
    assert "Noah" in shown
    assert "Ava" in shown
