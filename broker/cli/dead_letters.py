"""`baton dead-letters`: what no longer goes out by itself, what could not be read on the way in, why, and once more; never what it says."""

import json
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Annotated

import typer
from sqlmodel import Session

from broker.cli import opening
from broker.clock import utc_now
from broker.errors import BatonError
from broker.storage import keyset
from broker.storage import quarantine as quarantined_rows
from broker.storage.dead_letters import Letter, SortBy, Tried
from broker.storage.keyset import Position
from broker.storage.store import Store
from broker.workflow import dead_letters

app = typer.Typer(
    help="Deliveries that no longer go out by themselves, and messages that could not be read.", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
Team = Annotated[str | None, typer.Option("--team", help="Only this team's")]
Quarantine = Annotated[bool, typer.Option("--quarantined", help="What could not be read or routed on the way in")]
Via = Annotated[str | None, typer.Option("--via", help="Of these only what came by `fhir` or an adapter's kind")]
Demo = Annotated[bool, typer.Option("--demo", help="With the key of the demonstration")]


@app.command(name="list")
def list_letters(
    team: Team = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many")] = 100,
    after: Annotated[str | None, typer.Option(help="Where the page begins, as the end of the one before says")] = None,
    quarantined: Quarantine = False,
    via: Via = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List them, oldest first. Example: baton dead-letters list --team cape-hill-practice"""
    if quarantined:
        from broker.cli import quarantine

        quarantine.show_list(team=team, via=via, limit=limit, after=after, demo=demo, as_json=as_json)
        return
    begin = None if after is None else keyset.position(after, SortBy.SINCE, descending=False)
    if after is not None and begin is None:
        raise BatonError("--after is not what a list ended with.")
    now = utc_now()

    def work(session: Session) -> tuple[list[Letter], Position | None]:
        return dead_letters.page(session, None, team_id=team, after=begin, limit=limit, now=now)

    with _store() as store:
        found, last = store.write(work)
        refused = store.read(lambda session: quarantined_rows.count(session, team_id=team))
    following = None if last is None else last.text(SortBy.SINCE, descending=False)
    if as_json:
        typer.echo(
            json.dumps(
                {"dead_letters": [_plain(letter) for letter in found], "next": following, "quarantined": refused},
                indent=2,
            )
        )
        return
    if not found:
        typer.echo("There are none.")
        _tell_of(refused)
        return
    typer.echo(f"{'ID':<37} {'TEAM':<28} {'EVENT':<24} {'SINCE':<17} {'TRIES':>5} LAST")
    for letter in found:
        typer.echo(_line(letter))
    if following is not None:
        typer.echo(f"More: baton dead-letters list --after {following}")
    _tell_of(refused)


def _tell_of(refused: int) -> None:
    if refused:
        typer.echo(f"{refused} could not be read or routed on the way in: baton dead-letters list --quarantined")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of a delivery, or of what could not be read")],
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Show one with every try and the task of who looks into it. Example: baton dead-letters show 5f0c4a52-6c1e-4a57-9d43-0d9d0a3a1f10"""
    now = utc_now()
    with _store() as store:
        if store.read(lambda session: quarantined_rows.is_one(session, id_)):
            from broker.cli import quarantine

            quarantine.show_one(id_, demo=demo, as_json=as_json)
            return
        letter, tries = store.write(lambda session: dead_letters.show(session, None, id_, now))
    if as_json:
        typer.echo(json.dumps({**_plain(letter), "tries": [_tried(tried) for tried in tries]}, indent=2))
        return
    for name, value in _plain(letter).items():
        typer.echo(f"{name:<16} {'-' if value is None else value}")
    for tried in tries:
        typer.echo(f"{_minute(tried.at):<16} {tried.outcome.value} {tried.detail}".rstrip())


@app.command()
def retry(
    delivery_id: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Of deliveries, or of what could not be read")
    ] = None,
    team: Annotated[str | None, typer.Option("--team", help="All of this team")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are")] = False,
    quarantined: Quarantine = False,
    via: Via = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Have them tried at once; as often as one likes. Example: baton dead-letters retry --team cape-hill-practice

    What could not be read is read again with the adapter as it is now, and taken as if it came now: baton dead-letters retry --quarantined --via probation
    """
    if quarantined or _all_quarantined(delivery_id):
        from broker.cli import quarantine

        quarantine.retry(delivery_id, team=team, via=via, demo=demo, as_json=as_json)
        return
    if (delivery_id is not None) + (team is not None) + everything != 1:
        raise BatonError("Say which: ids, or --team, or --all.")
    now = utc_now()

    def work(session: Session) -> list[Letter] | int:
        if delivery_id is not None:
            return dead_letters.retry(session, None, delivery_id, now)
        return len(dead_letters.retry_all(session, None, team, now))

    with _store() as store:
        done = store.write(work)
    if as_json:
        shown = {"retried": done} if isinstance(done, int) else {"deliveries": [_plain(letter) for letter in done]}
        typer.echo(json.dumps(shown, indent=2))
    elif isinstance(done, int):
        typer.echo(f"{done} are tried at once.")
    else:
        for letter in done:
            typer.echo(f"{letter.id} is {_stands(letter)}.")


def _all_quarantined(ids: list[str] | None) -> bool:
    """Whether these are ids of what could not be read; a mixture is taken for deliveries, and the others are not found."""
    if ids is None:
        return False
    with _store() as store:
        return store.read(lambda session: all(quarantined_rows.is_one(session, id_) for id_ in ids))


def _store() -> AbstractContextManager[Store]:
    return opening.database(opening.settings(), keyless=True)


def _stands(letter: Letter) -> str:
    if letter.next_attempt_at is not None:
        return "tried at once"
    return f"{letter.state.value}, and waits for its channel to be switched on" if letter.why else letter.state.value


def _line(letter: Letter) -> str:
    event = letter.event.value if letter.event else "-"
    last = "-" if letter.last is None else f"{letter.last.outcome.value} {letter.last.detail}".rstrip()
    off = " (channel disabled)" if letter.why == "channel-disabled" else ""
    return (
        f"{letter.id:<37} {letter.team_id:<28} {event:<24} {_minute(letter.since):<17} {letter.attempts:>5} {last}{off}"
    )


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _plain(letter: Letter) -> dict[str, object]:
    return {
        "id": letter.id,
        "team": letter.team_id,
        "channel": letter.kind.value,
        "event": letter.event.value if letter.event else None,
        "state": letter.state.value,
        "why": letter.why.value if letter.why else None,
        "since": letter.since.isoformat(),
        "attempts": letter.attempts,
        "next_attempt_at": letter.next_attempt_at.isoformat() if letter.next_attempt_at else None,
        "last": None if letter.last is None else _tried(letter.last),
        "task": letter.task,
    }


def _tried(tried: Tried) -> dict[str, str]:
    return {"at": tried.at.isoformat(), "outcome": tried.outcome.value, "detail": tried.detail}
