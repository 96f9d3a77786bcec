"""What each type of HMPPS event comes to, beyond the types of which there is a public sample."""

from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from adapters.probation.event_types import TABLE
from adapters.probation.registers import NOT_TOLD, REGISTERS
from schemas.codes import Event
from schemas.events import FACTS, SPECS, category_of, check
from schemas.identifiers import CRN, NOMS_NUMBER

HELD = "held-for-release"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

SIMPLE = [
    ("probation-case.sentence.created", Event.SUPERVISION_START, None, False),
    ("probation-case.sentence.amended", Event.SUPERVISION_CHANGE, "order", False),
    ("probation-case.sentence.terminated", Event.SUPERVISION_END, None, False),
    ("probation-case.sentence.unterminated", Event.SUPERVISION_START, None, False),
    ("create-and-vary-a-licence.licence.activated", Event.SUPERVISION_START, None, False),
    ("create-and-vary-a-licence.licence.inactivated", Event.SUPERVISION_CHANGE, "order", False),
    ("person.community.manager.allocated", Event.INVOLVEMENT_START, None, False),
    ("person.community.manager.transferred", Event.SUPERVISION_CHANGE, "area", False),
    ("enforcement.breach.raised", Event.ENFORCEMENT, None, False),
    ("enforcement.breach.concluded", Event.ENFORCEMENT, None, False),
    ("enforcement.recall.raised", Event.ENFORCEMENT, None, True),
    ("enforcement.recall.concluded", Event.ENFORCEMENT, None, True),
]


def _only(found):
    assert isinstance(found, Notifications), found
    (message,) = found.messages
    return message


def _said(message):
    return {fact.code: getattr(fact.value, "code", fact.value) for fact in message.facts}


@pytest.mark.parametrize(("event_type", "event", "kind", "held"), SIMPLE)
def test_a_type_that_always_says_the_same(event_type, event, kind, held, hmpps, translate):
    message = _only(translate("probation", hmpps(event_type)))
    assert (message.event, message.kind, HELD in message.labels) == (event, kind, held)
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]


def test_an_unknown_type_is_quarantined_and_not_repeated(hmpps, translate):
    found = translate("probation", hmpps("probation-case.something.new"))
    assert isinstance(found, Quarantine)
    assert [problem.code for problem in found.problems] == ["not-supported"]


def test_what_is_none_of_our_business_needs_nobody(hmpps, translate):
    found = translate("probation", hmpps("probation.staff.updated", personReference=..., occurredAt=...))
    assert isinstance(found, Ignored)


@pytest.mark.parametrize("event_type", sorted(TABLE))
def test_no_type_of_the_table_fails_on_an_event_that_says_nothing(event_type, hmpps, translate):
    found = translate("probation", hmpps(event_type))
    for message in found.messages if isinstance(found, Notifications) else ():
        assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
        kinds = SPECS[message.event].kinds
        assert message.kind is None or (kinds is not None and message.kind in kinds.values.codes)
        assert all(fact.code in FACTS for fact in message.facts)


# --- registrations ------------------------------------------------------------------------------------------------


def _registration(code, **more):
    return {"registerTypeCode": code, "registrationId": "2500427774", **more}


@pytest.mark.parametrize(
    ("code", "kind", "facts"),
    [
        ("RCCO", "other", {"registration-type": "child-concerns"}),
        ("RCPR", "other", {"registration-type": "child-protection"}),
        ("RCHD", "other", {"registration-type": "risk-to-children"}),
        ("AMHL", "adult-mental-health", {"registration-type": "mental-health"}),
        ("AV2S", "other", {"staff-safety": "Assessed as a risk to staff"}),
    ],
)
def test_a_register_that_touches_a_home_is_a_concern(code, kind, facts, hmpps, translate):
    message = _only(translate("probation", hmpps("probation-case.registration.added", _registration(code))))
    assert (message.event, message.kind, message.labels) == (Event.CONCERN, kind, frozenset())
    assert facts.items() <= _said(message).items()


@pytest.mark.parametrize(
    ("code", "register"),
    [
        ("MAPP", "mappa"),
        ("IMAR", "marac"),
        ("ADVP", "domestic-abuse-perpetrator"),
        ("ADVV", "domestic-abuse-victim"),
        ("CSEP", "exploitation-perpetrator"),
        ("ARSO", "other"),
        ("WRSM", "other"),
        ("ZZZZ", "other"),  # nobody here knows it: somebody who does must look first
    ],
)
def test_public_protection_and_victims_are_held_for_release(code, register, hmpps, translate):
    message = _only(translate("probation", hmpps("probation-case.registration.added", _registration(code))))
    assert message.labels == {HELD}
    assert _said(message)["restricted-registration"] == register
    assert "registration-type" not in _said(message)


