"""Plans and looked-after children as CP-IS has them, and what becomes of each."""

from datetime import UTC, date, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event, RelationshipKind
from schemas.events import check
from schemas.message import Coding
from tests import cpis

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KIND = "childrens-social-care"
SIBLING = cpis.child(id="lacey", identifier=[{"system": cpis.NHS_NUMBER, "value": "9990000816"}])


@pytest.fixture
def read(translate):
    return lambda *resources, **more: translate(KIND, cpis.raw(cpis.bundle(*resources, **more)))


def _only(found):
    assert isinstance(found, Notifications), found
    [message] = found.messages
    assert not [problem for problem in check(message, NOW) if problem.severity == "error"]
    return message


def _facts(message):
    return {fact.code: fact.value.code if isinstance(fact.value, Coding) else fact.value for fact in message.facts}


def _places(found):
    assert isinstance(found, Quarantine), found
    return {(problem.path, problem.code) for problem in found.problems if problem.severity == "error"}


def _day(text):
    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


PERIOD = {"start": "2026-02-09", "end": "2026-02-10"}


@pytest.mark.parametrize(
    ("plan", "event", "occurred"),
    [
        (cpis.plan(), Event.PROTECTION_PLAN_START, "2026-02-09"),
        (cpis.plan(cpis.LOOKED_AFTER), Event.LOOKED_AFTER_START, "2026-02-09"),
        (cpis.plan(cpis.UNBORN), Event.PROTECTION_PLAN_START, "2026-02-09"),
        (cpis.plan(status="completed", period=PERIOD), Event.PROTECTION_PLAN_END, "2026-02-10"),
        (cpis.plan(status="revoked", period=PERIOD), Event.PROTECTION_PLAN_END, "2026-02-10"),
        (cpis.plan(period=PERIOD), Event.PROTECTION_PLAN_END, "2026-02-10"),
        (cpis.plan(cpis.LOOKED_AFTER, status="completed", period=PERIOD), Event.LOOKED_AFTER_END, "2026-02-10"),
        (cpis.plan(period={"start": "2026-02-09", "end": "2027-02-09"}), Event.PROTECTION_PLAN_START, "2026-02-09"),
        (cpis.plan(status="on-hold"), Event.PROTECTION_PLAN_START, "2026-02-09"),
    ],
)
def test_a_plan_is_told_by_its_category_and_where_it_stands(plan, event, occurred, read):
    message = _only(read(cpis.flag(), plan, cpis.team(), cpis.child()))
    assert (message.event, message.occurred) == (event, _day(occurred))


def test_whom_a_plan_is_about_and_whom_to_ask(read):
    message = _only(read(cpis.flag(), cpis.plan(), cpis.team(), cpis.child()))
    [tyler] = message.people
    assert message.subjects == (tyler.key,)
    assert (tyler.family, tyler.given, tyler.birth_date) == ("Morton", ("Tyler",), date(2023, 11, 4))
    assert _facts(message) == {
        "contact-person": "Sandwell children's social care",
        "contact-phone": "0121 496 0100; 0121 496 0199",
    }


def test_what_an_authority_adds_to_the_categories_are_facts_of_the_child(read):
    plan = cpis.plan(
        cpis.PROTECTION, ("plan-category", "neglect"), ("plan-category", "bad"), ("placement-type", "foster")
    )
    message = _only(read(cpis.flag(), plan, cpis.team(), cpis.child()))
    assert _facts(message) | {"plan-category": "neglect", "placement-type": "foster"} == _facts(message)
    assert {fact.about for fact in message.facts if fact.code == "plan-category"} == set(message.subjects)


def test_a_plan_without_its_category_is_told_and_asked_for_what_it_lacks(read):
    """CP-IS has no category of abuse: the authority is asked for it, and nobody waits."""
    lacking = [problem.path for problem in check(_only(read(cpis.flag(), cpis.plan(), cpis.child())), NOW)]
    assert any("plan-category" in path for path in lacking)


def test_the_answer_of_the_api_names_the_child_by_its_number_alone(read):
    message = _only(read(cpis.answer(), kind="searchset", sent=None))
    [child] = message.people
    assert (child.identifiers[0].value, child.family) == ("9990000808", None)
    assert message.event is Event.PROTECTION_PLAN_START


def test_a_patient_of_the_demographics_service_is_known_by_its_number(read):
    reference = {"reference": "https://api.service.nhs.uk/personal-demographics/FHIR/R4/Patient/9990000808"}
    message = _only(read(cpis.plan(subject=reference), cpis.team()))
    assert message.people[0].identifiers[0].value == "9990000808"


