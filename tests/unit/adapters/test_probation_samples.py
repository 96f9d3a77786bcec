"""Every public HMPPS sample, and what becomes of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.port import Ignored, Notifications, Pointer, Quarantine
from schemas.codes import Event
from schemas.events import check
from schemas.identifiers import CRN

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "samples" / "hmpps"

TOLD = [
    ("breach-notice-added.json", Event.ENFORCEMENT, None, "A000001", {"enforcement-stage": "warning"}),
    ("breach-notice-created.json", Event.ENFORCEMENT, None, "A000001", {"enforcement-stage": "warning"}),
    ("event-allocation-message.json", Event.SUPERVISION_CHANGE, "manager", "X540660", {}),
    ("prisoner-died.json", Event.DEATH, "informal", "A0378AY", {}),
    ("prisoner-released.json", Event.CUSTODY_RELEASE, None, "A0001AA", {"establishment": "WSI"}),
    (
        "probation-case.engagement.created.json",
        Event.INVOLVEMENT_START,
        None,
        "X789654",
        {"involvement-evidence": "caseload"},
    ),
    (
        "registration-added.json",
        Event.CONCERN,
        "other",
        "X688738",
        {"concern-detail": "Assessed as a high risk of serious harm", "registration-type": "other"},
    ),
    ("sentence-changed.json", Event.SUPERVISION_CHANGE, "order", "H123459", {}),
]

IGNORED = [
    "pom-reallocated.json",
    "referral-prematurely-ended.json",
    "requirement-allocation-message.json",
    "status-changed-breach.json",
    "tier-calculation.json",
]

POINTING = ["cas3-person-arrived.json"]
"""Their address is in no event: the record of the case is asked for it."""

QUARANTINED = [
    # Templates.
    ("personManagerAllocatedEventDefinition.json", {"occurredAt", "personReference.identifiers"}),
    ("recall-domain-calculation-event.json", {"Message.occurredAt"}),
    # Says that a prison number was added, not to whom.
    ("prison-identifier-added.json", {"Message.personReference.identifiers"}),
    # The attributes of a message without the message.
    ("registration-added-attributes.json", {"eventType"}),
]

WARNED = {
    "event-allocation-message.json": {"MessageAttributes.eventType.Value"},
    "registration-added.json": {"occurredAt"},
    "sentence-changed.json": {"Message.eventDatetime"},
}


def _value(fact):
    return getattr(fact.value, "code", fact.value)


@pytest.mark.parametrize(("name", "event", "kind", "number", "facts"), TOLD)
def test_is_told(name, event, kind, number, facts, sample, translate):
    found = translate("probation", sample(f"hmpps/{name}"))
    assert isinstance(found, Notifications)
    (message,) = found.messages
    assert (message.event, message.kind) == (event, kind)
    assert {fact.code: _value(fact) for fact in message.facts} == facts
    (person,) = message.people
    assert [identifier.value for identifier in person.identifiers] == [number]
    assert (person.family, person.given, person.birth_date) == (None, (), None)  # unresolved until looked up
    assert message.sender is None
    assert {warning.path for warning in found.warnings} == WARNED.get(name, set())


@pytest.mark.parametrize("name", [row[0] for row in TOLD])
def test_what_is_told_can_be_routed(name, sample, translate):
    found = translate("probation", sample(f"hmpps/{name}"))
    problems = [problem for message in found.messages for problem in check(message, NOW)]
    assert not [problem for problem in problems if problem.severity == "error"]


@pytest.mark.parametrize("name", IGNORED)
def test_is_ignored_with_a_reason(name, sample, translate):
    found = translate("probation", sample(f"hmpps/{name}"))
    assert isinstance(found, Ignored)
    assert found.reason.endswith(".")


@pytest.mark.parametrize("name", POINTING)
def test_is_told_when_its_record_has_been_read(name, sample, translate):
    found = translate("probation", sample(f"hmpps/{name}"))
    assert isinstance(found, Pointer)
    assert (found.lookup.client, found.lookup.subject.system, found.lookup.reference) == ("probation-person", CRN, None)


@pytest.mark.parametrize(("name", "paths"), QUARANTINED)
def test_is_quarantined(name, paths, sample, translate):
    found = translate("probation", sample(f"hmpps/{name}"))
    assert isinstance(found, Quarantine)
    assert {problem.path for problem in found.problems if problem.severity == "error"} == paths


def test_the_tables_name_every_sample():
    named = {row[0] for row in TOLD} | set(IGNORED) | set(POINTING) | {row[0] for row in QUARANTINED}
    assert named == {path.name for path in SAMPLES.iterdir()}
