"""Which public keys a client may register: strong, public, and for the algorithms that are read; using them lives in `tokens`."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import base64_to_int

from schemas.problem import Problem

ALGORITHMS_OF = {"RSA": ("RS512", "RS384"), "EC": ("ES384",)}
ALGORITHMS = ("RS512", "RS384", "ES384")
"""RS512 as the NHS API platform asks, RS384 and ES384 as SMART Backend Services do; nothing else is read."""

MOST_KEYS = 20
"""Of one client: one in use, one to come, one for each of its machines."""
LEAST_BITS, MOST_BITS = 3072, 8192
"""Of an RSA modulus: the least that is 128 bits of security (NIST SP 800-57, ASVS 11.2.3), and the most that is worth the time of a check."""
LEAST_EXPONENT = 65537
"""FIPS 186-5, 5.4: smaller exponents make forging easier, and 1 makes every signature true."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEPT = ("kty", "kid", "alg", "use", "n", "e", "crv", "x", "y")


def public_part(jwks: dict[str, Any]) -> dict[str, Any]:
    """The members of each key that are used; all else that a key set may carry (certificates, addresses) is not kept."""
    return {"keys": [{name: key[name] for name in _KEPT if name in key} for key in jwks["keys"]]}


def faults(jwks: dict[str, Any]) -> list[Problem]:
    """What keeps a JWK Set from being registered, with the place of each key; empty when nothing does."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        return [Problem("jwks.keys", "must have at least one public key", "required")]
    if len(keys) > MOST_KEYS:
        return [Problem("jwks.keys", f"may have at most {MOST_KEYS} keys", "too-long")]
    found = [Problem(f"jwks.keys[{index}]", fault, "value") for index, key in enumerate(keys) if (fault := _fault(key))]
    return found or _unnamed(keys)


def _fault(key: object) -> str | None:
    """Why one key cannot be registered."""
    if not isinstance(key, dict) or not all(isinstance(key[name], str) for name in _KEPT if name in key):
        return "must be a JSON Web Key"
    if _PRIVATE & key.keys():
        return "holds a private or secret key, which is known now: make a new one and send its public part"
    algorithms = ALGORITHMS_OF.get(key.get("kty", ""))
    if algorithms is None:
        return "must be an RSA or EC key"
    if key.get("alg", algorithms[0]) not in algorithms or key.get("use", "sig") != "sig":
        return f"must be for signing with {' or '.join(algorithms)}"
    if not (key.get("kid", "-").isprintable() and 0 < len(key.get("kid", "-")) <= 128):
        return "must have a key id of 1 to 128 characters"
    return _rsa_fault(key) if key["kty"] == "RSA" else _ec_fault(key)


def _rsa_fault(key: dict[str, Any]) -> str | None:
    try:
        bits = base64_to_int(key["n"]).bit_length() if len(key["n"]) <= MOST_BITS // 6 + 8 else MOST_BITS + 1
        if not LEAST_BITS <= bits <= MOST_BITS:
            return f"must be an RSA key of {LEAST_BITS} to {MOST_BITS} bits"
        numbers = RSAKey.import_key(key).public_key.public_numbers()
    except (JoseError, KeyError, ValueError, TypeError):
        return "cannot be read as an RSA key"
    return None if numbers.e >= LEAST_EXPONENT else f"must have an exponent of {LEAST_EXPONENT} or more"


def _ec_fault(key: dict[str, Any]) -> str | None:
    if key.get("crv") != "P-384":
        return "must be an EC key on P-384"
    try:
        _ = ECKey.import_key(key).public_key
    except (JoseError, ValueError, TypeError):
        return "cannot be read as an EC key on P-384"
    return None


def _unnamed(keys: list[dict[str, Any]]) -> list[Problem]:
    """Of several keys each needs an id of its own, by which an assertion says which it was signed with."""
    names = [key.get("kid") for key in keys]
    if len(keys) == 1 or (None not in names and len(set(names)) == len(names)):
        return []
    return [Problem("jwks.keys", "must each have a kid of its own when there are several", "duplicate")]
