"""One e-mail for all that waits for a team at this moment; how it is written and handed in is the channel's."""

import asyncio
from datetime import datetime

from adapters.channels.email import BadMailServer, EmailChannel, MailServer
from adapters.port import PushOutcome, Unreachable
from broker.errors import Misconfigured
from broker.settings import Settings
from broker.worker.trusted import trusted

NO_SERVER = Unreachable("no-mail-server")


class Emails:
    """E-mails of one process."""

    def __init__(self, settings: Settings, *, timeout_seconds: float) -> None:
        """Misconfigured when the mail server's address or the sender's is none."""
        self._channel = _channel(settings, timeout_seconds)
        self._under_way: dict[str, asyncio.Task[PushOutcome]] = {}
        """By team."""

    @property
    def offered(self) -> bool:
        """Whether there is a mail server."""
        return self._channel is not None

    async def push(self, team: str, url: str, *, now: datetime) -> PushOutcome:
        """Tell the team that something waits; deliveries that are pushed while this is under way share it."""
        if self._channel is None:
            return NO_SERVER
        task = self._under_way.get(team)
        if task is None:
            task = self._under_way[team] = asyncio.create_task(self._channel.push(url, now=now))
            task.add_done_callback(lambda _: self._under_way.pop(team))
        return await asyncio.shield(task)  # who stops waiting for it does not stop it for the others

    def close(self) -> None:
        """Give up what is under way; whether it was taken stays open, and the deliveries are tried again."""
        for task in list(self._under_way.values()):
            task.cancel()

    async def probe(self, url: str) -> PushOutcome:
        """Whether an e-mail to this address would be taken."""
        return NO_SERVER if self._channel is None else await self._channel.probe(url)


def _channel(settings: Settings, timeout_seconds: float) -> EmailChannel | None:
    if settings.smtp_url is None:
        return None
    try:
        return EmailChannel(
            MailServer.at(settings.smtp_url.get_secret_value()),
            sender=settings.smtp_from,
            where=settings.public_url,
            timeout_seconds=timeout_seconds,
            tls=trusted(settings),
            must_encrypt=settings.smtp_tls == "required",
        )
    except BadMailServer as error:
        raise Misconfigured(
            "BATON_SMTP_URL or BATON_SMTP_FROM cannot be used: give smtp://host:port or smtps://host:port, and one e-mail address."
        ) from error
