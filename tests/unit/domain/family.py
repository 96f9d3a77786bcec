"""A made-up household in the words of the rules: teams, people, who works with whom; for tests of sharing and routing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from broker.domain.routing import route
from broker.domain.sharing import render
from broker.domain.states import InvolvementState, MembershipState, PersonState, View
from broker.domain.world import (
    Directory,
    KnownAddress,
    KnownHousehold,
    KnownIdentifier,
    KnownInvolvement,
    KnownMembership,
    KnownPerson,
    KnownRelationship,
    Team,
    World,
)
from schemas.codes import Event, Function, LawfulBasis, RelationshipKind, Standing
from schemas.identifiers import NHS_NUMBER
from schemas.message import Fact, Message, Person, Professional
from tests.default_policy import default_policy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
AREAS = ("birmingham", "sandwell")

_TEAMS = (
    # id, agency, function, area
    ("midwives", "trust", Function.MIDWIFERY, "birmingham"),
    ("visitors", "trust", Function.HEALTH_VISITING, "birmingham"),
    ("visitors-sandwell", "sandwell-trust", Function.HEALTH_VISITING, "sandwell"),
    ("family-nurses", "trust", Function.FAMILY_NURSE_PARTNERSHIP, "birmingham"),
    ("school-nurses", "trust", Function.SCHOOL_NURSING, "birmingham"),
    ("neonatal", "trust", Function.NEONATAL, "birmingham"),
    ("paediatrics", "trust", Function.PAEDIATRICS, "birmingham"),
    ("emergency", "trust", Function.EMERGENCY_DEPARTMENT, "birmingham"),
    ("practice", "practice", Function.GENERAL_PRACTICE, "birmingham"),
    ("other-practice", "other-practice", Function.GENERAL_PRACTICE, "birmingham"),
    ("records", "records", Function.CHILD_HEALTH_INFORMATION, "birmingham"),
    ("cmht", "mental-trust", Function.MENTAL_HEALTH, "birmingham"),
    ("other-cmht", "other-mental-trust", Function.MENTAL_HEALTH, "sandwell"),
    ("drugs", "drugs", Function.SUBSTANCE_MISUSE, "birmingham"),
    ("probation", "probation", Function.PROBATION, "birmingham"),
    ("probation-london", "probation-london", Function.PROBATION, "london"),
    ("prison", "prison", Function.PRISON, None),
    ("youth", "council", Function.YOUTH_JUSTICE, "birmingham"),
    ("police", "police", Function.POLICE, None),
    ("social-care", "council", Function.CHILDRENS_SOCIAL_CARE, "birmingham"),
    ("duty", "council", Function.EMERGENCY_DUTY_TEAM, "birmingham"),
    ("mash", "council", Function.MASH, "birmingham"),
    ("early-help", "council", Function.EARLY_HELP, "birmingham"),
    ("housing", "housing", Function.HOUSING, "birmingham"),
    ("refuge", "refuge", Function.DOMESTIC_ABUSE, "birmingham"),
    ("partnership", "partnership", Function.PARTNERSHIP, "birmingham"),
    ("trust-lead", "trust", Function.SAFEGUARDING_LEAD, "birmingham"),
    ("mental-trust-lead", "mental-trust", Function.SAFEGUARDING_LEAD, "birmingham"),
    ("probation-lead", "probation", Function.SAFEGUARDING_LEAD, "birmingham"),
    ("practice-lead", "practice", Function.SAFEGUARDING_LEAD, "birmingham"),
)

TEAMS = {
    id_: Team(
        id=id_,
        agency_id=agency,
        function=function,
        name=f"The {id_} team",
        area_id=area,
        telephone="0121 496 0000",
        ods_code=f"Y{index:05}" if function is Function.GENERAL_PRACTICE else None,
    )
    for index, (id_, agency, function, area) in enumerate(_TEAMS)
}
PRACTICE = TEAMS["practice"].ods_code

_COVERED = (
    "midwives",
    "visitors",
    "school-nurses",
    "records",
    "social-care",
    "police",
    "mash",
    "early-help",
    "partnership",
)
DIRECTORY = Directory(
    teams=TEAMS,
    coverage={("birmingham", TEAMS[team].function): team for team in _COVERED}
    | {("sandwell", Function.HEALTH_VISITING): "visitors-sandwell", ("sandwell", Function.MIDWIFERY): "midwives"},
)


def policy():
    """The default policy."""
    return default_policy()


def directory(**changed):
    """The directory with some teams changed, e.g. `cmht={"honours_marks": False}`."""
    teams = TEAMS | {
        id_.replace("_", "-"): replace(TEAMS[id_.replace("_", "-")], **how) for id_, how in changed.items()
    }
    return replace(DIRECTORY, teams=teams)


def years(count):
    """The date of birth of somebody of that age."""
    return (NOW - timedelta(days=int(count * 365.25) + 1)).date()


def days(count):
    """The date of birth of somebody of that many days."""
    return (NOW - timedelta(days=count)).date()


PEOPLE = {
    "mother": KnownPerson(id="mother", state=PersonState.LIVING, born=years(22), family="Moss", given=("Mia",), practice=PRACTICE),
    "father": KnownPerson(id="father", state=PersonState.LIVING, born=years(24), family="Flint", given=("Fin",)),
    "grandfather": KnownPerson(id="grandfather", state=PersonState.LIVING, born=years(55), family="Moss", given=("Gus",)),
    "grandmother": KnownPerson(id="grandmother", state=PersonState.LIVING, born=years(53), family="Moss", given=("Gwen",)),
    "baby": KnownPerson(
        id="baby",
        state=PersonState.LIVING,
        born=days(100),
        family="Moss",
        given=("Bo",),
        practice=PRACTICE,
        identifiers=(KnownIdentifier(system=NHS_NUMBER, value="9990000018", valid=True, verified=True, asserted_by="midwives"),),
    ),
    "sibling": KnownPerson(id="sibling", state=PersonState.LIVING, born=years(8), family="Moss", given=("Sam",), practice=PRACTICE),
    "unborn": KnownPerson(id="unborn", state=PersonState.UNBORN, expected=date(2026, 8, 1)),
}  # fmt: skip

_MOTHER, _FATHER, _GRAND = RelationshipKind.MOTHER, RelationshipKind.FATHER, RelationshipKind.GRANDPARENT
KIN = tuple(
    KnownRelationship(person_id=person, kind=kind, to=to)
    for person, kind, to in (
        ("mother", _MOTHER, "baby"),
        ("mother", _MOTHER, "sibling"),
        ("mother", _MOTHER, "unborn"),
        ("father", _FATHER, "baby"),
        ("grandfather", _GRAND, "baby"),
    )
)


def home(*people, called="home", area="birmingham", standing=Standing.LIVES):
    """A household and who lives in it."""
    members = tuple(
        KnownMembership(household_id=called, person_id=person, standing=standing, state=MembershipState.CURRENT)
        for person in people
    )
    return KnownHousehold(id=called, version=7, area_id=area), members


def works(team, person, *, state=InvolvementState.CONFIRMED, renewed=LONG_AGO, evidence="involvement-start"):
    """A team's work with a person."""
    return KnownInvolvement(
        team_id=team,
        person_id=person,
        function=TEAMS[team].function,
        state=state,
        since=renewed,
        renewed_at=renewed,
        evidence=evidence,
    )