def test_the_plan_of_an_unborn_child_is_under_its_mothers_number(read):
    mother = cpis.child(birthDate="1999-06-12", gender="female")
    due = {
        "resourceType": "Observation",
        "id": "due",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11778-8"}]},
        "valueDateTime": "2026-05-01",
    }
    message = _only(read(cpis.flag(), cpis.plan(cpis.UNBORN), cpis.team(), mother, due))
    child = message.person(message.subjects[0])
    assert (child.unborn, child.expected, child.identifiers) == (True, date(2026, 5, 1), ())
    [relation] = message.relationships
    assert (relation.kind, relation.to) == (RelationshipKind.MOTHER, child.key)
    assert message.person(relation.person).identifiers[0].value == "9990000808"


def test_a_mother_known_by_her_number_alone(read):
    subject = {"identifier": {"system": cpis.NHS_NUMBER, "value": "9990000808"}}
    message = _only(read(cpis.plan(cpis.UNBORN, subject=subject), cpis.team()))
    assert [(person.key, person.unborn) for person in message.people] == [("unborn", True), ("mother", False)]


def test_parents_whom_the_bundle_names_are_related(read):
    mother = {
        "resourceType": "RelatedPerson",
        "id": "kayla",
        "patient": {"reference": "Patient/tyler"},
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}],
        "name": [{"family": "Morton", "given": ["Kayla"]}],
    }
    message = _only(read(cpis.flag(), cpis.plan(), cpis.team(), cpis.child(), mother))
    assert [(relation.kind, relation.to) for relation in message.relationships] == [
        (RelationshipKind.MOTHER, message.subjects[0])
    ]


def test_a_looked_after_child_that_lives_elsewhere_now_has_moved(read):
    address = [{"line": ["2 Hawthorn Rise"], "postalCode": "B68 0LH", "period": {"start": "2026-02-20"}}]
    began = _only(read(cpis.flag(), cpis.plan(cpis.LOOKED_AFTER), cpis.team(), cpis.child()))
    plan = cpis.plan(cpis.LOOKED_AFTER, ("placement-type", "foster"))
    moved = _only(read(cpis.flag("UPDATE"), plan, cpis.team(), cpis.child(address=address)))
    assert (moved.event, moved.occurred, moved.reference) == (
        Event.LOOKED_AFTER_MOVE,
        _day("2026-02-20"),
        began.reference,
    )
    assert not check(moved, NOW)


@pytest.mark.parametrize(
    ("kind", "since", "protected"),
    [
        (cpis.LOOKED_AFTER, "2026-02-20", True),
        (cpis.LOOKED_AFTER, None, True),
        (cpis.LOOKED_AFTER, "2024-01-01", False),
        (cpis.PROTECTION, "2026-02-20", False),
    ],
)
def test_where_a_looked_after_child_was_placed_is_protected(kind, since, protected, read):
    period = {"period": {"start": since}} if since else {}
    address = [{"line": ["2 Hawthorn Rise"], "postalCode": "B68 0LH", **period}]
    message = _only(read(cpis.flag(), cpis.plan(kind), cpis.team(), cpis.child(address=address), SIBLING))
    assert [one.protected for one in message.person("tyler").addresses] == [protected]


def test_an_end_follows_the_beginning_of_its_plan(read):
    began = _only(read(cpis.flag(), cpis.plan(), cpis.team(), cpis.child()))
    ended = _only(read(cpis.flag("UPDATE"), cpis.plan(status="completed"), cpis.team(), cpis.child()))
    assert (ended.event, ended.reference) == (Event.PROTECTION_PLAN_END, began.reference)


def test_an_end_without_its_day_is_that_of_the_record_and_questioned(read):
    found = read(cpis.flag("UPDATE"), cpis.plan(status="completed"), cpis.team(), cpis.child())
    assert _only(found).occurred == datetime(2026, 2, 10, 9, 30, tzinfo=UTC)
    assert [warning.path for warning in found.warnings] == ["Bundle.entry[1].resource.period.end"]


@pytest.mark.parametrize("wrong", ["Flag", "CarePlan"])
def test_a_record_made_in_error_takes_back_what_was_told(wrong, read):
    began = _only(read(cpis.flag(), cpis.plan(), cpis.team(), cpis.child()))
    status = {wrong: "entered-in-error"}
    flag, plan = (
        cpis.flag("UPDATE", status=status.get("Flag", "active")),
        cpis.plan(status=status.get("CarePlan", "active")),
    )
    message = _only(read(flag, plan, cpis.team(), cpis.child()))
    assert (message.event, message.reference, message.people) == (Event.WITHDRAW, began.reference, ())
    assert began.id[:32] == began.reference


# --- The same event again -----------------------------------------------------------------------------------------

WHOLE = (cpis.flag(), cpis.plan(), cpis.team(), cpis.child())


def test_the_same_plan_again_is_one_whatever_carried_it(read):
    first, again = read(*WHOLE), read(*WHOLE, sent="2026-02-11T08:00:00Z")
    assert (first.key, first.content_key) == (again.key, again.content_key)
    carried, resent = (read(cpis.header(identity=name), *WHOLE, kind="message") for name in ("m-1", "m-2"))
    assert carried.key == resent.key == first.key
    assert carried.content_key == resent.content_key


