"""The section `expectations` of the policy: what fits together, and the place of what does not."""

import pytest

from broker.policy.model import DEFAULT, check
from tests.default_policy import default_policy

TEXT = DEFAULT.read_text(encoding="utf-8")
RULES = default_policy().expectations.rules


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("kinds: [antenatal]", "kinds: [antenetal]", "expectations.antenatal-contact.expect", "'antenetal'"),
        ("by: [midwifery]}", "by: [midwives]}", "expectations.notification-of-pregnancy", "'midwives'"),
        ("fact: attend-by", "fact: feeding", "expectations.attendance-after-advice.due[0].fact", "is no fact"),
        ("since: event, fact: attend-by", "since: birth, fact: attend-by", "expectations.attendance", "something else"),
        (
            "due: [{since: pregnancy, after: P252D, at-least: 10 working days}]",
            "due: [{since: birth, after: P252D}]",
            "expectations.antenatal-contact.due",
            "counts from a birth",
        ),
        (
            "due: [{since: birth, after: P42D}]",
            "due: [{when: [risk-stated], since: birth, after: P42D}]",
            "expectations.gp-registration.due",
            "ends in a line with conditions",
        ),
        ("cites: [F8, NIPE, 7.2.6]", "cites: [F8, NIEP]", "expectations.6-8-week-examination.cites", "'NIEP'"),
    ],
)
def test_a_broken_line_is_named_with_its_place(tmp_path, old, new, path, reason):
    assert TEXT.count(old) >= 1
    file = tmp_path / "policy.yaml"
    file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    found = [(problem.path, problem.reason) for problem in check(file)]
    assert any(where.startswith(path) and reason in why for where, why in found), found


def test_what_a_team_is_asked_names_nobody_and_says_what_to_do():
    for rule in RULES.values():
        assert rule.ask.endswith(".")
        assert "{" not in rule.ask


def test_what_follows_an_event_is_expected_of_each_and_what_follows_a_life_once():
    anchored = {name for name, rule in RULES.items() if rule.anchored}
    assert {"attendance-after-advice", "outcome-of-referral"} <= anchored
    assert {"notification-of-pregnancy", "gp-registration", "new-birth-contact"}.isdisjoint(anchored)
