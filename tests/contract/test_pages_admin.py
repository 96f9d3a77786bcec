"""The administrator's pages over HTTP: whom they are for, what they show of the directory, channels and dead letters, and that they never show content."""

import json
from datetime import timedelta

import pytest
from lxml import html

from adapters.port import Taken
from adapters.registry import ADAPTERS
from broker.domain.states import ChannelKind
from broker.storage import canaries, practitioners
from broker.storage.tables import Audit, ChannelHealth, Delivery, Notification
from broker.web.pages import admin_people, admin_retention
from broker.workflow import explain, intake
from schemas import examples
from schemas.limits import Limits
from tests.contract.calling import MIDWIVES, VISITORS, message, opened, town_copy
from tests.contract.test_dead_letters import parked, pushed
from tests.contract.test_quarantine import Broken, send
from tests.contract.visiting import employ, text, visitor

PAGES = (
    "/app/admin/teams",
    f"/app/admin/teams/{VISITORS}",
    "/app/admin/areas",
    "/app/admin/channels",
    "/app/admin/dead-letters",
    "/app/admin/policy",
    "/app/admin/policy/versions",
    "/app/admin/branding",
    "/app/admin/retention",
    "/app/admin/people",
    "/app/admin/people/new",
    "/app/admin/people/chris",
)
QUARTER = timedelta(minutes=15)
FAMILY = ("Hartley", "Ava", "Clent View", "9990000409")


@pytest.fixture
def town(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "ruth", VISITORS, name="Ruth Okafor")
        employ(broker, "nadia", scopes=("baton/audit",))
        employ(broker, "chris", scopes=("baton/admin",))
        yield broker


@pytest.fixture
def chris(town):
    return visitor(town, "chris")


def test_they_are_for_administrators_alone(town):
    for who in ("ruth", "nadia"):
        one = visitor(town, who)
        for address in PAGES:
            answer = one.http.get(address)
            assert answer.status_code == 403, address
            assert "This page is for administrators." in text(html.fromstring(answer.text))


def test_every_page_is_there_and_looking_is_in_the_audit(town, chris):
    for address in PAGES:
        before = len(town.rows(Audit, client_name="person:chris"))
        chris.get(address)
        assert len(town.rows(Audit, client_name="person:chris")) > before, address


def test_a_team_with_its_people_and_what_it_covers(town, chris):
    page = chris.get("/app/admin/teams")
    assert f"/app/admin/teams/{VISITORS}" in [link.get("href") for link in page.iter("a")]
    said = text(chris.get(f"/app/admin/teams/{VISITORS}"))
    for expected in ("Birmingham health visiting", "Ruth Okafor", "Health visitor", "Mailbox alone"):
        assert expected in said
    assert chris.http.get("/app/admin/teams/nobody").status_code == 404


def test_an_area_says_who_covers_what_and_what_nobody_does(town, chris):
    directory = town.runtime.store.read(lambda session: town.runtime.context(session).directory)
    page = chris.get("/app/admin/areas")
    shown = {link.get("href").rsplit("/", 1)[1] for link in page.xpath("//main//a[contains(@href,'/admin/teams/')]")}
    assert shown == {team for team in directory.coverage.values() if not directory.teams[team].closed}


def test_a_test_message_goes_out_at_the_next_look_and_once(town, chris):
    put_channel(town)
    town.clock.forward(minutes=20)
    store = town.runtime.store

    def begun():
        return store.write(
            lambda session: canaries.begin(
                session, now=town.clock(), every=QUARTER, kinds={ChannelKind.WEBHOOK}, limit=5
            )
        )

    assert len(begun()) == 1
    town.clock.forward(minutes=1)
    assert begun() == []
    chris.sign_in("chris")
    done = chris.send(chris.get(f"/app/admin/teams/{VISITORS}"), f"/app/admin/channels/{VISITORS}/test")
    assert "A test message goes out" in done.text
    [canary] = begun()
    assert canary.team_id == VISITORS
    assert begun() == []
    assert [row.entity_id for row in town.rows(Audit, action="administer", client_name="person:chris")] == [VISITORS]


@pytest.mark.parametrize("settings", [None, {"enabled": False}])
def test_what_is_not_pushed_to_is_not_tested(town, chris, settings):
    if settings is not None:
        put_channel(town, **settings)
    page = chris.get(f"/app/admin/teams/{VISITORS}")
    assert "Send a test" not in text(page)
    csrf = page.xpath("//input[@name='csrf']")[0].get("value")
    answer = chris.http.post(f"/app/admin/channels/{VISITORS}/test", data={"csrf": csrf})
    assert answer.status_code == 409
    assert town.rows(ChannelHealth, team_id=VISITORS) == []


