"""A CloudEvent in binary mode is the same event in structured mode."""

import json

import pytest

from broker.web.cloud_events import structured

HEADERS = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "236a1d4a",
    "ce-type": "pds-death-notification-2",
    "ce-subject": "a%20b",
    "ce-Not": "an attribute",
    "ce-data": "not the data",
}
SAID = {"specversion": "1.0", "id": "236a1d4a", "type": "pds-death-notification-2", "subject": "a b"}


def test_attributes_stand_beside_the_data_as_it_was_written():
    body = b'{"n": 1.10, "b": [ ]}'
    event = structured(HEADERS, body)
    assert event is not None
    assert body in event
    assert json.loads(event) == {**SAID, "data": {"n": 1.1, "b": []}}


def test_an_event_without_data_is_its_attributes():
    assert json.loads(structured(HEADERS, b" ") or b"") == SAID


@pytest.mark.parametrize(
    ("headers", "body"), [({"content-type": "application/json"}, b"{}"), (HEADERS, b"<Bundle/>"), (HEADERS, b'{"a":')]
)
def test_what_is_not_in_binary_mode_or_has_no_json_is_left_alone(headers, body):
    assert structured(headers, body) is None
