"""`baton audit`: whether the audit and the payloads are what was sealed, and the audit as a file that others can check."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar

import typer
from sqlmodel import Session

from broker.cli import opening
from broker.clock import utc_now
from broker.domain.audit_check import Checked
from broker.domain.sealing import ConsistencyProof, Head
from broker.errors import BatonError, Misconfigured
from broker.settings import Settings
from broker.storage import audit, audit_file, audit_log, payload_check, row_audit, signing
from broker.storage.audit_log import Tail
from broker.storage.codec import AesCodec
from broker.storage.row_audit import Compared
from broker.workflow import verify as verifying
from broker.workflow.verify import Verified

app = typer.Typer(help="The audit: check it, hand it out.", no_args_is_help=True)
Step = TypeVar("Step")
Demo = Annotated[bool, typer.Option("--demo", help="The database is a demonstration's")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.command()
def verify(
    head: Annotated[
        Path | None, typer.Option(help="A head that was kept elsewhere: the log must still contain it")
    ] = None,
    export: Annotated[Path | None, typer.Option(help="Check this export instead of the database")] = None,
    proof: Annotated[
        Path | None, typer.Option(help="Check this proof that one head follows from another, without the database")
    ] = None,
    public_key: Annotated[
        list[str] | None, typer.Option(help="Only this key may have signed; repeat for more. Else this deployment's")
    ] = None,
    clock_behind: Annotated[
        int,
        typer.Option(
            min=0, help="Hours by which a process's clock is known to have been behind: what it wrote was not added"
        ),
    ] = 0,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Check every entry, every place and every signed head. Example: baton audit verify --head kept.json

    Exit codes: 0 all of it is as it was sealed (entries that wait for the sealer are counted and not judged),
    1 something is not (the first wrong position is named) or the check could not be made, 2 the call itself was wrong.
    """
    settings = opening.settings(demo=demo)
    keys = _keys(settings, public_key or [])
    kept = audit_file.head_file(head) if head else None
    behind = timedelta(hours=clock_behind)
    if proof is not None:
        _verify_proof(audit_file.proof_file(proof), keys, as_json=as_json)
        return
    if export is not None:
        found = verifying.of_export(audit_file.Reading(export), keys, kept, behind=behind)
    else:
        with opening.database(settings, keyless=True) as store:
            found = store.read(lambda session: verifying.of_database(session, keys, kept, _checking, behind=behind))
    if as_json:
        typer.echo(json.dumps(_plain(found, keys), indent=2))
    else:
        _say(found, keys)
    if found.fault_count:
        raise typer.Exit(1)


def _verify_proof(given: ConsistencyProof, keys: Mapping[str, bytes], *, as_json: bool) -> None:
    wrong = verifying.of_proof(given, keys)
    if as_json:
        plain = {"verified": wrong is None, "first": given.first.number, "second": given.second.number, "what": wrong}
        typer.echo(json.dumps(plain, indent=2))
    else:
        said = f"The log of head {given.second.number} begins with the whole log of head {given.first.number}."
        typer.echo(wrong or said, err=wrong is not None)
    if wrong is not None:
        raise typer.Exit(1)


@app.command()
def proof(
    head: Annotated[Path, typer.Option(help="The head that was kept, as a receipt brought it or as JSON")],
    out: Annotated[Path | None, typer.Option(help="Where to write; standard output without it")] = None,
    demo: Demo = False,
) -> None:
    """Prove that the newest head's log begins with the whole log of a head that was kept (RFC 9162). Example: baton audit proof --head kept.json

    `baton audit verify --proof FILE --public-key KEY` checks it anywhere: no entry is in it. Exit codes: 0 written,
    1 there is no such proof, because the log is not the one of that head any more, 2 the call itself was wrong.
    """
    settings, kept = opening.settings(demo=demo), audit_file.head_file(head)
    with opening.database(settings, keyless=True) as store, ExitStack() as stack:
        made = store.read(lambda session: verifying.prove(session, kept))
        file = stack.enter_context(_opened(out)) if out else sys.stdout
        file.write(json.dumps(audit_file.proof_plain(made), indent=2) + "\n")


def _checking(steps: Iterator[Checked], length: int) -> Iterator[Checked]:
    return _with_bar("Checking", steps, length, lambda step: step.size)


