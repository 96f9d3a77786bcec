"""Teams' webhook servers in a process of their own: what they answer 2xx to is on their disk first; run it with `python -m`.

The path says how a team's server behaves and which team it is: `/takes/{team}` answers 200, `/fails/{team}` 500, `/hangs/{team}` never.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
LOG: Final = "received"


@dataclass(frozen=True, slots=True)
class Received:
    """One push as it came: for which team, with which id and mailbox number."""

    team: str
    id: str
    sequence: int | None
    answered: bool


@dataclass
class Receivers:
    """The running process, and the file it writes."""

    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, team: str, behaviour: str = "takes") -> str:
        """Where a team's server is."""
        return f"http://127.0.0.1:{self.port}/{behaviour}/{team}"

    def received(self) -> list[Received]:
        """Everything so far, in order of arrival."""
        return [_read(line) for line in self.log.read_text().splitlines()]


def _read(line: str) -> Received:
    team, id_, sequence, answered = line.split("\t")
    return Received(team, id_, int(sequence) if sequence else None, answered == "200")


@contextmanager
def receivers(folder: Path, port: int = 0) -> Iterator[Receivers]:
    """Servers for as long as the block runs, on a free port unless one is named."""
    log = folder / LOG
    log.touch()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.receivers", str(log), str(port)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            yield Receivers(port=int(process.stdout.readline()), log=log, process=process)
        finally:
            process.kill()


# --- the process ---------------------------------------------------------------------------------------------------------


class _Disk:
    """Lines on disk; those that come while one sync runs share the next."""

    def __init__(self, file: str) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._there_is_more = asyncio.Event()

    async def keep(self, line: bytes) -> None:
        """Returns once the line is on disk."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, kept))
        self._there_is_more.set()
        await kept

    async def run(self) -> None:
        while True:
            await self._there_is_more.wait()
            self._there_is_more.clear()
            lines, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, b"".join(line for line, _ in lines))
            for _, kept in lines:
                if not kept.done():
                    kept.set_result(None)

    def _write(self, lines: bytes) -> None:
        os.write(self._descriptor, lines)
        os.fsync(self._descriptor)


async def _serve(file: str, port: int) -> None:
    disk = _Disk(file)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await _one(reader, writer, disk)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - read by whoever started this
    async with server:
        await disk.run()


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, disk: _Disk) -> None:
    line, *headers = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in headers)}
    await reader.readexactly(int(named.get("content-length", "0")))
    _, behaviour, team = line.split()[1].split("/")
    status = {"takes": "200", "fails": "500", "hangs": "000"}[behaviour]
    kept = "\t".join((team, named["webhook-id"], named.get("baton-sequence", ""), status))
    await disk.keep(f"{kept}\n".encode())
    if behaviour == "hangs":
        await asyncio.sleep(3600)
    writer.write(f"HTTP/1.1 {status} _\r\nContent-Length: 0\r\n\r\n".encode())
    await writer.drain()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