@pytest.mark.parametrize("code", sorted(REGISTERS))
def test_only_a_restricted_fact_names_a_held_register(code, hmpps, translate):
    message = _only(translate("probation", hmpps("probation-case.registration.added", _registration(code))))
    if HELD in message.labels:
        open_facts = [fact for fact in message.facts if category_of(message, fact) != "restricted"]
        assert [fact.value for fact in open_facts] == ["A registration of probation that is held for release"]


@pytest.mark.parametrize("code", sorted(NOT_TOLD))
@pytest.mark.parametrize("change", ["added", "updated", "deregistered", "deleted"])
def test_record_keeping_is_ignored_in_its_whole_life(code, change, hmpps, translate):
    found = translate("probation", hmpps(f"probation-case.registration.{change}", _registration(code)))
    assert isinstance(found, Ignored)


def test_what_was_told_of_a_registration_is_replaced_and_withdrawn_by_its_number(hmpps, translate):
    added, updated, deleted = (
        _only(translate("probation", hmpps(f"probation-case.registration.{change}", _registration("RCCO"))))
        for change in ("added", "updated", "deleted")
    )
    assert (added.event, added.reference) == (Event.CONCERN, None)
    assert (updated.event, updated.reference) == (Event.CONCERN, added.id)
    assert (deleted.event, deleted.reference) == (Event.WITHDRAW, added.id)
    assert len({added.id, updated.id, deleted.id}) == 3


def test_a_held_registration_is_withdrawn_under_the_same_label(hmpps, translate):
    message = _only(translate("probation", hmpps("probation-case.registration.deleted", _registration("MAPP"))))
    assert message.labels == {HELD}


def test_the_end_of_a_registration_is_told_as_such(hmpps, translate):
    information = {
        "registerTypeCode": "RCPR",
        "deregistrationDate": "Wed Jun 12 00:00:00 BST 2024",
        "deregistrationId": "1",
    }
    message = _only(translate("probation", hmpps("probation-case.registration.deregistered", information)))
    assert (message.event, message.kind, message.reference) == (Event.SUPERVISION_CHANGE, "registration", None)
    (fact,) = message.facts
    assert (fact.code, fact.value.code, fact.at) == ("registration-ended", "child-protection", date(2024, 6, 12))


def test_a_date_that_cannot_be_read_costs_only_itself(hmpps, translate):
    found = translate(
        "probation", hmpps("probation-case.registration.added", _registration("RCCO", registrationDate="soon"))
    )
    assert isinstance(found, Notifications)
    assert [warning.path for warning in found.warnings] == ["additionalInformation.registrationDate"]


@pytest.mark.parametrize("change", ["added", "updated", "deregistered", "deleted"])
def test_a_registration_without_its_register_is_quarantined(change, hmpps, translate):
    found = translate("probation", hmpps(f"probation-case.registration.{change}", {"registrationId": "1"}))
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == ["additionalInformation.registerTypeCode"]


# --- requirements and breach notices ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("described", "requirement"),
    [
        ("Drug Rehabilitation", "drug-rehabilitation"),
        ("Alcohol Treatment", "alcohol-treatment"),
        ("Court - Accredited Programme", "programme"),
        ("Unpaid Work", "unpaid-work"),
        ("Something else", "other"),
    ],
)
def test_a_requirement_is_named_by_what_its_type_says(described, requirement, hmpps, translate):
    information = {"requirementMainType": described, "requirementID": "2500812305"}
    message = _only(translate("probation", hmpps("probation-case.requirement.created", information)))
    assert (message.event, _said(message)) == (Event.SUPERVISION_CHANGE, {"requirement": requirement})


@pytest.mark.parametrize(
    ("record", "information"),
    [
        ("requirement", {"requirementID": "1"}),
        ("requirement", {"requirementId": "1"}),
        ("breach-notice", {"breachNoticeId": "1"}),
    ],
)
def test_a_record_that_should_never_have_been_is_withdrawn(record, information, hmpps, translate):
    created = _only(translate("probation", hmpps(f"probation-case.{record}.created", information)))
    deleted = _only(translate("probation", hmpps(f"probation-case.{record}.deleted", information)))
    assert (deleted.event, deleted.reference) == (Event.WITHDRAW, created.id)
    without = translate("probation", hmpps(f"probation-case.{record}.deleted", {}))
    assert isinstance(without, Quarantine)


# --- prison -------------------------------------------------------------------------------------------------------


def _movement(reason, code="", **more):
    return {"nomsNumber": "A3690EA", "reason": reason, "nomisMovementReasonCode": code, "prisonId": "SWI", **more}