def _with_bar(label: str, steps: Iterator[Step], length: int, place: Callable[[Step], int]) -> Iterator[Step]:
    """The steps, with a progress bar when somebody watches; `place` says how far a step is."""
    if not sys.stderr.isatty():
        yield from steps
        return
    with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
        done = 0
        for step in steps:
            bar.update(place(step) - done)
            done = place(step)
            yield step


def _keys(settings: Settings, given: list[str]) -> dict[str, bytes]:
    """Public keys by id: those that were given, else this deployment's own."""
    if not given:
        own = _own_key(settings)
        return {signing.key_id(own): own}
    keys = [signing.read(text) for text in given]
    if None in keys:
        raise typer.BadParameter("--public-key takes the base64 of 32 bytes, as `baton audit export` writes it.")
    return {signing.key_id(key): key for key in keys if key is not None}


def _own_key(settings: Settings) -> bytes:
    try:
        return signing.Signer(AesCodec(settings.key())).public
    except Misconfigured as error:
        raise Misconfigured(
            "Say which key must have signed: --public-key, or BATON_SECRET_KEY (beside a demonstration server, --demo)."
        ) from error


def _plain(found: Verified, keys: Mapping[str, bytes]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "verified": not found.fault_count,
        "sealed": found.size,
        "head": None if found.head is None else audit_file.head_plain(found.head),
        "public_keys": [signing.written(key) for key in keys.values()],
        "fault_count": found.fault_count,
        "faults": [{"kind": fault.kind, "position": fault.position, "what": fault.what} for fault in found.faults],
    }
    if found.tail is not None:
        plain["unsealed"] = {"count": found.tail.count, "oldest_seconds": _age(found.tail)}
    return plain


def _say(found: Verified, keys: Mapping[str, bytes]) -> None:
    if found.head is not None:
        typer.echo(f"Sealed: {found.size} entries; head {found.head.number} of {found.head.at:%Y-%m-%d %H:%M:%S} UTC.")
    else:
        typer.echo("Nothing is sealed yet.")
    if found.tail is not None:
        oldest = f", the oldest {_age(found.tail):.0f} s old." if found.tail.count else "."
        typer.echo(f"Not sealed yet: {found.tail.count}{oldest}")
    for key in keys.values():
        typer.echo(f"Public key: {signing.written(key)}")
    for fault in found.faults:
        where = "" if fault.position is None else f"position {fault.position}: "
        typer.echo(f"{where}{fault.kind}: {fault.what}", err=True)
    if found.fault_count > len(found.faults):
        typer.echo(f"and {found.fault_count - len(found.faults)} more", err=True)
    wrong = found.fault_count > 0
    typer.echo("The audit is not what was sealed." if wrong else "All of it is as it was sealed.", err=wrong)


def _age(tail: Tail) -> float:
    return 0.0 if tail.oldest is None else max(0.0, (utc_now() - tail.oldest).total_seconds())


@app.command()
def payloads(demo: Demo = False, as_json: AsJson = False) -> None:
    """Open every stored message, answer, task and person, look at every code and reference, and say which is not what was stored. Example: baton audit payloads

    Exit codes: 0 all of them are, 1 something is not (each row is named) or it could not be checked, 2 the call itself was wrong.
    """
    with opening.database(opening.settings(demo=demo)) as store:
        found = store.read(lambda session: payload_check.check(session, store.codec))
    if as_json:
        spoilt = [asdict(one) for one in found.spoilt]
        typer.echo(json.dumps({"checked": found.checked, "spoilt_count": found.count, "spoilt": spoilt}, indent=2))
    else:
        for one in found.spoilt:
            typer.echo(f"{one.table} {one.id}: {one.column} is not what was stored", err=True)
        typer.echo(f"{found.checked} payloads checked, {found.count} spoilt.")
    if found.count:
        raise typer.Exit(1)


