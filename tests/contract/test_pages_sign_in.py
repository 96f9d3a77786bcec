"""Signing in to the pages: the code flow, the session and its end, what another site or an old form cannot do."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html
from sqlalchemy import update

from broker.settings import PeopleIssuer
from broker.storage.tables import Account, Audit, PageSession
from broker.web import refusals
from broker.web.pages import sessions
from tests.conftest import Clock
from tests.contract.calling import VISITORS, opened, town_copy
from tests.contract.visiting import Visitor, employ, filled, text

OTHERS = "swbh-health-visiting"


@pytest.fixture
def town(request, tmp_path):
    """A demonstration in which Joanne can sign in."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True) as broker:
        employ(broker, "joanne", VISITORS, name="Joanne Pike")
        yield broker


@pytest.fixture
def joanne(town):
    """Signed in."""
    visitor = Visitor(town)
    visitor.sign_in("joanne")
    return visitor


def proven(who, subject="joanne"):
    """Signed in again for a step that asks for it."""
    away = who.http.get("/app/sign-in/go", params={"again": "1", "to": "/app/sessions"})
    form = {name: values[0] for name, values in parse_qs(urlsplit(away.headers["location"]).query).items()}
    return who.follow(who.http.post("/app/demo/people", data=form | {"subject": subject}))


def test_somebody_sees_where_they_are_signed_in_and_ends_it_elsewhere(town, joanne):
    employ(town, "ruth", VISITORS)
    ruth, elsewhere, third = (Visitor(town) for _ in range(3))
    ruth.sign_in("ruth")
    elsewhere.sign_in("joanne")
    third.sign_in("joanne")
    page = joanne.get("/app/sessions")
    assert len(page.xpath("//tbody/tr")) == 3
    assert [form for form in page.forms if form.action == "/app/sessions/end"] == []
    proven(joanne)
    page = joanne.get("/app/sessions")
    [first, second] = [form for form in page.forms if form.action == "/app/sessions/end"]
    before = town.ids(Audit)
    answer = joanne.follow(joanne.http.post("/app/sessions/end", data=dict(first.form_values())))
    assert answer.request.url.path == "/app/sessions"
    statuses = sorted(one.http.get("/app/inbox").status_code for one in (elsewhere, third))
    assert statuses == [200, 303]
    assert joanne.http.get("/app/inbox").status_code == ruth.http.get("/app/inbox").status_code == 200
    left = [row for row in town.rows(Audit) if row.id not in before and row.action == "sign-out"]
    assert [(row.entity_id, row.client_name) for row in left] == [("joanne", "person:joanne")]
    joanne.http.post("/app/sessions/end", data=dict(second.form_values()))
    assert [one.http.get("/app/inbox").status_code for one in (elsewhere, third)] == [303, 303]


def test_without_having_just_signed_in_again_no_session_is_ended(town, joanne):
    elsewhere = Visitor(town)
    elsewhere.sign_in("joanne")
    marks = [row.digest[:16] for row in town.rows(PageSession)]
    token = filled(joanne.get("/app/inbox"), "/app/sign-out")
    for mark in marks:
        assert joanne.http.post("/app/sessions/end", data=token | {"which": mark}).status_code == 303
    assert elsewhere.http.get("/app/inbox").status_code == 200


def test_nobody_ends_the_session_of_somebody_else(town, joanne):
    employ(town, "ruth", VISITORS)
    ruth = Visitor(town)
    ruth.sign_in("ruth")
    proven(joanne)
    token = filled(joanne.get("/app/inbox"), "/app/sign-out")
    for row in town.rows(PageSession, account_id="ruth"):
        joanne.http.post("/app/sessions/end", data=token | {"which": row.digest[:16]})
    assert ruth.http.get("/app/inbox").status_code == 200


HARBORNE = "https://sign-in.harborne.example"
PINNED = {"harborne": {"issuer": HARBORNE, "agencies": ["harborne-practice"], "label": "Harborne Practice"}}


def pinned(town, pinned_to, **more):
    """Somebody of two agencies' teams whose account is another issuer's; their session, as if it had said so."""
    employ(town, "alex", VISITORS, "harborne-practice", role="general-practitioner", scopes=("baton/audit",))
    town.runtime.settings = town.runtime.settings.model_copy(
        update={"oidc_issuers": {key: PeopleIssuer(**one) for key, one in pinned_to.items()}}
    )

    def work(session):
        session.execute(update(Account).where(Account.id == "alex").values(issuer=HARBORNE))
        return sessions.begin(town.runtime, session, "alex")

    visitor, token = Visitor(town), town.runtime.store.write(work)
    visitor.http.cookies.set("baton", token or "")
    return visitor


