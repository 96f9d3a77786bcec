"""What is hostile costs an adapter no memory that it keeps: after thousands of damaged inputs it holds what it held before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.registry import ADAPTERS

KEPT_AT_MOST = 500
"""Bytes for each input: a tenth of the smallest thing an adapter could keep of one, and what caches of other people's code may fill."""


@pytest.fixture(scope="module")
def kept() -> dict[str, float]:
    """Bytes that stay for each input, by kind of adapter."""
    measuring = [sys.executable, "-m", "tests.property.adapter_memory"]
    done = subprocess.run(measuring, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_nothing_of_a_hostile_input_is_kept(kept, kind):
    assert kept[kind] < KEPT_AT_MOST


def test_an_adapter_that_keeps_what_it_gets_is_found(kept):
    assert kept["hoarding"] > KEPT_AT_MOST
