"""Who may call: client assertions (private_key_jwt) are checked and bearer tokens given and read here."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NoReturn

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.storage import clients
from broker.storage.store import Store
from broker.web.keys import ALGORITHMS
from broker.web.outside import Outside

SCOPES = {
    "baton/message.write": "Send messages and native events",
    "baton/mailbox": "Read and acknowledge the team's mailbox",
    "baton/audit": "See every hand-over and the whole audit",
    "baton/admin": "Change the directory, channels and clients",
    "system/Task.rs": "Read and search the team's tasks",
    "system/Task.u": "Answer the team's tasks",
    "system/Patient.s": "Find people and households the team works with",
    "system/Flag.rs": "Read and search flags",
    "system/AuditEvent.rs": "Read and search the team's audit",
}
LONGEST_ASSERTION = timedelta(minutes=5)
LEEWAY_SECONDS = 5
LONGEST_TEXT = 16_384
"""Characters of an assertion: one signed with 8192 bits has some 2,000."""
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = ("jwt", "client-authentication+jwt")
"""What an assertion may call itself (RFC 7519, 5.1, and RFC 7523bis); an access token or a receipt is none."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""Names of clients, as they are registered."""


class Refused(Exception):
    """A token request was refused; `error` is the OAuth 2.0 error code (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        """The description helps the caller's developer and holds nothing the caller sent."""
        super().__init__(description)
        self.error = error


@dataclass(frozen=True, slots=True)
class Granted:
    """A bearer token as it is answered."""

    token: str
    scopes: str
    seconds: int


def client_of(session: Session, assertion: str, *, audience: str, now: datetime) -> clients.Registered:
    """The client that signed an assertion, which is used once. Refused says what to mend."""
    name = _issuer(assertion)
    client = clients.held(session, name) if NAME.fullmatch(name) else None
    if client is None or client.revoked or client.issuer is not None:
        _bad("this client is not known here or was revoked")
    claims = _verified(assertion, client, audience, now)
    expires = datetime.fromtimestamp(claims["exp"], UTC)
    if not clients.use_assertion(session, client.name, claims["jti"], expires, now):
        _bad("this assertion was used before: sign a new one with a new jti")
    return client


def grant(
    session: Session,
    client: clients.Registered,
    scope: str | None,
    *,
    seconds: int,
    now: datetime,
    certificate: str | None = None,
) -> Granted:
    """A bearer token for a client, with the scopes asked for as far as it has them (all of them when none are asked for).

    `certificate`: of the connection by which it asks; of a client that is bound to one the token is good by that alone.
    """
    held = client.scopes
    asked = held if scope is None else frozenset(scope.split())
    if not asked or not asked <= held:
        raise Refused("invalid_scope", "a scope was asked for that this client does not have")
    if client.certificate_bound and certificate is None:
        _bad("this client must ask by a connection with its certificate")
    bound = certificate if client.certificate_bound else None
    token = secrets.token_urlsafe(32)
    scopes = " ".join(sorted(asked))
    expires = now + timedelta(seconds=seconds)
    clients.keep_token(session, _digest(token), client.name, scopes, expires_at=expires, now=now, certificate=bound)
    return Granted(token, scopes, seconds)


def revoke(session: Session, client: clients.Registered, token: str) -> bool:
    """End one of the client's own tokens at once (RFC 7009); False when it has none such, which nobody is told."""
    return clients.forget_token(session, _digest(token), client.name)


def caller(store: Store, token: str, now: datetime, certificate: str | None = None) -> Caller | None:
    """Whose live token this is, by a connection with that certificate."""
    held = clients.holder(store, _digest(token), now)
    if held is None:
        return None
    name, team, agency, scopes, bound = held
    if bound is not None and bound != certificate:
        return None
    return Caller(client=name, team=team, agency=agency, scopes=frozenset(scopes.split()))


def outsider(
    store: Store, trusted: Outside, token: str, now: datetime, certificate: str | None = None
) -> Caller | None:
    """The system that a trusted issuer's token names, if it is one of a team of that issuer's own agency.

    Its scopes are those registered here, and fewer where the token names some of ours.
    """
    shown = trusted.read(token, now) if trusted.issuers else None
    held = clients.outside(store, shown.issuer, shown.subject) if shown is not None else None
    if shown is None or held is None or shown.certificate not in (None, certificate):
        return None
    name, team, agency, scopes = held
    if agency != shown.agency:
        return None
    asked = shown.named & SCOPES.keys()
    registered = frozenset(scopes.split())
    return Caller(client=name, team=team, agency=agency, scopes=registered & asked if asked else registered)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _issuer(assertion: str) -> str:
    """The client the assertion claims to be from, before its signature is checked: it only chooses the keys."""
    if len(assertion) > LONGEST_TEXT or assertion.count(".") != 2:
        _bad("the assertion is not a signed JWT")
    header, claims = (_part(part) for part in assertion.split(".")[:2])
    if header.get("alg") not in ALGORITHMS or str(header.get("typ", "JWT")).lower() not in TYPES or "crit" in header:
        _bad(f"the assertion must be a JWT signed with {', '.join(ALGORITHMS)}")
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else _bad("the iss claim must be the client's name")


def _part(encoded: str) -> Mapping[str, Any]:
    try:
        part = orjson.loads(urlsafe_b64decode(encoded.encode()))
    except ValueError:
        part = None
    return part if isinstance(part, dict) else _bad("the assertion is not a signed JWT")


def _verified(assertion: str, client: clients.Registered, audience: str, now: datetime) -> dict[str, Any]:
    """The claims, once the signature is that of one of the client's own keys: what the header says of keys is not read."""
    try:
        token = jwt.decode(assertion, KeySet.import_key_set(client.jwks), algorithms=ALGORITHMS)  # type: ignore[arg-type]
        _registry(client.name, audience, now).validate(token.claims)
    except (JoseError, ValueError, TypeError, RecursionError) as error:  # nested deeper than the library reads
        raise Refused(
            "invalid_client", "the assertion's signature or claims (iss, sub, aud, exp, jti) are not right"
        ) from error
    claims = dict(token.claims)
    if claims["exp"] > (now + LONGEST_ASSERTION).timestamp() + LEEWAY_SECONDS:
        _bad("the assertion may live five minutes at most")
    made = claims.get("iat")
    if made is not None and claims["exp"] - made > LONGEST_ASSERTION.total_seconds() + LEEWAY_SECONDS:
        _bad("the assertion may live five minutes at most, from its iat on")
    if not (isinstance(claims["jti"], str) and 0 < len(claims["jti"]) <= 128 and claims["jti"].isprintable()):
        _bad("the jti claim must be a text of 1 to 128 characters")
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1:
        _bad("the aud claim must name this address alone")  # another audience could use the assertion here
    return claims


def _registry(name: str, audience: str, now: datetime) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": name},
        sub={"essential": True, "value": name},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        jti={"essential": True},
    )


def _bad(description: str) -> NoReturn:
    raise Refused("invalid_client", description)