def test_an_issuer_speaks_for_the_people_of_its_own_agencies_alone_and_makes_nobody_auditor(town):
    visitor = pinned(town, PINNED)
    page = visitor.get("/app/inbox")
    assert "Harborne Practice" in page.find_class("baton-header__who")[0].text_content()
    assert page.xpath("//select[@id='seat']") == []
    assert visitor.http.get("/app/audit/handovers").status_code == 403


def test_an_issuer_that_is_set_no_more_lets_nobody_stay(town):
    visitor = pinned(town, PINNED)
    assert visitor.http.get("/app/inbox").status_code == 200
    town.runtime.settings = town.runtime.settings.model_copy(update={"oidc_issuers": {}})
    assert visitor.http.get("/app/inbox").status_code == 303


def test_each_issuer_has_a_way_in_of_its_own(request, tmp_path):
    with town_copy(request, tmp_path) as url, opened(url, demo=True, oidc_issuers=PINNED) as broker:
        page = Visitor(broker).get("/app/sign-in", to="/app/help")
        ways = {one.text_content(): one.get("href") for one in page.xpath("//a[@role='button']")}
        assert ways == {
            "Sign in": "/app/sign-in/go?to=/app/help",
            "Sign in with Harborne Practice": "/app/sign-in/go?by=harborne&to=/app/help",
        }
        assert Visitor(broker).http.get("/app/sign-in/go?by=nobody").status_code == 404


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"issuer": "https://elsewhere.example"}, "issuer"),
        ({"seats": [{"team": VISITORS, "practitioner": "joanne"}]}, "seats[0]"),
        ({"seats": [], "scopes": ["baton/audit"]}, "scopes"),
    ],
)
def test_an_account_is_not_put_beyond_what_its_issuer_may_say(request, tmp_path, other, where):
    with town_copy(request, tmp_path) as url, opened(url, oidc_issuers=PINNED) as broker:
        employ(broker, "joanne", VISITORS)
        employ(broker, "jo", "harborne-practice", role="general-practitioner")
        body: dict[str, object] = {"subject": "s-1", "name": "Jo", "issuer": HARBORNE}
        body |= {"seats": [{"team": "harborne-practice", "practitioner": "jo"}]}
        scopes = ("baton/admin",)
        assert broker.call("PUT", "/admin/accounts/jo", None, json=body, scopes=scopes).status_code == 200
        refused = broker.call("PUT", "/admin/accounts/jo", None, json=body | other, scopes=scopes)
        assert refused.status_code == 422
        assert refused.json()["issue"][0]["expression"] == [where]


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back_to_where_they_were(town):
    visitor = Visitor(town)
    first = visitor.http.get("/app/whatever/page")
    assert first.status_code == 404
    away = visitor.http.post("/app/stay", data={})
    assert (away.status_code, away.headers["location"]) == (303, "/app/sign-in")
    assert visitor.sign_in("joanne", to="/app/help").request.url.path == "/app/help"


def test_the_name_and_role_are_those_of_the_teams_own_list(joanne):
    page = joanne.get("/app/help")
    assert "Joanne Pike, health visitor" in page.find_class("baton-header__who")[0].text_content()


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "//elsewhere.example", "/fhir/Task", "/app/../admin", "/app/a?b=c"]
)
def test_a_sign_in_leads_to_no_other_site(town, to):
    employ(town, "joanne", VISITORS)
    answer = Visitor(town).sign_in("joanne", to=to)
    assert answer.request.url.host == "testserver"
    assert answer.request.url.path.startswith("/app/")


def test_somebody_whom_no_team_has_does_not_come_in(town):
    answer = Visitor(town).sign_in("nobody")
    assert answer.status_code == 403
    assert "You are not known here" in answer.text
    assert "baton" not in answer.cookies


def test_who_has_left_does_not_come_in_and_who_is_away_does(town):
    employ(town, "gone", VISITORS, left_at=town.clock() - timedelta(days=1))
    employ(town, "away", VISITORS, absent_from=town.clock() - timedelta(days=1))
    assert Visitor(town).sign_in("gone").status_code == 403
    assert Visitor(town).sign_in("away").status_code == 200


