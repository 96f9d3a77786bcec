"""How long each adapter takes over each kind of sample: translated again and again in this process, without a database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from adapters.port import Adapter, Quarantine
from broker.errors import BatonError

SAMPLES: Final = Path(__file__).parents[2] / "tests" / "samples"
"""The public samples of a checkout: a folder for each format, and in it files as systems send them."""

TYPES: Final[Mapping[str, str | None]] = {
    ".json": "application/json",
    ".xml": "application/fhir+xml",
    ".hl7": "x-application/hl7-v2+er7; charset=utf-8",
}
"""Content-Type by the ending of a file's name; others are no samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One adapter and one folder of samples; times in milliseconds for one translation."""

    adapter: str
    format: str
    files: int
    """How many of the folder this adapter reads: what it quarantines is not counted."""
    kilobytes: float
    """Of half of them at most."""
    median: float
    slowest: float
    """The file that takes longest, at its median."""
    slowest_file: str


def measure(
    folder: Path, adapters: Mapping[str, Adapter], rounds: int, watched: Callable[[int, int, str], None]
) -> list[Timed]:
    """Every adapter over every folder of which it reads something. BatonError when there are no samples."""
    formats = {each.name: _files(each) for each in sorted(folder.iterdir()) if each.is_dir()} if folder.is_dir() else {}
    if not any(formats.values()):
        raise BatonError(
            f"There are no samples in {folder}: run this from a checkout, or name a folder with --samples."
        )
    found = []
    for number, (kind, adapter) in enumerate(sorted(adapters.items()), 1):
        for name, files in formats.items():
            times = {path: _milliseconds(adapter, path, rounds) for path in files if _reads(adapter, path)}
            if times:
                found.append(_timed(kind, name, times))
        watched(number, len(adapters), kind)
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in TYPES)


def _reads(adapter: Adapter, path: Path) -> bool:
    return not isinstance(adapter.translate(path.read_bytes(), TYPES[path.suffix], {}), Quarantine)


def _milliseconds(adapter: Adapter, path: Path, rounds: int) -> float:
    """Of half of the rounds at most; what is done once only was done when it was looked whether it is read."""
    body, content_type = path.read_bytes(), TYPES[path.suffix]
    times = []
    for _ in range(rounds):
        begun = perf_counter()
        adapter.translate(body, content_type, {})
        times.append(perf_counter() - begun)
    return median(times) * 1000


def _timed(kind: str, name: str, times: Mapping[Path, float]) -> Timed:
    slowest = max(times, key=lambda path: times[path])
    return Timed(
        adapter=kind,
        format=name,
        files=len(times),
        kilobytes=round(median(path.stat().st_size for path in times) / 1024, 1),
        median=round(median(times.values()), 2),
        slowest=round(times[slowest], 2),
        slowest_file=slowest.name,
    )


def plain(measured: Sequence[Timed]) -> list[dict[str, Any]]:
    """As JSON."""
    return [asdict(one) for one in measured]


def told(measured: Sequence[Timed]) -> str:
    """As a table."""
    lines = [f"{'adapter':22}{'format':20}{'files':>6}{'KB':>8}{'median ms':>11}{'slowest ms':>12}  of"]
    lines += [
        f"{one.adapter:22}{one.format:20}{one.files:>6}{one.kilobytes:>8}{one.median:>11}{one.slowest:>12}  {one.slowest_file}"
        for one in measured
    ]
    return "\n".join(lines)
