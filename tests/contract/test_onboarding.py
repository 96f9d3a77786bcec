"""`/admin`: everybody and everything onboarded over HTTP, as often as one likes, and refused with the place of what is wrong."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from broker.storage import channels, clients
from broker.storage.tables import AccessToken, Agency, Area, AreaPostcode, Audit, Channel, Client, Coverage, Team
from tests.contract.calling import MIDWIVES, Broker, Json, issues

EC = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig", "alg": "ES384"})
RSA = RSAKey.generate_key(3072, {"kid": "rsa-1"})
JSON = {"Content-Type": "application/json"}
TABLES = (Agency, Area, AreaPostcode, Coverage, Team, Channel, Client)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEAM = {"agency": "swbh", "function": "midwifery", "name": "Night midwives", "area": "sandwell"}


def put(broker: Broker, path: str, body: Any, scopes: tuple[str, ...] = ("baton/admin",)):
    content = json.dumps(body).encode()  # the client's own way cannot send half a character
    return broker.call("PUT", f"/admin/{path}", None, content=content, headers=JSON, scopes=scopes)


def client(*keys: Any, **more: Any) -> Json:
    jwks = {"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys or (EC,)]}
    return {"team": MIDWIVES, "jwks": jwks, "scopes": ["baton/mailbox"]} | more


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("agencies/new-trust", {"name": "New Trust", "ods_code": "RXX"}),
        ("agencies/new-trust", {"name": "New Trust"}),
        ("areas/dudley", {"name": "Dudley", "postcodes": ["DY1", "DY2"], "coverage": {"midwifery": MIDWIVES}}),
        ("areas/dudley", {"name": "Dudley"}),
        ("teams/night-midwives", TEAM | {"telephone": "0121 496 0199", "honours_marks": False, "ods_code": "RXK01"}),
        ("teams/night-midwives", TEAM | {"closed": True}),
        (f"teams/{MIDWIVES}/channel", {"kind": "mailbox"}),
        (f"teams/{MIDWIVES}/channel", {"kind": "webhook", "url": "https://hook.example/in", "secret": SECRET}),
        ("clients/new-system", client()),
        ("clients/new-system", client(EC, RSA, revoked=True)),
        ("clients/auditor", client(team=None, scopes=["baton/audit", "system/AuditEvent.rs"])),
    ],
)
def test_putting_the_same_again_gives_the_same_and_adds_nothing(standing_broker: Broker, path, body):
    first = put(standing_broker, path, body)
    rows = [stored(standing_broker, table) for table in TABLES]
    standing_broker.clock.forward(minutes=1)
    second = put(standing_broker, path, body)
    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert first.json() == second.json()
    assert [stored(standing_broker, table) for table in TABLES] == rows


def stored(broker: Broker, table: Any) -> list[Json]:
    """The rows of a table, without when they were last put."""
    rows = [row.model_dump(exclude={"changed_at"}) for row in broker.rows(table)]
    return sorted(rows, key=repr)


def test_a_secret_is_kept_when_it_is_not_sent_again_and_never_shown(broker: Broker):
    webhook = {"kind": "webhook", "url": "https://hook.example/in"}
    first = put(broker, f"teams/{MIDWIVES}/channel", webhook | {"secret": SECRET})
    second = put(broker, f"teams/{MIDWIVES}/channel", webhook | {"url": "https://hook.example/other"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert broker.runtime.store.read(lambda session: channels.get(session, MIDWIVES).has_secret)
    assert SECRET not in first.text + second.text


def test_the_same_client_again_keeps_its_tokens_and_a_changed_one_loses_them(broker: Broker):
    assert put(broker, "clients/new-system", client()).status_code == 200
    row = broker.runtime.store.read(lambda session: clients.get(session, "new-system"))
    assert row is not None
    broker.runtime.store.write(
        lambda session: clients.keep_token(
            session,
            "d" * 64,
            "new-system",
            "baton/mailbox",
            expires_at=broker.clock.forward(hours=1),
            now=broker.clock(),
        )
    )
    broker.clock.forward(hours=-1)
    assert put(broker, "clients/new-system", client()).status_code == 200
    assert broker.rows(AccessToken, client_name="new-system")
    assert put(broker, "clients/new-system", client(scopes=["baton/mailbox", "system/Task.rs"])).status_code == 200
    assert not broker.rows(AccessToken, client_name="new-system")


def test_a_client_gets_no_team_besides_its_own(broker: Broker):
    """Registered again for another team, its old tokens do not open the other team's mailbox."""
    assert put(broker, "clients/new-system", client()).status_code == 200
    assert put(broker, "clients/new-system", client(team="bcht-health-visiting")).status_code == 200
    assert [row.team_id for row in broker.rows(Client, name="new-system")] == ["bcht-health-visiting"]