def put_channel(town, **more):
    body = {"kind": "webhook", "url": "https://hook.example/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    answer = town.call(
        "PUT",
        f"/admin/teams/{VISITORS}/channel",
        None,
        scopes=("baton/admin",),
        content=json.dumps(body | more).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text


def test_a_dead_letter_is_shown_without_content_and_goes_out_when_it_is_tried_again(town, chris):
    id_ = parked(town)
    page = chris.get("/app/admin/dead-letters")
    said = text(page)
    assert "Birth" in said
    assert "2 tries, the last refused (400)" in said
    assert not [word for word in FAMILY if word in said]
    assert pushed(town, Taken()) == 0
    chris.send(page, f"/app/admin/dead-letters/{id_}/retry")
    assert pushed(town, Taken()) == 1
    assert "Everything goes out." in text(chris.get("/app/admin/dead-letters"))


def test_what_was_not_read_is_read_again_once_its_adapter_is_mended(town, chris, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setitem(ADAPTERS, "probation", Broken())
        assert send(town).status_code in (400, 422)
        [row] = [one for one in town.rows(Notification) if one.via == "probation"]
        page = chris.get("/app/admin/dead-letters")
        assert "must be a date and time" in text(page)
        assert "X540660" not in text(page)
        still = chris.send(page, f"/app/admin/dead-letters/quarantined/{row.id}/retry")
        assert "It still cannot be read." in still.text
    taken = chris.send(chris.get("/app/admin/dead-letters"), f"/app/admin/dead-letters/quarantined/{row.id}/retry")
    assert "Everything that came could be read." in taken.text


def test_the_simulator_says_who_would_be_told_and_why_and_sends_nothing(town, chris):
    filled = chris.get("/app/admin/policy", example="birth")
    before = town.counts(Notification, Delivery)
    answer = chris.send(filled, "/app/admin/policy/simulate")
    page = html.fromstring(answer.text)
    assert answer.status_code == 200
    told = {row[0].text_content().split("Team ")[-1].strip() for row in page.xpath("//table/tbody/tr")}
    assert "Birmingham health visiting, Birmingham Community Healthcare NHS Foundation Trust" in told
    assert town.counts(Notification, Delivery) == before


def test_the_simulator_does_not_say_who_works_with_a_family(town, chris):
    """The midwives who booked the mother are told of a birth because they worked with her; an administrator does not learn of it here."""
    for name in ("pregnancy-booking", "birth"):
        assert town.post(message(name)).status_code == 200
    because = why_midwives_are_told(town)
    assert "worked with" in because
    page = chris.get("/app/admin/policy", example="birth")
    said = text(html.fromstring(chris.send(page, "/app/admin/policy/simulate", sender=VISITORS).text))
    assert "Who would be told of: Birth" in said
    assert because not in said


def why_midwives_are_told(town):
    """Of a birth that health visitors tell, by whatever is known of the family."""
    raw = json.dumps(message("birth")).encode()
    [said] = intake.read_fhir(raw, "application/fhir+json", Limits(), town.clock()).messages

    def work(session):
        ctx = town.runtime.context(session)
        return explain.simulate(said, ctx.directory.teams[VISITORS], ctx, town.clock(), session)

    [because] = [row["reason"] for row in town.runtime.store.read(work).rows if row["team"] == MIDWIVES]
    return because


@pytest.mark.parametrize("typed", ["", "{}", "[1", json.dumps({"resourceType": "Bundle"})])
def test_what_is_no_message_says_so_and_keeps_what_was_typed(chris, typed):
    answer = chris.send(chris.get("/app/admin/policy"), "/app/admin/policy/simulate", message=typed)
    page = html.fromstring(answer.text)
    assert answer.status_code == 422
    assert page.find_class("nhsuk-error-summary")
    assert (page.xpath("//textarea")[0].text or "").strip() == typed


def test_a_sender_that_the_directory_does_not_have_can_be_chosen(chris):
    bundle = json.dumps(examples.load("birth")).replace(MIDWIVES, "unknown-team")
    page = chris.get("/app/admin/policy")
    refused = chris.send(page, "/app/admin/policy/simulate", message=bundle)
    assert refused.status_code == 422
    assert "names no team" in refused.text
    assert chris.send(page, "/app/admin/policy/simulate", message=bundle, sender=MIDWIVES).status_code == 200


# --- branding


def test_pages_say_whose_they_are_where_it_is_set_and_are_neutral_where_not(request, tmp_path):
    ours = {"service_name": "Cradle", "organisation": "<b>Black Country</b>", "contact": "0121 496 0000"}
    with town_copy(request, tmp_path) as url, opened(url, demo=True, **ours) as broker:
        employ(broker, "chris", scopes=("baton/admin",))
        page = visitor(broker, "chris").get("/app/admin/branding")
        for said in ours.values():
            assert said in text(page)
            assert said in " ".join(page.text_content().split())
        assert page.xpath("//header//b") == []
        assert "0121 496 0000" in visitor(broker, "chris").http.get("/app/nothing-here").text


def test_no_organisation_is_claimed_unless_somebody_says_so(town, chris):
    page = chris.get("/app/admin/branding")
    assert page.find_class("baton-header__organisation") == []
    assert page.xpath("//header//img | //header//svg") == []
    assert "NHS" not in page.xpath("//header")[0].text_content() + page.xpath("//footer")[0].text_content()


# --- people

LIST = "/app/admin/people"
SOMEBODY = {"name": "Grace <b>Obi</b>", "team": VISITORS, "role": "health-visitor"}


def add(chris, **said):
    form = chris.get(f"{LIST}/new")
    return chris.send(form, f"{LIST}/new", **SOMEBODY | said)


def address(chris, name):
    [link] = [one for one in chris.get(LIST).xpath("//main//table//a") if one.text_content() == name]
    return link.get("href")


def test_somebody_is_added_signs_in_and_acts_for_their_team(town, chris):
    assert "It is written down." in text(html.fromstring(add(chris).text))
    place = address(chris, SOMEBODY["name"])
    new = visitor(town, place.rsplit("/", 1)[1])
    assert "Inbox of Birmingham health visiting" in text(new.get("/app/inbox"))
    assert "<b>Obi" not in chris.http.get(LIST).text
    rows = town.rows(Audit, client_name="person:chris", action="administer")
    assert {row.entity for row in rows} == {"account", "practitioner"}


def test_a_role_that_changes_and_an_account_that_ends_sign_out_at_once(town, chris):
    add(chris)
    place = address(chris, SOMEBODY["name"])
    new = visitor(town, place.rsplit("/", 1)[1])
    changed = {"name": "Grace Obi", f"role-{VISITORS}": "team-leader"}
    chris.send(chris.get(place), place, **changed)
    assert new.http.get("/app/inbox").status_code == 303
    new.sign_in(place.rsplit("/", 1)[1])
    assert "team leader" in new.http.get("/app/inbox").text
    chris.send(chris.get(place), f"{place}/end")
    assert new.http.get("/app/inbox").status_code == 303
    assert new.sign_in(place.rsplit("/", 1)[1]).status_code == 403
    assert "Ended" in text(chris.get(LIST))


def test_who_leaves_a_team_cannot_act_for_it_and_keeps_an_office(town, chris):
    add(chris, scopes="baton/audit")
    place = address(chris, SOMEBODY["name"])
    chris.send(chris.get(place), place, **{f"role-{VISITORS}": ""})
    new = visitor(town, place.rsplit("/", 1)[1])
    assert new.http.get("/app").headers["location"] == "/app/audit/handovers"
    people = town.runtime.store.read(lambda s: practitioners.of_team(s, town.runtime.store.codec, VISITORS))
    assert [one.left_at is not None for one in people if one.id == place.rsplit("/", 1)[1]] == [True]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "#name"),
        ({"name": "Obi, Grace"}, "#name"),
        ({"role": ""}, "#team"),
        ({"team": "nobody"}, "#team"),
        ({"role": "wizard"}, "#role"),
        ({"team": "", "role": ""}, "#team"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(town, chris, said, field):
    answer = add(chris, **said)
    assert answer.status_code == 422
    links = html.fromstring(answer.text).xpath("//*[contains(@class,'nhsuk-error-summary__list')]//a/@href")
    assert links == [field]


def test_nobody_changes_an_office_of_their_own_or_ends_their_own_account(town, chris):
    place = f"{LIST}/chris"
    page = chris.get(place)
    assert "End this account" not in text(page)
    answer = chris.send(page, place, scopes="baton/audit")
    assert "Somebody else must change" in answer.text
    forged = {"csrf": page.xpath("//input[@name='csrf']/@value")[0]}
    assert chris.http.post(f"{place}/end", data=forged).status_code == 403
    assert chris.http.get(LIST).status_code == 200


def test_a_long_list_has_pages(town, chris, monkeypatch):
    monkeypatch.setattr(admin_people, "A_PAGE", 2)
    first = chris.get(LIST)
    [following] = first.xpath("//a[@rel='next']/@href")
    shown = [*first.xpath("//main//table//a/@href"), *chris.get(following).xpath("//main//table//a/@href")]
    assert shown == [f"{LIST}/{id_}" for id_ in ("chris", "nadia", "ruth")]


# --- retention


def test_how_long_things_are_kept_and_that_something_is_held_but_not_of_whom(town, chris):
    assert town.post(message("birth")).status_code == 200
    [row, *_] = town.rows(Notification, event="birth")
    hold = {"notification": row.id, "reason": "Review of Baby Hartley"}
    assert town.call("PUT", "/admin/legal-holds/review-1", None, json=hold, scopes=("baton/admin",)).status_code == 200
    page = chris.get("/app/admin/retention")
    said = text(page)
    days = town.call("GET", "/admin/retention", None, scopes=("baton/admin",)).json()["unreadable_days"]
    assert "review-1" in said
    assert "One message" in said
    [shown] = page.xpath("//dt[.='What could not be read']/following-sibling::dd")
    assert shown.text_content() == admin_retention._span(timedelta(days=days))
    for word in ("Hartley", row.id):
        assert word not in said