def test_a_code_is_good_once_and_in_the_browser_that_asked_for_it(town):
    visitor, other = Visitor(town), Visitor(town)
    asked = visitor.http.get("/app/sign-in/go").headers["location"].split("?")[1]
    form = dict(pair.split("=") for pair in asked.split("&")) | {"subject": "joanne"}
    back = visitor.http.post("/app/demo/people", data=form).headers["location"]
    assert other.http.get(back).status_code == 409
    assert visitor.http.get(back).status_code == 303
    assert visitor.http.get(back).status_code == 409


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(town):
    visitor = Visitor(town)
    asked = visitor.http.get("/app/sign-in/go").headers["location"].split("?")[1]
    form = dict(pair.split("=") for pair in asked.split("&")) | {"subject": "joanne"}
    inside = visitor.http.get(visitor.http.post("/app/demo/people", data=form).headers["location"])
    [cookie] = [line for line in inside.headers.get_list("set-cookie") if line.startswith("baton=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Domain" not in cookie


def test_over_https_both_cookies_are_kept_to_this_host(request, tmp_path):
    """With the prefix a browser takes a cookie only when it is Secure, for the whole host and for no other."""
    with town_copy(request, tmp_path) as url, opened(url, demo=True, public_url="https://testserver") as broker:
        employ(broker, "joanne", VISITORS)
        visitor = Visitor(broker)
        visitor.http.base_url = "https://testserver"
        away = visitor.http.get("/app/sign-in/go")
        form = dict(pair.split("=") for pair in away.headers["location"].split("?")[1].split("&")) | {
            "subject": "joanne"
        }
        inside = visitor.http.get(visitor.http.post("/app/demo/people", data=form).headers["location"])
        assert "__Host-baton" in visitor.http.cookies
        visitor.send(visitor.get("/app/help"), "/app/sign-out")
        assert "__Host-baton" not in visitor.http.cookies
    set_ = [*away.headers.get_list("set-cookie"), *inside.headers.get_list("set-cookie")]
    assert {line.split("=")[0] for line in set_} == {"__Host-baton", "__Host-baton-sign-in"}
    for line in set_:
        said = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "path=/"} <= said, line
        assert not any(part.startswith("domain") for part in said), line


def test_whoever_signs_in_again_has_another_session_and_the_first_is_over(joanne):
    first = joanne.http.cookies["baton"]
    joanne.sign_in("joanne")
    second = joanne.http.cookies["baton"]
    assert first != second
    joanne.http.cookies.set("baton", first)
    assert joanne.http.post("/app/stay", data={}).headers["location"] == "/app/sign-in?ended=1"


@pytest.mark.parametrize(
    "path", ["/app/inbox", "/app/sent", "/app/rota", "/app/agenda", "/app/help", "/app/accessibility"]
)
def test_every_page_of_somebody_signed_in_offers_to_sign_out(joanne, path):
    assert joanne.get(path).xpath("//form[@action='/app/sign-out']//button")


def test_a_session_ends_without_a_step_and_after_a_day_with_them(joanne, town):
    town.clock.forward(minutes=14)
    joanne.get("/app/help")
    assert joanne.send(joanne.get("/app/help"), "/app/sign-out").request.url.path == "/app/signed-out"
    joanne.sign_in("joanne")
    town.clock.forward(minutes=16)
    assert joanne.http.post("/app/stay", data={}).headers["location"] == "/app/sign-in?ended=1"
    joanne.sign_in("joanne")
    csrf: dict[str, str] = {}
    for _ in range(12 * 5):
        csrf = dict(filled(joanne.get("/app/help"), "/app/sign-out"))
        assert joanne.http.post("/app/stay", data=csrf).status_code == 204
        town.clock.forward(minutes=12)
    town.clock.forward(minutes=1)
    assert joanne.http.post("/app/stay", data=csrf).status_code == 303


def test_signing_out_ends_the_session_and_not_only_the_cookie(joanne):
    cookie = joanne.http.cookies["baton"]
    joanne.send(joanne.get("/app/help"), "/app/sign-out")
    joanne.http.cookies.set("baton", cookie)
    assert joanne.http.post("/app/stay", data={}).headers["location"] == "/app/sign-in?ended=1"


def test_whoever_is_revoked_is_out_at_once(joanne, town):
    body = {"subject": "joanne", "name": "Joanne Pike", "revoked": True}
    answer = town.call("PUT", "/admin/accounts/joanne", None, json=body, scopes=("baton/admin",))
    assert answer.status_code == 200
    assert joanne.http.post("/app/stay", data={}).status_code == 303
    assert joanne.sign_in("joanne").status_code == 403


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_form_without_the_sessions_token_does_nothing(joanne, csrf):
    answer = joanne.http.post("/app/sign-out", data={"csrf": csrf})
    assert answer.status_code == 403
    assert joanne.get("/app/help").find_class("baton-header__who")


def test_a_form_from_another_site_does_nothing(joanne):
    form = filled(joanne.get("/app/help"), "/app/sign-out")
    assert joanne.http.post("/app/sign-out", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_somebody_of_two_teams_acts_for_one_at_a_time_and_for_no_third(town):
    employ(town, "tom", VISITORS, OTHERS)
    visitor = Visitor(town)
    page = html.fromstring(visitor.sign_in("tom").text)
    assert [one.get("value") for one in page.get_element_by_id("seat")] == [VISITORS, OTHERS]
    after = html.fromstring(visitor.send(page, "/app/seat", team=OTHERS).text)
    assert [one.get("value") for one in after.get_element_by_id("seat") if "selected" in one.attrib] == [OTHERS]
    assert visitor.send(after, "/app/seat", team="harborne-practice").status_code == 403


def test_a_page_lets_nothing_in_from_outside_and_is_not_kept(joanne):
    headers = joanne.http.get("/app/help").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert joanne.http.get("/app/help").headers["content-security-policy"] != policy  # a nonce is good for one page


def test_an_address_that_no_page_has_says_so_in_words(joanne):
    answer = joanne.http.get("/app/tasks/../nothing")
    assert answer.status_code == 404
    assert "Page not found" in text(html.fromstring(answer.text))


def test_a_sign_in_is_in_the_audit_by_account_and_not_by_name(joanne, town):
    [row] = town.rows(Audit, action="sign-in")
    assert (row.client_name, row.team_id, row.entity_id) == ("person:joanne", VISITORS, "joanne")


def login(town, row):
    """Type, subtype and outcome of an entry as auditors get it."""
    event = town.call("GET", f"/fhir/AuditEvent/{row.id}", None, scopes=("baton/audit",)).json()
    return event["type"]["code"], event["subtype"][0]["code"], event["outcome"]


def test_signing_in_and_out_are_authentication_events(joanne, town):
    joanne.send(joanne.get("/app/help"), "/app/sign-out")
    joanne.http.post("/app/sign-out")  # nobody is signed in any more
    [came], [left] = town.rows(Audit, action="sign-in"), town.rows(Audit, action="sign-out")
    assert (left.client_name, left.team_id, left.entity_id) == ("person:joanne", VISITORS, "joanne")
    assert login(town, came) == ("110114", "110122", "0")
    assert login(town, left) == ("110114", "110123", "0")


def test_a_sign_in_that_failed_is_in_the_audit_with_why_and_without_what_was_sent(town):
    visitor = Visitor(town)
    assert visitor.http.get("/app/sign-in/back?code=9990000409&state=9990000409").status_code == 409
    assert visitor.sign_in("9990000409").status_code == 403
    forged, unknown = rows = town.rows(Audit, action="sign-in")
    assert [login(town, row) for row in rows] == [("110114", "110122", "8")] * 2
    assert {(row.client_name, row.team_id, row.entity_id) for row in rows} == {(None, None, None)}
    assert {one.detail["because"] for one in (forged, unknown)} == {
        "nothing was under way in this browser, or the issuer refused",
        "nobody here is known by that name, or has a place to act from",
    }
    assert "999" not in str([row.detail for row in rows])


def test_sign_ins_that_fail_in_a_flood_do_not_fill_the_audit(town, monkeypatch):
    monkeypatch.setattr(refusals, "elapsed", Clock())
    for _ in range(refusals.UNKNOWN.burst + 5):
        Visitor(town).http.get("/app/sign-in/back")
    assert len(town.rows(Audit, action="sign-in")) == refusals.UNKNOWN.burst


def test_without_an_issuer_nobody_signs_in_and_the_page_says_what_to_set(broker):
    visitor = Visitor(broker)
    assert "BATON_OIDC_ISSUER" in visitor.http.get("/app/sign-in").text
    assert visitor.http.get("/app/sign-in/go").status_code == 404
    assert visitor.http.get("/app/demo/people").status_code == 404


def test_an_account_names_people_of_teams_and_one_subject_is_one_account(town):
    def put(account, **body):
        body = {"subject": account, "name": "Sam Adeyemi"} | body
        return town.call("PUT", f"/admin/accounts/{account}", None, json=body, scopes=("baton/admin",))

    assert put("sam", seats=[{"team": VISITORS, "practitioner": "joanne"}]).status_code == 200
    assert put("sam", seats=[{"team": VISITORS, "practitioner": "nobody"}]).status_code == 422
    assert put("sam2", subject="sam").status_code == 422
    assert put("sam", scopes=["system/Task.u"]).status_code == 422
