"""What encryption and the audit cost: Baton as it is beside Baton without one of them and without both, stretch by stretch in turn, each in one process.

The sealer is no part of it: it works beside, and `baton bench audit` says how fast.
"""

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from broker.cli import bench_accept, bench_town
from broker.cli.bench_accept import Progress, Side, Speed
from broker.cli.bench_load import send
from broker.cli.bench_plain import PlainCodec, Without
from broker.cli.bench_servers import database
from broker.clock import utc_now
from broker.storage.codec import AesCodec

GOAL: Final = 0.15
"""Of what the service would do without either, the most that both may cost."""
LeftOut: TypeAlias = tuple[Without, ...]
LEFT_OUT: Final[tuple[LeftOut, ...]] = (
    (),
    (Without.ENCRYPTION,),
    (Without.AUDIT,),
    (Without.ENCRYPTION, Without.AUDIT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one of them costs, or both: the share of messages a second that goes, round by round against the same round without."""

    of: tuple[str, ...]
    database: str
    ours: Speed
    without: Speed

    @property
    def rounds(self) -> tuple[float, ...]:
        """One share for each round; below nothing where chance was on the side of what does more."""
        pairs = zip(self.ours.rounds, self.without.rounds, strict=True)
        return tuple(round(1 - ours / without, 3) for ours, without in pairs)

    @property
    def share(self) -> float:
        """The middle one."""
        return round(median(self.rounds), 3)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which the middle half of the rounds lies."""
        if len(self.rounds) == 1:
            return self.rounds[0], self.rounds[0]
        low, _, high = quantiles(self.rounds, n=4, method="inclusive")
        return round(low, 3), round(high, 3)

    @property
    def met(self) -> bool:
        """Whether it is less than both together may cost."""
        return self.share < GOAL


def measure(servers: Sequence[str | None], seconds: float, callers: int, progress: Progress) -> tuple[Cost, ...]:
    """On each of these, as `bench_accept.measure` takes them; `seconds` for each of the four services."""
    return tuple(cost for address in servers for cost in _costs(address, seconds, callers, progress))


def plain(found: Sequence[Cost]) -> dict[str, Any]:
    """For JSON; nothing where costs were not asked for."""
    costs = [asdict(one) | {"share": one.share, "spread": one.spread, "rounds": one.rounds} for one in found]
    return {"costs": costs} if costs else {}


def _costs(address: str | None, seconds: float, callers: int, progress: Progress) -> list[Cost]:
    with TemporaryDirectory(prefix="baton-bench-") as name, ExitStack() as stack:
        folder, key = Path(name), secrets.token_urlsafe(32)
        sides = {left_out: side(stack, address, key, left_out, folder) for left_out in LEFT_OUT}
        for one in sides.values():
            warm = bench_town.bodies(utc_now(), bench_accept.WARM_UP)
            send(one.port, one.head, warm, callers=callers, seconds=bench_accept.WARM_UP_SECONDS)
        kind = "sqlite" if address is None else "postgresql"
        bench_accept.take_turns(
            [*sides.values()], seconds, callers, lambda done, of: progress(done, of, f"{kind}, costs")
        )
        whole = sides[()].speed()
        return [
            Cost(of=tuple(left_out), database=kind, ours=whole, without=one.speed())
            for left_out, one in sides.items()
            if left_out
        ]


def side(stack: ExitStack, address: str | None, key: str, left_out: LeftOut, folder: Path) -> Side:
    """One of the four on a database of its own, filled by the codec that it has."""
    url = stack.enter_context(database(address, folder))
    codec = PlainCodec if Without.ENCRYPTION in left_out else AesCodec
    filled = bench_accept.fill(url, codec(key.encode()))
    program = ["broker.cli.bench_plain", "+".join(left_out)] if left_out else ["broker.cli"]
    return stack.enter_context(bench_accept.serving(program, url, key, filled.token, 1, folder))
