"""Makes the messages of what was claimed and pushes them, each over its team's kind of channel; what that comes to is for `recording.py`."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Self
from uuid import UUID

from sqlmodel import Session

from adapters.channels.webhook import WebhookChannel
from adapters.port import PushOutcome
from broker.domain.states import ChannelKind
from broker.runtime import PUSH_PART_OF_LEASE, Runtime
from broker.storage.canaries import Canary
from broker.storage.leasing import Claimed
from broker.worker.emails import Emails
from broker.worker.guard import guarded
from broker.worker.meshes import Meshes
from broker.worker.trusted import trusted
from broker.workflow import canary as test_message
from broker.workflow import deliver
from broker.workflow.channel_watch import NOT_COMPOSED
from broker.workflow.deliver import Parcel
from broker.workflow.endpoints import endpoint


class Pushing:
    """The channels of one process, open for as long as the block runs."""

    def __init__(self, runtime: Runtime) -> None:
        """Nothing is opened yet."""
        settings = runtime.settings
        self._runtime = runtime
        longest = min(settings.webhook_timeout_seconds, PUSH_PART_OF_LEASE * settings.lease_seconds)
        self._webhooks = WebhookChannel(
            timeout_seconds=longest, allow_private=settings.allow_private_addresses, tls=trusted(settings)
        )
        self._emails = Emails(settings, timeout_seconds=longest)
        self._meshes = Meshes(settings, timeout_seconds=longest)

    @property
    def kinds(self) -> frozenset[ChannelKind]:
        """What can be pushed to here."""
        offered = {
            ChannelKind.WEBHOOK: True,
            ChannelKind.EMAIL: self._emails.offered,
            ChannelKind.AMQP: self._runtime.queues is not None,
            ChannelKind.MESH: self._meshes.offered,
        }
        return frozenset(kind for kind, is_offered in offered.items() if is_offered)

    async def __aenter__(self) -> Self:
        """Open what stays open."""
        await self._webhooks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        self._emails.close()
        self._meshes.close()
        await self._webhooks.__aexit__()

    async def prepare(self, claimed: Sequence[Claimed]) -> dict[str, Parcel]:
        """The parcels by delivery id, made together; where one of them cannot be made, each by itself, and that one is left out."""
        store = self._runtime.store
        together = await guarded("prepare", store.aread(partial(self._parcels, claimed)))
        if together is None:
            alone = [
                await guarded("prepare", store.aread(partial(self._parcels, [one])), delivery=one.id) for one in claimed
            ]
            together = [parcel for made in alone if made for parcel in made]
        return {parcel.claimed.id: parcel for parcel in together}

    def _parcels(self, claimed: Sequence[Claimed], session: Session) -> list[Parcel]:
        self._runtime.newest_head.look(session)
        return deliver.prepare(session, self._runtime.context(session), claimed, self._runtime.now())

    async def push_canary(self, canary: Canary) -> PushOutcome:
        """One test message. By e-mail and MESH it is only asked whether one would be taken: nobody is to open one each quarter of an hour."""
        if canary.kind is ChannelKind.EMAIL:
            return await self._emails.probe(canary.url or "")
        if canary.kind is ChannelKind.MESH:
            return await self._meshes.probe()
        now = self._runtime.now()
        body = test_message.body(canary, self._runtime.settings.public_url, now)
        if canary.kind is ChannelKind.AMQP:
            queues = self._runtime.queues
            assert queues is not None  # or it would not have been its turn
            return await queues.push(canary.team_id, canary.id, body, {"traceparent": trace_of(canary.id)}, now=now)
        where = endpoint(self._runtime.store.codec, canary.team_id, canary.url, canary.secret, now)
        return await self._webhooks.push(where, canary.id, body, now=now)

    async def push(self, parcel: Parcel | None) -> PushOutcome:
        """One try."""
        if parcel is None:
            return NOT_COMPOSED
        claimed = parcel.claimed
        match claimed.kind:
            case ChannelKind.EMAIL:
                return await self._emails.push(claimed.team_id, claimed.url or "", now=self._runtime.now())
            case ChannelKind.AMQP:
                return await self._to_queue(parcel)
            case ChannelKind.MESH:
                return await self._meshes.push(
                    claimed.url or "", claimed.id, parcel.body, parcel.content_type, parcel.workflow
                )
            case _:
                return await self._to_webhook(parcel)

    async def _to_webhook(self, parcel: Parcel) -> PushOutcome:
        claimed = parcel.claimed
        assert parcel.endpoint is not None  # every webhook's parcel has one
        return await self._webhooks.push(
            parcel.endpoint,
            claimed.id,
            parcel.body,
            now=self._runtime.now(),
            sequence=claimed.number,
            content_type=parcel.content_type,
            more=self._runtime.newest_head.headers,
        )

    async def _to_queue(self, parcel: Parcel) -> PushOutcome:
        claimed, queues = parcel.claimed, self._runtime.queues
        assert queues is not None  # or its kind would not have been claimed
        headers: dict[str, str | int] = {
            "baton-sequence": claimed.number,
            "traceparent": trace_of(claimed.id),
            **self._runtime.newest_head.headers,
        }
        return await queues.push(
            claimed.team_id,
            claimed.id,
            parcel.body,
            headers,
            now=self._runtime.now(),
            content_type=parcel.content_type,
        )


def trace_of(delivery_id: str) -> str:
    """A `traceparent` (W3C Trace Context) by which every try of one delivery is one trace: its id without the dashes."""
    return f"00-{UUID(delivery_id).hex}-{secrets.token_hex(8)}-01"
