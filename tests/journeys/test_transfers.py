"""Transfers at their edges: two at once for one child, a child who may not be named yet, another team of the agency, cancelled by the sender."""

from dataclasses import replace
from datetime import timedelta

from schemas.codes import Event, ResponseReason
from schemas.examples.cast import AVA, CHLOE, KAYLA, NOAH, TYLER, fixed_id
from schemas.examples.story import MESSAGES
from schemas.examples.telling import HEALTH_VISITOR, gone, mother, tell, together, when
from tests.journeys.copies import business_status, is_open
from tests.journeys.handing_over import NEW, OLD, accommodated, transfer


def test_of_two_that_are_open_for_one_child_the_first_to_confirm_takes_over(family, leeds):
    old, new = family.system(OLD), family.system(NEW)
    old.tells(transfer("to-sandwell", NEW, when(2018, 3, 5), AVA))
    reply = old.tells(transfer("to-leeds", "leeds-health-visiting", when(2018, 3, 6), AVA))
    assert any("another transfer of yours is open" in warning for warning in reply.warnings)
    late, first = new.task("confirm-child"), leeds.task("confirm-child")
    leeds.accepts(first)
    assert leeds.holder_of(AVA) == "leeds-health-visiting"
    assert business_status(new.again(late)) == "held-elsewhere"
    refused = new.moves(late, "accept")
    assert refused.status == 409
    assert leeds.holder_of(AVA) == "leeds-health-visiting"


