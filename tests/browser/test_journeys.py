"""What a practitioner does, by keyboard alone and without JavaScript; and that the pages say when a session is about to end."""

import re

import pytest

from tests.browser.looking import Watch, sign_in

pytestmark = pytest.mark.browser


def tab_to(page, name, role="link", most=200):
    """Press Tab until that is reached; a keyboard user can get there, and sees where they are."""
    for _ in range(most):
        page.keyboard.press("Tab")
        here = page.evaluate("document.activeElement.innerText || document.activeElement.name || ''")
        if here.strip().startswith(name):
            outline = page.evaluate(
                "(() => { const s = getComputedStyle(document.activeElement);"
                " return s.outlineStyle + s.boxShadow + s.backgroundColor; })()"
            )
            assert outline
            return
    raise AssertionError(f"the keyboard does not reach {name} ({role})")


def test_a_practitioner_answers_by_keyboard_alone(page):
    page.goto("/app/sign-in")
    tab_to(page, "Skip to main content")
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/app/demo/people"))
    tab_to(page, "Ruth Okafor", role="button")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/app/inbox"))
    page.goto("/app/inbox?kind=acknowledge")
    before = page.locator("main table tbody tr").count()
    name = page.locator("main table tr:not(.baton-pressing) a").last.inner_text()
    tab_to(page, name)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/app/tasks/"))
    tab_to(page, "Acknowledge")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/accept"))
    tab_to(page, "meaning", role="textbox")
    page.keyboard.type("We visit on Tuesday.")
    tab_to(page, "Acknowledge", role="button")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("done=accept"))
    assert "Your acknowledgement was sent." in page.locator("main").inner_text()
    assert "We visit on Tuesday." in page.locator("main").inner_text()
    page.goto("/app/inbox?kind=acknowledge")
    assert page.locator("main table tbody tr").count() == before - 1


def test_a_transfer_is_taken_over_without_javascript(plain):
    sign_in(plain, "joanne-pike")
    plain.goto("/app/inbox?kind=transfer")
    plain.locator("main table a").first.click()
    plain.get_by_role("button", name="Open the transfer").click()
    assert "Still open" in plain.locator("main").inner_text()
    for choice in plain.locator("input[value='accept']").all():
        choice.check()
    plain.get_by_role("button", name="Check what you are about to send").click()
    assert "Take over" in plain.locator("main").inner_text()
    plain.get_by_role("button", name="Send").click()
    assert "Nobody is open any more." in plain.locator("main").inner_text()
    plain.get_by_role("button", name="Sign out").click()
    assert "You are signed out" in plain.locator("h1").inner_text()
    plain.goto("/app/inbox")
    assert plain.url.endswith("/app/sign-in?to=%2Fapp%2Finbox")


def test_before_a_session_ends_the_page_asks_and_a_step_keeps_it(page):
    page.clock.install()
    sign_in(page, "ruth-okafor")
    page.route("**/app/who", lambda route: route.abort())  # the broker's own clock has not gone on
    assert page.locator("#session-warning").is_hidden()
    page.clock.fast_forward("13:30")
    page.locator("#session-warning").wait_for(state="visible")
    with page.expect_response("**/app/stay") as answered:
        page.get_by_role("button", name="Stay signed in").click()
    assert answered.value.status == 204
    page.locator("#session-warning").wait_for(state="hidden")
    page.clock.fast_forward("16:00")
    page.wait_for_url(re.compile("ended=1"))


def test_a_colleague_s_answer_shows_without_a_reload_and_what_was_typed_stays(chromium, site, page):
    sign_in(page, "joanne-pike")
    page.goto("/app/inbox?kind=acknowledge")
    page.locator("#live-open").filter(has_text="(").wait_for()
    before = page.locator("#live-open").inner_text()
    page.locator("main table a").first.click()
    task = page.url.split("?")[0]
    page.get_by_role("button", name="Acknowledge").click()
    page.locator("textarea").first.fill("We visit on Tuesday.")
    beside = chromium.new_context(base_url=site.address)
    colleague = beside.new_page()
    sign_in(colleague, "joanne-pike")
    colleague.goto(f"{task}/decline")
    colleague.locator("input[type='radio']").first.check()
    colleague.get_by_role("button", name="Decline").click()
    beside.close()
    changed = page.get_by_role("status").filter(has_text="How it stands now: Declined.")
    changed.wait_for()
    assert page.locator("textarea").first.input_value() == "We visit on Tuesday."
    assert page.locator("#live-open").inner_text() != before
    faults = Watch(page).faults(site.address)
    page.get_by_role("link", name="Look again").click()
    page.wait_for_url(task)
    assert faults == []


def test_a_step_in_another_tab_keeps_the_session_and_the_page_does_not_ask(page):
    page.clock.install()
    sign_in(page, "ruth-okafor")
    with page.expect_response("**/app/who"):
        page.clock.fast_forward("13:30")
    page.clock.fast_forward("05:00")
    assert page.locator("#session-warning").is_hidden()
    assert page.url.endswith("/app/inbox")


def typing(page, site, words):
    """A form with something typed in it, when the session ends: the page itself sees that, and nothing of it is shown."""
    sign_in(page, "amina-yusuf")
    page.goto("/app/rota")
    page.locator("main input[type='date']").first.fill("2030-01-01")
    beside = page.context.new_page()
    beside.goto("/app/help")
    beside.get_by_role("button", name="Sign out").click()
    page.locator("#session-hidden").wait_for(state="visible")
    return beside


def test_a_session_that_ends_while_somebody_types_hides_the_form_and_gives_it_back(page, site):
    beside = typing(page, site, "x")
    field = page.locator("main input[type='date']").first
    assert page.locator("#page, .baton-nav").count() == 0  # nothing of it stands in the document
    assert page.locator("h1:visible").inner_text() == "You were signed out"
    assert Watch(page).faults(site.address) == []
    page.get_by_role("button", name="I have signed in: go on").click()
    page.get_by_text("You are not signed in yet.").wait_for()
    sign_in(beside, "amina-yusuf")
    page.get_by_role("button", name="I have signed in: go on").click()
    field.wait_for(state="visible")
    assert field.input_value() == "2030-01-01"
    page.locator("main form").get_by_role("button").first.click()
    assert "earlier sign-in" not in page.locator("main").inner_text()
    assert "You have signed in again" not in page.locator("main").inner_text()


def test_another_person_gets_nothing_of_what_was_typed(page, site):
    beside = typing(page, site, "x")
    sign_in(beside, "ruth-okafor")
    page.get_by_role("button", name="I have signed in: go on").click()
    page.get_by_text("Somebody else is signed in now").wait_for()
    assert page.locator("main input[type='date']").first.is_hidden()
