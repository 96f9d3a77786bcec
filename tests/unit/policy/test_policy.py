"""The policy file: the default fits together and is complete; a broken one is refused with the place of every fault."""

import re
from datetime import timedelta

import pytest

from broker.domain.conditions import Flag
from broker.domain.rules import Group
from broker.domain.states import Purpose, View
from broker.domain.tasks import RoleKind
from broker.domain.terms import parse_elapsed as parse
from broker.errors import Misconfigured
from broker.policy.model import DEFAULT, check, load
from schemas.codes import Category, Event, Function, Priority
from schemas.events import FACTS, SPECS
from tests.default_policy import default_policy

TEXT = DEFAULT.read_text(encoding="utf-8")
POLICY = default_policy()


@pytest.fixture
def broken(tmp_path):
    """Faults of the default policy with one text in place of another."""

    def faults(old, new, count=1):
        assert old in TEXT
        file = tmp_path / "policy.yaml"
        file.write_text(TEXT.replace(old, new, count), encoding="utf-8")
        return [(problem.path, problem.reason) for problem in check(file)]

    return faults


def test_the_default_policy_has_no_faults():
    assert check() == []


def test_the_default_policy_covers_every_event_and_every_function():
    assert set(POLICY.events) == set(Event)
    assert set(POLICY.groups) == set(POLICY.lapses) == set(Function)
    assert set(POLICY.deadlines) == set(Priority)


def test_every_line_says_why():
    for rules in POLICY.events.values():
        assert rules.cites
        assert all(line.cites for line in rules.tell)
        assert all(ask.cites for ask in rules.asks)
    assert all(rule.cites for rules in POLICY.involvement.values() for rule in rules)
    assert all(rule.cites for rules in POLICY.responsibility.values() for rule in rules)


@pytest.mark.parametrize("event", [e for e in Event if e not in (Event.REFERRAL, Event.WITHDRAW)])
def test_every_event_has_lines_of_its_own(event):
    assert any(not line.rule.startswith("always.") for line in POLICY.events[event].tell)


@pytest.mark.parametrize("function", list(Function))
def test_every_function_is_told_of_something(function):
    group = POLICY.groups[function]
    lines = [line for rules in POLICY.events.values() for line in rules.tell]
    assert any(function in line.functions or group in line.groups for line in lines)


def test_what_concerns_a_child_names_kinds_that_its_event_has():
    for event, rules in POLICY.events.items():
        conditions = [line.when for line in rules.tell] + [ask.when for ask in rules.asks]
        kinds = {kind for when in conditions for kind in when.kinds | when.without_kinds}
        spec = SPECS[event].kinds
        assert kinds <= (set(spec.values.codes) if spec else set())


def test_kinds_that_tell_of_health_or_offences_are_not_shown_as_what_happened():
    assert POLICY.events[Event.MENTAL_HEALTH_LEAVE].kind_category is Category.HEALTH
    assert POLICY.events[Event.SUPERVISION_CHANGE].kind_category is Category.OFFENCE


def test_sending_alone_and_one_off_contacts_open_no_involvement():
    opening = {event for event, rules in POLICY.involvement.items() if any(rule.effect == "opens" for rule in rules)}
    one_off = {Event.EMERGENCY_ATTENDANCE, Event.ADVICE_TO_ATTEND, Event.CONCERN, Event.REFERRAL, Event.INFORMATION}
    assert not opening & one_off
    assert {Event.CHILD_CONTACT, Event.GP_REGISTRATION, Event.CHILD_ADMISSION, Event.SUPERVISION_START} <= opening
    emergency = [rule for rules in POLICY.involvement.values() for rule in rules if rule.effect == "opens"]
    assert not any(
        rule.applies(None, Function.EMERGENCY_DEPARTMENT, Function.EMERGENCY_DEPARTMENT)
        for rule in emergency
        if rule.team == "sender"
    )


