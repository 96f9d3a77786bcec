"""`baton dead-letters` about what could not be read or routed on the way in: where and why, and read again; it needs the secret key."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import typer
from sqlmodel import Session

from broker import gateway_file
from broker.cli import opening
from broker.clock import utc_now
from broker.errors import BatonError
from broker.storage import directory, keyset
from broker.storage.dead_letters import SortBy
from broker.storage.keyset import Position
from broker.storage.quarantine import Quarantined
from broker.storage.store import Store
from broker.workflow import reread
from broker.workflow.context import Context
from broker.workflow.reread import Readers

AT_ONCE = 100


def show_list(*, team: str | None, via: str | None, limit: int, after: str | None, demo: bool, as_json: bool) -> None:
    """One page of them."""
    begin = None if after is None else keyset.position(after, SortBy.SINCE, descending=False)
    if after is not None and begin is None:
        raise BatonError("--after is not what a list ended with.")
    with _open(demo=demo) as (store, ctx, _):
        found, last = _page(store, ctx, team, via, begin, limit)
    following = None if last is None else last.text(SortBy.SINCE, descending=False)
    if as_json:
        typer.echo(json.dumps({"quarantined": [_plain(one) for one in found], "next": following}, indent=2))
        return
    if not found:
        typer.echo("There are none.")
        return
    typer.echo(f"{'ID':<37} {'SENDER':<28} {'VIA':<18} {'SINCE':<17} {'READ':>4} WHERE AND WHY")
    for one in found:
        typer.echo(_line(one))
    if following is not None:
        typer.echo(f"More: baton dead-letters list --quarantined --after {following}")


def show_one(id_: str, *, demo: bool, as_json: bool) -> None:
    """One of them with everything that was wrong."""
    with _open(demo=demo) as (store, ctx, _):
        found = store.write(lambda session: reread.show(session, ctx, None, id_, utc_now()))
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=2))
        return
    for name, value in _plain(found).items():
        if name not in ("problems", "tasks"):
            typer.echo(f"{name:<16} {'-' if value is None else value}")
    typer.echo(f"{'tasks':<16} {' '.join(found.tasks) or '-'}")
    for fault in found.faults:
        typer.echo(f"{'problem':<16} {fault.path} {fault.reason}".rstrip())


def retry(ids: Sequence[str] | None, *, team: str | None, via: str | None, demo: bool, as_json: bool) -> None:
    """Read these again, or all of a sender and way, each by itself."""
    if ids is not None and (team is not None or via is not None):
        raise BatonError("Say which: ids, or --team and --via.")
    with _open(demo=demo) as (store, ctx, readers):
        wanted: Iterator[str] = iter(ids) if ids is not None else _all(store, ctx, team, via)
        after = [store.write(partial(_again, ctx, id_, readers)) for id_ in wanted]
    if as_json:
        typer.echo(json.dumps({"quarantined": [_plain(one) for one in after]}, indent=2))
        return
    for one in after:
        typer.echo(f"{one.id} {_outcome(one)}.")
    typer.echo(f"{sum(one.became is not None for one in after)} of {len(after)} are taken.")


def _all(store: Store, ctx: Context, team: str | None, via: str | None) -> Iterator[str]:
    after: Position | None = None
    while True:
        found, after = _page(store, ctx, team, via, after, AT_ONCE)
        yield from (one.id for one in found)
        if after is None:
            return


def _page(
    store: Store, ctx: Context, team: str | None, via: str | None, after: Position | None, limit: int
) -> tuple[list[Quarantined], Position | None]:
    def work(session: Session) -> tuple[list[Quarantined], Position | None]:
        return reread.page(session, ctx, None, team_id=team, via=via, after=after, limit=limit, now=utc_now())

    return store.write(work)


def _again(ctx: Context, id_: str, readers: Readers, session: Session) -> Quarantined:
    return reread.retry(session, ctx, None, id_, readers, utc_now())


@contextmanager
def _open(*, demo: bool) -> Iterator[tuple[Store, Context, Readers]]:
    from adapters.registry import ADAPTERS
    from broker.policy import model
    from broker.storage import deliveries
    from schemas.limits import Limits

    read = opening.settings(demo=demo)
    limits = Limits(bytes=read.max_body_bytes, depth=read.max_depth, entries=read.max_entries)
    with opening.database(read) as store:
        ctx = Context(
            codec=store.codec,
            directory=store.read(directory.load),
            policy=model.load(read.policy),
            pushed=store.read(deliveries.pushed),
            public_url=read.public_url.rstrip("/"),
        )
        yield store, ctx, Readers(adapters=ADAPTERS, limits=limits, ways=gateway_file.load(read.gateways).ways)


def _outcome(one: Quarantined) -> str:
    return f"is taken as {one.became}" if one.became else f"is {one.standing} still"


def _line(one: Quarantined) -> str:
    why = "; ".join(f"{fault.path} {fault.reason}".strip() for fault in one.faults[:1])
    more = f" (and {len(one.faults) - 1} more)" if len(one.faults) > 1 else ""
    return f"{one.id:<37} {one.sender:<28} {one.via:<18} {_minute(one.since):<17} {one.attempts:>4} {why}{more}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _plain(one: Quarantined) -> dict[str, object]:
    return {
        "id": one.id,
        "sender": one.sender,
        "via": one.via,
        "standing": one.standing,
        "since": one.since.isoformat(),
        "attempts": one.attempts,
        "last_at": one.last_at.isoformat() if one.last_at else None,
        "became": one.became,
        "tasks": list(one.tasks),
        "problems": [{"path": fault.path, "reason": fault.reason} for fault in one.faults],
    }
