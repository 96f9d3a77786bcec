"""Stolen, forged, replayed and confused credentials (threats T2 and T3): who gets a token, and what it opens for how long."""

import base64
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from broker.storage import clients
from broker.storage.tables import AccessToken, Audit, UsedAssertion
from broker.web.tokens import JWT_BEARER
from tests.contract.calling import MIDWIVES, TEAM_SCOPES, Broker

AUDIENCE = "http://testserver/oauth2/token"
NAME = "swbh-maternity-system"
EC = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig", "alg": "ES384"})
RSA = RSAKey.generate_key(3072, {"kid": "rsa-1", "use": "sig"})
FOREIGN = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig", "alg": "ES384"})


@pytest.fixture
def registered(shared_broker: Broker) -> Broker:
    """The broker with one client that has an EC and an RSA key; as before, whatever an earlier test did."""
    put(shared_broker, revoked=False)
    return shared_broker


def put(broker: Broker, *keys: Any, name: str = NAME, **more: Any) -> None:
    jwks = {"keys": [key.as_dict(private=False) for key in keys or (EC, RSA)]}
    row = clients.Registered(name=name, team=MIDWIVES, jwks=jwks, scopes=frozenset(TEAM_SCOPES), **more)
    broker.runtime.store.write(lambda session: clients.put(session, row, broker.clock()))


def claims(broker: Broker, **other: Any) -> dict[str, Any]:
    now = int(broker.clock().timestamp())
    made = {"iss": NAME, "sub": NAME, "aud": AUDIENCE, "exp": now + 200, "iat": now, "jti": str(uuid4())}
    return {name: value for name, value in (made | other).items() if value is not None}


def signed(
    broker: Broker, key: Any = EC, alg: str = "ES384", header: dict[str, Any] | None = None, **other: Any
) -> str:
    head = {"alg": alg, "kid": key.kid} | (header or {})
    return jwt.encode({k: v for k, v in head.items() if v is not None}, claims(broker, **other), key, algorithms=[alg])


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def exchange(broker: Broker, assertion: str, **other: str):
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return broker.http.post("/oauth2/token", data=form | other)


def refused(answer, error: str = "invalid_client", status: int = 401) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"


def works(broker: Broker, token: str) -> bool:
    answer = broker.http.get("/mailbox/inbox", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


# --- what gets a token ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES384"), (RSA, "RS512"), (RSA, "RS384")])
def test_a_signed_assertion_gets_a_token_that_works_until_it_expires(registered, key, alg):
    answer = exchange(registered, signed(registered, key, alg))
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "access_token": body["access_token"],
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": " ".join(sorted(TEAM_SCOPES)),
    }
    assert answer.headers["cache-control"] == "no-store"
    assert works(registered, body["access_token"])
    registered.clock.forward(seconds=300)
    assert not works(registered, body["access_token"])


def test_a_granted_token_is_in_the_audit_by_client_and_scopes_and_nowhere_itself(registered):
    before = registered.ids(Audit)
    token = exchange(registered, signed(registered), scope="baton/mailbox").json()["access_token"]
    [row] = [row for row in registered.rows(Audit) if row.id not in before]
    assert (row.action, row.entity, row.entity_id, row.outcome) == ("grant", "token", NAME, "success")
    assert (row.client_name, row.detail) == (NAME, {"scopes": "baton/mailbox", "address": "testclient"})
    assert token not in str(row.model_dump())


def test_only_the_hash_of_a_token_is_kept(registered):
    token = exchange(registered, signed(registered)).json()["access_token"]
    kept = {row.digest for row in registered.rows(AccessToken)}
    assert sha256(token.encode()).hexdigest() in kept
    assert token not in kept


def test_scopes_are_those_asked_for_and_never_more_than_the_client_has(registered):
    one = exchange(registered, signed(registered), scope="baton/mailbox")
    assert one.json()["scope"] == "baton/mailbox"
    for scope in ("baton/admin", "baton/mailbox baton/admin", "*", "system/*.*", " ", "baton/mailbox\x00"):
        refused(exchange(registered, signed(registered), scope=scope), "invalid_scope", 400)


