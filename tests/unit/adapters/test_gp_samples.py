"""What each public sample comes to when it is sent as an event of general practice: told, ignored, or kept for people."""

from pathlib import Path

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from schemas.codes import Event

SAMPLES = Path(__file__).parents[2] / "samples"
FILES = sorted(path for path in SAMPLES.rglob("*.*") if path.suffix != ".md")

TOLD = {
    "gpconnect-stu3/consultation_report.xml": [Event.INFORMATION],
    "bars-r4/ValidationResponse_POST_.json": [Event.REFERRAL_OUTCOME],
}
IGNORED = {
    "hl7v2-lfh/sample_win.hl7",  # for training
    "bars-r4/Booking_POST_.json",
    "hl7v2-ms/ADT04-23.hl7",
    "hl7v2-ms/ADT-A28-01.hl7",
    "hl7v2-ms/ADT-A31-01.hl7",
}
UNDERSTOOD = {
    "bars-r4/ValidationRequest_HTTP_Response_.json",
    "hl7v2-ms/REF-I12-01.hl7",
    "hl7v2-ms/ADT-A05-02.hl7",
}
"""Kept for people because what they ask, or their event, is nothing that Baton can tell; any other is nothing of general practice's."""


def named(path):
    return str(path.relative_to(SAMPLES))


def test_the_table_names_files_that_are_there():
    assert {named(path) for path in FILES} >= TOLD.keys() | IGNORED | UNDERSTOOD


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_sample_comes_to_what_the_table_says(path, translate):
    found = translate("gp", path.read_bytes())
    name = named(path)
    if name in TOLD:
        assert isinstance(found, Notifications)
        assert [message.event for message in found.messages] == TOLD[name]
    elif name in IGNORED:
        assert isinstance(found, Ignored)
    else:
        assert isinstance(found, Quarantine)
        codes = {problem.code for problem in found.problems if problem.severity == "error"}
        assert codes
        assert name not in UNDERSTOOD or codes == {"not-supported"}
