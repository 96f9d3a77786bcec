"""`baton keys`: which key-encryption keys there are, a new one made active with everything brought over to it, an old one destroyed."""

import json
from typing import Annotated

import typer
from sqlmodel import Session

from broker.cli import opening, progress
from broker.clock import utc_now
from broker.storage import epochs, rekeying
from broker.storage.codec import AesCodec
from broker.storage.epochs import Epoch
from broker.storage.keyring import DERIVED
from broker.workflow import keys

app = typer.Typer(
    help="Keys that stored messages and names are encrypted with (docs/encryption.md).", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
Demo = Annotated[bool, typer.Option("--demo", help="With the key of the demonstration")]


@app.command(name="list")
def list_keys(demo: Demo = False, as_json: AsJson = False) -> None:
    """List the keys by epoch, how far each has got, and how many rows need it. Example: baton keys list"""

    def work(session: Session) -> tuple[list[Epoch], dict[int | None, int]]:
        return list(epochs.listed(session)), dict(rekeying.counted(session))

    with opening.database(opening.settings(demo=demo)) as store:
        known, counted = store.read(work)
        assert isinstance(store.codec, AesCodec)  # a keyless command is another
        here = {DERIVED, *store.codec.keys.read()}
    rows = [_row(number, known, counted, here) for number in sorted({one.number for one in known} | here)]
    plain = counted.get(None, 0)
    if as_json:
        typer.echo(json.dumps({"keys": rows, "unencrypted_rows": plain}, indent=2))
        return
    typer.echo(f"{'EPOCH':>5} {'STATE':<22} {'HERE':<5} {'ROWS':>10} ACTIVE SINCE")
    for row in rows:
        here_ = "yes" if row["here"] else "no"
        typer.echo(f"{row['epoch']:>5} {row['state']:<22} {here_:<5} {row['rows']:>10} {row['activated_at'] or '-'}")
    if plain:
        typer.echo(f"{plain} rows were written before there was encryption: `baton keys rotate` brings them over.")


@app.command()
def rotate(demo: Demo = False, as_json: AsJson = False) -> None:
    """Make a new key the active one and bring every row over to it, beside running servers; after a kill, run it again. Example: baton keys rotate"""
    bar = progress.watched()
    with opening.database(opening.settings(demo=demo)) as store:

        def told(done: int, left: int) -> None:
            of = max(done, left // rekeying.BATCH + len(rekeying.PLACES))
            bar(done, of, f"{done * rekeying.BATCH} rows looked at")

        done = keys.rotate(store, utc_now(), told)
    if as_json:
        typer.echo(json.dumps({"epoch": done.epoch, "unreadable": done.unreadable}))
    else:
        typer.echo(f"Everything is sealed under epoch {done.epoch}.")
    if done.unreadable:
        typer.echo(
            f"{done.unreadable} rows could not be opened and are as they were: see `baton audit payloads`.", err=True
        )
        raise typer.Exit(1)


@app.command()
def forget(
    epoch: Annotated[int, typer.Argument(help="Of the key, as `baton keys list` has it")], demo: Demo = False
) -> None:
    """Destroy a key that no row needs any more: what is sealed under it in old backups is then unreadable. Example: baton keys forget 1"""
    with opening.database(opening.settings(demo=demo)) as store:
        keys.forget(store, epoch, utc_now())
    typer.echo(f"The key of epoch {epoch} is destroyed here. Destroy the copies of it that you keep elsewhere.")


def _row(number: int, known: list[Epoch], counted: dict[int | None, int], here: set[int]) -> dict[str, object]:
    found = next((one for one in known if one.number == number), None)
    newest = known[-1].number if known else DERIVED
    return {
        "epoch": number,
        "state": _state(number, newest, found),
        "here": number in here,
        "rows": counted.get(number, 0),
        "activated_at": found.activated_at.isoformat(timespec="minutes") if found else None,
    }


def _state(number: int, newest: int, found: Epoch | None) -> str:
    if number > newest:
        return "not active yet"
    if found is not None and found.forgotten_at is not None:
        return "destroyed"
    if number < newest:
        return "read only"
    return "active" if found is None or found.done_at is not None else "active, rotating"