def test_an_assertion_works_once(registered):
    assertion = signed(registered)
    assert exchange(registered, assertion).status_code == 200
    refused(exchange(registered, assertion))
    other = signed(registered, jti=json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))["jti"])
    refused(exchange(registered, other))


def test_of_many_who_use_one_assertion_at_once_one_gets_a_token(either_broker):
    put(either_broker)
    assertion = signed(either_broker)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: exchange(either_broker, assertion), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]
    assert len(either_broker.rows(AccessToken, client_name=NAME)) == 1


def test_used_assertions_are_forgotten_only_after_they_have_expired(registered):
    jti = str(uuid4())
    assert exchange(registered, signed(registered, jti=jti)).status_code == 200
    registered.clock.forward(seconds=190)
    assert exchange(registered, signed(registered)).status_code == 200
    assert [row for row in registered.rows(UsedAssertion) if row.jti == jti]
    registered.clock.forward(seconds=20)
    assert exchange(registered, signed(registered)).status_code == 200
    assert not [row for row in registered.rows(UsedAssertion) if row.jti == jti]


# --- forged --------------------------------------------------------------------------------------------------------


def hs256_with_the_public_key(broker: Broker) -> str:
    """The classic confusion: the public key as the secret of an HMAC."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "rsa-1"}
    text = f"{encoded(head)}.{encoded(claims(broker))}"
    return f"{text}.{encoded(hmac.digest(RSA.as_pem(private=False), text.encode(), 'sha256'))}"


def unsigned(alg: str):
    return lambda broker: f"{encoded({'alg': alg, 'typ': 'JWT'})}.{encoded(claims(broker))}."


def with_header(**header: Any):
    return lambda broker: signed(broker, FOREIGN, header=header)


def stripped(broker: Broker) -> str:
    return signed(broker).rpartition(".")[0] + "."


def swapped(broker: Broker) -> str:
    """Claims of one assertion, signature of another."""
    head, _, signature = signed(broker).split(".")
    return f"{head}.{encoded(claims(broker))}.{signature}"


def der_signature(broker: Broker) -> str:
    head, body, _ = signed(broker).split(".")
    return f"{head}.{body}.{encoded(bytes(96))}"


def by_hand(broker: Broker, header: dict[str, Any], **other: Any) -> str:
    """Rightly signed, with what the library would not write."""
    text = f"{encoded({'alg': 'ES384', 'kid': 'ec-1'} | header)}.{encoded(claims(broker) | other)}"
    return f"{text}.{encoded(JWSRegistry.algorithms['ES384'].sign(text.encode(), EC))}"


FORGED = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "NONE": unsigned("nOnE"),
    "no alg": lambda broker: f"{encoded({'typ': 'JWT'})}.{encoded(claims(broker))}.",
    "HS256 with the public key": hs256_with_the_public_key,
    "RS256": lambda broker: signed(broker, RSA, "RS256"),
    "PS512": lambda broker: signed(broker, RSA, "PS512"),
    "ES256": lambda broker: signed(broker, ECKey.generate_key("P-256", {"kid": "ec-1"}), "ES256"),
    "a foreign key with a known kid": lambda broker: signed(broker, FOREIGN),
    "a foreign key in the header (jwk)": with_header(jwk=FOREIGN.as_dict(private=False)),
    "a foreign key elsewhere (jku)": with_header(jku="https://evil.example/jwks.json", kid="evil"),
    "a certificate elsewhere (x5u)": with_header(x5u="https://evil.example/cert.pem"),
    "a certificate in the header (x5c)": with_header(x5c=["MIIB"]),
    "kid as a path": with_header(kid="../../../../dev/null"),
    "kid as SQL": with_header(kid="ec-1' OR '1'='1"),
    "kid as nothing": with_header(kid=""),
    "kid unknown": with_header(kid="another"),
    "no kid though there are two keys": lambda broker: signed(broker, header={"kid": None}),
    "crit": lambda broker: by_hand(broker, {"crit": ["exp"], "exp": 1}),
    "b64 false": lambda broker: by_hand(broker, {"b64": False, "crit": ["b64"]}),
    "an access token": lambda broker: signed(broker, header={"typ": "at+jwt"}),
    "no signature": stripped,
    "another's claims": swapped,
    "a signature of zeros": der_signature,
    "EC key with an RSA algorithm": lambda broker: (
        f"{encoded({'alg': 'RS512', 'kid': 'ec-1'})}.{encoded(claims(broker))}.AAAA"
    ),
    "symmetric": lambda broker: signed(broker, OctKey.generate_key(256, {"kid": "ec-1"}), "HS512"),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_assertion_gets_nothing(registered, forge):
    refused(exchange(registered, forge(registered)))


def test_the_forgery_by_hand_below_is_right_but_for_what_it_changes(registered):
    assert exchange(registered, by_hand(registered, {})).status_code == 200


def bare(header: Any, body: Any, signature: str = "AAAA") -> str:
    return f"{encoded(header)}.{encoded(body)}.{signature}"


ALG, ISS = {"alg": "ES384"}, {"iss": NAME}
DEEP_CLAIMS = b'{"iss":"%s","a":%s%s}' % (NAME.encode(), b"[" * 999, b"]" * 999)
BROKEN = {
    "nothing": "",
    "one part": "x",
    "dots": "..",
    "many dots": "." * 100,
    "no base64": "!!!.###.$$$",
    "header is a list": bare([1], ISS),
    "claims are a list": bare(ALG, [1]),
    "claims are text": bare(ALG, "x"),
    "alg is a list": bare({"alg": ["ES384"]}, ISS),
    "kid is an object": bare({"alg": "ES384", "kid": {}}, ISS),
    "typ is a number": bare({"alg": "ES384", "typ": 5}, ISS),
    "deep header": bare(b"[" * 5000, ISS),
    "deep claims": bare({"alg": "ES384", "kid": "ec-1"}, DEEP_CLAIMS),
    "not UTF-8": bare(ALG, bytes([255, 254])),
    "encrypted": "a.b.c.d.e",
    "very long": f"{encoded(ALG)}.{'A' * 100_000}.AAAA",
    "iss with a NUL": bare(ALG, {"iss": NAME + chr(0)}),
    "iss is a list": bare(ALG, {"iss": [NAME]}),
    "iss is SQL": bare(ALG, {"iss": "x' OR 1=1 --"}),
}


@pytest.mark.parametrize("assertion", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_assertion_gets_nothing(registered, assertion):
    refused(exchange(registered, assertion))


WRONG = {
    "expired": {"exp": -10},
    "expired beyond the leeway": {"exp": -6},
    "lives too long": {"exp": 400},
    "lives for ever": {"exp": 1e300},
    "exp is text": {"exp": "soon"},
    "exp is true": {"exp": True},
    "exp is a list": {"exp": [1]},
    "no exp": {"exp": None},
    "another audience": {"aud": "https://elsewhere.example/oauth2/token"},
    "audience of a longer address": {"aud": AUDIENCE + "/x"},
    "two audiences": {"aud": [AUDIENCE, "https://elsewhere.example"]},
    "no audience": {"aud": None},
    "another subject": {"sub": "somebody-else"},
    "no subject": {"sub": None},
    "unknown client": {"iss": "nobody", "sub": "nobody"},
    "no issuer": {"iss": None},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "long jti": {"jti": "x" * 129},
    "jti is a number": {"jti": 5},
    "jti with a NUL": {"jti": "a\x00b"},
    "not before tomorrow": {"nbf": 86400},
    "nbf is text": {"nbf": "now"},
    "made tomorrow": {"iat": 86400},
    "made longer ago than it may live": {"iat": -200, "exp": 200},
    "iat is text": {"iat": "now"},
    "iat is a list": {"iat": [1]},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_an_assertion_with_wrong_claims_gets_nothing(registered, wrong):
    now = int(registered.clock().timestamp())
    dated = {
        name: now + value if name in ("exp", "nbf", "iat") and type(value) is int else value
        for name, value in wrong.items()
    }
    refused(exchange(registered, signed(registered, **dated)))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti", "nbf"])
@pytest.mark.parametrize("value", [None, True, {}, [], "", 1e400])
def test_a_claim_of_another_kind_gets_nothing(registered, name, value):
    refused(exchange(registered, by_hand(registered, {}, **{name: value})))


@pytest.mark.parametrize("value", [None, True, {}, [], "", "now", 1e400, -1e308])
def test_a_time_of_making_that_is_none_gets_nothing(registered, value):
    refused(exchange(registered, by_hand(registered, {}, iat=value)))


def test_an_assertion_of_another_client_gets_nothing_in_this_ones_name(registered):
    """A registered client signs for another: its own keys do not count there."""
    put(registered, FOREIGN, name="another-system")
    assert (
        exchange(registered, signed(registered, FOREIGN, iss="another-system", sub="another-system")).status_code == 200
    )
    refused(exchange(registered, signed(registered, FOREIGN)))
    refused(exchange(registered, signed(registered, FOREIGN, sub="another-system")))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_request"),
        ({"client_assertion_type": ""}, "invalid_request"),
    ],
)
def test_other_grants_are_not_offered(registered, form, error):
    refused(exchange(registered, signed(registered), **form), error, 400)


def test_a_secret_in_the_header_or_a_query_opens_nothing(registered):
    form = {"grant_type": "client_credentials", "client_id": NAME, "client_secret": "secret"}
    refused(registered.http.post("/oauth2/token", data=form), "invalid_request", 400)
    form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}
    refused(registered.http.post(f"/oauth2/token?client_assertion={signed(registered)}", data=form))
    assert registered.http.post("/oauth2/token", json={"grant_type": "client_credentials"}).status_code == 415


def test_a_refusal_is_audited_without_what_was_sent(registered):
    before = registered.ids(Audit)
    exchange(registered, hs256_with_the_public_key(registered))
    [row] = [row for row in registered.rows(Audit) if row.id not in before]
    assert (row.action, row.entity, row.outcome, row.detail) == (
        "refuse",
        "token",
        "failure",
        {"error": "invalid_client", "address": "testclient"},
    )
    assert (row.client_name, row.team_id, row.entity_id) == (None, None, None)


# --- too often -----------------------------------------------------------------------------------------------------


def test_a_client_that_asks_too_often_waits_and_nobody_else_does(broker):
    put(broker)
    put(broker, FOREIGN, name="another-system")
    most = broker.runtime.settings.token_client_limit
    assert [exchange(broker, signed(broker)).status_code for _ in range(most)] == [200] * most
    answer = exchange(broker, kept := signed(broker))
    assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "1"
    other = signed(broker, FOREIGN, iss="another-system", sub="another-system")
    assert exchange(broker, other).status_code == 200
    broker.clock.forward(seconds=1)
    assert exchange(broker, kept).status_code == 200  # it was not used up by being sent too early


def test_forgeries_in_somebodys_name_do_not_use_up_their_share(broker):
    put(broker)
    for _ in range(broker.runtime.settings.token_client_limit + 1):
        refused(exchange(broker, signed(broker, FOREIGN)))
    assert exchange(broker, signed(broker)).status_code == 200


def test_an_address_that_asks_too_often_waits_before_anything_is_looked_at_or_written(broker):
    put(broker)
    limited(broker, 3)
    for _ in range(3):
        refused(exchange(broker, "x.y.z"))
    rows = broker.counts(Audit)
    answer = exchange(broker, signed(broker))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "20")
    assert broker.http.post("/oauth2/revoke", data={"token": "x"}).status_code == 429
    assert broker.counts(Audit) == rows


def test_behind_a_proxy_of_ours_each_address_has_its_own_share_and_nobody_writes_its_own(broker):
    put(broker)
    limited(broker, 1, trusted_proxies=[ip_network("10.0.0.0/8")])
    proxied = TestClient(broker.app, client=("10.0.0.1", 5000))
    form = {"grant_type": "password"}

    def status(http: TestClient, *hops: str) -> int:
        headers = {"X-Forwarded-For": ", ".join(hops)}
        return http.post("/oauth2/token", data=form, headers=headers).status_code

    assert status(proxied, "198.51.100.7") == 400
    assert status(proxied, "203.0.113.9", "198.51.100.7", "10.0.0.2") == 429
    assert status(proxied, "198.51.100.8") == 400
    outside = TestClient(broker.app, client=("198.51.100.9", 5000))
    assert status(outside, "198.51.100.10") == 400
    assert status(outside, "198.51.100.11") == 429


def limited(broker: Broker, per_address: int, **more: Any) -> None:
    changed = {"token_address_limit": per_address} | more
    broker.runtime.settings = broker.runtime.settings.model_copy(update=changed)


# --- revoked, changed, closed --------------------------------------------------------------------------------------


def test_a_revoked_client_loses_its_tokens_at_once_and_gets_no_more(registered):
    token = exchange(registered, signed(registered)).json()["access_token"]
    assert works(registered, token)
    registered.runtime.store.write(lambda session: clients.revoke(session, NAME, registered.clock()))
    assert not works(registered, token)
    refused(exchange(registered, signed(registered)))


def revoke(broker: Broker, token: str, assertion: str, **other: str):
    form = {"client_assertion_type": JWT_BEARER, "client_assertion": assertion, "token": token}
    return broker.http.post("/oauth2/revoke", data=form | other)


def test_a_client_ends_its_own_token_at_once_and_no_other(registered):
    put(registered, FOREIGN, name="another-system")
    first, second = (exchange(registered, signed(registered)).json()["access_token"] for _ in range(2))
    theirs = exchange(registered, signed(registered, FOREIGN, iss="another-system", sub="another-system"))
    assert revoke(registered, first, signed(registered)).status_code == 200
    assert not works(registered, first)
    assert works(registered, second)
    for token in (first, theirs.json()["access_token"], "never-given", ""):
        answer = revoke(registered, token, signed(registered))
        assert (answer.status_code, answer.content) == (200, b"")
    assert works(registered, theirs.json()["access_token"])


def test_nobody_ends_a_token_without_the_clients_signature(registered):
    token = exchange(registered, signed(registered)).json()["access_token"]
    used = signed(registered)
    assert exchange(registered, used).status_code == 200
    for assertion in ("", used, signed(registered, FOREIGN), unsigned("none")(registered)):
        refused(revoke(registered, token, assertion))
    refused(revoke(registered, token, signed(registered), client_assertion_type=""), "invalid_request", 400)
    assert works(registered, token)


def test_new_keys_end_the_tokens_of_the_old_and_the_old_sign_no_more(registered):
    token = exchange(registered, signed(registered)).json()["access_token"]
    put(registered, FOREIGN)
    assert not works(registered, token)
    refused(exchange(registered, signed(registered)))
    assert exchange(registered, signed(registered, FOREIGN)).status_code == 200


def test_a_closed_team_can_still_read_and_finish_what_it_holds(broker):
    """Closing is about routing: access ends by revoking the client, so that nothing the team holds is stranded."""
    body = {
        "agency": "swbh",
        "function": "midwifery",
        "name": "Community midwifery",
        "area": "sandwell",
        "closed": True,
    }
    headers = broker.headers()
    answer = broker.call("PUT", f"/admin/teams/{MIDWIVES}", team=None, json=body, scopes=("baton/admin",))
    assert answer.status_code == 200
    assert broker.http.get("/mailbox/inbox", headers=headers).status_code == 200
    assert broker.http.get("/fhir/Task", headers=headers).status_code == 200


def test_what_the_sign_in_says_of_itself_is_so(registered):
    said = registered.http.get("/fhir/.well-known/smart-configuration").json()
    assert said["token_endpoint"] == AUDIENCE
    assert said["revocation_endpoint"] == AUDIENCE.replace("token", "revoke")
    assert said["token_endpoint_auth_signing_alg_values_supported"] == ["RS512", "RS384", "ES384"]
    assert set(TEAM_SCOPES) < set(said["scopes_supported"])
    [extension] = registered.http.get("/fhir/metadata").json()["rest"][0]["security"]["extension"]
    assert extension["extension"] == [{"url": "token", "valueUri": AUDIENCE}]
