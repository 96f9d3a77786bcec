"""An OpenID Connect issuer outside: discovery, the address to go to, and the ID token for a code (OpenID Connect Core 1.0, 3.1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from broker.web.pages.issuers import Asking, NotSignedIn

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384")
"""What issuers sign ID tokens with; nothing symmetric, and never `none`."""
PATIENCE_SECONDS: Final = 10.0
LEEWAY_SECONDS: Final = 30
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core 1.0, 2."""
KEPT: Final = timedelta(hours=1)
"""How long an issuer's addresses and keys are believed."""

Json = dict[str, Any]


@dataclass(slots=True)
class OidcIssuer:
    """One issuer, by its address. `secret` None: a public client, which PKCE alone protects."""

    name: str
    client_id: str
    secret: str | None = None
    strong: tuple[str, ...] = ()
    """Of `acr` or `amr` one must be among these when somebody signs in again for a step that asks for it; () for any."""
    client: Callable[[], httpx.Client] = field(
        default=lambda: httpx.Client(timeout=PATIENCE_SECONDS, follow_redirects=False, trust_env=False)
    )
    _known: dict[str, tuple[datetime, Json]] = field(default_factory=dict)

    def address(self, asking: Asking, now: datetime) -> str:
        """Its authorization endpoint, asked for a code."""
        asked = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.client_id,
            "redirect_uri": asking.back,
            "state": asking.state,
            "nonce": asking.nonce,
            "code_challenge": asking.challenge,
            "code_challenge_method": "S256",
        }
        if asking.since is not None:
            asked |= {"prompt": "login", "max_age": "0"} | (
                {"acr_values": " ".join(self.strong)} if self.strong else {}
            )
        endpoint: str = self._configuration(now)["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def subject(self, code: str, asking: Asking, now: datetime, said: str = "") -> str:
        """The subject of the ID token that the issuer gives for the code, once everything about it is right."""
        configuration = self._configuration(now)
        if (said or configuration.get("authorization_response_iss_parameter_supported") is True) and said != self.name:
            raise NotSignedIn("the answer is another issuer's")  # RFC 9207, 2.4
        answered = self._redeem(configuration["token_endpoint"], code, asking)
        token = answered.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn("the issuer gave no ID token")
        claims = self._verified(token, configuration["jwks_uri"], asking.nonce, now)
        if asking.since is not None:
            self._signed_in_again(claims, asking.since, now)
        subject = claims["sub"]
        if not (isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT):
            raise NotSignedIn("the ID token's subject is no name")
        return subject

    def _signed_in_again(self, claims: Mapping[str, Any], since: datetime, now: datetime) -> None:
        """That it was just now, and strong enough, whatever the issuer was asked (OpenID Connect Core 1.0, 3.1.2.1 and 2)."""
        at = claims.get("auth_time")
        leeway = timedelta(seconds=LEEWAY_SECONDS)
        if type(at) is not int or not (since - leeway).timestamp() <= at <= (now + leeway).timestamp():
            raise NotSignedIn("the issuer did not have them sign in again")
        methods = claims.get("amr")
        shown = {claims.get("acr"), *(methods if isinstance(methods, list) else ())}
        if self.strong and shown.isdisjoint(self.strong):
            raise NotSignedIn("they did not sign in strongly enough")

    def _redeem(self, endpoint: str, code: str, asking: Asking) -> Json:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asking.back,
            "client_id": self.client_id,
            "code_verifier": asking.verifier,
        }
        if self.secret is not None:
            form["client_secret"] = self.secret
        return self._json("POST", endpoint, data=form)

    def _verified(self, token: str, jwks_uri: str, nonce: str, now: datetime) -> Mapping[str, Any]:
        """The claims (3.1.3.7). Keys that changed meanwhile are asked for once more."""
        try:
            decoded = self._decoded(token, self._kept("keys", jwks_uri, now))
        except NotSignedIn:
            self._known.pop("keys", None)
            decoded = self._decoded(token, self._kept("keys", jwks_uri, now))
        checks = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.name},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            checks.validate(decoded)
        except JoseError as error:
            raise NotSignedIn("the ID token's claims are not right") from error
        if isinstance(decoded["aud"], list) and len(decoded["aud"]) > 1 and decoded.get("azp") != self.client_id:
            raise NotSignedIn("the ID token is for others too, and not given to this client")
        return decoded

    def _decoded(self, token: str, keys: Json) -> dict[str, Any]:
        try:
            return jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS)).claims  # type: ignore[arg-type]  # read from JSON
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotSignedIn("the ID token's signature is not right") from error

    def _configuration(self, now: datetime) -> Json:
        found = self._kept("configuration", f"{self.name.rstrip('/')}/.well-known/openid-configuration", now)
        if found.get("issuer") != self.name:
            raise NotSignedIn("the issuer calls itself something else")
        return found

    def _kept(self, what: str, address: str, now: datetime) -> Json:
        known = self._known.get(what)
        if known is not None and now - known[0] < KEPT:
            return known[1]
        found = self._json("GET", address)
        self._known[what] = (now, found)
        return found

    def _json(self, method: str, address: str, **more: Any) -> Json:  # noqa: ANN401 - what httpx takes
        try:
            with self.client() as client:
                answer = client.request(method, address, headers={"Accept": "application/json"}, **more)
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise NotSignedIn("the issuer did not answer as it should") from error
        if not isinstance(found, dict):
            raise NotSignedIn("the issuer did not answer as it should")
        return found
