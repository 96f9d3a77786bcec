"""Every kind of page that each role comes to by following links, at both widths; and a page that was made bad on purpose."""

import re

import pytest

from tests.browser.conftest import NARROW, WIDE
from tests.browser.looking import Watch, shape, sign_in
from tests.contract.test_policy_change import without_births

pytestmark = pytest.mark.browser

ROLES = ["joanne-pike", "amina-yusuf", "maria-santos", "nadia-rahman", "chris-doyle"]
ALWAYS = ["/app/sign-in", "/app/sign-in/go", "/app/signed-out", "/app/help", "/app/accessibility", "/app/nothing-here"]

AMONG = {
    "joanne-pike": (
        "inbox",
        "tasks/{id}",
        "tasks/{id}/accept",
        "households/{id}",
        "households/{id}/tell",
        "households/{id}/{event}",
    ),
    "nadia-rahman": (
        "audit/handovers",
        "audit/handovers/{id}",
        "audit/timeliness",
        "audit/declines",
        "audit/withheld",
        "audit/watch",
    ),
    "chris-doyle": (
        "admin/teams",
        "admin/teams/{id}",
        "admin/areas",
        "admin/directory/agency",
        "admin/directory/agency/{id}",
        "admin/directory/team",
        "admin/directory/team/{id}",
        "admin/directory/area",
        "admin/directory/area/{id}",
        "admin/channels",
        "admin/dead-letters",
        "admin/policy",
        "admin/people",
        "admin/people/{id}",
        "admin/people/new",
        "admin/branding",
        "admin/retention",
    ),
}
"""Kinds of page that a role must come to."""


def links(page, home):
    """Addresses of our own pages that this one leads to."""
    found = page.eval_on_selector_all("main a[href], nav a[href]", "all => all.map(one => one.href)")
    ours = [address for address in found if address.startswith(f"{home}/app/") and "#" not in address]
    return [address for address in ours if not shape(address).endswith(".csv")]  # what is saved is no page


def look(page, watch, home, seen):
    """The page that is shown, at both widths; its kind counts as seen."""
    seen.add(shape(page.url))
    found = []
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        found += [f"{shape(page.url)} at {size['width']}: {fault}" for fault in watch.faults(home)]
    page.set_viewport_size(WIDE)
    return found


def test_pages_for_everybody(page, site):
    watch, found = Watch(page), []
    for address in ALWAYS:
        page.goto(address)
        found += look(page, watch, site.address, set())
    assert found == []


@pytest.fixture(scope="module")
def looked():
    """Kinds of page that were looked at as an earlier role: the same templates need no second look."""
    return set()


@pytest.mark.parametrize("who", ROLES)
def test_every_kind_of_page_that_a_role_comes_to(page, site, who, looked):
    sign_in(page, who)
    watch, found = Watch(page), []
    seen: set[str] = set()
    waiting = [page.url]
    while waiting:
        address = waiting.pop(0)
        if shape(address) in seen or (shape(address) in looked and page.url != address):
            continue
        page.goto(address)
        found += look(page, watch, site.address, seen)
        waiting += links(page, site.address)
    looked |= seen
    assert found == []
    assert seen >= {f"/app/{place}" for place in AMONG.get(who, ())}


def test_forms_with_something_wrong_and_the_page_to_check(page, site):
    sign_in(page, "joanne-pike")
    watch, found = Watch(page), []
    page.goto("/app/inbox?kind=acknowledge")
    page.locator("main table a").first.click()
    for move in ("Acknowledge", "Decline", "Take more time"):
        page.get_by_role("button", name=move, exact=True).click()
        page.wait_for_url(re.compile(r"/tasks/[^/]+/"))
        page.get_by_role("button", name=move, exact=True).click()
        page.locator(".nhsuk-error-summary").wait_for()
        assert page.title().startswith("Error: ")
        found += look(page, watch, site.address, set())
        page.get_by_role("link", name="Back to the task").click()
    page.goto("/app/inbox?kind=transfer")
    page.locator("main table a").first.click()
    page.get_by_role("button", name="Open the transfer").click()
    found += look(page, watch, site.address, set())
    page.get_by_role("button", name="Check what you are about to send").click()
    found += look(page, watch, site.address, set())
    page.locator("input[value='ask']").first.check()
    page.locator("textarea").first.fill("When was she last weighed?")
    page.get_by_role("button", name="Check what you are about to send").click()
    page.get_by_role("heading", name="Check before you send").wait_for()
    found += look(page, watch, site.address, set())
    assert found == []


def test_the_form_for_an_emergency_once_somebody_has_signed_in_again(page, site):
    sign_in(page, "joanne-pike")
    watch, found = Watch(page), []
    page.goto("/app/break-glass")
    page.get_by_role("button", name="Sign in again").click()
    page.locator("button[value='joanne-pike']").click()
    page.wait_for_url(re.compile(r"/app/break-glass"))
    found += look(page, watch, site.address, set())
    page.get_by_role("button", name="Read the household, and tell my lead").click()
    page.locator(".nhsuk-error-summary").wait_for()
    found += look(page, watch, site.address, set())
    assert found == []


def test_what_buttons_of_auditors_and_administrators_lead_to(page, site):
    watch, found = Watch(page), []
    sign_in(page, "nadia-rahman")
    page.goto("/app/audit/handovers?older_than=long")
    page.locator(".nhsuk-error-summary").wait_for()
    found += look(page, watch, site.address, set())
    page.goto("/app/audit/handovers")
    for summary in page.locator("main summary").all():
        summary.click()
    found += look(page, watch, site.address, set())
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, "chris-doyle")
    page.goto("/app/admin/policy?example=birth")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="Who would be told of: Birth").wait_for()
    found += look(page, watch, site.address, set())
    page.goto("/app/admin/policy/versions")
    page.get_by_label("Policy").evaluate("(one, text) => { one.value = text; }", without_births("seen-1"))
    page.get_by_label("Why it is to change").fill("Fewer tasks")
    page.get_by_role("button", name="Propose it").click()
    assert "Somebody else must approve what you proposed." in page.locator("main").inner_text()
    found += look(page, watch, site.address, set())
    page.goto("/app/admin/policy/versions")
    page.get_by_role("button", name="Propose it").click()
    page.locator(".nhsuk-error-summary").wait_for()
    found += look(page, watch, site.address, set())
    page.goto("/app/admin/dead-letters")
    page.get_by_role("button", name="Read again").first.click()
    assert "It still cannot be read." in page.locator("main").inner_text()
    found += look(page, watch, site.address, set())
    assert found == []


def test_a_page_that_is_bad_on_purpose_fails(page, site):
    page.goto("/app/help")
    watch = Watch(page)
    page.evaluate(
        """() => {
            document.querySelector("main").innerHTML +=
              "<h1>Second</h1><img src='/app/assets/baton.svg'><p id='wide'>x</p><input>";
            document.getElementById("wide").style.width = "3000px";
            document.documentElement.removeAttribute("lang");
            const elsewhere = document.createElement("script");
            elsewhere.src = "http://elsewhere.invalid/x.js";
            document.head.append(elsewhere);
        }"""
    )
    for _ in range(600):
        if any("Content Security Policy" in words for words in watch.said):
            break
        page.wait_for_timeout(50)
    found = " ".join(watch.faults(site.address))
    for wanted in (
        "image-alt",
        "label",
        "scrolls sideways",
        "2 first headings",
        "no language",
        "Content Security Policy",
    ):
        assert wanted in found, (wanted, found)
