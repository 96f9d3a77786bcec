"""Signatures of webhooks checked by other people's code: `v1` by the project's own library, `v1a` by the specification and a plain Ed25519."""

import asyncio
import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from adapters.channels.endpoint import Endpoint
from adapters.channels.signing import BadSecret, key, public_key, sign, signatures
from adapters.channels.webhook import WebhookChannel
from broker.clock import utc_now
from tests.unit.channels.receiver import receiving, status

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NEXT = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
PRIVATE = bytes(range(100, 132))
BODY = '{"resourceType":"Bundle","type":"message","note":"naïve ümlaut €"}'.encode()
SENT = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())


def checked(header, public, message_id, sent, body):
    """What a receiver does with `v1a` by the specification: each of the signatures until one of that version fits."""
    checker = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    for version, _, signature in (each.partition(",") for each in header.split(" ")):
        if version == "v1a":
            checker.verify(base64.b64decode(signature), f"{message_id}.{sent}.".encode() + body)
            return True
    return False


def test_v1_equals_the_one_of_the_specification():
    # https://github.com/standard-webhooks/standard-webhooks, libraries' common test vector
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_goes_over_the_wire_is_verified_both_ways():
    async def go():
        async with (
            receiving(status(200)) as receiver,
            WebhookChannel(timeout_seconds=5, allow_private=True) as channel,
        ):
            endpoint = Endpoint("t", receiver.url, SECRET, signing_key=PRIVATE)
            await channel.push(endpoint, "5f0c4a52", BODY, now=utc_now(), sequence=7)
            return receiver.got[0]

    got = asyncio.run(go())
    assert Webhook(SECRET).verify(got.body, got.headers)["type"] == "message"
    assert checked(
        got.headers["webhook-signature"], public_key(PRIVATE), "5f0c4a52", got.headers["webhook-timestamp"], got.body
    )
    assert got.headers["baton-sequence"] == "7"


@pytest.mark.parametrize(
    ("message_id", "sent", "body"),
    [("another", SENT, BODY), ("id", SENT + 1, BODY), ("id", SENT, BODY.replace(b"message", b"massage"))],
)
def test_v1a_vouches_for_id_time_and_body(message_id, sent, body):
    header = signatures([SECRET], PRIVATE, "id", SENT, BODY)
    assert checked(header, public_key(PRIVATE), "id", SENT, BODY)
    with pytest.raises(InvalidSignature):
        checked(header, public_key(PRIVATE), message_id, sent, body)


def test_while_a_secret_is_replaced_both_are_good():
    header = signatures([NEXT, SECRET], None, "id", int(utc_now().timestamp()), BODY)
    sent = {"webhook-id": "id", "webhook-timestamp": str(int(utc_now().timestamp())), "webhook-signature": header}
    assert [Webhook(secret).verify(BODY, sent)["type"] for secret in (SECRET, NEXT)] == ["message"] * 2
    assert not [one for one in header.split() if one.startswith("v1a")]


def test_neither_a_secret_nor_a_key_is_seen_in_a_log_of_the_endpoint():
    shown = repr(Endpoint("t", "https://hooks.trust.example/", SECRET, earlier_secret=NEXT, signing_key=PRIVATE))
    assert SECRET not in shown
    assert NEXT not in shown
    assert repr(PRIVATE) not in shown


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_!!", "whsec_" + base64.b64encode(b"x" * 23).decode(), base64.b64encode(b"x" * 32).decode()],
)
def test_what_is_no_secret(secret):
    with pytest.raises(BadSecret):
        key(secret)
