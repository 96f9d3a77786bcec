"""Whom we trust when we call out over TLS: the usual store, read once, because reading it costs more than a push."""

import ssl
from functools import cache

import httpx


@cache
def usual() -> ssl.SSLContext:
    """The context that every channel of the process shares; a store that has changed is read at the next start."""
    return httpx.create_ssl_context()
