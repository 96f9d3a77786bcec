"""What is looked for on every page, at two widths: accessibility, requests to elsewhere, errors, sideways scrolling, one heading, a language."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_TEAM = re.compile(r"(/admin/(?:teams|people|directory/(?:agency|team|area))/)(?!new$)[a-z0-9-]+")
_EVENT = re.compile(r"(/households/\{id\}/)(?!tell$|concern$|transfer$)[a-z0-9-]+")
"""Forms made of definitions are of one kind, whatever the event."""


def sign_in(page: Page, who: str) -> None:
    """As one of the demonstration's people."""
    page.goto("/app/sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.locator(f"button[value='{who}']").click()
    page.wait_for_url(re.compile(r"/app/(?!demo|sign-in)"))


def shape(address: str) -> str:
    """The kind of page behind an address: ids and queries left out."""
    return _EVENT.sub(r"\1{event}", _TEAM.sub(r"\1{id}", _ID.sub("{id}", urlsplit(address).path)))


@dataclass
class Watch:
    """Everything that a page asks for and complains of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """From now on."""
        self.page.on("request", self._request)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def faults(self, home: str) -> list[str]:
        """What is wrong with the page as it is shown now; empty when nothing is."""
        page = self.page
        found = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in _axe(page)]
        found += [f"asks elsewhere: {url}" for url in self.asked if not url.startswith((home, "data:"))]
        found += [f"says: {words}" for words in self.said if "status of 4" not in words]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"scrolls sideways by {wide}"] if wide > 0 else []
        headings = page.locator("h1:visible").count()
        found += [f"has {headings} first headings"] if headings != 1 else []
        found += [] if page.locator("html").get_attribute("lang") else ["has no language"]
        self.asked.clear()
        self.said.clear()
        return found


def _axe(page: Page) -> list[dict]:
    return Axe().run(page, options=RULES).response["violations"]