def test_a_pregnancy_booking_opens_work_with_the_unborn_for_midwifery_alone():
    [rule] = POLICY.involvement[Event.PREGNANCY_BOOKING]
    assert rule.with_unborn
    assert rule.applies(None, Function.MIDWIFERY, Function.MIDWIFERY)
    assert not rule.applies(None, Function.GENERAL_PRACTICE, Function.GENERAL_PRACTICE)


def test_a_registration_ends_that_with_another_practice():
    opens, ends = POLICY.involvement[Event.GP_REGISTRATION]
    assert (opens.instead_of_others, opens.team) == (True, "practice")
    assert opens.applies("registered", Function.GENERAL_PRACTICE, Function.GENERAL_PRACTICE)
    assert not opens.applies("removed", Function.GENERAL_PRACTICE, Function.GENERAL_PRACTICE)
    assert ends.applies("removed", Function.GENERAL_PRACTICE, Function.GENERAL_PRACTICE)
    assert not opens.applies("registered", Function.GENERAL_PRACTICE, Function.PROBATION)


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("health-visitor", RoleKind.PROFESSIONAL),
        ("Health Visitor", RoleKind.PROFESSIONAL),
        (" health  visitor ", RoleKind.PROFESSIONAL),
        ("Maternity Support Worker", RoleKind.PROFESSIONAL),
        ("receptionist", RoleKind.CLERICAL),
        ("Data steward", RoleKind.CLERICAL),
        ("astrologer", None),
        ("", None),
    ],
)
def test_roles_are_found_by_code_and_in_words(role, kind):
    assert POLICY.roles.get(role) is kind


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P2D", timedelta(days=2)),
        ("PT4H", timedelta(hours=4)),
        ("P1DT12H", timedelta(hours=36)),
        ("P6W", timedelta(weeks=6)),
        ("PT90M", timedelta(minutes=90)),
    ],
)
def test_durations_are_weeks_days_hours_and_minutes(text, length):
    assert parse(text) == length


