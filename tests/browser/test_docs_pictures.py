"""The pictures of docs/pictures: each can be taken as whoever sees it, each page that shows one shows one that there is, and none is shown nowhere."""

import re
from pathlib import Path

import pytest

from deploy.dev import pictures

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NAMES = {name for taken in pictures.PICTURES.values() for name in taken}
PNG = b"\x89PNG"


def test_every_picture_is_taken_by_going_to_its_page(chromium, site, tmp_path):
    taken = list(pictures.take(chromium, site.address, tmp_path))
    assert {path.stem for path in taken} == NAMES
    assert all(path.read_bytes().startswith(PNG) for path in taken)


def test_what_the_documents_show_is_there_and_nothing_else():
    shown = set()
    for page in (ROOT / "README.md", ROOT / "docs" / "pages.md"):
        shown |= set(re.findall(r"pictures/([a-z-]+)\.png", page.read_text(encoding="utf-8")))
    there = {path.stem for path in (ROOT / "docs" / "pictures").glob("*.png")}
    assert shown == there == NAMES
