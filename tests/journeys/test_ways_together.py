"""One household, of which four agencies tell by four ways: a birth by MESH, who visits by another mailbox, a case by SQS, a discharge by MLLP.

The birth, the caseload and the case are public samples, made to speak of one family and one winter.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.gateway.mesh import MeshGateway
from schemas.codes import Event, LawfulBasis
from schemas.examples.cast import crn
from schemas.examples.telling import father, tell, together, when
from schemas.identifiers import NHS_NUMBER
from schemas.message import Identifier, Person, PostalAddress
from tests.journeys.gateways import NEMS, OURS, THEIRS, mesh_entry, mllp_answers, partner, publish, runtime, sqs_look
from tests.journeys.gateways import sqs as sqs_stand_in
from tests.services import mesh as mesh_sandbox

ENGINES = ("sqlite",)
SAMPLES = Path(__file__).parents[1] / "samples"
DIRECTORY = Path(__file__).parent / "leeds.yaml"
SALLY = "9990000018"
HOME = PostalAddress(lines=("4 Sandmoor Drive", "LEEDS"), postcode="LS17 7DF")
JACK = Person(
    key="child",
    identifiers=(Identifier(system=NHS_NUMBER, value="9912003888", verified=True),),
    family="Dawkins",
    given=("Jack",),
    birth_date=when(2017, 10, 2).date(),
    addresses=(HOME,),
)
MOTHER = Person(
    key="mother",
    identifiers=(Identifier(system=NHS_NUMBER, value=SALLY, verified=True),),
    family="Dawkins",
    given=("Sally",),
    birth_date=when(1987, 10, 2).date(),
    addresses=(HOME,),
)
SAM = Person(
    key="man", identifiers=(crn("X540660"),), family="Cole", given=("Sam",), birth_date=when(1994, 5, 5).date()
)

BIRTH = (SAMPLES / "nems-stu3/BirthNotificationWithMother.xml").read_bytes().replace(b"1112223330", SALLY.encode())
VISITED = (
    (SAMPLES / "nems-stu3/Professional-Contacts-1-new.xml")
    .read_bytes()
    .replace(b"2013-10-12", b"2017-10-02")
    .replace(b"DURHAM", b"LEEDS")
    .replace(b"DH1 2TF", b"LS17 7DF")
)
ALLOCATED = (
    (SAMPLES / "hmpps/event-allocation-message.json")
    .read_text()
    .replace("2022-07-28T10:30:55.0123+01:00", "2018-12-05T10:30:55.0123+00:00")
)
DISCHARGED = (
    "\r".join(
        [
            r"MSH|^~\&|PAS|RXT|BATON|BATON|20181207120500||ADT^A03^ADT_A03|C1|P|2.4|||||GBR|8859/1",
            "EVN|A03|20181207120500||||20181207120000",
            f"PID|1||{SALLY}^^^NHS^NH||DAWKINS^Sally||19871002|F|||4 Sandmoor Drive^^LEEDS^^LS17 7DF^^H{'|' * 21}NSTS01",
            f"PV1|1|I|ELM^BED3|||||||710{'|' * 9}V-77^^^RXT{'|' * 25}201811201630|201812071100",
        ]
    ).encode()
    + b"\r"
)


@pytest.fixture
def start():
    """An empty database."""
    return "template"


@pytest.fixture
def leeds(office, clock):
    """Everybody of the city, and a mental health trust."""
    teams = office.onboard_directory(DIRECTORY)
    office.put("/admin/agencies/leeds-mental-health", {"name": "Leeds mental health"})
    office.put(
        "/admin/teams/leeds-cmht",
        {"agency": "leeds-mental-health", "function": "mental-health", "name": "Leeds CMHT", "area": "leeds"},
    )
    for team in (*teams, "leeds-cmht"):
        office.onboard(team)
    clock.time = datetime(2017, 10, 2, 20, 30, tzinfo=UTC)
    return office


@pytest.fixture
def sandbox():
    """A MESH of the test's own."""
    with mesh_sandbox() as address:
        yield address


def look(office, url: str, mailbox: str, team: str, workflow: str, kind: str) -> int:
    """One look into a team's mailbox."""
    gateway = MeshGateway(runtime(office), mesh_entry(url, mailbox=mailbox, team=team, workflows={workflow: kind}))
    try:
        return gateway.look()
    finally:
        gateway.close()


def test_what_four_agencies_tell_by_four_ways_is_one_household_and_everybody_has_their_task(leeds, clock, sandbox):
    visitors, practice, probation, cmht = (
        leeds.system(f"leeds-{name}") for name in ("health-visiting", "practice", "probation", "cmht")
    )
    with partner(sandbox, NEMS) as nems:
        nems.sends(BIRTH, "BIRTHNOTIFICATION_1")
        nems.sends(VISITED, "PROFESSIONALCONTACTS_1", to=THEIRS)
    assert look(leeds, sandbox, OURS, "leeds-midwifery", "BIRTHNOTIFICATION_1", "midwifery") == 1
    born = visitors.copy_of(Event.BIRTH).task
    visitors.accepts(born, "We visit on day 11.")

    clock.time = datetime(2018, 11, 30, 9, 30, tzinfo=UTC)
    assert look(leeds, sandbox, THEIRS, visitors.team, "PROFESSIONALCONTACTS_1", "health-visiting") == 1
    assert practice.copy_of(Event.INVOLVEMENT_START)

    clock.time = datetime(2018, 12, 3, 9, tzinfo=UTC)
    probation.tells(
        tell("lives-there", Event.SUPERVISION_START, probation.team, when(2018, 12, 3), subjects=[SAM], people=[MOTHER, JACK],
             relationships=father(SAM, JACK), household=together(SAM, MOTHER, JACK), basis=LawfulBasis.CHILDREN_ACT_2004_S16LA)
    )  # fmt: skip
    for task in probation.tasks("confirm-household"):
        probation.chooses(task, "confirm")

    clock.time = datetime(2018, 12, 5, 12, tzinfo=UTC)
    with sqs_stand_in() as (client, url):
        publish(client, url, ALLOCATED)
        assert asyncio.run(sqs_look(leeds, url, team=probation.team, adapter="probation"))
    assert visitors.copy_of(Event.SUPERVISION_CHANGE).silent_about("X540660")

    clock.time = datetime(2018, 12, 7, 12, 10, tzinfo=UTC)
    [answer] = mllp_answers(leeds, DISCHARGED, team=cmht.team, adapter="cmht")
    assert b"\rMSA|AA|C1" in answer
    assert visitors.copy_of(Event.MENTAL_HEALTH_DISCHARGE).purpose == "action"
    assert visitors.task("acknowledge", asked_by=cmht.team)
    assert any("risk" in str(task) for task in cmht.tasks("data-quality"))  # F5: what the discharge did not say

    [household] = visitors.homes_of(JACK)
    assert {member["name"] for member in household["members"]} == {"Sally DAWKINS", "Jack DAWKINS", "Sam Cole"}