@pytest.mark.parametrize(
    "text", ["P1M", "P1Y", "P", "PT", "P1DT", "2 days", "-P1D", "P1.5D", "", 2, None, "P0D", "PT0M"]
)
def test_other_durations_are_refused(text):
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse(text)


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("  birth:\n    about: child", "  bith:\n    about: child", "events.bith.[key]", "should be"),
        ("  measurement:\n    about: child\n    routine: true", "  measurement:\n    about: child\n    rutine: true", "events.measurement.rutine", "not known here"),
        ("view: full, purpose: action, within: 3 working days, cites: [NG201, F1]", "view: most, purpose: action, within: 3 working days, cites: [NG201, F1]", "events.pregnancy-booking.tell.midwifery.view", "should be"),
        ("within: 10 working days", "within: 10 days", "events.pregnancy-notification.tell.health-visiting.within", "is not a duration"),
        ("within: 10 working days", "within: P9W9D", "events.pregnancy-notification.tell.health-visiting.within", "is not a duration"),
        ("cites: [NG201, F1]", "cites: []", "events.pregnancy-booking.tell.midwifery.cites", "at least 1"),
        ("cites: [NG201, F1]", "cites: [NG201, F31]", "events.pregnancy-booking.tell.midwifery.cites", "'F31' is no F-number"),
        ("cites: [NG201, F1]", "cites: [NG201, 7.1]", "events.pregnancy-booking.tell.midwifery.cites[1]", "quotation marks"),
        ("cites: [NG201, F1]", "cites: [principle 16]", "events.pregnancy-booking.tell.midwifery.cites", "'principle 16'"),
        ("tell:\n      midwifery: {to: [midwifery]", "tell:\n      midwifery: {to: [midwifry]", "events.pregnancy-booking.tell.midwifery.to", "'midwifry'"),
        ("version: \"2026.2\"", "version: 2026.2", "version", "quotation marks"),
        ("harm: [injury,", "harm: [injry,", "events.concern", "'injry', which is no kind of concern"),
        ("unanswered: father", "unanswered: mother", "patterns.rules.men-unknown", "'mother', which is no prompt"),
        ("kinds: [area, circumstances]", "kinds: [aria]", "events.supervision-change.add.social-care-checks", "'aria'"),
        ("stands-in: {health-visiting: [family-nurse-partnership]}\n    cites: [F1", "stands-in: {school-nursing: [neonatal]}\n    cites: [F1", "universal.pregnancy", "does not list"),
        ("    pregnancy: true\n", "    pregnancy: true\n    until-days: 5\n", "universal.pregnancy", "either pregnancy or an age"),
        ("  supervision-start:\n    - {effect: takes, functions: [probation]", "  supervision-start:\n    - {effect: takes, functions: [police]", "responsibility.supervision-start[0].functions", "not held"),
        ("why: not-registered, cites", "cites", "responsibility.gp-registration[1]", "says why"),
        ("    - {effect: takes, functions: [mental-health]", "    - {effect: takes, team: practice", "responsibility.mental-health-admission[0]", "only gp-registration"),
        ("    - {effect: takes, functions: [midwifery], first-only", "    - {effect: takes, functions: [midwifery], stays-in-transfer", "responsibility.birth[0]", "stays-in-transfer where it ends"),
        ("    midwifery: P300D", "    midwives: P300D", "involvement.lapse.midwives.[key]", "should be"),
        ("    midwifery: P300D  # a pregnancy from booking, and four weeks after\n", "", "involvement.lapse", "nothing for midwifery"),
        ("records:\n    functions: [child-health-information]", "records:\n    functions: []", "groups", "child-health-information 0 times"),
        ("    - receptionist", "    - midwife", "roles", "midwife as professional and as clerical"),
        ("    ended: []", "    ended: [event]", "sharing.views.ended", "must be empty"),
        ("    health-visiting: P600D", "    health-visiting: P3000D", "retention.people.after-last", "P3000D or longer"),
        ("ended: {recall: [concluded, refused]}", "ended: {recall: [over]}", "sharing.hold.ended.recall", "no coded fact"),
        ("hold:\n    labels: [held-for-release", "hold:\n    kinds: {enforcement: [recall]}\n    labels: [held-for-release", "sharing.hold.kinds.enforcement", "no kind of enforcement"),
        ("view: ended, purpose: information, priority: urgent, cites: [principle 14]", "view: full, purpose: information, priority: urgent, cites: [principle 14]", "events.pregnancy-end.tell.all", "the event is quiet"),
        ("own: {to: [child-facing], of: [own], view: full, purpose: information, cites: [principle 4, 8.1.9]}", "own: {to: [child-facing], of: [own], view: full, purpose: action, cites: [principle 4, 8.1.9]}", "events.child-contact.tell.own", "routine or quiet"),
        ("own: {to: [child-facing], of: [own], view: full, purpose: information, cites: [principle 4, 8.1.9]}", "own: {to: [child-facing], of: [own], view: full, purpose: information, within: P1D, cites: [principle 4]}", "events.child-contact.tell.own", "neither within nor ask"),
        ("home: {to: [child-facing], of: [own, household, universal], view: risk, purpose: action, within: 2 working days, when: [child-at-home], cites: [F5, 7.1.6", "home: {to: [police], of: [household], view: risk, purpose: action, within: 2 working days, when: [child-at-home], cites: [F5, 7.1.6", "events.mental-health-admission.tell.home", "never allows"),
        ("when: [subject-not-mobile]\n        kinds: [bruising, injury]", "when: [subject-not-mobile]\n        unless: [subject-not-mobile]\n        kinds: [bruising, injury]", "events.concern.ask.not-mobile", "wants and excludes"),
        ("code: discuss-with-safeguarding-lead\n        owner: lead", "code: undeliverable\n        owner: lead", "events.concern.ask.not-mobile.code", "raised by other parts"),
        ("code: agreed-action\n        owner: sender", "code: agreed-action\n        owner: lead", "events.mental-health-admission.ask.carers-assessment.owner", "must be the sender"),
        ("owner: lead\n        requester: sender", "owner: sender\n        requester: sender", "events.concern.ask.not-mobile", "same owner and requester"),
        ("Speak to {contacts}.", "Speak to {contact}.", "events.mental-health-admission.ask.plan-discharge.description", "{contacts} and no other"),
        ("standing: P300D", "standing: P2000D", "events.pregnancy-booking", "longer than three years"),
        ("  early-years: [health-visiting, family-nurse-partnership]", "  probation: [health-visiting]\n  early-years: [health-visiting, family-nurse-partnership]", "sets.probation", "already"),
        ("team: practice, not-kinds: [removed]", "team: practice, not-kinds: [gone]", "involvement.events.gp-registration[0]", "'gone'"),
        ("kinds: [removed], senders: *registering, cites", "kinds: [removed], senders: [doctors], cites", "involvement.events.gp-registration[1].senders", "'doctors'"),
        ("once: household\n        again: P28D", "once: message\n        again: P28D", "events.supervision-start.ask.social-care.again", "asked once"),
        ("  mend: 5 working days", "  mend: soon", "own-asks.mend", "not a duration"),
        ("  birth:\n    about: child", "  death: {about: subject, cites: [CDR]}\n  birth:\n    about: child", "line ", "stands twice"),
        ("deadlines: {routine: 5 working days,", "deadlines: {", "deadlines", "nothing for routine"),
        ("events:\n\n  # --- pregnancy", "events: [\n\n  # --- pregnancy", "line ", "not YAML"),
    ],
)  # fmt: skip
def test_a_broken_policy_is_refused_with_the_place_of_its_fault(broken, old, new, path, reason):
    faults = broken(old, new)
    assert any(where.startswith(path) and reason in why for where, why in faults), faults


