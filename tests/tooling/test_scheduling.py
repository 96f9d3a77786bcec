"""How a parallel run is shared out: what shares servers stays together, a file's tests too, and what is long begins first; and what no process does twice."""

import gc
from pathlib import Path

import pytest

from tests.scheduling import FIRST, TOGETHER, group, turn

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("start", [*TOGETHER, *(first for first in FIRST if "/" in first)])
def test_what_is_named_is_there(start):
    assert list(ROOT.glob(f"{start}*"))


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/faults/test_k03_database_killed.py::test_x", "faults"),
        ("tests/faults/test_k04_rabbit_killed.py::test_x", "rabbit"),
        ("tests/unit/domain/test_tasks.py::test_x[a::b]", "tests/unit/domain/test_tasks.py"),
    ],
)
def test_who_shares_servers_or_a_file_is_together(nodeid, expected):
    assert group(nodeid) == expected


def test_what_is_long_begins_first():
    said = ["tests/unit/domain/test_tasks.py::a", "tests/journeys/test_release.py::a", "tests/faults/test_k01_x.py::a"]
    assert sorted(said, key=turn) == said[::-1]


def test_the_collector_passes_over_what_was_collected(request):
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(request.session.items)
