"""Advice, referrals and requests that came to nothing: F7 (7.2.3), F9 (7.3.1, 7.3.3), F14 (7.5.5), F17 (7.5.10, 8.4.4)."""

from dataclasses import replace
from datetime import timedelta

from broker.domain.terms import working_days
from broker.storage import bank_holidays
from schemas.codes import Event
from schemas.examples.cast import AVA
from schemas.examples.story import MESSAGES
from schemas.examples.telling import fact
from tests.journeys.copies import due, is_open, outputs, requester

ENGLAND = bank_holidays.calendar()


def test_f7_the_practice_is_told_that_the_family_was_advised_to_attend(office, clock):
    """Mother was told to see the doctor or urgent care, went to neither, and nobody had told the doctor."""
    visitors, practice = office.system("bcht-health-visiting"), office.system("harborne-practice")
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    reply = visitors.tells(MESSAGES["child-contact"], MESSAGES["advice-to-attend"])
    assert reply.names("harborne-practice")
    copy = practice.copy_of(Event.ADVICE_TO_ATTEND)
    assert copy.facts["advice-reason"] == "Below birth weight at 13 days, possible jaundice."
    assert "attend-by" in copy.facts
    assert "Say whether they came" in copy.task["description"]
    assert due(copy.task) <= clock() + timedelta(days=2)
    practice.accepts(copy.task, "They did not come. We ring tomorrow at 9.", spoke_with="Farah Malik")
    [answer] = [copy for copy in visitors.heard(Event.ADVICE_TO_ATTEND) if copy.tasks]
    assert outputs(answer.task)["meaning"] == "They did not come. We ring tomorrow at 9."


def test_f9_the_outcome_of_a_referral_returns_and_closes_when_it_is_seen(office, clock):
    """The visit took four weeks, and the practice heard nothing."""
    practice, visitors = office.system("harborne-practice"), office.system("bcht-health-visiting")
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    practice.tells(MESSAGES["referral"])
    referral = visitors.copy_of(Event.REFERRAL)
    assert due(referral.task) == working_days(5).after(clock(), ENGLAND)
    clock.time = due(referral.task) + timedelta(minutes=30)
    [waiting] = practice.waits_for("acknowledge")
    assert waiting["businessStatus"]["coding"][0]["code"] == "overdue"
    visitors.tells(MESSAGES["referral-outcome"])
    outcome = practice.copy_of(Event.REFERRAL_OUTCOME)
    assert outcome.facts["referral-decision"] == "completed"
    reference = [one for one in outcome.header["extension"] if one["url"].endswith("/reference")]
    assert reference[0]["valueId"] == MESSAGES["referral"].id  # the id by which the practice knows it
    assert is_open(visitors.again(outcome.task))  # not closed before the practice has seen it
    practice.accepts(outcome.task, "Thank you. We look at Ava's safety at the next review.")
    assert not is_open(visitors.again(outcome.task))


def test_f9_the_outcome_returns_when_only_the_reference_says_to_whom(office):
    practice, visitors = office.system("harborne-practice"), office.system("bcht-health-visiting")
    office.system("swbh-midwifery").tells(MESSAGES["birth"])
    practice.tells(MESSAGES["referral"])
    visitors.tells(replace(MESSAGES["referral-outcome"], to=()))
    assert practice.copy_of(Event.REFERRAL_OUTCOME).facts["referral-decision"] == "completed"


def test_f14_a_request_is_the_other_teams_task_and_its_answer_comes_back(office, clock):
    """It was agreed to ask Birmingham for the early weights, and nobody did (7.5.5)."""
    asking, asked = office.system("swbh-health-visiting"), office.system("bcht-health-visiting")
    asking.tells(MESSAGES["information-request"])
    request = asked.copy_of(Event.INFORMATION_REQUEST)
    assert request.facts["question"].startswith("All weights")
    assert due(request.task) == working_days(5).after(clock(), ENGLAND)
    # The answer names the request by the id under which it came, and so finds who asked.
    asked.tells(replace(MESSAGES["information"], to=(), reference=request.id))
    answer = asking.copy_of(Event.INFORMATION)
    assert answer.facts["weight"] == 3480
    reference = [one for one in answer.header["extension"] if one["url"].endswith("/reference")]
    assert reference[0]["valueId"] == MESSAGES["information-request"].id
    assert not office.system("harborne-practice").heard(
        Event.INFORMATION_REQUEST
    )  # nobody else learns that it was asked


def test_f17_a_bruise_in_a_child_not_yet_mobile_is_the_safeguarding_leads_too(office, clock):
    visitors, lead = office.system("swbh-health-visiting"), office.system("swbh-safeguarding-lead")
    visitors.tells(MESSAGES["child-contact-new-to-area"])
    reply = visitors.tells(MESSAGES["concern-bruising"])
    assert "Baton is not a referral: telephone urgent concerns about a child." in reply.text
    task = lead.task("discuss-with-safeguarding-lead")
    assert task["priority"] == "urgent"
    assert due(task) == clock() + timedelta(hours=4)
    assert requester(task) == "swbh-health-visiting"
    for words in ("telephone children's social care", "paediatric assessment", "Baton is not the referral"):
        assert words in task["description"]
    # Whoever reported it can neither end nor answer it.
    assert visitors.moves(task, "complete", {"name": "note", "valueString": "Seen."}).status == 409
    alone = {
        "name": "discussion",
        "part": [
            {"name": "with", "valueString": lead.worker.name},
            {"name": "at", "valueDateTime": clock().isoformat()},
            {"name": "outcome", "valueCode": "referred"},
        ],
    }
    refused = lead.moves(task, "complete", alone)
    assert refused.status == 422
    assert "somebody other than the one who closes" in refused.text
    with_other = {**alone, "part": [{"name": "with", "valueString": "Joanne Pike"}, *alone["part"][1:]]}
    assert lead.moves(task, "complete", with_other).status == 200
    assert not is_open(visitors.again(task))


def test_f17_a_bruise_in_a_child_who_runs_about_asks_no_lead(office):
    concern = MESSAGES["concern-bruising"]
    visitors = office.system("bcht-health-visiting")
    visitors.tells(MESSAGES["child-contact"])
    ran = replace(
        concern,
        sender="bcht-health-visiting",
        subjects=(AVA.key,),
        people=(AVA,),
        relationships=(),
        facts=(fact("concern-detail", "A bruise on the shin.", AVA), fact("independently-mobile", True, AVA)),
    )
    visitors.tells(ran)
    assert not office.system("bcht-safeguarding-lead").tasks()
