"""Whose certificates webhooks and mail servers are checked with: the usual store, or the file that the settings name."""

import ssl

from broker.errors import Misconfigured
from broker.settings import Settings


def trusted(settings: Settings) -> ssl.SSLContext | None:
    """None for the usual store. Misconfigured when the file has no certificates."""
    if settings.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"BATON_CA_FILE cannot be used ({type(error).__name__}).") from error
