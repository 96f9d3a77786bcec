"""Stylesheets, scripts and icons, served by us under names that change with their content, so that browsers may keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "assets"
PREFIX: Final = "/app/assets"
TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def _named() -> dict[str, Path]:
    """Name as served → file. Icons keep their names, by which the stylesheet asks for them."""
    found = {}
    for file in sorted(FOLDER.iterdir()):
        if file.suffix in TYPES:
            digest = sha256(file.read_bytes()).hexdigest()[:12]
            found[file.name if file.suffix == ".svg" else f"{file.stem}-{digest}{file.suffix}"] = file
    return found


FILES: Final = _named()
ADDRESSES: Final = {file.name: f"{PREFIX}/{name}" for name, file in FILES.items()}
"""File name → the address that a page names."""


@cache
def content(name: str) -> bytes:
    """What is served under a name; KeyError when nothing is."""
    return FILES[name].read_bytes()
