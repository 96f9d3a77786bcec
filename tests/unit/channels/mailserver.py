"""A mail server as tests need it: a real SMTP server on loopback that answers as it is told and keeps what it got."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class MailHost:
    """What arrived, and what it says: `rcpt` and `data` are its replies, which may be changed at any time."""

    rcpt: str = "250 OK"
    data: str = "250 OK"
    """`silence` never answers, `close` hangs up."""
    got: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    """For each e-mail, whether it came over TLS."""
    users: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Recipients that were asked for, whether or not an e-mail followed."""
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(envelope.content or b"", policy=default) for envelope in self.got]

    async def handle_RCPT(self, _server, _session, envelope: Envelope, address: str, _options) -> str:  # noqa: N802 - aiosmtpd's name
        self.asked.append(address)
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.data == "silence":
            await asyncio.Event().wait()
        if self.data == "close":
            assert server.transport is not None
            server.transport.close()
            await asyncio.Event().wait()
        if self.data.startswith("2"):
            self.got.append(envelope)
            self.encrypted.append(session.ssl is not None)
        return self.data

    def known(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"p@ss:word", handled=False)


@asynccontextmanager
async def mail_host(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, auth: bool = False
) -> AsyncIterator[MailHost]:
    """A mail server on a free port of loopback: STARTTLS offered, TLS from the first byte, or neither."""
    host = MailHost()
    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        protocols.append(
            SMTP(
                host,
                hostname="localhost",
                tls_context=starttls,
                authenticator=host.known if auth else None,
                auth_required=auth,
            )
        )
        return protocols[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()
        handlers = [each._handler_coroutine for each in protocols if each._handler_coroutine is not None]
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
