"""Access tokens of issuers outside (RFC 9068) that were pinned, each to one agency: by its key set in a file, for that agency's teams alone.

Such a token says which system it is. What that system may do, and for which team, is what we registered for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.util import urlsafe_b64decode

from broker import log
from broker.errors import Misconfigured
from broker.settings import Settings, TrustedIssuer

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384")
"""What issuers sign with (RFC 9068, 2.1 asks for RS256); nothing symmetric, and never `none`."""
TYPES: Final = ("at+jwt", "application/at+jwt")
LONGEST_TEXT: Final = 8_192
LONGEST_LIFE: Final = timedelta(hours=1)
LEEWAY_SECONDS: Final = 5
CONFIRMED_BY: Final = "x5t#S256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a token that is right says."""

    issuer: str
    agency: str
    subject: str
    named: frozenset[str]
    """Words of its scope."""
    certificate: str | None
    """SHA-256 of the certificate that it is bound to (RFC 8705)."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The issuers that these settings name."""

    issuers: Mapping[str, TrustedIssuer] = field(default_factory=dict)
    audience: str = ""

    def read(self, token: str, now: datetime) -> Shown | None:
        """What a token says; None when anything about it is not right."""
        header, claims = _parts(token)
        issuer = self.issuers.get(_text(claims.get("iss")))
        if issuer is None or str(header.get("typ", "")).lower() not in TYPES or "crit" in header:
            return None
        try:
            decoded = jwt.decode(token, _keys(issuer.jwks_file), algorithms=list(ALGORITHMS)).claims
            self._registry(_text(claims.get("iss")), now).validate(decoded)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None
        except OSError as error:  # while its file is being put in place
            log.get(__name__).error("a trusted issuer's keys cannot be read", error=error)
            return None
        return self._shown(issuer, decoded, now)

    def _registry(self, issuer: str, now: datetime) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self.audience},
            sub={"essential": True},
            client_id={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )

    def _shown(self, issuer: TrustedIssuer, claims: Mapping[str, Any], now: datetime) -> Shown | None:
        audiences, bound = claims["aud"], claims.get("cnf")
        too_long = claims["exp"] > (now + LONGEST_LIFE).timestamp() + LEEWAY_SECONDS
        for_others = isinstance(audiences, list) and len(audiences) > 1
        unknown = bound is not None and not (isinstance(bound, dict) and bound.keys() == {CONFIRMED_BY})
        if too_long or for_others or unknown or not _text(claims["sub"]):
            return None
        return Shown(
            issuer=claims["iss"],
            agency=issuer.agency,
            subject=claims["sub"],
            named=frozenset(_text(claims.get("scope")).split()),
            certificate=_text(bound[CONFIRMED_BY]) if bound else None,
        )


def outside(settings: Settings) -> Outside:
    """The issuers that are set. Misconfigured when a key set cannot be read, or holds a key that is not public."""
    for name, issuer in settings.trusted_issuers.items():
        if not name.startswith("https://"):
            raise Misconfigured("BATON_TRUSTED_ISSUERS: every issuer begins with https:// (docs/callers.md).")
        try:
            _keys(issuer.jwks_file)
        except (OSError, JoseError, ValueError, TypeError, KeyError) as error:
            raise Misconfigured(
                "BATON_TRUSTED_ISSUERS: a jwks_file is no set of public RSA and EC keys (docs/callers.md)."
            ) from error
    return Outside(settings.trusted_issuers, settings.public_url.rstrip("/"))


def _keys(path: Path) -> KeySet:
    """The keys as the file has them now: whoever rotates them puts another file in its place."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> KeySet:
    keys = KeySet.import_key_set(orjson.loads(path.read_bytes()))
    if not keys.keys or not all(isinstance(key, RSAKey | ECKey) and not key.is_private for key in keys.keys):
        raise ValueError("not public keys")
    return keys


def _parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims before anything is checked: they only choose whose keys are used."""
    try:
        found = [orjson.loads(urlsafe_b64decode(part.encode())) for part in token.split(".")[:2]]
    except ValueError:
        return {}, {}
    right = len(found) == 2 and token.count(".") == 2 and len(token) <= LONGEST_TEXT
    return (found[0], found[1]) if right and all(isinstance(part, dict) for part in found) else ({}, {})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
