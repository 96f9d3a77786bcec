"""Renders docs/reliability.md from the figures that fault runs recorded: `python -m tests.faults.report FIGURES DOCUMENT`. It adds no figure of its own."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROWS: Final = {
    "K1": ("the API is killed (SIGKILL) between every pair of steps: received, validated, begun, written, committed, answered", "accepted and lost 0; after the client's repetition one effect"),
    "K2": ("a worker is killed at every step: claimed, sent, recorded", "claimed again when its lease ends, without anyone acting; the stall holds the restarts of the workers and whatever backlog they leave as well"),
    "K3": ("the whole PostgreSQL is killed under load", "accepted and lost 0"),
    "K4": ("one RabbitMQ node of three is killed, then all three; queues are deleted; what was confirmed is thrown away", "lost 0; the workers' own looks find everything"),
    "K5": ("a RabbitMQ node is cut off from the others by dropped packets; the broker hears nothing and no connection ends", "lost 0; it heals by itself"),
    "K6": ("the database, the receivers, a worker are frozen (SIGSTOP)", "503 in time; bounded waits; no leak"),
    "K7": ("the disk fails (EIO) or is full (ENOSPC) at the commit", "never accepted and not stored; 503"),
    "K8": ("copies of the SQLite file at random instants of a running writer, half of them with a torn end", "opens; accepted and lost 0"),
    "K9": ("the clock jumps by an hour and a day, both ways and during a lease; workers' clocks differ; the nights on which clocks change", "nothing early, nothing stuck, order kept"),
    "K10": ("poison in one of a hundred: malformed, huge, deeply nested; a receiver that fails for ever", "the others are delivered; poison is parked, with a task"),
    "K11": ("the same five times at once; answers five times at once; what arrives out of order", "one effect each; order can be told"),
    "K12": ("a receiver that takes everything and does nothing; one that is down for five days", "escalated within 60 s of the deadline; nothing given up"),
    "K13": ("an upgrade under load, two versions at once; the restore of a backup taken under load", "lost 0; every gap listed"),
    "K14": ("one bit flipped in a stored payload, a message's key, a code or reference, or in what the audit keeps", "found, and its row named"),
}  # fmt: skip
"""Each row of the matrix: the fault, and what must be shown."""

COLUMNS: Final = {
    "accepted": "accepted",
    "lost": "lost",
    "effects_twice": "effects twice",
    "shown_to_strangers": "seen by strangers",
    "repeated": "repeated by clients",
    "duplicates_on_the_wire": "twice on the wire",
    "longest_stall": "longest stall, s",
}
"""Figures that every row has, and their headings."""
NOT_SHOWN: Final = frozenset({"row", "name", "stuck", "deliveries", "parked", "audit_entries", "longest_silence"})

HEAD: Final = """\
# Reliability: the failure matrix

Rendered by `tests/faults/report.py` from what the tests in `tests/faults` recorded; nobody edits a figure. {run}
`make deep` runs the full volumes, 20,000 messages and more in K1 to K4; how many a row had here stands under "accepted".

Every row kills, freezes, cuts off or starves real processes under a load of real messages over HTTP, and is judged by one checker
(`tests/faults/checker.py`), which fails the run unless:

- every message that was answered "accepted" is in the database as it was sent, decided for every team that must be told, with a task that somebody has answered or that climbs to somebody else (**lost 0**);
- no team that is not entitled was told or sent anything (**seen by strangers 0**);
- one message had one effect for each recipient (**effects twice 0**); the same push twice is allowed, and counted;
- what counts as delivered is on the receiver's own disk; nothing is leased for longer than a lease; mailbox numbers have no gap;
- what is parked has a task for a person; the sealed audit verifies.

Each row names the commit it ran on; one that was not part of the last run stands as it was. A stall is the time from the commit to the delivery that waited longest, the fault itself and the backlog behind it included: it says as
much of the machine and of what else ran on it as of the broker. Leases last 2 s here (30 s by default) and retry ladders are short, so that what dies is seen to come back soon.
A client repeats what was not answered, with the same message id, as the contract asks of it.
"""


def render(figures: Sequence[Mapping[str, Any]], run: Mapping[str, Any], before: str = "") -> str:
    """The document. A row that was not run stands as it stood `before`."""
    earlier = _rows(before)
    by_row: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in figures:
        by_row[one["row"]].append(one)
    parts = [HEAD.format(run=_run(run))]
    for row, (fault, shown) in ROWS.items():
        section = "\n".join(_section(row, fault, shown, by_row[row]))
        parts.append(section if by_row[row] else earlier.get(row, section))
    return "\n".join(parts)


def _rows(document: str) -> dict[str, str]:
    """The sections of a document, by row."""
    _, *sections = document.split("## K")
    return {f"K{section.partition('.')[0]}": f"## K{section.rstrip()}\n" for section in sections}


def _run(run: Mapping[str, Any]) -> str:
    return (
        f"Last run of {run['date']}, on {run['cpus']} processors ({run['system']}), Python {run['python']};"
        f" load average when it began {run['load']}."
    )


def _section(row: str, fault: str, shown: str, figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"## {row}. {fault[0].upper()}{fault[1:]}\n"
    yield f"To show: {shown}.\n"
    if not figures:
        yield "Not part of this run.\n"
        return
    checked = [one for one in figures if "accepted" in one]
    if checked:
        yield f"| run | {' | '.join(COLUMNS.values())} | besides |"
        yield f"|---|{'---:|' * len(COLUMNS)}---|"
        for one in sorted(checked, key=lambda one: str(one["name"])):
            yield f"| {one['name']} | {' | '.join(_number(one[name]) for name in COLUMNS)} | {_besides(one)} |"
        yield ""
    for one in figures:
        if "accepted" not in one:
            yield f"- {one['name']}: {_besides(one)}"
    if len(checked) < len(figures):
        yield ""


def _besides(one: Mapping[str, Any]) -> str:
    said = {name: value for name, value in one.items() if name not in NOT_SHOWN and name not in COLUMNS}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in sorted(said.items()))


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main(folder: Path, document: Path) -> None:
    """Read every file of figures, write the document anew."""
    files = sorted(folder.glob("K*.json"))
    run = json.loads((folder / "run.json").read_text())
    before = document.read_text() if document.exists() else ""
    document.write_text(render([json.loads(file.read_text()) for file in files], run, before))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
