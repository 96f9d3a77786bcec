"""RabbitMQ's management interface: gives teams' systems their users, and knows of queues and nodes what AMQP does not tell.

Optional: without it users and permissions are shown for an operator to make, and replicas are not known.
"""

import secrets
import ssl
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from broker.bus.rabbit.names import Access

SECONDS = 10.0
PASSWORD_BYTES = 32


class NotManaged(Exception):
    """The management interface did not do it; the sentence says why, without an address or a name."""


class Management:
    """One server's interface, as one who may make users."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """`url` is http(s)://user:password@host:port, without `/api`."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/api", "", ""))
        self._who = (parts.username or "guest", parts.password or "guest")
        self._tls = tls

    def give_access(self, virtual_host: str, access: Access, *, rotate: bool) -> str | None:
        """Make a user who may do this and no more; its password when it is new, or was to be made anew. Idempotent otherwise.

        Raises:
            NotManaged: nothing, or the user without its permissions, was made; doing it again mends that.
        """
        user = f"users/{quote(access.user, safe='')}"
        password = None
        if rotate or self._ask("GET", user, missing=None) is None:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            self._ask("PUT", user, {"password": password, "tags": ""})
        patterns = {"configure": access.configure, "write": access.write, "read": access.read}
        self._ask("PUT", f"permissions/{quote(virtual_host, safe='')}/{quote(access.user, safe='')}", patterns)
        return password

    def end_access(self, user: str) -> None:
        """Delete a user; its connections end. None of that name is fine."""
        self._ask("DELETE", f"users/{quote(user, safe='')}", missing=None)

    def queues(self, virtual_host: str) -> list[dict[str, Any]]:
        """Of each queue what RabbitMQ tells: `name`, `type`, `members`, `online`, `messages_ready`, `consumers`, …"""
        found: list[dict[str, Any]] = self._ask("GET", f"queues/{quote(virtual_host, safe='')}")
        return found

    def nodes(self) -> list[dict[str, Any]]:
        """Of each node: `name`, `running`, `mem_alarm`, `disk_free_alarm`, `partitions`, …"""
        found: list[dict[str, Any]] = self._ask("GET", "nodes")
        return found

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None, **missing: None) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON; with `missing` given, None where there is no such thing."""
        try:
            # No environment proxies: they would see the password.
            with httpx.Client(auth=self._who, timeout=SECONDS, verify=self._tls or True, trust_env=False) as client:
                answer = client.request(method, f"{self._base}/{path}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotManaged("RabbitMQ's management interface does not answer.") from error
        if answer.status_code == httpx.codes.NOT_FOUND and missing:
            return None
        if not answer.is_success:
            raise NotManaged(f"RabbitMQ's management interface refused with {answer.status_code}.")
        return answer.json() if answer.content else {}