@app.command()
def rows(
    since: Annotated[
        datetime | None,
        typer.Option(help="Judge what was written from this time on (UTC): behind a release that carried nothing yet"),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Judge rows of before too: of a database of which each entry has carried digests"),
    ] = False,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Compare decisions, answers and who is responsible with what the audit's entries say of them. Example: baton audit rows

    What it rests on are entries as they were sealed: run `baton audit verify` too. It needs the secret key. Exit codes: 0 all rows say what their
    entries say, 1 one does not (kind and id are named) or it could not be checked, 2 the call itself was wrong.
    """
    if every and since:
        raise typer.BadParameter("--all judges every row; --since leaves some out.")
    begin = since and since.replace(tzinfo=UTC)
    with opening.database(opening.settings(demo=demo)) as store:
        found = store.read(lambda session: _compared(session, begin, every=every))
    if as_json:
        typer.echo(json.dumps(_compared_plain(found), indent=2))
    else:
        for one in found.differing:
            typer.echo(f"{one.kind} {one.id}: {one.what}", err=True)
        behind = f" since {found.since:%Y-%m-%d %H:%M:%S} UTC" if found.since else ""
        typer.echo(
            f"{found.rows} rows compared{behind}, {found.count} differ; {found.before} are of before and not judged."
        )
    if found.count:
        raise typer.Exit(1)


def _compared(session: Session, since: datetime | None, *, every: bool) -> Compared:
    audit_log.one_snapshot(session)
    return row_audit.compare(session, since, every=every)


def _compared_plain(found: Compared) -> dict[str, Any]:
    return {
        "since": found.since and found.since.isoformat(),
        "rows": found.rows,
        "before": found.before,
        "differing_count": found.count,
        "differing": [asdict(one) for one in found.differing],
    }


@app.command()
def export(
    since: Annotated[datetime | None, typer.Option(help="Entries from this time on (UTC)")] = None,
    until: Annotated[datetime | None, typer.Option(help="Entries before this time (UTC)")] = None,
    after: Annotated[
        int | None,
        typer.Option(min=1, help="Only what was sealed behind this head: the number that the last export ended with"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; standard output without it")] = None,
    demo: Demo = False,
) -> None:
    """Write sealed entries with their places and signed heads, as JSON Lines. Example: baton audit export --out audit.jsonl

    `baton audit verify --export FILE --public-key KEY` checks it anywhere. Entries beside the span keep their places in
    it and are not shown. Exit codes: 0 written, 1 it could not be, 2 the call itself was wrong.
    """
    settings = opening.settings(demo=demo)
    public = _own_key(settings)
    if after is not None and (since or until):
        raise typer.BadParameter("--after goes on where an export ended; --since and --until cut one out.")
    wanted = audit_file.Wanted(since and since.replace(tzinfo=UTC), until and until.replace(tzinfo=UTC))
    with opening.database(settings, keyless=True) as store, ExitStack() as stack:
        file = stack.enter_context(_opened(out)) if out else sys.stdout
        shown, end = store.read(lambda session: _written(session, public, wanted, after, file), repeatable=False)
        handed, now = {"entries": shown}, utc_now()
        store.write(
            lambda session: audit.record(
                session, action="disclose", entity="audit", entity_id=None, now=now, detail=handed
            )
        )
    typer.echo(f"{shown} entries are written, signed with {signing.written(public)}", err=True)
    typer.echo(
        f"The next export goes on with --after {end}" if end else "There is nothing to go on from yet.", err=True
    )


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BatonError(f"{path} cannot be written: {error.strerror}.") from error


def _written(
    session: Session, public: bytes, wanted: audit_file.Wanted, after: int | None, file: IO[str]
) -> tuple[int, int]:
    """How many entries were shown, and the number of the head they end with (of `after`, when nothing is new)."""
    audit_log.one_snapshot(session)
    base, end = _span(session, wanted, after)
    start = base.size if base else 0
    batches = _with_bar(
        "Writing",
        audit_log.batches(session, after=base, until=end.number if end else 0),
        end.size - start if end else 0,
        lambda batch: batch[0].size - start if batch[0] else 0,
    )
    shown = 0
    for line in audit_file.lines(batches, public=public, base=base, wanted=wanted):
        file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        shown += "entry" in line
    return shown, end.number if end else 0


def _span(session: Session, wanted: audit_file.Wanted, after: int | None) -> tuple[Head | None, Head | None]:
    if after is None:
        return audit_log.around(session, wanted.since, wanted.until)
    base = audit_log.head(session, after)
    if base is None:
        raise BatonError(f"The audit has no head {after}: it is not the one of which an export ended there.")
    return base, audit_log.last_head(session)
