"""The sheet of a transfer for its receiver holds what the receiver is told of it, and no more than it may know by now."""

from datetime import timedelta

from sqlalchemy import update
from sqlmodel import col

from broker.domain.states import PersonState
from broker.storage.tables import Person, Task
from tests.contract.calling import message, sender, sent_at

RECEIVER = "swbh-health-visiting"


def transferred(broker):
    bundle = message("transfer")
    broker.clock.time = sent_at(bundle) + timedelta(minutes=1)
    answer = broker.post(bundle, sender(bundle))
    assert answer.status_code == 200, answer.text
    [whole] = broker.rows(Task, code="transfer")
    assert whole.owner_team_id == RECEIVER
    return bundle, whole


def sheet(broker, whole, team=RECEIVER):
    return broker.call("GET", f"/transfers/{whole.id}/summary", team)


def test_a_child_whose_record_is_sealed_since_is_not_named_any_more(broker):
    bundle, whole = transferred(broker)
    patients = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    shown = {name for one in patients for name in one["name"][0]["given"] if name in sheet(broker, whole).text}
    assert shown
    lines = [row.person_id for row in broker.rows(Task, code="confirm-child") if row.part_of == whole.id]
    seal = update(Person).where(col(Person.id).in_(lines)).values(state=PersonState.SEALED)
    broker.runtime.store.write(lambda session: session.execute(seal))
    assert not [name for name in shown if name in sheet(broker, whole).text]


def test_what_was_taken_back_is_on_no_sheet_of_the_receiver(broker):
    bundle, whole = transferred(broker)
    back = message("withdraw")
    header = back["entry"][0]["resource"]
    for extension in header["extension"]:
        if extension["url"].endswith("/reference"):
            extension["valueId"] = bundle["entry"][0]["resource"]["id"]
    header["sender"] = bundle["entry"][0]["resource"]["sender"]
    answer = broker.post(back, sender(bundle))
    assert answer.status_code == 200, answer.text
    assert sheet(broker, whole).status_code == 404
