"""A MESH mailbox of the file as its client needs it, secrets included; for whoever looks into it or sends from it."""

from adapters.wires.mesh import Account
from broker.gateway_file import Mesh


def account(entry: Mesh, *, longest_seconds: float | None = None) -> Account:
    """The mailbox with its secrets, read now; Misconfigured when one is missing. `longest_seconds`: cuts its time-out."""
    client = entry.client
    longest = entry.timeout_seconds if longest_seconds is None else min(entry.timeout_seconds, longest_seconds)
    return Account(
        url=entry.url,
        mailbox=entry.mailbox,
        password=entry.password.read(),
        shared_key=entry.shared_key.read(),
        cert=None if client is None else (str(client.cert_file), str(client.key_file)),
        ca_file=None if entry.ca_file is None else str(entry.ca_file),
        timeout_seconds=longest,
    )
