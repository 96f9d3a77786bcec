"""F3: supervision was taken over "on a caretaking basis", and seven months later nobody knew who was responsible (7.1.4, 7.2.7)."""

from datetime import timedelta

import pytest

from schemas.codes import Event
from schemas.examples.cast import DANIEL
from schemas.examples.story import MESSAGES
from tests.default_policy import default_policy
from tests.journeys.copies import business_status, due, is_open

LONDON, BIRMINGHAM = "lcrc-probation", "bcrc-probation"


@pytest.fixture(scope="session")
def policy():
    """The default policy with its ladder: what is not reviewed climbs."""
    return default_policy()


@pytest.fixture
def sent(office):
    """Under supervision in London, and transferred to Birmingham."""
    office.system(LONDON).tells(MESSAGES["supervision-start"], MESSAGES["transfer-supervision"])
    return office


def test_caretaking_leaves_him_with_the_sender_until_a_date(sent, clock):
    london, birmingham = sent.system(LONDON), sent.system(BIRMINGHAM)
    line = birmingham.task("confirm-child")
    review = clock() + timedelta(days=28)
    birmingham.looks_after(line, review, "We see him weekly; London holds the order and decides on breach.")
    kept = birmingham.again(line)
    assert (kept["status"], business_status(kept), due(kept)) == ("on-hold", "caretaking", review)
    assert london.holder_of(DANIEL, "probation") == LONDON
    assert is_open(birmingham.task("transfer"))


def test_no_caretaking_without_a_date_or_for_seven_months(sent, clock):
    birmingham = sent.system(BIRMINGHAM)
    line = birmingham.task("confirm-child")
    assert birmingham.moves(line, "caretake").status == 422
    far = {"name": "review-date", "valueDateTime": (clock() + timedelta(days=210)).isoformat()}
    note = {"name": "note", "valueString": "For now."}
    reply = birmingham.moves(line, "caretake", far, note)
    assert reply.status == 422
    assert "must lie within 42 days" in reply.text


def test_at_the_review_date_it_climbs(sent, clock, eventually):
    london, birmingham = sent.system(LONDON), sent.system(BIRMINGHAM)
    line = birmingham.task("confirm-child")
    review = clock() + timedelta(days=28)
    birmingham.looks_after(line, review, "We see him weekly.")
    clock.time = review + timedelta(days=1, minutes=1)
    eventually(lambda: business_status(birmingham.again(line)) == "escalated")
    assert london.holder_of(DANIEL, "probation") == LONDON
    lead = sent.system("bcrc-safeguarding-lead")
    eventually(lambda: line["id"] in str([copy.body for copy in lead.heard(Event.INFORMATION)]))


def test_confirmed_he_is_theirs_and_the_sender_hears_it(sent):
    london, birmingham = sent.system(LONDON), sent.system(BIRMINGHAM)
    line = birmingham.task("confirm-child")
    birmingham.accepts(line)
    assert birmingham.holder_of(DANIEL, "probation") == BIRMINGHAM
    assert birmingham.tasks("transfer")[0]["status"] == "completed"
    assert london.again(line)["status"] == "completed"
    history = birmingham.get(
        "/responsibility",
        params={"person": birmingham.looks_up(DANIEL)["id"], "function": "probation", "history": "true"},
    )
    [row] = history["functions"]
    assert [period["team"]["id"] for period in row["history"]] == [LONDON, BIRMINGHAM]
    assert row["task"] == line["id"]
