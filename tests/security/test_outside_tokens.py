"""Access tokens of issuers outside (RFC 9068): taken of the pinned issuer, with its pinned keys, for its own agency's systems, and no others."""

import base64
import hmac
import json
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from broker.errors import Misconfigured
from broker.settings import Settings
from broker.storage import clients
from broker.web.outside import outside
from tests.contract.calling import ADMIN_SCOPES, MIDWIVES, Broker, issues, opened, town_copy

ISSUER, OTHER_ISSUER = "https://sign-in.swbh.example/realms/systems", "https://sign-in.bcht.example"
SUBJECT = "0oa-maternity"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
NEXT = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the issuers' keys lie."""
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def town(request, folder):
    """A broker that trusts an issuer of each of two agencies, with a system that the first one speaks for."""
    keys, others = folder / "keys.json", folder / "others.json"
    publish(keys, KEY)
    publish(others, FOREIGN)
    trusted = {
        ISSUER: {"agency": "swbh", "jwks_file": str(keys)},
        OTHER_ISSUER: {"agency": "bcht", "jwks_file": str(others)},
    }
    with town_copy(request, folder) as url, opened(url, trusted_issuers=trusted) as broker:
        assert register(broker).status_code == 200
        yield broker


def publish(path, *keys: Any) -> None:
    path.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))


def register(broker: Broker, name: str = "swbh-outside", **other: Any):
    body = {"team": MIDWIVES, "issuer": ISSUER, "subject": SUBJECT, "scopes": ["baton/mailbox", "system/Task.rs"]}
    body = {key: value for key, value in (body | other).items() if value is not None}
    return broker.call("PUT", f"/admin/clients/{name}", None, json=body, scopes=ADMIN_SCOPES)


def claims(broker: Broker, **other: Any) -> dict[str, Any]:
    now = int(broker.clock().timestamp())
    made: dict[str, Any] = {"iss": ISSUER, "sub": SUBJECT, "client_id": SUBJECT, "aud": "http://testserver"}
    made |= {"iat": now, "exp": now + 300, "jti": str(uuid4())}
    return {name: value for name, value in (made | other).items() if value is not None}


def token(
    broker: Broker, key: Any = KEY, alg: str = "RS256", header: dict[str, Any] | None = None, **other: Any
) -> str:
    head = {"alg": alg, "typ": "at+jwt", "kid": key.kid} | (header or {})
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(head, claims(broker, **other), key, algorithms=[alg])


def status(broker: Broker, text: str, path: str = "/mailbox/inbox") -> int:
    return broker.http.get(path, headers={"Authorization": f"Bearer {text}"}).status_code


def test_the_system_that_it_names_comes_in_as_what_we_registered(town):
    assert status(town, token(town)) == 200
    assert status(town, token(town, aud=["http://testserver"]), "/fhir/Task") == 200
    assert status(town, token(town, header={"typ": "application/at+jwt"})) == 200


def test_its_scopes_are_ours_and_never_more_than_we_registered(town):
    assert status(town, token(town, scope="openid profile")) == 200
    assert status(town, token(town, scope="system/Task.rs")) == 403
    assert status(town, token(town, scope="baton/admin baton/mailbox")) == 200
    answer = town.http.put(
        "/admin/agencies/x", json={}, headers={"Authorization": f"Bearer {token(town, scope='baton/admin')}"}
    )
    assert answer.status_code == 403
    assert status(town, token(town, roles=["baton/audit"], scope="baton/audit"), "/audit/handovers") == 403


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(broker: Broker) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{encoded(claims(broker))}."


