"""Tells a team by e-mail that something waits in its mailbox and where to look, and nothing else; when is the broker's business.

An e-mail is read in the wrong places by the wrong people: it names nobody, no event, no number of messages, and no
id by which anybody could ask for one (T7). That it was taken by a mail server says nothing about the team: its
receipt is the look into the mailbox.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Literal
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiosmtplib

from adapters.port import PushOutcome, Refused, Taken, Unanswered, Unreachable

SCHEME = "mailto:"

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
"""Mailboxes as organisations have them. Without `?`, `%`, `,` and blanks: an address cannot bring headers or a second recipient."""

SUBJECT = "Something waits for your team in Baton"
TEXT = """Something waits for your team in its mailbox in Baton. Please look there:

{where}

What it is and whom it concerns is not said in an e-mail. Nobody reads answers to
this address. Baton is not a referral: telephone urgent concerns about a child.
"""

_GIVEN_UP = 500
"""Reply codes from here on are the mail server's last word about this e-mail; below, it asks to try later (RFC 5321 §4.2.1)."""


class BadMailServer(ValueError):
    """A mail server is `smtp://host:port` or `smtps://host:port`, with a name and password before the host if it asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mails are handed in."""

    host: str
    port: int
    tls: bool
    """TLS from the first byte; else STARTTLS where it is offered."""
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str) -> "MailServer":
        """The server of an address; BadMailServer when it is none. Never quotes it, because it may hold a password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadMailServer from error
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
            raise BadMailServer
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (465 if tls else 25),
            tls=tls,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )


def problem(url: str) -> str | None:
    """Why an address cannot be told by e-mail, as words for people; None when its form is fine."""
    if not url.startswith(SCHEME):
        return "must begin with mailto:"
    if not _ADDRESS.fullmatch(url.removeprefix(SCHEME)):
        return "is not one e-mail address"
    return None


class EmailChannel:
    """Hands e-mails to one mail server, a connection each: a team gets few."""

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        where: str,
        timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
        must_encrypt: bool = False,
    ) -> None:
        """What is the same in every e-mail. BadMailServer when the sender is no address.

        Args:
            server: where they are handed in.
            sender: address that they come from.
            where: address of the mailbox.
            timeout_seconds: bounds one whole push.
            tls: replaces the usual trust store.
            must_encrypt: nothing is handed in without TLS, whatever the server offers.
        """
        if not _ADDRESS.fullmatch(sender):
            raise BadMailServer
        self._server = server
        self._sender = sender
        self._where = where
        self._timeout = timeout_seconds
        self._tls = tls or ssl.create_default_context()
        self._must_encrypt = must_encrypt

    async def push(self, url: str, *, now: datetime) -> PushOutcome:
        """Say once that something waits. Never raises for what the mail server does.

        Args:
            url: the team's `mailto:` address.
            now: the date of the e-mail.

        `Unanswered(receipt_follows=True)` when the server took it. `Refused` carries the reply code of a server that will
        not have it, `Unreachable` stands for all that ended before anything was handed in, its wish to be asked later included.
        """
        outcome = await self._bounded(url, now)
        return Unanswered(receipt_follows=True) if isinstance(outcome, Taken) else outcome

    async def probe(self, url: str) -> PushOutcome:
        """Whether the server would take an e-mail for this address: asked up to the recipient, then called off, so that nobody is bothered."""
        return await self._bounded(url, None)

    async def _bounded(self, url: str, now: datetime | None) -> PushOutcome:
        if problem(url) is not None:
            return Unreachable("address-not-usable")
        recipient, step = url.removeprefix(SCHEME), _Step()
        try:
            async with asyncio.timeout(self._timeout):
                await self._hand_in(recipient, None if now is None else self._written(recipient, now), step)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # TimeoutError is an OSError
            return _outcome(error, step)
        return Taken()

    async def _hand_in(self, recipient: str, message: bytes | None, step: "_Step") -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=_domain(self._sender),
            use_tls=server.tls,
            # Credentials go over TLS or not at all; without any, it is used where it is offered.
            start_tls=True if not server.tls and (server.username is not None or self._must_encrypt) else None,
            tls_context=self._tls,
            timeout=self._timeout,
        )
        try:
            await client.connect()
            step.at = "talking"
            await client.mail(self._sender)
            await client.rcpt(recipient)
            if message is None:
                await client.rset()
            else:
                step.at = "sent"
                await client.data(message)
                step.at = "taken"
            await client.quit()
        finally:
            client.close()

    def _written(self, recipient: str, now: datetime) -> bytes:
        message = EmailMessage(WIRE)
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = SUBJECT
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{uuid4()}@{_domain(self._sender)}>"  # says nothing, and a reminder is no duplicate
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers
        message.set_content(TEXT.format(where=self._where))
        return message.as_bytes()


@dataclass(slots=True)
class _Step:
    """How far a push came, for telling what its failure means."""

    at: Literal["connecting", "talking", "sent", "taken"] = "connecting"


def _outcome(error: Exception, step: _Step) -> PushOutcome:
    if step.at == "taken":
        return Taken()  # only the goodbye failed
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 0:
        return Refused(error.code) if error.code >= _GIVEN_UP else Unreachable("asked-to-try-later")
    if step.at == "sent":
        return Unanswered()
    return Unreachable(_reason(error))


def _reason(error: BaseException) -> str:
    """The kind of failure in our words; the errors themselves quote addresses."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLError():
                return "tls"
            case ConnectionRefusedError():
                return "refused"
            case TimeoutError():
                return "connect-timeout"
        cause = cause.__cause__ or cause.__context__
    return "no-connection"


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
