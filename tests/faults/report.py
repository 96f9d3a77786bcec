"""Renders docs/reliability.md from the figures that fault runs recorded: `python -m tests.faults.report FIGURES DOCUMENT`. It adds no figure of its own."""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

ROWS: Final = {
    "K1": ("the API is killed (SIGKILL) between every pair of steps: received, validated, begun, written, committed, answered", "accepted and lost 0; after the client's repetition one effect"),
    "K2": ("a worker is killed at every step: claimed, sent, recorded", "claimed again when its lease ends, without anyone acting; the stall holds the restarts of the workers and whatever backlog they leave as well"),
    "K3": ("the whole PostgreSQL is killed under load", "accepted and lost 0"),
    "K4": ("one RabbitMQ node of three is killed, then all three; queues are deleted; what was confirmed is thrown away", "lost 0; the workers' own looks find everything"),
    "K5": ("a RabbitMQ node is cut off from the other two by dropped packets; the broker hears nothing and no connection ends", "lost 0; it heals by itself"),
    "K6": ("the database, one RabbitMQ node of three and all three, the receivers, a worker are frozen (SIGSTOP)", "lost 0; 503 in time while the database stands still, and accepted as ever while RabbitMQ does; bounded waits; no leak"),
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

NOTES: Final = {
    "K2": "A claim is noted by a trigger of the test's own database. Behind a backlog it waits its turn as all do, which is why `claimed-again` is judged, 30 s at most, in the small run.",
    "K5": "The node that is cut off is the minority, one of three, and pauses itself; two of three go on. A database that says nothing is K6's.",
    "K6": "A RabbitMQ node that stood still for longer than the others wait comes back partitioned and stays so (3.10): the test starts it again, as an operator must.",
    "K7": "System calls are made to fail (strace). A file system that is really full is tried with SQLite (`sqlite-full`), not with PostgreSQL.",
    "K9": "Times are those of the clocks that are wrong: a stall has in it by how much.",
}
"""What is tried and what is not, where the fault's own words do not say it."""

RUNS: Final = {
    "K1": ("postgresql", "sqlite"),
    "K2": ("claimed-again", "postgresql"),
    "K3": ("killed",),
    "K4": ("nodes-killed", "queues-deleted-and-purged"),
    "K5": ("client", "node"),
    "K6": ("database", "rabbitmq-all-nodes", "rabbitmq-one-node", "receivers", "worker"),
    "K7": ("postgresql-EIO", "postgresql-ENOSPC", "sqlite-EIO", "sqlite-ENOSPC", "sqlite-full"),
    "K8": ("copies",),
    "K9": ("clocks-differ", "jumps", "lease-of-tomorrow", "night-*-03-*", "night-*-10-*"),
    "K10": ("poison",),
    "K11": ("at-once",),
    "K12": ("does-nothing", "five-days"),
    "K13": ("restore", "upgrade"),
    "K14": ("audit", "codes and references", "decisions and answers", "message keys", "payloads"),
}
"""The runs of which each row consists, as `record` names them (`*` stands for a date): one without figures is said to be missing."""

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

Each run names the commit it ran on; one that was not part of the last run stands as it was, and what never ran is said to be "not run". A stall is the time from the commit to the delivery that waited longest, the fault itself and the backlog behind it included: it says as
much of the machine and of what else ran on it as of the broker. Leases last 2 s here (30 s by default) and retry ladders are short, so that what dies is seen to come back soon.
A client repeats what was not answered, with the same message id, as the contract asks of it.
"""


def render(figures: Sequence[Mapping[str, Any]], run: Mapping[str, Any], before: str = "") -> str:
    """The document. A run that is not among the figures stands as it stood `before`; one that never was is named.

    `ValueError` where figures are of a run that no row expects.
    """
    lines = _lines(before)
    for one in figures:
        lines[one["row"]][_expected(one["row"], str(one["name"]))] = _line(one)
    parts = [HEAD.format(run=_run(run))]
    parts += ["\n".join(_section(row, lines[row])) for row in ROWS]
    return "\n".join(parts)


def missing(document: str) -> list[str]:
    """Runs of which a document has no figures: `K9 jumps`."""
    lines = _lines(document)
    return [f"{row} {run}" for row, runs in RUNS.items() for run in runs if run not in lines[row]]


def _expected(row: str, name: str) -> str:
    """Which of the row's runs it is."""
    for run in RUNS[row]:
        if fnmatchcase(name, run):
            return run
    raise ValueError(f"{row} expects no run {name}")


def _lines(document: str) -> dict[str, dict[str, str]]:
    """The lines of a document that are of an expected run, by row and run."""
    _, *sections = document.split("## K")
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for section in sections:
        row = f"K{section.partition('.')[0]}"
        for line in section.splitlines():
            for run in RUNS[row]:
                if (said := _NAMED.match(line)) and fnmatchcase(said["name"], run):
                    found[row][run] = line
    return found


_NAMED: Final = re.compile(r"(?:\| |- )(?P<name>[^|:]+?)(?: \||:(?! not run))")


def _run(run: Mapping[str, Any]) -> str:
    return (
        f"Last run of {run['date']}, on {run['cpus']} processors ({run['system']}), Python {run['python']};"
        f" load average when it began {run['load']}."
    )


def _line(one: Mapping[str, Any]) -> str:
    """A line of the table where the checker counted messages, else an item of its own."""
    if "accepted" not in one:
        return f"- {one['name']}: {_besides(one)}"
    return f"| {one['name']} | {' | '.join(_number(one[name]) for name in COLUMNS)} | {_besides(one)} |"


def _section(row: str, lines: Mapping[str, str]) -> Iterator[str]:
    fault, shown = ROWS[row]
    yield f"## {row}. {fault[0].upper()}{fault[1:]}\n"
    yield f"To show: {shown}.\n"
    if row in NOTES:
        yield f"{NOTES[row]}\n"
    table = sorted(line for line in lines.values() if line.startswith("|"))
    if table:
        yield f"| run | {' | '.join(COLUMNS.values())} | besides |"
        yield f"|---|{'---:|' * len(COLUMNS)}---|"
        yield from table
        yield ""
    items = sorted(line for line in lines.values() if line.startswith("-"))
    items += [f"- {run}: not run" for run in RUNS[row] if run not in lines]
    if items:
        yield from items
        yield ""


def _besides(one: Mapping[str, Any]) -> str:
    said = {name: value for name, value in one.items() if name not in NOT_SHOWN and name not in COLUMNS}
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in sorted(said.items()))


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main(folder: Path, document: Path) -> int:
    """Read every file of figures, write the document anew; 1 and a line for each where expected runs have no figures."""
    files = sorted(folder.glob("K*.json"))
    run = json.loads((folder / "run.json").read_text())
    before = document.read_text() if document.exists() else ""
    text = render([json.loads(file.read_text()) for file in files], run, before)
    document.write_text(text)
    left_out = missing(text)
    sys.stderr.writelines(f"not run: {one}\n" for one in left_out)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
