"""The pins say exactly what is installed, from nowhere in particular, and the same for running as for testing."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
PINNED = sorted(file.stem for file in REQUIREMENTS.glob("*.in"))
PIN = re.compile(
    r"^(?P<name>[a-z0-9.-]+)(?:\[[a-z,-]+\])?==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n)+.*)$", re.MULTILINE
)


def _pins(name: str) -> dict[str, str]:
    return {pin["name"]: pin["version"] for pin in PIN.finditer((REQUIREMENTS / f"{name}.txt").read_text())}


def _asked_for(name: str) -> set[str]:
    lines = (REQUIREMENTS / f"{name}.in").read_text().splitlines()
    words = [re.match(r"[A-Za-z0-9.-]+", line) for line in lines if line and not line.startswith(("#", "-"))]
    return {word[0].lower().replace(".", "-") for word in words if word}


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_its_hashes_and_no_registry_is_named(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith(("#", "--hash=sha256:"))]

    assert len(_pins(name)) == len(lines)  # one line a package, each followed by hashes, and nothing else
    assert all("--hash=sha256:" in pin["rest"] for pin in PIN.finditer(text))
    assert "://" not in text


@pytest.mark.parametrize("name", PINNED)
def test_what_is_asked_for_is_pinned(name):
    assert _asked_for(name) <= _pins(name).keys()


def test_tests_run_on_the_versions_that_are_shipped():
    assert _pins("runtime").items() <= _pins("dev").items()


def test_mutants_are_judged_by_the_versions_that_test():
    assert _pins("dev").items() <= _pins("mutants").items()
