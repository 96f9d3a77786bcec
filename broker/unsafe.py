"""What must not be so where real families are: whoever starts a process outside the demonstration is refused, and told what to mend."""

import itertools
import os
import sys
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from sqlmodel import Session

from broker.errors import Misconfigured
from broker.settings import Settings
from broker.storage import accounts, clients
from broker.storage.store import Store

FEWEST_CHARACTERS: Final = 8
"""Different ones in a key. Of 32 random digits there are fewer in one of ten thousand; `changeme` four times has seven."""
DEMONSTRATIONS: Final = "demo-administrator"
"""The client that every demonstration has."""
_HERE: Final = ("localhost", "127.0.0.1", "::1")


def refuse(settings: Settings) -> None:
    """Misconfigured, with one sentence, for the first thing that is not safe."""
    settings.key()
    for fault in () if settings.demo else faults(settings):
        raise Misconfigured(fault)


def refuse_demonstration(store: Store, settings: Settings) -> None:
    """Misconfigured where a demonstration's database is to serve real families, for the keys of its clients lie about in files; or theirs a demonstration, where anybody may be anybody."""
    is_one = store.read(lambda session: clients.get(session, DEMONSTRATIONS)) is not None
    if settings.demo and not is_one and store.read(_is_in_use):
        raise Misconfigured(
            "This database is no demonstration's, and --demo lets anybody be anybody: give the demonstration one of its own (BATON_DATABASE_URL)."
        )
    if is_one and not settings.demo:
        raise Misconfigured(
            "This database is a demonstration's, and so are its clients' keys: give this deployment one of its own."
        )


def _is_in_use(session: Session) -> bool:
    """Whether somebody calls or signs in."""
    return bool(clients.all_clients(session)) or accounts.any_known(session)


def faults(settings: Settings) -> Iterator[str]:
    """What is not safe outside the demonstration, as sentences that say what to do."""
    if settings.secret_key is not None and guessable(settings.secret_key.get_secret_value()):
        yield "BATON_SECRET_KEY can be guessed: make one with `openssl rand -base64 48`."
    if settings.debug:
        yield "BATON_DEBUG is set: there is no debug mode outside --demo, because it shows what was sent."
    if sys.flags.dev_mode or os.environ.get("PYTHONASYNCIODEBUG"):
        yield "Python runs in its development or asyncio debug mode, which logs what was sent: start without PYTHONDEVMODE, -X dev and PYTHONASYNCIODEBUG."
    if settings.client_certificate_header is not None and not settings.trusted_proxies:
        yield "BATON_CLIENT_CERTIFICATE_HEADER is set without BATON_TRUSTED_PROXIES: name the proxies that may send it."
    issuers = [settings.oidc_issuer, *(one.issuer for one in settings.oidc_issuers.values())]
    if not all(_private(issuer) for issuer in issuers if issuer is not None):
        yield "BATON_OIDC_ISSUER and each of BATON_OIDC_ISSUERS must begin with https://: whoever can change its answers can be anybody."


def guessable(key: str) -> bool:
    """Whether a key shows that nobody drew it: few different characters, something repeated, or an alphabet."""
    steps = [ord(second) - ord(first) for first, second in itertools.pairwise(key)]
    in_a_row = sum(step in (0, 1, -1) for step in steps)
    return len(set(key)) < FEWEST_CHARACTERS or _repeats(key) or 2 * in_a_row > len(steps)


def _repeats(key: str) -> bool:
    return any(key[length:] == key[:-length] for length in range(1, len(key) // 2 + 1))


def _private(address: str) -> bool:
    """Whether nobody on the way can change what is answered there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in _HERE
