"""`/admin/teams/{id}/channel`: how a team is told, set and shown, switched off and on without anything being lost."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr

from adapters.channels.signing import sign_asymmetric
from broker.domain.states import DeliveryState
from broker.storage import channels
from broker.storage.tables import Channel, Delivery
from broker.workflow.endpoints import endpoint
from tests.contract.calling import MIDWIVES, VISITORS, Broker, issues, message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK = {"kind": "webhook", "url": "https://hook.example/in", "secret": SECRET}
EMAIL = {"kind": "email", "url": "mailto:duty@surgery.example"}


def put(broker: Broker, body, team=MIDWIVES):
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    return broker.call(
        "PUT", f"/admin/teams/{team}/channel", None, content=content, headers=headers, scopes=("baton/admin",)
    )


def get(broker: Broker, team=MIDWIVES):
    return broker.call("GET", f"/admin/teams/{team}/channel", None, scopes=("baton/admin",))


def with_mail(broker: Broker) -> None:
    broker.runtime.settings.smtp_url = SecretStr("smtp://mail.example")


def test_a_team_for_which_nothing_was_set_is_told_by_its_mailbox(shared_broker: Broker):
    assert get(shared_broker, VISITORS).json() == {
        "id": VISITORS,
        "kind": "mailbox",
        "url": None,
        "enabled": True,
        "disabled_at": None,
        "rate_per_second": None,
        "format": "fhir",
        "secret_set": False,
        "public_key": None,
        "changed_at": None,
        "amqp": None,
    }


def test_a_team_may_be_told_in_its_agency_s_own_format(shared_broker: Broker):
    for wanted in ("native", "fhir"):
        answer = put(shared_broker, {"kind": "mailbox", "format": wanted})
        assert (answer.status_code, answer.json()["format"]) == (200, wanted)
        assert get(shared_broker).json()["format"] == wanted
    assert put(shared_broker, {"kind": "mailbox", "format": "hl7"}).status_code == 422


def test_what_was_set_is_shown_and_the_secret_is_not(broker: Broker):
    answer = put(broker, WEBHOOK | {"rate_per_second": 2.5})
    assert answer.status_code == 200, answer.text
    assert get(broker).json() == answer.json()
    found = answer.json()
    assert (found["kind"], found["url"], found["enabled"]) == ("webhook", "https://hook.example/in", True)
    assert (found["rate_per_second"], found["secret_set"]) == (2.5, True)
    assert SECRET not in answer.text


def test_the_public_key_checks_what_the_team_is_sent_and_no_other_team_has_it(broker: Broker):
    shown = put(broker, WEBHOOK).json()["public_key"]
    assert put(broker, WEBHOOK, VISITORS).json()["public_key"] != shown
    private = channels.signing_key(broker.runtime.store.codec, MIDWIVES)
    signature = sign_asymmetric(private, "id", 1, b"body").removeprefix("v1a,")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(shown.removeprefix("whpk_")))
    public.verify(base64.b64decode(signature), b"id.1.body")


def test_the_channel_of_no_team_is_404(shared_broker: Broker):
    assert get(shared_broker, "nobody").status_code == 404


def signed_with(broker: Broker):
    [row] = broker.rows(Channel, team_id=MIDWIVES)
    return endpoint(broker.runtime.store.codec, MIDWIVES, row.url, row.secret, broker.clock()).secrets


def test_a_secret_that_is_replaced_is_good_for_a_day_beside_the_new_one(either_broker: Broker):
    broker, following = either_broker, "whsec_" + base64.b64encode(bytes(range(32))).decode()
    put(broker, WEBHOOK)
    assert signed_with(broker) == (SECRET,)
    broker.clock.forward(hours=1)
    answer = put(broker, WEBHOOK | {"secret": following})
    assert signed_with(broker) == (following, SECRET)
    assert SECRET not in answer.text
    broker.clock.forward(hours=23)
    put(broker, WEBHOOK | {"secret": following})  # the same again prolongs nothing
    put(broker, {"kind": "webhook", "url": "https://hook.example/other"})  # nor does another change
    assert signed_with(broker) == (following, SECRET)
    broker.clock.forward(hours=1)
    assert signed_with(broker) == (following,)


def test_an_e_mail_needs_a_mail_server(broker: Broker):
    refused = put(broker, EMAIL)
    assert (refused.status_code, issues(refused)[0]["expression"]) == (422, ["kind"])
    with_mail(broker)
    assert put(broker, EMAIL).json()["url"] == EMAIL["url"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (EMAIL | {"url": "https://hook.example"}, "url"),
        (EMAIL | {"url": "mailto:duty@surgery.example?bcc=press@news.example"}, "url"),
        (EMAIL | {"url": "mailto:duty@surgery.example,press@news.example"}, "url"),
        (EMAIL | {"url": "duty@surgery.example"}, "url"),
        ({"kind": "email"}, None),
        (WEBHOOK | {"url": "mailto:duty@surgery.example"}, "url"),
        (WEBHOOK | {"rate_per_second": 0}, "rate_per_second"),
        (WEBHOOK | {"rate_per_second": -1}, "rate_per_second"),
        (WEBHOOK | {"rate_per_second": 1e9}, "rate_per_second"),
        (WEBHOOK | {"rate_per_second": "fast"}, "rate_per_second"),
        (WEBHOOK | {"enabled": "perhaps"}, "enabled"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(broker: Broker, body, where):
    with_mail(broker)
    answer = put(broker, body)
    assert answer.status_code == 422, answer.text
    assert where in [issue.get("expression", [None])[0] for issue in issues(answer)]
    assert broker.rows(Channel) == []


def test_switching_off_and_on_loses_nothing_and_is_idempotent(either_broker: Broker):
    broker = either_broker
    put(broker, WEBHOOK, VISITORS)
    assert broker.post(message("birth")).status_code == 200
    [before] = broker.rows(Delivery, team_id=VISITORS, state=DeliveryState.READY)
    assert before.next_attempt_at is not None

    off = put(broker, WEBHOOK | {"enabled": False}, VISITORS).json()
    assert off["enabled"] is False
    assert broker.rows(Delivery, team_id=VISITORS)[0].next_attempt_at is None
    broker.clock.forward(minutes=5)
    assert put(broker, WEBHOOK | {"enabled": False}, VISITORS).json() == off

    on = put(broker, WEBHOOK, VISITORS).json()
    assert (on["enabled"], on["disabled_at"]) == (True, None)
    [after] = broker.rows(Delivery, team_id=VISITORS)
    assert (after.id, after.state, after.next_attempt_at) == (before.id, DeliveryState.READY, broker.clock())


def test_what_is_decided_while_a_channel_is_off_waits_for_it(either_broker: Broker):
    broker = either_broker
    put(broker, WEBHOOK | {"enabled": False}, VISITORS)
    assert broker.post(message("birth")).status_code == 200
    [waiting] = broker.rows(Delivery, team_id=VISITORS)
    assert (waiting.state, waiting.next_attempt_at) == (DeliveryState.READY, None)
    put(broker, WEBHOOK, VISITORS)
    assert broker.rows(Delivery, team_id=VISITORS)[0].next_attempt_at == broker.clock()