@pytest.mark.parametrize(
    ("direction", "reason", "code", "event", "facts", "held"),
    [
        ("received", "ADMISSION", "N", Event.CUSTODY_START, {"custody-type": "remand"}, False),
        ("received", "ADMISSION", "L", Event.CUSTODY_START, {"custody-type": "recall"}, False),
        ("received", "ADMISSION", "??", Event.CUSTODY_START, {}, False),
        ("received", "TEMPORARY_ABSENCE_RETURN", "", Event.CUSTODY_START, {}, False),
        ("released", "RELEASED", "CR", Event.CUSTODY_RELEASE, {"release-type": "licence"}, False),
        ("released", "RELEASED", "HR", Event.CUSTODY_RELEASE, {"release-type": "home-detention-curfew"}, False),
        ("released", "TEMPORARY_ABSENCE_RELEASE", "", Event.CUSTODY_RELEASE, {"release-type": "temporary"}, False),
        ("released", "RELEASED_TO_HOSPITAL", "HQ", Event.CUSTODY_RELEASE, {"discharge-destination": "hospital"}, False),
        ("released", "RELEASED", "HO", Event.CUSTODY_RELEASE, {"discharge-destination": "hospital"}, False),
        ("released", "RELEASED", "UAL", Event.CUSTODY_RELEASE, {"planned-arrest": True}, True),
        ("released", "UNKNOWN", "", Event.CUSTODY_RELEASE, {}, False),
    ],
)
def test_prison_movements(direction, reason, code, event, facts, held, hmpps, translate):
    body = hmpps(f"prison-offender-events.prisoner.{direction}", _movement(reason, code), personReference=...)
    message = _only(translate("probation", body))
    assert (message.event, HELD in message.labels) == (event, held)
    assert _said(message) == facts | {"establishment": "SWI"}
    assert message.people[0].identifiers[0].system == NOMS_NUMBER


@pytest.mark.parametrize(
    ("direction", "reason", "code"),
    [
        ("received", "TRANSFERRED", "INT"),
        ("received", "RETURN_FROM_COURT", ""),
        ("released", "SENT_TO_COURT", ""),
        ("released", "TRANSFERRED", ""),
        ("released", "RELEASED", "MRG"),
    ],
)
def test_movements_that_change_nothing_at_home_are_ignored(direction, reason, code, hmpps, translate):
    found = translate("probation", hmpps(f"prison-offender-events.prisoner.{direction}", _movement(reason, code)))
    assert isinstance(found, Ignored)


def test_a_death_in_custody_is_a_death(hmpps, translate):
    body = hmpps("prison-offender-events.prisoner.released", _movement("RELEASED", "DEC"))
    message = _only(translate("probation", body))
    assert message.event is Event.DEATH
    assert message.people[0].deceased == datetime(2024, 6, 11, 14, 13, 21, tzinfo=UTC)


# --- identity -----------------------------------------------------------------------------------------------------


def _numbers(message):
    return {(identifier.system, identifier.value) for identifier in message.people[0].identifiers}


@pytest.mark.parametrize(
    ("event_type", "information", "kind", "now_known_by", "before"),
    [
        (
            "probation-case.merge.completed",
            {"sourceCRN": "X777878", "targetCRN": "X777519"},
            "merge",
            {(CRN, "X777519")},
            (CRN, "X777878"),
        ),
        (
            "prison-offender-events.prisoner.merged",
            {"nomsNumber": "A3645EA", "removedNomsNumber": "A3646EA", "reason": "MERGE"},
            "merge",
            {(NOMS_NUMBER, "A3645EA"), (CRN, "X777519")},
            (NOMS_NUMBER, "A3646EA"),
        ),
        (
            "probation-case.unmerge.completed",
            {"unmergedCRN": "X777519", "reactivatedCRN": "X334583"},
            "unmerge",
            {(CRN, "X777519")},
            (CRN, "X334583"),
        ),
    ],
)
def test_records_joined_and_parted(event_type, information, kind, now_known_by, before, hmpps, translate):
    message = _only(translate("probation", hmpps(event_type, information)))
    assert (message.event, message.kind) == (Event.IDENTIFIER_CHANGE, kind)
    assert _numbers(message) == now_known_by
    (fact,) = message.facts
    assert (fact.code, fact.value.system, fact.value.code) == ("previous-case-number", *before)
    without = translate("probation", hmpps(event_type, {}))
    assert isinstance(without, Quarantine)


def test_a_prison_number_is_bound_to_a_probation_record(hmpps, translate):
    both = {"identifiers": [{"type": "CRN", "value": "X757129"}, {"type": "NOMS", "value": "A1036EA"}]}
    message = _only(translate("probation", hmpps("probation-case.prison-identifier.added", personReference=both)))
    assert (message.event, message.kind) == (Event.IDENTIFIER_CHANGE, "merge")
    assert _numbers(message) == {(CRN, "X757129"), (NOMS_NUMBER, "A1036EA")}


def test_a_moved_sentence_joins_nobody(hmpps, translate):
    body = hmpps("probation-case.sentence.moved", {"sourceCRN": "X000141", "targetCRN": "X000102"})
    found = translate("probation", body)
    assert isinstance(found, Notifications)
    started, ended = found.messages
    assert (started.event, _numbers(started)) == (Event.SUPERVISION_START, {(CRN, "X000102")})
    assert (ended.event, _numbers(ended)) == (Event.SUPERVISION_END, {(CRN, "X000141")})
    assert started.id != ended.id
    assert found.key == started.id