def hmac_with_the_public_key(broker: Broker) -> str:
    text = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'one'})}.{encoded(claims(broker))}"
    signature = hmac.digest(KEY.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


WRONG = {
    "none": unsigned,
    "HS256 with the public key": hmac_with_the_public_key,
    "symmetric": lambda town: token(town, OctKey.generate_key(256, {"kid": "one"}), "HS256"),
    "a foreign key with a known kid": lambda town: token(town, FOREIGN),
    "a foreign key in the header": lambda town: token(town, FOREIGN, header={"jwk": FOREIGN.as_dict(private=False)}),
    "a foreign key elsewhere": lambda town: token(town, FOREIGN, header={"jku": "https://evil.example/jwks.json"}),
    "a certificate in the header": lambda town: token(town, FOREIGN, header={"x5c": ["MIIB"]}),
    "kid as a path": lambda town: token(town, header={"kid": "../../../dev/null"}),
    "another issuer that is trusted, for a system of the first": lambda town: token(town, FOREIGN, iss=OTHER_ISSUER),
    "the first issuer's name with the other's key": lambda town: token(town, FOREIGN),
    "an issuer that is not trusted": lambda town: token(town, iss="https://elsewhere.example"),
    "an issuer spelt otherwise": lambda town: token(town, iss=f"{ISSUER}/"),
    "no issuer": lambda town: token(town, iss=None),
    "an issuer that is a list": lambda town: token(town, iss=[ISSUER]),
    "an ID token": lambda town: token(town, header={"typ": "JWT"}),
    "no type": lambda town: token(town, header={"typ": None}),
    "an assertion": lambda town: token(town, header={"typ": "client-authentication+jwt"}),
    "for somebody else": lambda town: token(town, aud="https://elsewhere.example"),
    "for somebody else too": lambda town: token(town, aud=["http://testserver", "https://elsewhere.example"]),
    "for the token endpoint": lambda town: token(town, aud="http://testserver/oauth2/token"),
    "no audience": lambda town: token(town, aud=None),
    "expired": lambda town: token(town, exp=int(town.clock().timestamp()) - 6),
    "lives for a day": lambda town: token(town, exp=int(town.clock().timestamp()) + 86400),
    "lives for ever": lambda town: token(town, exp=1e300),
    "no exp": lambda town: token(town, exp=None),
    "made tomorrow": lambda town: token(town, iat=int(town.clock().timestamp()) + 86400),
    "not yet": lambda town: token(town, nbf=int(town.clock().timestamp()) + 60),
    "no jti": lambda town: token(town, jti=None),
    "no client": lambda town: token(town, client_id=None),
    "no subject": lambda town: token(town, sub=None),
    "a subject that we do not know": lambda town: token(town, sub="nobody"),
    "a subject that is a list": lambda town: token(town, sub=[SUBJECT]),
    "bound to a key that is not shown": lambda town: token(town, cnf={"jkt": "x"}),
    "bound to a certificate that is not shown": lambda town: token(town, cnf={"x5t#S256": "x"}),
    "bound to something odd": lambda town: token(town, cnf="x"),
    "cut off": lambda town: token(town).rpartition(".")[0] + ".",
    "encrypted": lambda _town: "a.b.c.d.e",
    "dots": lambda _town: "..",
    "long": lambda town: token(town, more="x" * 9000),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("made", WRONG.values(), ids=WRONG.keys())
def test_whatever_is_not_right_about_it_opens_nothing(town, made):
    assert status(town, made(town)) == 401


def test_it_does_not_get_a_token_of_ours_by_its_name(town):
    """A client that an issuer speaks for has no keys here."""
    row = town.runtime.store.read(lambda session: clients.get(session, "swbh-outside"))
    assert (row.jwks, row.issuer) == ({"keys": []}, ISSUER)


def test_keys_are_rotated_by_putting_another_file_in_place(town, folder):
    keys = folder / "keys.json"
    try:
        publish(keys, KEY, NEXT)
        assert status(town, token(town)) == status(town, token(town, NEXT, "ES256")) == 200
        publish(keys, NEXT)
        assert status(town, token(town)) == 401
        assert status(town, token(town, NEXT, "ES256")) == 200
        keys.unlink()
        assert status(town, token(town, NEXT, "ES256")) == 401
    finally:
        publish(keys, KEY)


def test_revoked_it_is_out_at_once_whatever_its_issuer_goes_on_to_say(town):
    made = token(town)
    assert register(town, revoked=True).status_code == 200
    assert status(town, made) == 401
    assert register(town).status_code == 200
    assert status(town, made) == 200


def test_a_team_that_has_moved_to_another_agency_is_not_spoken_for_any_more(town):
    team = {"agency": "bcht", "function": "midwifery", "name": "Community midwifery", "area": "sandwell"}
    try:
        assert town.call("PUT", f"/admin/teams/{MIDWIVES}", None, json=team, scopes=ADMIN_SCOPES).status_code == 200
        assert status(town, token(town)) == 401
    finally:
        team["agency"] = "swbh"
        assert town.call("PUT", f"/admin/teams/{MIDWIVES}", None, json=team, scopes=ADMIN_SCOPES).status_code == 200


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({"issuer": "https://elsewhere.example"}, "issuer"),
        ({"issuer": OTHER_ISSUER}, "issuer"),
        ({"subject": None}, "subject"),
        ({"issuer": None}, "jwks.keys"),
        ({"jwks": {"keys": [KEY.as_dict(private=False)]}}, "jwks"),
        ({"team": None}, "issuer"),
        ({"scopes": ["baton/admin"]}, "issuer"),
        ({"scopes": ["baton/audit", "baton/mailbox"]}, "issuer"),
        ({}, "subject"),
    ],
)
def test_what_an_issuer_cannot_speak_for_is_not_registered(town, other, where):
    answer = register(town, "another", **other)
    assert answer.status_code == 422
    assert where in {one["expression"][0] for one in issues(answer)}


@pytest.mark.parametrize(
    "keys",
    [
        KeySet([KEY]).as_dict(private=True),
        {"keys": [OctKey.generate_key(256, {"kid": "x"}).as_dict(private=True)]},
        {"keys": []},
        {},
        [],
        None,
    ],
)
def test_it_does_not_start_with_keys_that_are_none_or_not_public(tmp_path, keys):
    path = tmp_path / "keys.json"
    if keys is not None:
        path.write_text(json.dumps(keys))
    trusted: dict[str, Any] = {ISSUER: {"agency": "swbh", "jwks_file": path}}
    with pytest.raises(Misconfigured, match="BATON_TRUSTED_ISSUERS"):
        outside(Settings(trusted_issuers=trusted))
    publish(path, KEY)
    with pytest.raises(Misconfigured, match="https://"):
        outside(Settings(trusted_issuers={"http://sign-in.example": trusted[ISSUER]}))


def test_without_trusted_issuers_no_such_token_is_looked_at(town):
    trusted = town.app.state.outside
    town.app.state.outside = outside(Settings())
    try:
        assert status(town, token(town)) == 401
    finally:
        town.app.state.outside = trusted
    assert status(town, token(town)) == 200