# --- wrong references ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("teams/x", TEAM | {"agency": "nobody"}, "agency"),
        ("teams/x", TEAM | {"area": "nowhere"}, "area"),
        (f"teams/{MIDWIVES}", TEAM | {"function": "police"}, "function"),
        ("areas/dudley", {"name": "Dudley", "coverage": {"midwifery": "nobody"}}, "coverage.midwifery"),
        ("areas/dudley", {"name": "Dudley", "coverage": {"police": MIDWIVES}}, "coverage.police"),
        ("areas/dudley", {"name": "Dudley", "postcodes": ["DY9", "B17"]}, "postcodes[1]"),
        ("areas/dudley", {"name": "Dudley", "postcodes": ["DY9", "DY9"]}, "postcodes"),
        ("clients/x", client(team="nobody"), "team"),
        ("clients/x", client(team=None), "team"),
        ("clients/x", client(scopes=[]), "scopes"),
        ("clients/x", client(scopes=["baton/mailbox", "baton/everything"]), "scopes[1]"),
        ("teams/swbh-health-visiting/channel", {"kind": "webhook", "url": "https://hook.example"}, "secret"),
        (f"teams/{MIDWIVES}/channel", {"kind": "amqp"}, "kind"),
    ],
)
def test_what_refers_to_nothing_is_422_with_its_place(standing_broker: Broker, path, body, where):
    standing_broker.headers(None, ("baton/admin",))
    before = [stored(standing_broker, table) for table in TABLES]
    answer = put(standing_broker, path, body)
    assert answer.status_code == 422
    assert [issue["expression"] for issue in issues(answer)] == [[where]]
    assert [stored(standing_broker, table) for table in TABLES] == before


def test_the_channel_of_no_team_is_404(broker: Broker):
    assert put(broker, "teams/nobody/channel", {"kind": "mailbox"}).status_code == 404


# --- keys ----------------------------------------------------------------------------------------------------------

PUBLIC = RSA.as_dict(private=False)
KEYS = {
    "a private RSA key": (RSA.as_dict(private=True), "jwks.keys[0]"),
    "a private EC key": (EC.as_dict(private=True), "jwks.keys[0]"),
    "a part of a private key": (PUBLIC | {"p": "AQAB"}, "jwks.keys[0]"),
    "a secret": (OctKey.generate_key(256).as_dict(private=True), "jwks.keys[0]"),
    "2048 bits, which are 112 of security": (PUBLIC | {"n": "_" * 341 + "w"}, "jwks.keys[0]"),
    "1026 bits": (PUBLIC | {"n": "_" * 171}, "jwks.keys[0]"),
    "3071 bits by another name": (PUBLIC | {"n": "AAAA" + "f" + "_" * 511}, "jwks.keys[0]"),
    "16384 bits": (PUBLIC | {"n": "_" * 2730}, "jwks.keys[0]"),
    "exponent 1": (PUBLIC | {"e": "AQ"}, "jwks.keys[0]"),
    "exponent 3": (PUBLIC | {"e": "Aw"}, "jwks.keys[0]"),
    "even exponent": (PUBLIC | {"e": "AQAA"}, "jwks.keys[0]"),
    "P-256": (ECKey.generate_key("P-256").as_dict(private=False), "jwks.keys[0]"),
    "Ed25519": (OKPKey.generate_key("Ed25519").as_dict(private=False), "jwks.keys[0]"),
    "a point off the curve": (EC.as_dict(private=False) | {"x": "A" * 64}, "jwks.keys[0]"),
    "for encryption": (PUBLIC | {"use": "enc"}, "jwks.keys[0]"),
    "for RS256": (PUBLIC | {"alg": "RS256"}, "jwks.keys[0]"),
    "EC for RS512": (EC.as_dict(private=False) | {"alg": "RS512"}, "jwks.keys[0]"),
    "no kty": ({"n": PUBLIC["n"], "e": "AQAB"}, "jwks.keys[0]"),
    "no modulus": ({"kty": "RSA", "e": "AQAB"}, "jwks.keys[0]"),
    "no base64": (PUBLIC | {"n": "!" * 342}, "jwks.keys[0]"),
    "numbers for text": (PUBLIC | {"kid": 5}, "jwks.keys[0]"),
    "a NUL in its name": (PUBLIC | {"kid": "a\x00"}, "jwks.keys[0]"),
    "a certificate alone": ({"x5c": ["MIIB"]}, "jwks.keys[0]"),
}


