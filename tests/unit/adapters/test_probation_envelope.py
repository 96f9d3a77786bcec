"""How HMPPS events are carried, dated and numbered, and when two are the same."""

import json
from datetime import UTC, datetime

import pytest

from adapters.port import Ignored, Notifications, Quarantine
from adapters.probation.times import day, instant

EVENT = "probation-case.sentence.created"


def _wrapped(body, **members):
    attributes = {"eventType": {"Type": "String", "Value": json.loads(body)["eventType"]}}
    return json.dumps(
        {"Type": "Notification", "MessageId": "m-1", "Message": body.decode(), "MessageAttributes": attributes}
        | members
    ).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-11T15:13:21+01:00", datetime(2024, 6, 11, 14, 13, 21, tzinfo=UTC)),
        ("2024-06-11T15:13:21Z", datetime(2024, 6, 11, 15, 13, 21, tzinfo=UTC)),
        ("2024-06-11T15:13:21.0929091+01:00", datetime(2024, 6, 11, 14, 13, 21, 92909, tzinfo=UTC)),
        ("2024-06-11T15:13:21.092909150+01:00", datetime(2024, 6, 11, 14, 13, 21, 92909, tzinfo=UTC)),
        ("2024-06-11T15:13:21.5Z", datetime(2024, 6, 11, 15, 13, 21, 500_000, tzinfo=UTC)),
        ("2023-06-19T18:35:59.442+01:00[Europe/London]", datetime(2023, 6, 19, 17, 35, 59, 442_000, tzinfo=UTC)),
        ("2024-06-11T15:13", datetime(2024, 6, 11, 14, 13, tzinfo=UTC)),  # London, in summer
        ("2020-02-25T11:24:32.935401", datetime(2020, 2, 25, 11, 24, 32, 935_401, tzinfo=UTC)),  # London, in winter
    ],
)
def test_instants(text, expected):
    found = instant(text)
    assert found is not None
    assert found.at == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{createdDate}",
        "yesterday",
        "2024-06-31T00:00:00Z",
        "2024-06-11",
        "0001-01-01T00:00:00+14:00",
        "2024-06-11T25:00:00Z",
    ],
)
def test_what_is_no_instant(text):
    assert instant(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon Jun 19 18:35:59 BST 2023", "2023-06-19"),
        ("Thu Feb 20 00:08:57 GMT 2020", "2020-02-20"),
        ("2023-06-19", "2023-06-19"),
        ("Mon Jun 31 18:35:59 BST 2023", None),
        ("Mon Foo 19 18:35:59 BST 2023", None),
        ("19/06/2023", None),
    ],
)
def test_days(text, expected):
    found = day(text)
    assert (found.isoformat() if found else None) == expected


def test_the_same_event_bare_and_in_an_envelope_is_one(hmpps, translate):
    bare = hmpps(EVENT, {"eventNumber": "1"})
    spaced = json.dumps(json.loads(bare), indent=4, sort_keys=True).encode()
    first, second, third = (
        translate("probation", body) for body in (bare, _wrapped(bare), _wrapped(spaced, MessageId="m-2"))
    )
    assert first == second == third


def test_what_differs_only_in_carriage_is_the_same(hmpps, translate):
    one = translate("probation", hmpps(EVENT, version=2, publishedAt="2024-06-11T15:15:00Z"))
    other = translate("probation", hmpps(EVENT, version="2", publishedAt="2024-06-11T15:16:00Z"))
    assert (one.key, one.content_key) == (other.key, other.content_key)


@pytest.mark.parametrize(
    "members",
    [
        {"occurredAt": "2024-06-11T15:13:22+01:00"},
        {"personReference": {"identifiers": [{"type": "CRN", "value": "X777520"}]}},
        {"additionalInformation": {"eventNumber": "2"}},
    ],
)
def test_another_time_person_or_detail_is_another_event(members, hmpps, translate):
    one = translate("probation", hmpps(EVENT, {"eventNumber": "1"}))
    other = translate("probation", hmpps(EVENT, {"eventNumber": "1"}, **members))
    assert one.key != other.key
    assert one.messages[0].id != other.messages[0].id


def test_the_same_event_that_says_something_else_is_told_apart(hmpps, translate):
    one = translate("probation", hmpps(EVENT, description="A sentence"))
    other = translate("probation", hmpps(EVENT, description="Another sentence"))
    assert one.key == other.key
    assert one.content_key != other.content_key


def test_a_registration_is_the_same_whenever_it_is_published(hmpps, translate):
    information = {"registerTypeCode": "RCCO", "registrationId": "2500427774"}
    one = translate("probation", hmpps("probation-case.registration.added", information))
    other = translate(
        "probation", hmpps("probation-case.registration.added", information, occurredAt="2024-06-12T00:00:00Z")
    )
    assert one.key == other.key
    assert one.content_key != other.content_key


def test_the_inner_type_wins_over_the_envelope(hmpps, translate):
    attributes = {"eventType": {"Type": "String", "Value": "tier.calculation.complete"}}
    found = translate("probation", _wrapped(hmpps(EVENT), MessageAttributes=attributes))
    assert isinstance(found, Notifications)
    assert [warning.code for warning in found.warnings] == ["conflict"]


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_sns_speaking_for_itself_is_ignored(kind, translate):
    body = json.dumps({"Type": kind, "Message": "You have chosen to subscribe", "SubscribeURL": "https://sns.example"})
    assert isinstance(translate("probation", body.encode()), Ignored)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "$"),
        (b"not json", "$"),
        (b"[]", "$"),
        (b"{}", "eventType"),
        (b'{"eventType": ["x"]}', "eventType"),
        (b'{"eventType": "a", "eventType": "b"}', "$"),
        (b'{"Message": {"eventType": "a"}}', "Message"),
        (b'{"Message": "not json"}', "Message"),
        (b'{"Message": "{}"}', "Message.eventType"),
        (b'{"Type": ["Notification"], "Message": "{}"}', "Message.eventType"),
    ],
)
def test_what_cannot_be_read_is_quarantined_with_its_place(body, path, translate):
    found = translate("probation", body)
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == [path]


def test_numbers_are_normalised_and_wrong_ones_named_by_place(hmpps, translate):
    claims = [
        {"type": "CRN", "value": " x777519 "},
        {"type": "CRN", "value": "X777519"},
        {"type": "NOMS", "value": "not a number"},
        {"type": "DELIUS_EVENT_ID", "value": "1"},
        {"type": ["CRN"], "value": "X1"},
        "CRN",
    ]
    found = translate("probation", hmpps(EVENT, personReference={"identifiers": claims}))
    assert isinstance(found, Notifications)
    assert [identifier.value for identifier in found.messages[0].people[0].identifiers] == ["X777519"]
    assert [warning.path for warning in found.warnings] == ["personReference.identifiers[2].value"]


def test_an_event_about_nobody_is_quarantined(hmpps, translate):
    found = translate("probation", hmpps(EVENT, personReference=...))
    assert isinstance(found, Quarantine)
    assert [problem.path for problem in found.problems] == ["personReference.identifiers"]
