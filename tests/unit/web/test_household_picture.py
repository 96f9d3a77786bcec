"""The picture of a household: generations by who is whose child, what is drawn of whom, and that it fits its width whatever it is given."""

import pytest

from broker.web.pages.generations import Tie, families, generations
from broker.web.pages.household_picture import NARROW, WIDE, picture_of
from broker.web.pages.task_page import HomeView, Member
from schemas.codes import RelationshipKind as Kind

HOSTILE = "<script>alert(1)</script> \u202eevil\u202c 👶 " + "x" * 200


@pytest.mark.parametrize(
    ("people", "children", "ties", "wanted"),
    [
        ("a", "", [], [["a"]]),
        ("mc", "c", [], [["m"], ["c"]]),
        ("cm", "c", [("m", Kind.MOTHER, "c")], [["m"], ["c"]]),
        ("gmfc", "c", [("g", Kind.MOTHER, "m"), ("m", Kind.MOTHER, "c"), ("f", Kind.FATHER, "c")], [["g"], ["m", "f"], ["c"]]),
        ("gc", "c", [("g", Kind.GRANDPARENT, "c")], [["g"], ["c"]]),
        ("tb", "tb", [("t", Kind.MOTHER, "b")], [["t"], ["b"]]),
        ("mpc", "c", [("m", Kind.MOTHER, "c"), ("p", Kind.PARTNER, "m")], [["m", "p"], ["c"]]),
        ("ab", "", [("a", Kind.SIBLING, "b"), ("a", Kind.CARER, "b")], [["a", "b"]]),
        ("ac", "c", [("elsewhere", Kind.FATHER, "c")], [["a"], ["c"]]),
    ],
)  # fmt: skip
def test_generations(people, children, ties, wanted):
    found = generations(list(people), set(children), [Tie(*tie) for tie in ties])
    assert [list(row) for row in found] == wanted


def test_whoever_is_said_to_be_their_own_ancestor_is_drawn_once_and_it_ends():
    ties = [Tie("a", Kind.MOTHER, "b"), Tie("b", Kind.MOTHER, "a"), Tie("a", Kind.MOTHER, "a")]
    assert sorted(one for row in generations(["a", "b"], set(), ties) for one in row) == ["a", "b"]


def test_children_of_the_same_parents_are_one_family():
    ties = [Tie("m", Kind.MOTHER, "c"), Tie("m", Kind.MOTHER, "d"), Tie("f", Kind.FATHER, "c")]
    found = {(group.parents, group.children) for group in families(list("mfcd"), ties)}
    assert found == {(frozenset("mf"), ("c",)), (frozenset("m"), ("d",))}


def member(id_, name="Kelly Shaw", *, child=False, state="living", standing="lives", never=False):
    shown = {"person": id_, "name": name, "state": state, "standing": standing}
    view = Member(name=name or "Name not known", how_old="5 months" if child else "31 years", lives=standing, teams="", seen="", never_seen=never, child=child)  # fmt: skip
    return shown, view


def picture(*members, ties=(), gaps=(), teams=()):
    shown = {
        "members": [one for one, _ in members],
        "relationships": [{"person": person, "is": kind, "of": to} for person, kind, to in ties],
        "gaps": [{"code": code, "person": person, "text": ""} for code, person in gaps],
        "teams": [{"team": team, "name": team, "person": person, "confirmed": sure} for team, person, sure in teams],
    }
    home = HomeView(
        id="home", href="", members=tuple(view for _, view in members), whole=True, unknown=(), lines=(), more=0
    )
    return picture_of(shown, home)


def cards(found):
    return {card.lines[0].text: card for card in found.pictures[0].cards}


def test_a_mother_an_unborn_child_and_whoever_is_elsewhere_are_told_apart_without_colour():
    found = picture(
        member("m"),
        member("u", "Unborn", child=True, state="unborn", standing="will-live"),
        member("f", "Dean Hall", standing="shared-care"),
        ties=[("m", "mother", "u"), ("f", "father", "u")],
        teams=[("midwives", "m", True), ("probation", "f", False), ("midwives", "u", True)],
    )
    drawn = cards(found)
    assert [drawn[name].symbol for name in ("Kelly Shaw", "Unborn", "Dean Hall")] == ["mother", "unborn", "father"]
    assert [drawn[name].border for name in ("Kelly Shaw", "Unborn", "Dean Hall")] == ["here", "elsewhere", "elsewhere"]
    assert [(chip.number, chip.confirmed) for chip in drawn["Dean Hall"].chips] == [(2, False)]
    assert found.teams == ("midwives", "probation")
    assert drawn["Kelly Shaw"].y == drawn["Dean Hall"].y < drawn["Unborn"].y
    assert [row.ties for row in found.rows] == [
        "mother of Unborn",
        "child of Kelly Shaw and Dean Hall",
        "father of Unborn",
    ]


def test_a_father_whom_nobody_has_named_is_drawn_once_for_all_and_one_of_whom_little_is_known_is_not_drawn_twice():
    children = [member("c", "Rhys", child=True), member("d", "Ava", child=True)]
    missing = [("father-not-identified", "c"), ("father-not-identified", "d")]
    found = picture(member("m"), *children, ties=[("m", "mother", "c"), ("m", "mother", "d")], gaps=missing)
    assert cards(found)["Father"].border == "unknown"
    assert "father: nobody has said who" in found.rows[1].ties
    assert "1 of whom nobody has said who it is" in found.described
    known = picture(member("f", None), *children, ties=[("f", "father", "c"), ("f", "father", "d")], gaps=missing)
    assert [card.border for card in known.pictures[0].cards] == ["unknown", "here", "here"]


def test_everything_stands_within_the_picture_whatever_it_is_called_and_however_many_they_are():
    children = [member(f"c{number}", HOSTILE, child=True, never=True) for number in range(14)]
    ties = [("m", "mother", f"c{number}") for number in range(14)]
    teams = [(f"team {number}", "m", True) for number in range(30)]
    found = picture(member("m", HOSTILE), *children, ties=ties, teams=teams)
    assert [one.wide for one in found.pictures] == [WIDE, NARROW]
    for drawn in found.pictures:
        corners = {(card.x, card.y) for card in drawn.cards}
        assert len(corners) == 15
        for card in drawn.cards:
            assert card.x >= 15
            assert card.x + card.wide <= drawn.wide - 4
            assert card.y + card.high <= drawn.high
            assert all(line.x + 8 * len(line.text) <= card.x + card.wide for line in card.lines)
            assert all(line.y <= card.y + 72 for line in card.lines)
            assert all(chip.x + 20 <= card.x + card.wide for chip in card.chips)
    assert HOSTILE in found.rows[0].member.name


def test_partners_are_joined_once_unless_a_child_joins_them():
    pair = [member("a", "Kelly"), member("b", "Dean")]
    told = [("a", "partner", "b"), ("b", "partner", "a")]
    assert [path.kind for path in picture(*pair, ties=told).pictures[0].paths] == [3]
    born = [*told, ("a", "mother", "c"), ("b", "father", "c")]
    drawn = picture(*pair, member("c", "Rhys", child=True), ties=born)
    assert [path.kind for path in drawn.pictures[0].paths] == [0]
    assert "Dotted line: partners" not in drawn.symbols


def test_nobody_is_a_picture_of_nothing():
    assert picture().pictures[0].cards == ()
