"""What can go wrong on the way to RabbitMQ, in our words; the client library's errors are translated here.

    BusError
    ├── Unroutable   declare the queue again: the exchange had nowhere to put it
    ├── Missing      declare again: a queue or an exchange is not there
    ├── NotTaken     try later: RabbitMQ said no (a full queue)
    ├── Differs      it exists with other arguments: an operator must look
    └── Lost         wait until the connection is back

A timeout stays TimeoutError: what was sent may have arrived.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError, PublishError
from pamqp.exceptions import PAMQPException

for _name in ("aio_pika", "aiormq"):
    # They log addresses, and bodies where a message was returned. What matters is logged by us.
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class BusError(Exception):
    """Something is wrong on the way to RabbitMQ."""


class Unroutable(BusError):
    """The message was returned: no queue is bound to where it was to go."""


class Missing(BusError):
    """There is no such queue or exchange (any more)."""


class NotTaken(BusError):
    """RabbitMQ did not take the message."""


class Differs(BusError):
    """A queue or an exchange exists with other arguments."""


class Lost(BusError):
    """The connection or the channel is gone."""


@contextmanager
def translated() -> Iterator[None]:
    """Around every call into the client library.

    While we are being cancelled it is a cancellation whatever the library makes of it, be it nothing; and where it cancels
    by itself what waits on a connection that it closes, it is a loss.
    """
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if _cancelled():
            raise asyncio.CancelledError from error
        ours = _ours(error)
        if ours is None:
            raise
        raise ours from error
    if _cancelled():  # swallowed by the library: whoever waits for our end would wait for ever
        raise asyncio.CancelledError


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and bool(task.cancelling())


def _ours(error: BaseException) -> BusError | None:
    """Our word for a foreign error, the most specific first; None for what is not the library's."""
    match error:
        case TimeoutError() | BusError():
            return None
        case PublishError():
            return Unroutable()
        case DeliveryError():
            return NotTaken()
        case ChannelPreconditionFailed():
            return Differs()
        case ChannelNotFoundEntity():
            return Missing()
        case (
            asyncio.CancelledError()
            | AMQPError()
            | PAMQPException()
            | OSError()
            | RuntimeError()
            | StopAsyncIteration()
        ):
            return Lost()
    return None
