"""Whose agencies a message is kept from (principle 8): who works with somebody, registers them or employs them; and whom nobody reads of by it."""

from dataclasses import replace

import pytest

from broker.domain.parties import agencies, unknown_employers, unspoken
from broker.domain.states import InvolvementState
from schemas.codes import RelationshipKind
from schemas.message import HouseholdMember, Relationship, RestrictedParty
from tests.unit.domain.family import DIRECTORY, FAMILY, PRACTICE, directory, fact, message, works, world

NOBODY: frozenset[str] = frozenset()


def kept(*parties, **more):
    """A concern about the baby that is kept from the agencies of these: person, or (person, employer)."""
    said = [(party, None) if isinstance(party, str) else party for party in parties]
    kept_from = tuple(RestrictedParty(person=person, employer=employer) for person, employer in said)
    return message("concern", "baby", kind="neglect", kept_from=kept_from, **more)


@pytest.mark.parametrize(
    ("what", "work", "changed", "out"),
    [
        (kept("father"), [], {}, NOBODY),
        (kept("father"), [works("probation", "father")], {}, {"probation"}),
        (kept("father"), [works("probation", "father", state=InvolvementState.UNCONFIRMED)], {}, {"probation"}),
        (kept("father"), [works("probation", "father"), works("duty", "father")], {}, {"probation", "council"}),
        (kept("father"), [works("probation", "mother")], {}, NOBODY),  # of somebody else
        (kept("father"), [], {"father": {"practice": PRACTICE}}, {"practice"}),
        (kept("father"), [], {"mother": {"practice": PRACTICE}}, NOBODY),
        (kept("father"), [], {"father": {"practice": "Y99999"}}, NOBODY),  # a practice that nobody knows
        (kept(("father", "council")), [], {}, {"council"}),
        (kept(("father", "nobody-knows-it")), [], {}, {"nobody-knows-it"}),
        (kept("somebody-unknown"), [works("probation", "father")], {}, NOBODY),
        (
            kept(("father", "council"), "grandfather"),
            [works("probation", "father"), works("cmht", "grandfather")],
            {"father": {"practice": PRACTICE}},
            {"council", "probation", "mental-trust", "practice"},
        ),
    ],
)
def test_an_agency_is_kept_out_that_works_with_somebody_registers_or_employs_them(what, work, changed, out):
    assert agencies(what, world(FAMILY, work=work, **changed), DIRECTORY) == out


def test_a_team_that_the_directory_does_not_have_keeps_nobody_out_and_a_closed_one_still_does():
    known = world(FAMILY, work=[works("probation", "father")])
    gone = replace(DIRECTORY, teams={id_: team for id_, team in DIRECTORY.teams.items() if id_ != "probation"})
    assert agencies(kept("father"), known, gone) == NOBODY
    assert agencies(kept("father"), known, directory(probation={"closed": True})) == {"probation"}


def test_what_is_kept_from_nobody_is_decided_without_a_directory_and_anything_else_is_not():
    assert agencies(kept(), world(FAMILY), None) == NOBODY
    reason = r"^a message that is kept from somebody's agencies cannot be decided on without the directory$"
    with pytest.raises(ValueError, match=reason):
        agencies(kept("father"), world(FAMILY), None)


KINSHIP = (Relationship(person="father", kind=RelationshipKind.FATHER, to="grandfather"),)


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({}, {"father", "grandfather"}),
        ({"relationships": KINSHIP}, NOBODY),  # either end of it
        ({"household": (HouseholdMember(person="father"),)}, {"grandfather"}),
        ({"facts": [fact("note", "Seen here", "grandfather")]}, {"father"}),
        ({"facts": [fact("note", "Seen here")]}, {"father", "grandfather"}),
    ],
)
def test_whom_a_message_names_for_that_alone_is_named_in_no_copy(more, left):
    assert unspoken(kept("father", "grandfather", **more)) == left


def test_a_subject_is_spoken_of_though_it_is_kept_from_their_own_agencies():
    assert unspoken(kept("baby", "father")) == {"father"}
    assert unspoken(kept()) == NOBODY


def test_an_employer_that_is_no_agency_of_the_directory_is_found_by_its_place():
    what = kept(("father", "council"), ("mother", "elsewhere"), "grandfather", ("grandmother", "visitors"))
    assert unknown_employers(what, DIRECTORY) == [1, 3], "a team is no agency"
    assert unknown_employers(kept(), DIRECTORY) == []
