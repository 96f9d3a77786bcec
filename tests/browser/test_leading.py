"""What a safeguarding lead does in the place of a team that has not answered: every form at both widths with something wrong in it, and each move to its end, without JavaScript too."""

import re

import pytest

from tests.browser.conftest import RAISED
from tests.browser.looking import Watch, sign_in
from tests.browser.test_every_page import look

pytestmark = pytest.mark.browser

CLOSE, EXTEND, GIVE = (
    "Close it after a discussion",
    "Give the team more time",
    "Take it over, or give it to another team",
)


def raised(page, words):
    """From the overview to a task that was raised, as a newcomer goes."""
    page.goto("/app/overview")
    page.get_by_role("link", name="See each one").click()
    page.locator("tr", has_text=words).get_by_role("link").click()
    page.wait_for_url(re.compile(r"/app/tasks/[^/]+$"))


@pytest.mark.parametrize("move", [CLOSE, EXTEND, GIVE])
def test_a_form_of_the_lead_with_something_wrong(page, site, move):
    sign_in(page, "maria-santos")
    raised(page, RAISED[0])
    watch = Watch(page)
    page.get_by_role("button", name=move).click()
    found = look(page, watch, site.address, set())
    page.get_by_role("button", name=move).click()
    page.locator(".nhsuk-error-summary").wait_for()
    assert page.title().startswith("Error: ")
    found += look(page, watch, site.address, set())
    assert found == []


def closes(page):
    page.get_by_label("With whom was it discussed?").fill("Amina Yusuf's team leader")
    page.get_by_label("When?").fill("2026-01-01T10:00")
    page.get_by_label("Early help was agreed").check()
    page.get_by_label("Why, or what was agreed?").fill("A plan until Easter.")


def extends(page):
    page.get_by_label("Until when?").fill("2027-01-01")
    page.get_by_label("Why?").fill("They are short of people.")


def takes_over(page):
    page.get_by_label("To whom?").select_option("swbh-safeguarding-lead")
    page.get_by_label("Why?").fill("Nobody answers the telephone.")


def gives(page):
    page.get_by_label("To whom?").select_option("swbh-health-visiting")
    page.get_by_label("Why?").fill("They know the family.")


DONE = [
    ("page", RAISED[1], CLOSE, closes, ["It is closed.", "Closed by the lead", "A plan until Easter."]),
    ("plain", RAISED[2], EXTEND, extends, ["There is a later date now.", "1 January 2027"]),
    ("page", RAISED[3], GIVE, takes_over, ["It was handed on.", "Named nurses for safeguarding"]),
    ("plain", RAISED[4], GIVE, gives, ["It was handed on."]),
]


@pytest.mark.parametrize(
    ("browser", "words", "move", "fill", "said"), DONE, ids=["close", "extend-plain", "take-over", "give-plain"]
)
def test_a_lead_acts_in_the_team_s_place(request, site, browser, words, move, fill, said):
    page = request.getfixturevalue(browser)
    sign_in(page, "maria-santos")
    raised(page, words)
    page.get_by_role("button", name=move).click()
    fill(page)
    page.get_by_role("button", name=move).click()
    page.wait_for_url(re.compile("done="))
    shown = page.locator("main").inner_text()
    for one in said:
        assert one in shown