@pytest.mark.parametrize(("key", "where"), KEYS.values(), ids=KEYS.keys())
def test_a_private_or_weak_or_unreadable_key_is_refused_and_not_repeated(shared_broker: Broker, key, where):
    answer = put(shared_broker, "clients/x", client(key))
    assert answer.status_code == 422
    assert [issue["expression"] for issue in issues(answer)] == [[where]]
    assert not [value for value in key.values() if isinstance(value, str) and len(value) > 20 and value in answer.text]
    assert shared_broker.rows(Client, name="x") == []


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": [None]},
        {"keys": ["x"]},
        {"keys": [[]]},
        {"key": [PUBLIC]},
        {"keys": [PUBLIC] * 21},
        {"keys": [PUBLIC, PUBLIC]},
        {"keys": [PUBLIC, PUBLIC | {"kid": ""}]},
    ],
)
def test_what_is_no_set_of_keys_is_refused(shared_broker: Broker, jwks):
    answer = put(shared_broker, "clients/x", client() | {"jwks": jwks})
    assert answer.status_code == 422
    assert all(issue["expression"][0].startswith("jwks.keys") for issue in issues(answer))


def test_of_a_key_only_what_is_used_is_kept(broker: Broker):
    """No address that somebody might follow one day, no certificate with a person's name."""
    extra = {"x5u": "https://evil.example", "jku": "https://evil.example", "x5c": ["MIIB"], "note": "\ud83d\ude00\x00"}
    assert put(broker, "clients/new-system", client(PUBLIC | extra)).status_code == 200
    [row] = broker.rows(Client, name="new-system")
    assert row.jwks == {"keys": [{name: PUBLIC[name] for name in ("kty", "kid", "n", "e")}]}


# --- malformed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("agencies/x", {}, "name"),
        ("agencies/x", {"name": ""}, "name"),
        ("agencies/x", {"name": "x" * 201}, "name"),
        ("agencies/x", {"name": "a\x00b"}, "name"),
        ("agencies/x", {"name": "a\nb"}, "name"),
        ("agencies/x", {"name": 5}, "name"),
        ("agencies/x", {"name": "\ud800"}, "name"),
        ("agencies/x", {"name": "x", "ods_code": "lower"}, "ods_code"),
        ("agencies/x", {"name": "x", "9990000018": "Quillon"}, None),
        ("areas/x", {"name": "x", "postcodes": ["B17 0HG"]}, "postcodes[0]"),
        ("areas/x", {"name": "x", "postcodes": ["B1"] * 501}, "postcodes"),
        ("areas/x", {"name": "x", "coverage": {"Quillon": "a"}}, "coverage"),
        ("areas/x", {"name": "x", "coverage": {"Quillon": 5}}, "coverage"),
        ("teams/x", TEAM | {"function": "Quillon"}, "function"),
        ("teams/x", TEAM | {"closed": "Quillon"}, "closed"),
        ("teams/x/channel", {"kind": "webhook"}, None),
        ("teams/x/channel", {"kind": "mailbox", "url": "https://hook.example"}, None),
        ("teams/x/channel", {"kind": "webhook", "url": "ftp://hook.example"}, "url"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://Quillon:9990000018@hook.example"}, "url"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://hook.example/\r\nX: y"}, "url"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://hook.example:99999"}, "url"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://hook.example", "secret": "Quillon"}, "secret"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://h.example", "secret": "whsec_" + "=" * 30}, "secret"),
        ("teams/x/channel", {"kind": "webhook", "url": "https://h.example", "secret": "whsec_" + "A" * 28}, "secret"),
        ("clients/x", {"team": MIDWIVES, "scopes": ["baton/mailbox"]}, "jwks"),
        ("clients/x", [], None),
        ("clients/x", None, None),
        ("clients/x", "Quillon", None),
    ],
)
def test_a_field_that_is_wrong_is_422_with_its_name_and_never_its_value(shared_broker: Broker, path, body, where):
    answer = put(shared_broker, path, body)
    assert answer.status_code == 422, answer.text
    places = [issue.get("expression", [None])[0] for issue in issues(answer)]
    assert where in places
    assert not [word for word in ("Quillon", "9990000018") if word in answer.text]


@pytest.mark.parametrize("name", ["UPPER", "a_b", "-a", "a" * 65, "a%20b", "a%00", "%C3%A9", "a%0A"])
def test_a_name_in_the_address_is_of_lower_case_letters_digits_and_hyphens(shared_broker: Broker, name):
    for path, body in (("agencies", {"name": "x"}), ("teams", TEAM), ("clients", client())):
        answer = put(shared_broker, f"{path}/{name}", body)
        assert answer.status_code == 400
        assert issues(answer)[0]["expression"][0].startswith("path.")


def test_another_media_type_is_415(shared_broker: Broker):
    answer = shared_broker.call(
        "PUT",
        "/admin/agencies/x",
        None,
        content=b"name=x",
        scopes=("baton/admin",),
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 415


def test_everything_that_administration_does_is_audited(broker: Broker):
    put(broker, "agencies/new-trust", {"name": "New Trust"})
    [row] = [row for row in broker.rows(Audit) if row.entity_id == "new-trust"]
    assert (row.action, row.entity, row.client_name) == ("administer", "agency", broker.name(None, ("baton/admin",)))
