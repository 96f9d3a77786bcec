"""Bill of materials of what runs, as CycloneDX, from the pins: `python -m deploy.dev.sbom FILE`. It is kept only when it lists what is pinned, no more and no less."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.dev import own_environment
from deploy.dev.machine import CannotProvide, run
from deploy.dev.own_environment import ROOT

PINS: Final = ROOT / "requirements" / "runtime.txt"
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)

Release = tuple[str, str]
"""Name and version of a package."""


def main(file: Path) -> None:
    """Write the bill, or leave nothing.

    Raises:
        CannotProvide: the tool cannot be had, or its bill is not of what is pinned.
    """
    written = _written_by_the_tool()
    if listed(json.loads(written)) != pinned(PINS.read_text(encoding="utf-8")):
        raise CannotProvide("the bill of materials does not list what requirements/runtime.txt pins")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written, encoding="utf-8")


def _written_by_the_tool() -> str:
    tool = str(own_environment.made("sbom") / "cyclonedx-py")
    return run([tool, "requirements", str(PINS), "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"])


def pinned(pins: str) -> set[Release]:
    """What a file of pins pins, for every Python and system that it names."""
    return {(pin["name"], pin["version"]) for pin in _PIN.finditer(pins)}


def listed(bill: Mapping[str, Any]) -> set[Release]:
    """What a bill lists as components whose files are told by their hashes; the program itself is not among them."""
    hashed = (part for part in bill["components"] if _hashes(part))
    return {(part["name"], part["version"]) for part in hashed}


def _hashes(part: Mapping[str, Any]) -> bool:
    return any(reference.get("hashes") for reference in part.get("externalReferences", ()))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except CannotProvide as reason:
        sys.exit(f"sbom stopped: {reason}.")
