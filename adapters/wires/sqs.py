"""One queue that speaks Amazon's SQS protocol (AWS JSON 1.0): what is received is hidden from others for a while, and gone once it is deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import orjson

from adapters.wires.sigv4 import Credentials, signed

AT_ONCE: Final = 10
"""Messages of one look, as many as SQS gives."""
_SPARE_SECONDS: Final = 10.0
"""Beyond the time that a look may wait."""


class SqsFailed(Exception):
    """The queue did not do what it was asked for."""

    def __init__(self, reason: str) -> None:
        """`reason`: a status, or a kind of failure in our words; never what the queue said."""
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message, hidden from others until its time is over."""

    id: str
    body: bytes
    handle: str = field(repr=False)
    """By which it is deleted."""


class Queue:
    """Open for as long as the block runs."""

    def __init__(
        self,
        url: str,
        *,
        region: str,
        credentials: Callable[[], Credentials],
        clock: Callable[[], datetime],
        wait_seconds: int,
        visibility_seconds: int,
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: of the queue; its host is the service.
            region: that requests are signed for.
            credentials: asked for at each request, because lent ones change.
            clock: what requests are signed with.
            wait_seconds: longest wait of one look for messages.
            visibility_seconds: how long what was received is hidden from others.
        """
        parts = urlsplit(url)
        self._service = f"{parts.scheme}://{parts.netloc}/"
        self._url = url
        self._region = region
        self._credentials = credentials
        self._clock = clock
        self._look = {
            "MaxNumberOfMessages": AT_ONCE,
            "WaitTimeSeconds": wait_seconds,
            "VisibilityTimeout": visibility_seconds,
        }
        self._http = httpx.AsyncClient(timeout=wait_seconds + _SPARE_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close connections."""
        await self._http.aclose()

    async def receive(self) -> Sequence[Received]:
        """The next messages, none when none came in time. SqsFailed when the queue is away or does not let us in."""
        answer = await self._ask("ReceiveMessage", self._look)
        return [
            Received(id=one["MessageId"], body=one["Body"].encode(), handle=one["ReceiptHandle"])
            for one in answer.get("Messages") or ()
        ]

    async def delete(self, message: Received) -> None:
        """It is ours now. SqsFailed when it could not be said: it comes again."""
        await self._ask("DeleteMessage", {"ReceiptHandle": message.handle})

    async def _ask(self, action: str, more: dict[str, Any]) -> dict[str, Any]:
        body = orjson.dumps({"QueueUrl": self._url, **more})
        headers = signed(
            self._service,
            {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"},
            body,
            credentials=self._credentials(),
            region=self._region,
            service="sqs",
            now=self._clock(),
        )
        try:
            answer = await self._http.post(self._service, content=body, headers=headers)
            if answer.status_code != httpx.codes.OK:
                raise SqsFailed(str(answer.status_code))
            said: dict[str, Any] = orjson.loads(answer.content or b"{}")
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise SqsFailed("no-answer") from error
        return said