def test_a_fault_is_one_sentence_with_a_place(broken):
    for path, reason in broken("about: child\n", "about: childhood\n", count=99):
        assert re.fullmatch(r"events\.[a-z0-9-]+\.about", path)
        assert "\n" not in reason
        assert "pydantic" not in reason


def test_a_policy_that_cannot_be_used_is_not_loaded(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(TEXT.replace("cites: [NG201, F1]", "cites: [hearsay]", 1), encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"policy\.yaml has 1 fault") as refused:
        load(file)
    assert [problem.path for problem in refused.value.problems] == ["events.pregnancy-booking.tell.midwifery.cites"]


def test_a_missing_file_and_one_that_is_no_mapping_are_named(tmp_path):
    assert [problem.code for problem in check(tmp_path / "none.yaml")] == ["not-found"]
    (tmp_path / "list.yaml").write_text("- 1", encoding="utf-8")
    assert check(tmp_path / "list.yaml")


def test_an_event_left_out_is_a_fault(broken):
    start, end = TEXT.index("  referral-outcome:\n"), TEXT.index("  # --- registration and identity")
    assert ("events", "has nothing for referral-outcome") in broken(TEXT[start:end], "")


def test_restricted_facts_stand_in_no_view():
    assert any(spec.category is Category.RESTRICTED for spec in FACTS.values())
    assert not any(Category.RESTRICTED in categories for categories in POLICY.views.values())


def test_nobody_but_child_facing_functions_sees_more_than_a_pointer_of_anothers_child():
    for (group, relation, about), views in POLICY.limits.items():
        if relation.value == "household" and group is not Group.CHILD_FACING:
            assert not views & {View.FULL, View.RISK}, (group, about)


def test_actions_of_adult_events_are_asked_only_where_a_child_is():
    adult = (Event.SUPERVISION_START, Event.MENTAL_HEALTH_ADMISSION, Event.CUSTODY_RELEASE, Event.DID_NOT_ATTEND)
    children = {Flag.CHILD_AT_HOME, Flag.BABY_AT_HOME, Flag.SUBJECT_IS_PREGNANT}
    for event in adult:
        for line in POLICY.events[event].tell:
            if line.purpose is Purpose.ACTION and Group.CHILD_FACING in line.groups:
                assert line.when.flags & children, line.rule
