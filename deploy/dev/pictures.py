"""Takes the pictures of docs/pictures from a running demonstration: `make run`, then `python -m deploy.dev.pictures http://127.0.0.1:8000`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from deploy.dev import browser

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1280, "height": 1000}


def _task(page: Page) -> None:
    """The most pressing thing that was told, else whatever is due first."""
    for address in ("/app/inbox?show=urgent&kind=acknowledge", "/app/inbox?kind=acknowledge", "/app/inbox"):
        page.goto(address)
        links = page.locator("main table a")
        if links.count():
            links.first.click()
            return
    sys.exit("The demonstration has nothing open for Joanne Pike: start it anew.")


def _household(page: Page) -> None:
    _transfer_task(page)
    page.get_by_role("link", name="The household as a picture").first.click()


def _transfer(page: Page) -> None:
    _transfer_task(page)
    page.get_by_role("button", name="Open the transfer").click()


def _transfer_task(page: Page) -> None:
    page.goto("/app/inbox?kind=transfer")
    page.locator("main table a").first.click()


def _at(address: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(address)

    return go


def _answer(page: Page) -> None:
    _task(page)
    page.get_by_role("button", name="Acknowledge").click()


def _first_of(address: str) -> Callable[[Page], None]:
    def go(page: Page) -> None:
        page.goto(address)
        page.locator("main table a").first.click()

    return go


def _simulator(page: Page) -> None:
    page.goto("/app/admin/policy?example=birth")
    page.get_by_role("button", name="Try it").click()


PICTURES: Final[Mapping[str, Mapping[str, Callable[[Page], None]]]] = {
    "joanne-pike": {
        "inbox": _at("/app/inbox"),
        "task": _task,
        "answer": _answer,
        "household": _household,
        "transfer": _transfer,
    },
    "maria-santos": {"overview": _at("/app/overview"), "raised": _first_of("/app/raised")},
    "nadia-rahman": {"handovers": _at("/app/audit/handovers"), "evidence": _first_of("/app/audit/handovers")},
    "chris-doyle": {"teams": _at("/app/admin/teams"), "channels": _at("/app/admin/channels"), "simulator": _simulator},
}
"""Who sees what: picture by name, with the way to its page."""


def take(chromium: Browser, address: str, folder: Path) -> Iterator[Path]:
    """Sign in as each of the demonstration's people at that broker and take their pictures."""
    for who, pictures in PICTURES.items():
        yield from _of(chromium, address, who, pictures, folder)


def _of(
    chromium: Browser, address: str, who: str, pictures: Mapping[str, Callable[[Page], None]], folder: Path
) -> Iterator[Path]:
    page = chromium.new_context(base_url=address, viewport=SIZE, locale="en-GB").new_page()
    page.goto("/app/sign-in/go")
    page.locator(f"button[value='{who}']").click()
    for name, go in pictures.items():
        go(page)
        page.wait_for_load_state()
        page.screenshot(path=folder / f"{name}.png")
        yield folder / f"{name}.png"
    page.context.close()


def main(address: str) -> None:
    """Take them into docs/pictures."""
    program = browser.find()
    if program is None:
        sys.exit("There is no Chromium: `make services` installs one.")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for path in take(chromium, address, FOLDER):
            print(path)
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1])
