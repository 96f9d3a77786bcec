"""Principle 9 of docs/sharing.md: recipients are shown as the viewer may know them."""

from dataclasses import dataclass

import pytest

from broker.domain.sharing import may_know, visible_recipients
from broker.domain.states import DeliveryState
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


@dataclass(frozen=True)
class Row:
    """A delivery as far as listing it goes."""

    team_id: str
    state: DeliveryState = DeliveryState.READY
    known_to_sender: bool = False


WITHHELD, HELD = Row("records", DeliveryState.WITHHELD, known_to_sender=True), DeliveryState.HELD


def listed(rows, viewer, *, hidden=False):
    seen = visible_recipients(
        rows, TEAMS[viewer], sender_id="midwives", directory=DIRECTORY, policy=policy(), hidden=hidden
    )
    return [row.team_id for row in seen]


@pytest.mark.parametrize(
    ("viewer", "sees"),
    [
        ("midwives", ["probation"]),  # the sender: what was decided it may know
        ("visitors", ["visitors", "practice"]),  # a recipient: its own, and what its group may know
        ("practice", ["visitors", "practice"]),
        ("probation", ["visitors", "probation"]),
        ("trust-lead", ["visitors", "practice", "probation", "records"]),  # a lead: all, withheld ones too
        ("partnership", ["visitors", "practice", "probation", "records"]),
    ],
)
def test_p09_each_viewer_has_its_own_list(viewer, sees):
    rows = (Row("visitors"), Row("practice"), Row("probation", known_to_sender=True), WITHHELD)
    assert listed(rows, viewer) == sees


def test_p09_a_decision_not_to_tell_is_nobodys_to_see_not_even_the_team_s_or_the_sender_s():
    assert listed((WITHHELD,), "records") == []
    assert listed((WITHHELD,), "midwives") == []
    assert listed((WITHHELD,), "visitors") == []


def test_p09_what_is_held_is_not_known_to_whom_it_is_held_from_or_to_other_recipients():
    rows = (Row("practice", HELD, known_to_sender=True),)
    assert listed(rows, "practice") == []
    assert listed(rows, "visitors") == []
    assert listed(rows, "midwives") == ["practice"]


def test_p10_where_teams_would_give_a_place_away_a_recipient_sees_itself_alone():
    rows = (Row("visitors"), Row("practice"))
    assert listed(rows, "visitors", hidden=True) == ["visitors"]
    assert listed(rows, "practice", hidden=True) == ["practice"]
    assert listed(rows, "trust-lead", hidden=True) == ["visitors", "practice"]


def test_p09_a_team_that_the_directory_has_no_more_is_nobody_s_to_see():
    assert listed((Row("gone"),), "visitors") == []
