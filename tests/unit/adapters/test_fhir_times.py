"""Times as systems write them, mended where that is certain."""

import pytest

from adapters.fhir_times import repaired
from adapters.port import Notifications, Quarantine

WHOLE = b'<timestamp value="2017-11-01T15:00:00+00:00"/>'


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("2017-11-01T15:00+00:00", "2017-11-01T15:00:00+00:00"),
        ("2017-11-01 15:00:00Z", "2017-11-01T15:00:00Z"),
        (" 2017-11-01T15:00:00Z", "2017-11-01T15:00:00Z"),
        ("2017-11-01T15:00:00.123+00:00[Europe/London]", "2017-11-01T15:00:00.123+00:00"),
        ("2017-11-01T15:00:00", "2017-11-01T15:00:00+00:00"),
        ("2017-07-01T15:00", "2017-07-01T15:00:00+01:00"),
    ],
)
def test_what_can_be_mended_is(written, mended):
    found = repaired(written)
    assert found is not None
    assert found[0] == mended


@pytest.mark.parametrize(
    "written",
    ["2017-11-01T15:00:00+00:00", "2017-11-01T15:00:00Z", "2017-11-01", "2017-13-01T15:00", "", "15:00", "now"],
)
def test_what_is_whole_or_past_mending_is_left(written):
    assert repaired(written) is None


@pytest.mark.parametrize(
    "written", [b"2017-11-01T15:00+00:00", b"2017-11-01T15:00:00+00:00[Europe/London]", b"2017-11-01T15:00:00"]
)
def test_an_event_is_read_with_a_warning_at_the_place(written, sample, translate):
    body = sample("nems-stu3/newborn-hearing-1-new.xml")
    assert WHOLE in body
    found = translate("midwifery", body.replace(WHOLE, b'<timestamp value="' + written + b'"/>'))
    assert isinstance(found, Notifications)
    assert found.messages == translate("midwifery", body).messages
    assert "Bundle.entry[0].resource.timestamp" in {warning.path for warning in found.warnings}


def test_a_time_beside_a_value_is_mended_and_named_by_its_element(sample, translate):
    birth = b'<valueDateTime value="2017-10-02T12:00:00+00:00"/>'
    body = sample("nems-stu3/nipe-outcome-1-new.xml").replace(birth, birth.replace(b":00+", b"+"))
    found = translate("midwifery", body)
    assert isinstance(found, Notifications)
    assert "Bundle.entry[3].resource.birthDate.extension[0].valueDateTime" in {w.path for w in found.warnings}


def test_an_offset_of_days_is_past_mending(sample, translate):
    body = sample("nems-stu3/newborn-hearing-1-new.xml").replace(WHOLE, WHOLE.replace(b"+00:00", b"+58:00"))
    assert isinstance(translate("midwifery", body), Quarantine)
