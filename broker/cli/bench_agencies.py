"""The agencies of `baton bench deliver`, a process of their own: receivers of webhooks, and systems that empty mailboxes and queues.

A webhook's address says what its receiver does: `/taken/…` answers at once, `/silent/…` never.
"""

import asyncio
import os
from argparse import ArgumentParser
from collections.abc import Sequence

import httpx

POLL_SECONDS = 0.1
"""How often a system looks into an empty mailbox."""
AT_ONCE = 8
"""Messages that a system fetches and acknowledges side by side."""

AMQP = "BATON_AMQP_URL"

_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection of a webhook: reads requests to their ends, answers by their address. Speaks as much HTTP as our own client does."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._got = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer whatever is complete."""
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._got[:end]).lower()
            _, _, after = head.partition(b"content-length:")
            whole = end + 4 + int(after.split(b"\r\n", 1)[0])
            if len(self._got) < whole:
                return
            del self._got[:whole]
            if self._transport is not None and head.startswith(b"post /taken/"):
                self._transport.write(_TAKEN)


async def receive(port: int) -> None:
    """Serve webhooks until ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


async def empty(broker: str, tokens: Sequence[str]) -> None:
    """Empty the mailboxes of these systems, each by its token, until ended."""
    await asyncio.gather(*(_empty(broker, token) for token in tokens))


async def queues(teams: Sequence[str]) -> None:
    """Empty the queues of these teams until ended."""
    if teams:
        from broker.bus.rabbit.taking import take

        await take(os.environ[AMQP], list(teams))


async def _empty(broker: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=broker, headers=headers, timeout=30, trust_env=False) as client:
        while True:
            found = (await client.get("/mailbox/inbox")).json()["messages"]
            if not found:
                await asyncio.sleep(POLL_SECONDS)
            for start in range(0, len(found), AT_ONCE):
                await asyncio.gather(*(_take(client, entry["id"]) for entry in found[start : start + AT_ONCE]))


async def _take(client: httpx.AsyncClient, message_id: str) -> None:
    (await client.get(f"/mailbox/inbox/{message_id}")).raise_for_status()
    (await client.put(f"/mailbox/inbox/{message_id}/acknowledged")).raise_for_status()


def main() -> None:
    """Be one of them."""
    wanted = ArgumentParser()
    wanted.add_argument("--port", type=int, required=True, help="Where webhooks are received")
    wanted.add_argument("--broker", help="Whose mailboxes to empty")
    wanted.add_argument("--token", action="append", default=[], help="Of each system")
    wanted.add_argument(
        "--team", action="append", default=[], help=f"Whose queue to empty, on the server that {AMQP} names"
    )
    said = wanted.parse_args()

    async def run() -> None:
        await asyncio.gather(receive(said.port), empty(said.broker or "", said.token), queues(said.team))

    asyncio.run(run())


if __name__ == "__main__":
    main()
