"""Signing in by an OpenID Connect issuer that listens on this machine: what it must prove, and what is not believed."""

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from broker.web.pages.issuers import NotSignedIn, ask
from broker.web.pages.oidc import OidcIssuer
from tests.conftest import NOON

KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
CODE = "a-code"


class Outside:
    """An issuer: what it gives for a code can be bent."""

    def __init__(self, address: str) -> None:
        self.address, self.key = address, KEY
        self.claims: dict[str, object] = {}
        self.asked: list[dict[str, str]] = []
        self.published = KEY
        self.named = address
        self.says_who = False

    def token(self, asked: dict[str, str]) -> dict[str, str]:
        self.asked.append(asked)
        now = int(NOON.timestamp())
        claims = {"iss": self.address, "aud": "baton", "sub": "555000001", "iat": now, "exp": now + 60} | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return {"id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)}


class Server(ThreadingHTTPServer):
    """It is asked over HTTP."""

    made: Outside


@pytest.fixture
def outside():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made = cast("Server", self.server).made
            found = {
                "/.well-known/openid-configuration": {
                    "issuer": made.named,
                    "authorization_endpoint": f"{made.address}/authorize",
                    "token_endpoint": f"{made.address}/token",
                    "jwks_uri": f"{made.address}/keys",
                    "authorization_response_iss_parameter_supported": made.says_who,
                },
                "/keys": {"keys": [made.published.as_dict(private=False)]},
            }
            self.answer(found[self.path])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            made = cast("Server", self.server).made
            self.answer(made.token({name: values[0] for name, values in parse_qs(body).items()}))

        def answer(self, what):
            content = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.made = Outside(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.made
    server.shutdown()
    thread.join()
    server.server_close()


def signed_in(outside, **claims):
    issuer = OidcIssuer(name=outside.address, client_id="baton", secret="s3cret")
    asking = ask("http://testserver/app/sign-in/back")
    outside.claims = {"nonce": asking.nonce} | claims
    return issuer.subject(CODE, asking, NOON), asking


def test_the_browser_is_sent_to_ask_for_a_code_with_a_challenge(outside):
    asking = ask("http://testserver/app/sign-in/back")
    address = urlsplit(OidcIssuer(name=outside.address, client_id="baton").address(asking, NOON))
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.path, asked["code_challenge_method"], asked["response_type"]) == ("/authorize", "S256", "code")
    assert asked["code_challenge"] == asking.challenge
    assert asking.verifier not in address.query


def test_the_subject_is_that_of_the_token_and_the_verifier_is_shown_to_the_issuer_alone(outside):
    subject, asking = signed_in(outside)
    assert subject == "555000001"
    [sent] = outside.asked
    assert (sent["code"], sent["code_verifier"], sent["client_secret"]) == (CODE, asking.verifier, "s3cret")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://elsewhere.example"},
        {"aud": "another-client"},
        {"aud": ["baton", "another-client"]},
        {"exp": int(NOON.timestamp()) - 60},
        {"exp": None},
        {"sub": None},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_not_believed(outside, claims):
    with pytest.raises(NotSignedIn):
        signed_in(outside, **claims)


def test_a_token_that_another_key_signed_is_not_believed(outside):
    outside.key = OTHER
    with pytest.raises(NotSignedIn):
        signed_in(outside)


def test_an_issuer_that_calls_itself_something_else_is_not_believed(outside):
    outside.named = "https://elsewhere.example"
    with pytest.raises(NotSignedIn):
        signed_in(outside)


@pytest.mark.parametrize("alg", ["HS256", "none", "RS1"])
def test_a_token_that_is_signed_otherwise_than_issuers_sign_is_not_believed(outside, alg):
    asking = ask("http://testserver/app/sign-in/back")
    now = int(NOON.timestamp())
    claims = {"iss": outside.address, "aud": "baton", "sub": "x", "exp": now + 60, "nonce": asking.nonce}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": alg, "kid": "one"}, claims)]
    text = b".".join(parts)
    signature = hmac.digest(KEY.as_pem(private=False), text, "sha256") if alg == "HS256" else b""
    outside.token = lambda _: {"id_token": (text + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()}
    with pytest.raises(NotSignedIn):
        OidcIssuer(name=outside.address, client_id="baton").subject(CODE, asking, NOON)


def test_the_answer_must_be_the_issuers_that_was_asked(outside):
    """RFC 9207: whoever mixes issuers up is found out."""
    issuer = OidcIssuer(name=outside.address, client_id="baton")
    asking = ask("http://testserver/app/sign-in/back")
    outside.claims = {"nonce": asking.nonce}
    assert issuer.subject(CODE, asking, NOON, outside.address) == "555000001"
    with pytest.raises(NotSignedIn):
        issuer.subject(CODE, asking, NOON, "https://elsewhere.example")
    outside.says_who = True
    careful = OidcIssuer(name=outside.address, client_id="baton")
    assert careful.subject(CODE, asking, NOON, outside.address) == "555000001"
    with pytest.raises(NotSignedIn):
        careful.subject(CODE, asking, NOON)


def signed_in_again(outside, strong=(), **claims):
    issuer = OidcIssuer(name=outside.address, client_id="baton", strong=strong)
    asking = ask("http://testserver/app/sign-in/back", NOON - timedelta(minutes=1))
    asked = parse_qs(urlsplit(issuer.address(asking, NOON)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    outside.claims = {"nonce": asking.nonce} | claims
    return issuer.subject(CODE, asking, NOON)


JUST_NOW = int(NOON.timestamp()) - 30


def test_signing_in_again_is_proved_by_the_time_at_which_it_was(outside):
    assert signed_in_again(outside, auth_time=JUST_NOW) == "555000001"
    assert signed_in_again(outside, strong=("aal3", "hwk"), auth_time=JUST_NOW, acr="aal3") == "555000001"
    assert signed_in_again(outside, strong=("aal3", "hwk"), auth_time=JUST_NOW, amr=["pin", "hwk"]) == "555000001"


@pytest.mark.parametrize(
    ("strong", "claims"),
    [
        ((), {}),
        ((), {"auth_time": JUST_NOW - 3600}),
        ((), {"auth_time": JUST_NOW + 3600}),
        ((), {"auth_time": "now"}),
        ((), {"auth_time": True}),
        (("aal3",), {"auth_time": JUST_NOW}),
        (("aal3",), {"auth_time": JUST_NOW, "acr": "aal1", "amr": ["pwd"]}),
        (("aal3",), {"auth_time": JUST_NOW, "amr": "aal3"}),
    ],
)
def test_an_issuer_that_only_remembers_them_or_lets_them_in_weakly_proves_nothing(outside, strong, claims):
    with pytest.raises(NotSignedIn):
        signed_in_again(outside, strong=strong, **claims)


@pytest.mark.parametrize("subject", ["", 5, ["x"], "x" * 256])
def test_a_subject_that_is_no_name_is_nobodys(outside, subject):
    with pytest.raises(NotSignedIn):
        signed_in(outside, sub=subject)


def test_keys_that_have_changed_are_asked_for_again(outside):
    issuer = OidcIssuer(name=outside.address, client_id="baton")
    asking = ask("http://testserver/app/sign-in/back")
    outside.claims = {"nonce": asking.nonce}
    assert issuer.subject(CODE, asking, NOON) == "555000001"
    outside.key = outside.published = OTHER
    assert issuer.subject(CODE, asking, NOON) == "555000001"


def test_an_issuer_that_is_away_signs_nobody_in():
    with pytest.raises(NotSignedIn):
        OidcIssuer(name="http://127.0.0.1:1", client_id="baton").address(ask("http://testserver"), NOON)
