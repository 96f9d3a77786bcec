"""How long ago something was, as it is written."""

from datetime import timedelta

import pytest

from broker.web.api.handover_rows import duration


@pytest.mark.parametrize(
    ("age", "written"),
    [
        (timedelta(), "PT0M"),
        (timedelta(seconds=59), "PT0M"),
        (timedelta(minutes=1), "PT1M"),
        (timedelta(hours=48), "P2D"),
        (timedelta(days=2, hours=3, minutes=4, seconds=59), "P2DT3H4M"),
        (timedelta(days=800, minutes=5), "P800DT5M"),
        (-timedelta(seconds=3), "PT0M"),
    ],
)
def test_whole_minutes_in_iso_8601(age, written):
    assert duration(age) == written
