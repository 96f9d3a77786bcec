"""From settings to RabbitMQ: where it is and how it is spoken to; nothing is connected here."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from broker.bus.rabbit.link import Server
from broker.bus.rabbit.management import Management
from broker.errors import Misconfigured
from broker.settings import Settings


def server(settings: Settings) -> Server:
    """What BATON_AMQP_… says. Misconfigured when it cannot work; no message holds a part of an address."""
    assert settings.amqp_url is not None
    found = addresses(settings.amqp_url.get_secret_value())
    if not found or not all(_usable(one) for one in found):
        raise Misconfigured(
            "BATON_AMQP_URL must be amqp://user:password@host:port/virtual-host or amqps://…; of a cluster several, separated by commas."
        )
    return Server(
        addresses=found,
        tls=tls(settings.amqp_ca_file, settings.amqp_cert_file),
        shards=settings.amqp_shards,
        timeout_seconds=settings.publish_timeout_seconds,
    )


def management(settings: Settings) -> Management | None:
    """The management interface; None when it is not to be used."""
    if settings.amqp_management_url is None:
        return None
    url = settings.amqp_management_url.get_secret_value()
    if not _usable(url, ("http", "https")):
        raise Misconfigured("BATON_AMQP_MANAGEMENT_URL must be http(s)://user:password@host:port.")
    return Management(url, tls(settings.amqp_ca_file, settings.amqp_cert_file))


def addresses(setting: str) -> list[str]:
    """The addresses that a setting holds, separated by commas."""
    return [one for one in (part.strip() for part in setting.split(",")) if one]


def virtual_host(address: str) -> str:
    """The virtual host that an address names."""
    return urlsplit(address).path.removeprefix("/").replace("%2F", "/").replace("%2f", "/") or "/"


def tls(ca_file: Path | None, cert_file: Path | None) -> ssl.SSLContext | None:
    """How servers are checked and what is shown to them; None when neither is set."""
    if ca_file is None and cert_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if cert_file is not None:
            context.load_cert_chain(cert_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "BATON_AMQP_CA_FILE or BATON_AMQP_CERT_FILE cannot be used: give PEM files that this user may read, the certificate with its key."
        ) from error
    return context


def _usable(address: str, schemes: tuple[str, ...] = ("amqp", "amqps")) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