def test_a_child_of_others_whom_a_transfer_does_not_name_is_found_in_no_look_up_either(family):
    """Principle 12: neither in the household nor in its chronology, until the sender's lead agrees."""
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    old.tells(cousins("cousins", when(2019, 3, 1)), transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    assert seen_by(new) == {"Ava", "Chloe", "Kayla"}
    new.accepts(new.task("confirm-child"))
    assert seen_by(new) == {"Ava", "Chloe", "Kayla"}
    assert not [copy for copy in new.heard() if "tyler" in copy.text]  # nor in what was told before and still stands
    lead.releases(lead.task("release"), "health-visiting")
    assert seen_by(new) == {"Ava", "Chloe", "Kayla", "Tyler"}
    assert "tyler" in new.heard(Event.HOUSEHOLD_UPDATE)[-1].text


def test_nor_does_a_later_message_about_who_lives_there_name_that_child(family):
    """Principle 12: the receiver works with the household by then, and still hears of it without that child."""
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    old.tells(cousins("cousins", when(2019, 3, 1)), transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    new.accepts(new.task("confirm-child"))
    old.tells(cousins("cousins-again", when(2019, 3, 8)))
    copy = new.copy_of(Event.HOUSEHOLD_UPDATE)
    assert "chloe" in copy.text
    assert copy.silent_about("Tyler")
    seen_by(new)
    lead.releases(lead.task("release"), "health-visiting")
    assert "tyler" in new.heard(Event.HOUSEHOLD_UPDATE)[-1].text


def test_nor_is_that_child_named_to_who_reads_when_it_has_left(family):
    """What was told while it lived there, and that it has left, is of the home as it was."""
    old, new = family.system(OLD), family.system(NEW)
    old.tells(cousins("cousins", when(2019, 3, 1)), transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    new.accepts(new.task("confirm-child"))
    day = when(2019, 3, 10)
    apart = (*together(AVA, CHLOE), gone(KAYLA, day.date()), gone(TYLER, day.date()))
    old.tells(cousins("cousins-again", when(2019, 3, 8)), replace(cousins("apart", day), household=apart))
    heard = new.heard(Event.HOUSEHOLD_UPDATE)
    assert len(heard) == 3
    assert all(copy.silent_about("Tyler") for copy in heard)


def cousins(name, at):
    """Ava and her cousin Tyler live together, with the mother of each."""
    return tell(name, Event.HOUSEHOLD_UPDATE, OLD, at, subjects=[AVA], people=[CHLOE, KAYLA, TYLER],
                relationships=mother(CHLOE, AVA) + mother(KAYLA, TYLER), author=HEALTH_VISITOR,
                household=together(AVA, CHLOE, KAYLA, TYLER))  # fmt: skip


def seen_by(system):
    """Who lives with Ava, as the team may look it up, in the chronology too; what it does not see in whole it is told so."""
    [home] = system.homes_of(AVA)
    names = {member["name"].split()[0] for member in home["members"]}
    assert home["wholeHousehold"] is ("Tyler" in names)
    chronology = system.get(f"/households/{home['id']}/chronology")
    not_told = [line for line in chronology["lines"] if not line["told"]]
    assert "Tyler" in names or "Tyler" not in str(not_told + chronology["gaps"])
    return names


def test_a_looked_after_child_is_not_named_until_the_senders_lead_agrees(family):
    """Principle 12: the receiver sees that the sender has something to settle, and not what."""
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    family.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    old.tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    line = new.task("confirm-child")
    assert new.copy_of(Event.TRANSFER).silent_about("Noah")
    new.accepts(line)
    [whole] = new.tasks("transfer")
    assert (whole["status"], business_status(whole)) == ("in-progress", "awaiting-sender")
    lead.releases(lead.task("release"), "health-visiting")
    added = new.task("confirm-child")
    assert business_status(added) == "nothing-supplied"
    assert "noah" in new.heard(Event.TRANSFER)[-1].text
    new.accepts(added)
    assert new.again(whole)["status"] == "completed"


def test_refused_the_child_stays_unnamed_and_holds_up_nothing(family):
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    family.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    old.tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    new.accepts(new.task("confirm-child"))
    lead.releases(lead.task("release"), because="He lives with foster carers whom nobody may find.")
    [whole] = new.tasks("transfer")
    assert whole["status"] == "completed"
    assert all("noah" not in copy.text for copy in new.heard(Event.TRANSFER))


def not_shared(office):
    """What an auditor sees of children whom a transfer does not name."""
    return office.auditor().get("/audit/withheld", params={"reason": "child-not-named"})["withheld"]


def test_that_a_child_is_not_named_is_a_decision_not_to_share_until_the_lead_agrees(family):
    old, lead = family.system(OLD), family.system("bcht-safeguarding-lead")
    family.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    old.tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    [row] = not_shared(family)
    assert (row["from"]["team"], row["notTold"]["team"], row["kind"]) == (OLD, NEW, "transfer")
    assert (row["cites"], row["decidedBy"], row["lead"]) == ("principle 12", "policy", None)
    assert "Noah" not in str(row)
    lead.releases(lead.task("release"), "health-visiting")
    assert not_shared(family) == []


def test_refused_it_is_the_lead_s_decision(family):
    old, lead = family.system(OLD), family.system("bcht-safeguarding-lead")
    family.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    old.tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    gate = lead.task("release")
    lead.releases(gate, because="He lives with foster carers whom nobody may find.")
    [row] = not_shared(family)
    assert (row["decidedBy"], row["lead"]["task"], row["lead"]["team"]) == (
        "lead",
        gate["id"],
        "bcht-safeguarding-lead",
    )
    assert row["decided"] >= row["at"]
    assert "foster" not in str(row)
    csv = family.auditor().call("GET", "/audit/withheld?reason=child-not-named", headers={"Accept": "text/csv"}).text
    assert "principle 12" in csv
    assert "foster" not in csv


def test_declined_as_a_whole_the_lead_need_decide_nothing(family):
    old, new, lead = family.system(OLD), family.system(NEW), family.system("bcht-safeguarding-lead")
    family.system("birmingham-csc").tells(accommodated("noah-looked-after", when(2019, 3, 1), NOAH))
    old.tells(transfer("of-ava", NEW, when(2019, 3, 5), AVA))
    gate = lead.task("release")
    new.declines(new.task("transfer"), ResponseReason.NOT_ACCEPTED, "The flat lies in Dudley.")
    assert lead.again(gate)["status"] == "cancelled"


def test_the_sender_cancels_what_nobody_has_answered(family, clock):
    old, new = family.system(OLD), family.system(NEW)
    old.tells(transfer("of-ava", NEW, when(2018, 3, 5), AVA))
    whole = new.task("transfer")
    note = {
        "authorString": "Farah Malik, health-visitor",
        "text": "They stay in Birmingham.",
        "time": clock().isoformat(),
    }
    seen = old.again(whole)
    answer = old.call(
        "PUT",
        f"/fhir/Task/{whole['id']}",
        json={**seen, "status": "cancelled", "note": [note]},
        headers={"If-Match": f'W/"{seen["meta"]["versionId"]}"', "Content-Type": "application/fhir+json"},
    )
    assert answer.status_code == 200, answer.text
    assert {
        task["status"] for task in new.tasks() if task["code"]["coding"][0]["code"] in ("transfer", "confirm-child")
    } == {"cancelled"}
    assert old.holder_of(AVA) == OLD


def test_another_team_of_the_agency_takes_it_with_every_line(family):
    family.put(
        "/admin/teams/swbh-health-visiting-west",
        {"agency": "swbh", "function": "health-visiting", "name": "Sandwell west", "area": "sandwell"},
    )
    family.onboard("swbh-health-visiting-west")
    west, new = family.system("swbh-health-visiting-west"), family.system(NEW)
    family.system(OLD).tells(transfer("of-ava", NEW, when(2018, 3, 5), AVA))
    owner = {"name": "owner", "valueIdentifier": {"system": "https://fhir.baton.example/Id/team", "value": west.team}}
    moved = new.moves(
        new.task("transfer"), "reassign", owner, {"name": "note", "valueString": "They live in the west."}
    )
    assert moved.status == 200, moved.text
    line = west.task("confirm-child")
    assert not [task for task in new.tasks("confirm-child") if is_open(task)]
    west.accepts(line)
    assert west.holder_of(AVA) == west.team


def test_of_a_child_who_has_died_nobody_is_asked_to_confirm(family, clock):
    old, new = family.system(OLD), family.system(NEW)
    old.tells(transfer("of-ava", NEW, when(2018, 3, 5), AVA))
    line = new.task("confirm-child")
    died = clock.forward(days=2)
    old.tells(
        replace(
            MESSAGES["death"],
            id=fixed_id("ava died"),
            sender=OLD,
            subjects=(AVA.key,),
            people=(replace(AVA, deceased=died.date()),),
            relationships=(),
            household=(),
            occurred=died - timedelta(hours=3),
            sent=died,
            facts=(),
        )
    )
    assert (new.again(line)["status"], business_status(new.again(line))) == ("cancelled", "no-longer-current")
    assert not is_open(new.tasks("transfer")[0])