def world(*homes, work=(), kin=KIN, **changed):
    """What is known: these homes, this work, people changed as named (`baby={"practice": None}`)."""
    people = {id_: replace(person, **changed.get(id_, {})) for id_, person in PEOPLE.items()}
    inside = {membership.person_id for _, members in homes for membership in members}
    people = {id_: person for id_, person in people.items() if id_ in inside} if homes else {}
    return World(
        people=people,
        households={household.id: household for household, _ in homes},
        memberships=tuple(membership for _, members in homes for membership in members),
        relationships=tuple(r for r in kin if {r.person_id, r.to} <= people.keys()),
        involvements=tuple(work),
    )


def protected_at(place, area, holder):
    """A protected address that one team holds."""
    return {"addresses": (KnownAddress(place=place, area_id=area, protected=True, asserted_by=holder),)}


def message(event, *subjects, kind=None, sender="midwives", facts=(), people=None, **more):
    """A message about these people, from a named professional with a lawful basis."""
    named = people if people is not None else [said(subject) for subject in subjects]
    return Message(
        id="message-1",
        event=Event(event),
        sender=sender,
        occurred=NOW - timedelta(hours=1),
        kind=kind,
        subjects=subjects,
        people=tuple(named),
        facts=tuple(facts),
        author=more.pop("author", Professional(name="Ada Able", role="midwife")),
        basis=more.pop("basis", LawfulBasis.CHILDREN_ACT_2004_S11),
        **more,
    )


def said(person, **more):
    """A person as a message names them."""
    known = PEOPLE.get(person)
    if known is None:
        return Person(key=person, **more)
    values = {
        "family": known.family,
        "given": known.given,
        "birth_date": known.born,
        "unborn": known.state is PersonState.UNBORN,
        "expected": known.expected,
    }
    return Person(key=person, **(values | more))


def fact(code, value, about=None):
    """A fact."""
    return Fact(code=code, value=value, about=about)


FAMILY = home("mother", "father", "grandfather", "baby")

RISK = fact("risk-to-others-at-home", "Shouts and throws things when unwell")
SAFETY = fact("staff-safety", "Visit in pairs")
ADMITTED = message("mental-health-admission", "grandfather", sender="cmht", facts=[RISK, SAFETY])


def routed(what, known, *, now=NOW, known_directory=DIRECTORY, rules=None, **more):
    """The decision on a message in this world."""
    return route(
        what,
        known,
        sender=known_directory.teams[what.sender],
        directory=known_directory,
        policy=rules or policy(),
        now=now,
        **more,
    )


def told(decision):
    """Who is told: team → (view, purpose)."""
    return {one.team_id: (one.view.value, one.purpose.value) for one in decision.told}


def withheld(decision):
    """Who is not told: team → reason code."""
    return {one.team_id: one.reason_code for one in decision.withheld}


def tasks(decision):
    """What is asked of whom: (code, owner) in order."""
    return [(task.code.value, task.owner) for task in decision.tasks]


def copy(what, known, team, view, *, reason_code="involved-with-subject", known_directory=DIRECTORY, **decided):
    """What a team is shown."""
    return render(
        what,
        known_directory.teams[team],
        View(view),
        reason_code=reason_code,
        world=known,
        directory=known_directory,
        policy=policy(),
        told_at=NOW,
        **decided,
    )


def shown(what, known, team):
    """What the team is shown by the decision on this message."""
    one = next(one for one in routed(what, known).told if one.team_id == team)
    return copy(what, known, team, one.view, reason_code=one.reason_code)


def codes(rendered):
    """Codes of the facts shown."""
    return {one.code for one in rendered.facts}


def keys(rendered):
    """Who is named."""
    return {person.key for person in rendered.people}


def asked(decision, code):
    """Tasks of that kind: owner → task."""
    return {task.owner: task for task in decision.tasks if task.code.value == code}


def told_by(decision, team):
    """The decision to tell that team."""
    return next(one for one in decision.told if one.team_id == team)
