"""What an agency's system tells of one record of its own, again and again: each change is told, and all of it is taken back."""

import re
from pathlib import Path

from broker.domain.states import InvolvementState, NotificationState
from broker.storage.tables import Identifier, Involvement, Notification, Person, Subject, Task
from schemas.codes import Event, TaskCode
from schemas.identifiers import local_system
from tests import wards
from tests.contract.calling import MIDWIVES, VISITORS, Broker, issues

CMHT = "bsmhft-cmht"

MOTHER = "PID|1||M123^^^MATERNITY^MR||Hara^Mary^^^Ms^^L||19950412|2|||1 High Street^^West Bromwich^^B70 9AB^^H"
BABY = "PID|1||M777^^^MATERNITY^MR||Hara^Baby||202603010410|1|||1 High Street^^West Bromwich^^B70 9AB||||||||||M123^^^MATERNITY^MR"
IN_HOSPITAL = "PV1|1|I|W7|N|||||||||||||||V88"
SAMPLES = Path(__file__).parents[1] / "samples"


def post(broker: Broker, body: bytes, kind: str = "midwifery", team: str = MIDWIVES, **headers: str):
    return broker.call("POST", f"/adapters/{kind}/events", team, content=body, headers=headers)


def changed(body: bytes, second: int) -> bytes:
    """The same record, changed at another second."""
    return re.sub(rb'(<lastUpdated value="[^"]*:)\d\d(\+|\.)', rb"\g<1>%02d\g<2>" % second, body, count=1)


