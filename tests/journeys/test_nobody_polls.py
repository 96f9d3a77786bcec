"""F12, F13: what was sent and reached nobody. A mailbox that no system looks into is noticed by a clock of its own, and the sender hears of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.expecting import Expectations
from broker.policy.model import Policy
from schemas.examples.story import MESSAGES
from tests.default_policy import default_policy
from tests.journeys.actors import System
from tests.journeys.brokers import SETTINGS
from tests.journeys.copies import Json, business_status, inputs, milestones, owner, requester
from tests.journeys.test_webhook_journey import as_time_passes


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The default policy with its clocks."""
    default = default_policy()
    nobody = replace(default.out_of_hours, covers=())
    return replace(default, out_of_hours=nobody, expectations=Expectations(rules={}))


@pytest.fixture
def settings():
    """A clock that is looked at often."""
    return SETTINGS.model_copy(update={"poll_seconds": 0.05, "lease_seconds": timedelta(days=30).total_seconds()})


def test_a_mailbox_that_nobody_polls_is_told_to_the_sender_and_the_lead_until_it_is_polled(office, clock):
    visitors, practice, lead = (
        office.system(team) for team in ("swbh-health-visiting", "harborne-practice", "harborne-safeguarding-lead")
    )
    visitors.tells(MESSAGES["child-contact-new-to-area"], MESSAGES["concern-growth"])
    as_time_passes(clock, timedelta(minutes=30), lambda: lead.tasks("undeliverable"))
    incident = lead.task("undeliverable")
    assert "has not taken in time" in incident["description"]
    assert (inputs(incident, "team"), requester(incident)) == ([practice.team], visitors.team)
    assert [task["id"] for task in visitors.waits_for("undeliverable")] == [incident["id"]]
    assert _told_of(visitors, incident) == 1
    practice.takes()
    assert business_status(lead.again(incident)) == "reached-after-all"
    assert _told_of(visitors, incident) == 2
    [task] = [task for task in visitors.waits_for("acknowledge") if owner(task) == practice.team]
    assert set(milestones(task)) == {"delivered"}  # to a system: nobody has answered, and its other clocks go on


def _told_of(team: System, task: Json) -> int:
    """How many messages of a team tell of a task."""
    return sum(one["id"] == task["id"] for copy in team.heard() for one in copy.tasks)
