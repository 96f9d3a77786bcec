"""Takes the pictures of docs/pictures from a running demonstration: `make run`, then `python -m deploy.dev.pictures http://127.0.0.1:8000`."""

import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from deploy.dev import browser

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1280, "height": 1000}


def main(address: str) -> None:
    """Sign in as a health visitor of the demonstration and take each picture."""
    program = browser.find()
    if program is None:
        sys.exit("There is no Chromium: `make services` installs one.")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = chromium.new_context(base_url=address, viewport=SIZE, locale="en-GB").new_page()
        page.goto("/app/sign-in/go")
        page.locator("button[value='joanne-pike']").click()
        _take(page, "inbox")
        page.goto("/app/inbox?show=urgent&kind=acknowledge")
        page.locator("main table a").first.click()
        _take(page, "task")
        page.goto("/app/inbox?kind=transfer")
        page.locator("main table a").first.click()
        page.get_by_role("link", name="The household as a picture").first.click()
        _take(page, "household")
        page.go_back()
        page.get_by_role("button", name="Open the transfer").click()
        _take(page, "transfer")
        chromium.close()


def _take(page: Page, name: str) -> None:
    page.wait_for_load_state()
    page.screenshot(path=FOLDER / f"{name}.png")
    print(FOLDER / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1])
