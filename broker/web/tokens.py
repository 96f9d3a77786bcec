"""Who may call: client assertions (private_key_jwt) are checked and bearer tokens given and read here."""

import secrets
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

ALGORITHMS = ["RS512", "RS384", "ES384"]
"""RS512 as the NHS API platform asks, RS384 and ES384 as SMART Backend Services do; nothing else is read."""
SCOPES = frozenset(
    {
        "baton/message.write",
        "baton/mailbox",
        "baton/audit",
        "baton/admin",
        "system/Task.rs",
        "system/Task.u",
        "system/Patient.s",
        "system/Flag.rs",
        "system/AuditEvent.rs",
    }
)
LONGEST_ASSERTION = timedelta(minutes=5)
LEEWAY_SECONDS = 5
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


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


def exchange(
    session: Session, assertion: str, scope: str | None, *, audience: str, seconds: int, now: datetime
) -> Granted:
    """A bearer token for a client assertion, used once. Refused says what to mend."""
    client = clients.get(session, _issuer(assertion))
    if client is None or client.revoked:
        raise Refused("invalid_client", "this client is not known here or was revoked")
    claims = _verified(assertion, client, audience, now)
    expires = datetime.fromtimestamp(claims["exp"], UTC)
    if not clients.use_assertion(session, client.name, str(claims["jti"]), expires, now):
        raise Refused("invalid_client", "this assertion was used before: sign a new one with a new jti")
    return grant(session, client, scope, seconds=seconds, now=now)


def grant(session: Session, client: clients.Registered, scope: str | None, *, seconds: int, now: datetime) -> Granted:
    """A bearer token for a client, with the scopes asked for as far as it has them (all of them when none are asked for)."""
    held = client.scopes
    asked = frozenset(scope.split()) if scope else held
    if not asked <= held:
        raise Refused("invalid_scope", "a scope was asked for that this client does not have")
    token = secrets.token_urlsafe(32)
    scopes = " ".join(sorted(asked))
    expires = now + timedelta(seconds=seconds)
    clients.keep_token(session, _digest(token), client.name, scopes, expires_at=expires, now=now)
    return Granted(token, scopes, seconds)


def caller(session: Session, token: str, now: datetime) -> Caller | None:
    """Whose live token this is."""
    held = clients.holder(session, _digest(token), now)
    if held is None:
        return None
    name, team, agency, scopes = held
    return Caller(client=name, team=team, agency=agency, scopes=frozenset(scopes.split()))


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _issuer(assertion: str) -> str:
    """The client the assertion claims to be from, before its signature is checked: it only chooses the keys."""
    try:
        claims = orjson.loads(urlsafe_b64decode(assertion.split(".")[1].encode()))
        issuer = claims["iss"]
    except (IndexError, KeyError, TypeError, ValueError):
        _bad("the assertion is not a signed JWT with an iss claim")
    return issuer if isinstance(issuer, str) else _bad("the iss claim must be the client's name")


def _verified(assertion: str, client: clients.Registered, audience: str, now: datetime) -> dict[str, Any]:
    try:
        token = jwt.decode(assertion, KeySet.import_key_set(client.jwks), algorithms=ALGORITHMS)  # type: ignore[arg-type]
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": client.name},
            sub={"essential": True, "value": client.name},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            jti={"essential": True},
        )
        registry.validate(token.claims)
    except (JoseError, ValueError, TypeError) as error:
        raise Refused(
            "invalid_client", "the assertion's signature or claims (iss, sub, aud, exp, jti) are not right"
        ) from error
    if datetime.fromtimestamp(token.claims["exp"], UTC) > now + LONGEST_ASSERTION + timedelta(seconds=LEEWAY_SECONDS):
        _bad("the assertion may live five minutes at most")
    if not 0 < len(str(token.claims["jti"])) <= 128:
        _bad("the jti claim must have 1 to 128 characters")
    return dict(token.claims)


def _bad(description: str) -> NoReturn:
    raise Refused("invalid_client", description)
