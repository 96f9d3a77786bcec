"""Principle 9 of docs/sharing.md: recipients are shown as the viewer may know them."""

import pytest

from broker.domain.sharing import may_know, visible_recipients
from tests.unit.domain.family import (
    DIRECTORY,
    FAMILY,
    TEAMS,
    copy,
    message,
    policy,
    routed,
    works,
    world,
)

# --- 9 recipients as the viewer may know them


@pytest.mark.parametrize(
    ("sender", "team", "may"),
    [
        ("midwives", "visitors", True),
        ("midwives", "social-care", True),
        ("midwives", "probation", False),
        ("midwives", "cmht", False),
        ("cmht", "visitors", True),
        ("cmht", "social-care", False),
        ("cmht", "probation", False),
        ("probation", "midwives", True),
        ("probation", "practice", False),
        ("police", "visitors", False),
    ],
)
def test_p09_a_sender_knows_the_recipients_whose_involvement_it_may_know(sender, team, may):
    assert may_know(TEAMS[sender], TEAMS[team], policy()) is may
    assert may_know(TEAMS[sender], TEAMS[team], policy(), addressed=True)


def test_p09_others_are_neither_named_nor_counted_except_to_leads():
    known = world(
        FAMILY,
        work=[
            works("visitors", "baby"),
            works("practice", "baby"),
            works("probation", "father"),
            works("cmht", "grandfather"),
        ],
    )
    decision = routed(message("birth", "baby", sender="midwives"), known)
    assert {one.team_id for one in decision.told if one.known_to_sender} == {"visitors", "practice", "records"}

    def seen(viewer):
        rows = visible_recipients(
            decision.told, TEAMS[viewer], sender_id="midwives", directory=DIRECTORY, policy=policy()
        )
        return {one.team_id for one in rows}

    assert seen("midwives") == {"visitors", "practice", "records"}
    assert seen("visitors") == {"visitors", "practice", "records"}
    assert seen("probation") == {"probation", "visitors"}
    assert seen("trust-lead") == {one.team_id for one in decision.told}


def test_p09_a_copy_names_no_other_recipient():
    concern = message("concern", "baby", kind="growth", sender="visitors", to=("paediatrics", "social-care"))
    known = world(FAMILY)
    assert copy(concern, known, "paediatrics", "full", reason_code="addressed").to == ("paediatrics",)
    assert copy(concern, known, "midwives", "full").to == ()