def test_plans_of_two_children_are_two(read):
    other = cpis.plan(identifier=[{"system": "https://sandwell.example/plans", "value": "CPP-0043"}])
    assert read(*WHOLE).key != read(cpis.flag(), other, cpis.team(), cpis.child()).key
    looked_after = cpis.plan(cpis.LOOKED_AFTER)
    assert read(*WHOLE).key != read(cpis.flag(), looked_after, cpis.team(), cpis.child()).key


def test_an_update_is_one_of_its_own_and_tells_of_the_same_beginning(read):
    new = _only(read(*WHOLE))
    flags = (cpis.flag("UPDATE"), cpis.flag("UPDATE", "2026-02-12T08:00:00Z"))
    updates = [_only(read(flag, *WHOLE[1:])) for flag in flags]
    assert len({new.id, *(update.id for update in updates)}) == 3
    assert {(update.occurred, update.reference) for update in updates} == {(new.occurred, new.reference)}
    by_header = [_only(read(cpis.header("update", name), *WHOLE, kind="message")) for name in ("m-2", "m-3", "m-3")]
    assert len({message.id for message in by_header}) == 2


# --- What a message is about, what is ignored, what is quarantined ------------------------------------------------


def test_of_several_plans_the_focus_says_which(read):
    other = cpis.plan(id="other", identifier=[{"value": "x"}], subject={"reference": "Patient/lacey"})
    parts = (cpis.flag(), cpis.plan(), other, cpis.team(), cpis.child(), SIBLING)
    message = _only(read(cpis.header(focus="CarePlan/other"), *parts, kind="message"))
    assert message.subjects == ("lacey",)
    assert _places(read(*parts)) == {("Bundle.entry", "not-supported")}


@pytest.mark.parametrize(
    ("bundle", "reason"),
    [
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, "found no plan"),
        (cpis.bundle(cpis.plan(status="draft"), cpis.child()), "draft"),
    ],
)
def test_what_tells_nobody_anything_is_ignored(bundle, reason, translate):
    found = translate(KIND, cpis.raw(bundle))
    assert isinstance(found, Ignored)
    assert reason in found.reason


OTHER_FLAG = cpis.flag(code={"coding": [{"code": "female-genital-mutilation-flag"}]})


@pytest.mark.parametrize(
    ("resources", "place"),
    [
        ((cpis.flag("DELETE"), cpis.plan(), cpis.child()), ("Bundle.entry[1].resource.status", "incomplete")),
        ((cpis.flag(status="inactive"), cpis.plan(), cpis.child()), ("Bundle.entry[1].resource.status", "conflict")),
        ((cpis.plan(status="unknown"), cpis.child()), ("Bundle.entry[0].resource.status", "code-invalid")),
        ((cpis.plan(), cpis.team()), ("Bundle.entry[0].resource.subject", "not-found")),
        ((cpis.plan("1"), cpis.child()), ("Bundle.entry", "not-supported")),
        ((OTHER_FLAG, cpis.child()), ("Bundle.entry", "not-supported")),
        ((cpis.flag(), cpis.child()), ("Bundle.entry[0].resource.extension('http://hl7.org/fhir/StructureDefinition/flag-detail')", "not-found")),
    ],
)  # fmt: skip
def test_what_cannot_be_told_with_certainty_is_quarantined(resources, place, read):
    assert place in _places(read(*resources))


def test_a_plan_without_any_time_is_quarantined(read):
    flag, plan = cpis.flag(contained=[]), cpis.plan(period={})
    del flag["contained"], plan["period"]
    assert ("Bundle.entry[1].resource.period.start", "required") in _places(read(flag, plan, cpis.child(), sent=None))


def test_a_message_without_a_header_and_what_is_no_bundle_are_quarantined(read, translate):
    assert _places(read(*WHOLE, kind="message")) == {("Bundle", "structure")}
    assert _places(translate(KIND, b"{}")) == {("Bundle.resourceType", "value")}


def test_a_transaction_is_no_way_to_tell(read):
    assert _places(read(*WHOLE, kind="batch-response")) == {("Bundle.type", "not-supported")}


def test_xml_is_read_as_json_is(translate):
    body = f"""<Bundle xmlns="http://hl7.org/fhir"><type value="searchset"/><entry><resource><CareTeam>
      <id value="team"/><!-- as the API answers --><category><coding><system value="{cpis.SNOMED}"/>
      <code value="{cpis.LOOKED_AFTER}"/></coding></category><name value="Sandwell"/><subject><identifier>
      <system value="{cpis.NHS_NUMBER}"/><value value="9990000808"/></identifier></subject>
      <period><start value="2026-02-09"/></period></CareTeam></resource></entry></Bundle>"""
    assert _only(translate(KIND, body.encode())).event is Event.LOOKED_AFTER_START
