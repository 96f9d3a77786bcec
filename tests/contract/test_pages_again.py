"""A form that could not be taken keeps what was typed: a session that ended meanwhile, another sign-in, a database that is away; and only for forms of our own pages."""

import re

import pytest
from lxml import html
from sqlalchemy.exc import OperationalError

from broker.storage.tables import Task
from broker.web.pages import again
from broker.workflow import acknowledge
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.visiting import employ, filled, text, visitor

OURS = {"Sec-Fetch-Site": "same-origin"}
HOSTILE = "We <b>visit</b> \u202eon Tuesday 👶.\nThen we ring."


@pytest.fixture
def town(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "joan", VISITORS, name="Joan Other")
        assert broker.post(message("birth"), team=MIDWIVES).status_code == 200
        yield broker


@pytest.fixture
def ruth(town):
    return visitor(town, "ruth")


def place(town):
    [task] = town.rows(Task, owner_team_id=VISITORS, code="acknowledge")
    return f"/app/tasks/{task.id}/accept"


def typed(one, address):
    """A loaded form with something typed in it, as a browser would send it."""
    return filled(one.get(address), address) | {"meaning": HOSTILE}


def sent_again(one, answer, address):
    return one.http.post(address, data=filled(html.fromstring(answer.text), address), headers=OURS)


def test_what_was_typed_when_the_session_ends_is_sent_after_signing_in_again(town, ruth):
    address = place(town)
    form = typed(ruth, address)
    town.clock.forward(minutes=16)
    out = ruth.http.post(address, data=form, headers=OURS)
    page = html.fromstring(out.text)
    assert out.status_code == 403
    assert "You were signed out" in text(page)
    assert "<b>visit" not in out.text
    assert page.xpath("//dd")[0].text_content() == HOSTILE
    still = sent_again(ruth, out, address)
    assert "You were signed out" in text(html.fromstring(still.text))
    ruth.sign_in("ruth")
    asked = sent_again(ruth, still, address)
    assert "Nothing was sent yet." in text(html.fromstring(asked.text))
    assert "under your name: Ruth Okafor, for Birmingham health visiting" in text(html.fromstring(asked.text))
    assert [task.status for task in town.rows(Task, id=address.split("/")[3])] == ["requested"]
    done = ruth.follow(sent_again(ruth, asked, address))
    assert "Your acknowledgement was sent." in done.text
    assert HOSTILE in html.fromstring(done.text).text_content()


def test_who_signs_in_instead_sends_it_under_their_own_name_or_not_at_all(town, ruth):
    address = place(town)
    form = typed(ruth, address)
    ruth.sign_in("joan")
    asked = ruth.http.post(address, data=form, headers=OURS)
    assert "under your name: Joan Other" in text(html.fromstring(asked.text))


def test_a_database_that_is_away_keeps_the_form(town, ruth, monkeypatch):
    address = place(town)
    form = typed(ruth, address)

    def away(*_args, **_more):
        raise OperationalError("select", {}, Exception("away"))

    with monkeypatch.context() as broken:
        broken.setattr(acknowledge, "answer", away)
        refused = ruth.http.post(address, data=form, headers=OURS)
    assert refused.status_code == 503
    assert HOSTILE.split("\n", maxsplit=1)[0] in text(html.fromstring(refused.text))
    assert "Your acknowledgement was sent." in ruth.follow(sent_again(ruth, refused, address)).text


def test_what_is_not_there_any_more_can_be_copied_and_not_sent(town, ruth):
    address = "/app/tasks/00000000-0000-4000-8000-00000000ffff/accept"
    form = typed(ruth, place(town))
    refused = ruth.http.post(address, data=form, headers=OURS)
    page = html.fromstring(refused.text)
    assert refused.status_code == 404
    assert "so that you can copy it" in text(page)
    assert [one for one in page.forms if one.action == address] == []


@pytest.mark.parametrize("site", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}])
def test_what_another_site_sends_is_never_offered(town, ruth, site):
    """A click on a page of ours must not send what somebody else has typed."""
    address = place(town)
    form = typed(ruth, address) | {"csrf": "forged"}
    refused = ruth.http.post(address, data=form, headers=site)
    assert refused.status_code == 403
    assert "Tuesday" not in refused.text
    ruth.http.cookies.clear()
    assert "Tuesday" not in ruth.http.post(address, data=form, headers=site).text


@pytest.mark.parametrize("address", ["/app/stay", "/app/sign-out", "/app/seat"])
def test_where_nothing_is_typed_a_session_that_ended_leads_to_the_sign_in(town, ruth, address):
    ruth.http.cookies.clear()
    answer = ruth.http.post(address, data={"csrf": "x", "team": VISITORS}, headers=OURS)
    assert answer.headers["location"].startswith("/app/sign-in")


def test_fields_have_names_that_can_be_read():
    line = "0b0e7d4e-0000-4000-8000-00000000ffff.words"
    assert [again.label(name) for name in ("meaning", "agreed-action[0].due", line, "coverage.health-visiting")] == [
        "Meaning",
        "Agreed action 1, due",
        "Words",
        "Coverage, health visiting",
    ]


def test_a_page_asks_who_is_signed_in_and_for_how_long_and_that_is_no_step(town, ruth):
    ruth.get("/app/inbox")
    town.clock.forward(minutes=5)
    asked = [ruth.http.get("/app/who").json() for _ in range(2)]
    assert [one["seconds"] for one in asked] == [10 * 60] * 2
    said = asked[0]
    page = ruth.get("/app/inbox")
    assert said["who"] == page.xpath("//body/@data-who")[0] == f"person:ruth@{VISITORS}"
    assert said["csrf"] == page.xpath("//input[@name='csrf']/@value")[0]
    assert re.fullmatch(r"[0-9a-f]{64}", said["csrf"])
    town.clock.forward(minutes=16)
    assert ruth.http.get("/app/who").is_redirect