def test_a_result_that_changed_is_told_again_and_a_deletion_takes_all_of_it_back(shared_broker: Broker):
    before = shared_broker.ids(Notification)
    examined = (SAMPLES / "nems-stu3" / "nipe-outcome-1-new.xml").read_bytes()
    answers = [post(shared_broker, changed(examined, second)) for second in (1, 2, 2)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[2].content == answers[1].content
    withdrawal = post(shared_broker, (SAMPLES / "nems-stu3" / "nipe-outcome-1-delete.xml").read_bytes())
    assert withdrawal.status_code == 200
    assert b"is of no message" not in withdrawal.content
    rows = [row for row in shared_broker.rows(Notification) if row.id not in before]
    [first] = [row for row in rows if row.reference_id is None]
    [second] = [row for row in rows if row.reference_id == first.id and row.event is Event.MEASUREMENT]
    [withdrawn] = [row for row in rows if row.event is Event.WITHDRAW]
    assert withdrawn.reference_id in {first.id, second.id}
    assert None not in {first.withdrawn_at, second.withdrawn_at}


def test_a_child_is_on_a_caseload_while_its_episode_stands_and_again_when_it_is_restored(broker: Broker):
    new, update, delete = (
        (SAMPLES / "nems-stu3" / f"Professional-Contacts-1-{change}.xml").read_bytes()
        for change in ("new", "update", "delete")
    )
    states = []
    for body in (new, update, delete, changed(new, 59)):
        assert post(broker, body, "health-visiting", VISITORS).status_code == 200
        states.append({row.state for row in broker.rows(Involvement, team_id=VISITORS)})
    standing, over = {InvolvementState.CONFIRMED}, {InvolvementState.ENDED}
    assert states == [standing, standing, over, standing | over]
    assert [row.withdrawn_at is not None for row in broker.rows(Notification, event=Event.INVOLVEMENT_START)].count(
        True
    ) == 2


def event(trigger: str, *segments: str, at: str) -> bytes:
    header = rf"MSH|^~\&|PAS|RXK|BATON|HUB|{at}00||ADT^{trigger}|1|P|2.4"
    return "\r".join((header, f"EVN||{at}", *segments)).encode()


def test_a_trust_s_own_numbers_tell_who_is_who_for_its_own_messages(shared_broker: Broker):
    """A baby has no NHS number at first, and its mother stands in its record as a number alone."""
    before = shared_broker.ids(Person)
    for body in (
        event("A05", MOTHER, "PV1|1|O|||||||||||||B6||||V1", at="202602011150"),
        event("A01", BABY, IN_HOSPITAL, at="202603010500"),
        event("A40", BABY, "MRG|M778^^^MATERNITY^MR", at="202603010600"),
        event("A03", BABY.replace("M777", "M778"), IN_HOSPITAL, at="202603020900"),
    ):
        answer = post(shared_broker, body)
        assert answer.status_code == 200, answer.text
    people = {row.id for row in shared_broker.rows(Person) if row.id not in before}
    held = {row.person_id for row in shared_broker.rows(Identifier, system=local_system("swbh") + "/maternity")}
    assert len(held & people) == 2
    discharge = max(shared_broker.rows(Notification, event=Event.MATERNITY_DISCHARGE), key=lambda row: row.occurred_at)
    birth = max(shared_broker.rows(Notification, event=Event.BIRTH), key=lambda row: row.occurred_at)
    for told in (birth, discharge):
        assert {row.person_id for row in shared_broker.rows(Subject, notification_id=told.id)} == held & people


def test_the_content_type_says_the_character_set_where_the_message_does_not(shared_broker: Broker):
    named = event("A05", MOTHER.replace("Mary", "Zoë"), "PV1|1|O|||||||||||||B6||||V9", at="202602021150")
    body = named.decode().encode("latin-1")
    unsaid = post(shared_broker, body)
    assert (unsaid.status_code, issues(unsaid)[0]["expression"]) == (400, ["MSH-18"])
    said = post(shared_broker, body, **{"Content-Type": "x-application/hl7-v2+er7; charset=ISO-8859-1"})
    assert said.status_code == 200, said.text


def test_what_was_taken_back_before_it_came_is_kept_and_told_to_nobody(broker: Broker):
    """NEMS and MESH keep no order. In the public samples what is deleted was sent after its deletion."""
    new, delete = (
        (SAMPLES / "nems-stu3" / f"Professional-Contacts-1-{change}.xml").read_bytes() for change in ("new", "delete")
    )
    new = new.replace(b"2018-11-30T09:00:00+00:00", b"2017-11-01T15:00:33+00:00")
    answers = [post(broker, body, "health-visiting", VISITORS) for body in (delete, new, new)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert b"told to nobody" in answers[1].content
    assert answers[2].content == answers[1].content
    assert broker.rows(Involvement) == []
    restored = changed(new, 59).replace(b'<timestamp value="2017-11-01', b'<timestamp value="2017-11-03')
    assert b"told to nobody" not in post(broker, restored, "health-visiting", VISITORS).content
    assert len(broker.rows(Involvement)) == 1


def test_to_cancel_what_was_never_told_is_no_fault_and_no_work(shared_broker: Broker):
    before = shared_broker.ids(Task)
    answer = post(shared_broker, event("A11", MOTHER, IN_HOSPITAL.replace("V88", "V99"), at="202602031150"))
    assert answer.status_code == 200, answer.text
    assert b"is of no message that your team sent" in answer.content
    assert shared_broker.ids(Task) == before


def test_a_discharge_from_a_ward_is_told_at_once_asks_for_what_it_lacks_and_can_be_cancelled(shared_broker: Broker):
    """F5: what the ward's system has no field for is asked of the ward, and nobody waits for the answer."""
    before = shared_broker.ids(Notification)
    left = {"pv1_19": "V-9001", "pv1_45": "202602261100", "pv1_37": "19"}
    told = post(shared_broker, wards.adt("A03", control="D1", **left), "cmht", CMHT)
    assert told.status_code == 200
    assert "risk-to-others-at-home" in told.text
    [row] = [row for row in shared_broker.rows(Notification) if row.id not in before]
    assert row.event is Event.MENTAL_HEALTH_DISCHARGE
    assert TaskCode.DATA_QUALITY in {task.code for task in shared_broker.tasks_of(row) if task.owner_team_id == CMHT}
    cancelled = post(shared_broker, wards.adt("A13", control="D2", pv1_19="V-9001"), "cmht", CMHT)
    assert cancelled.status_code == 200
    assert b"is of no message" not in cancelled.content
    [row] = [one for one in shared_broker.rows(Notification) if one.id == row.id]
    assert row.state is NotificationState.WITHDRAWN
