"""`baton retention`: how long what messages say is kept and people are known, applied by hand, and legal holds placed and lifted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from sqlmodel import Session

from broker.bus.embedded import EmbeddedBus
from broker.cli import opening
from broker.clock import utc_now
from broker.policy.model import load
from broker.runtime import Runtime
from broker.storage import retention as kept
from broker.storage.retention import Hold
from broker.workflow import retention

app = typer.Typer(
    help="How long what messages say is kept, and people are known (docs/retention.md).", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
Demo = Annotated[bool, typer.Option("--demo", help="With the key of the demonstration")]
HoldId = Annotated[str, typer.Argument(metavar="ID", help="Of the hold, of your choosing")]


@app.command()
def schedule(demo: Demo = False, as_json: AsJson = False) -> None:
    """Show the retention schedule of the policy in force. Example: baton retention schedule"""
    with _opened(demo=demo) as running:
        ctx = running.store.read(running.context)
    rules = ctx.policy.retention
    rows = [("every other event", rules.payloads.days)]
    rows += sorted((event.value, span.days) for event, span in rules.events.items())
    rows += [("what could not be read", rules.unreadable.days)]
    people = rules.people
    known = {
        "after_last_days": people.after_last.days,
        "children_until_age": people.children_until,
        "maternity_days": people.maternity.days,
    }
    if as_json:
        typer.echo(json.dumps({"policy": ctx.policy.version, "days": dict(rows), "people": known}, indent=2))
        return
    typer.echo(
        f"Policy {ctx.policy.version}: what a message says goes after so many days; that it was sent, and the audit, stay."
    )
    for name, days in rows:
        typer.echo(f"{days:>6}  {name}")
    typer.echo(
        f"People are known for {people.after_last.days} days after the last that was heard of them, nobody goes before their"
        f" {people.children_until}th birthday, and no mother before {people.maternity.days} days after the birth of her last child."
    )


@app.command()
def apply(demo: Demo = False, as_json: AsJson = False) -> None:
    """Destroy now what is due, as workers do every hour. Example: baton retention apply"""
    shredded = erased = 0
    with _opened(demo=demo) as running:
        while done := running.store.write(
            lambda session: retention.apply(session, running.context(session), utc_now())
        ):
            shredded += done
        while (
            passed := running.store.write(lambda session: retention.erase(session, running.context(session), utc_now()))
        ).looked:
            erased += passed.erased
    if as_json:
        typer.echo(json.dumps({"shredded": shredded, "erased": erased}))
        return
    typer.echo(f"{shredded} messages have lost what they said, and {erased} people are known no more.")


@app.command()
def holds(
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that were lifted too")] = False,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """List legal holds. Example: baton retention holds"""
    with _opened(demo=demo) as running:
        found = running.store.read(lambda session: list(kept.holds(session, running.store.codec, lifted=lifted)))
    if as_json:
        typer.echo(json.dumps({"holds": [_plain(one) for one in found]}, indent=2))
        return
    if not found:
        typer.echo("There are none.")
    for one in found:
        what = f"person {one.person_id}" if one.person_id else f"message {one.notification_id}"
        typer.echo(f"{one.id}: {what}, since {one.placed_at:%Y-%m-%d} by {one.placed_by}: {one.reason}")


@app.command()
def hold(
    id_: HoldId,
    reason: Annotated[str, typer.Option(help="Why it must be kept")],
    person: Annotated[str | None, typer.Option(help="Keep all that is about or names this person (our id)")] = None,
    notification: Annotated[str | None, typer.Option(help="Keep this message (our id)")] = None,
    demo: Demo = False,
) -> None:
    """Keep something beyond its time. Example: baton retention hold inquest-24 --person 5f0c4a52-6c1e-4a57-9d43-0d9d0a3a1f10 --reason 'Coroner, letter of 3 May'"""
    wanted = Hold(
        id=id_,
        person_id=person,
        notification_id=notification,
        reason=reason,
        placed_by=retention.OPERATOR,
        placed_at=utc_now(),
    )
    with _opened(demo=demo) as running:

        def work(session: Session) -> Hold:
            return retention.place(session, running.context(session), None, wanted)

        running.store.write(work)
    typer.echo(f"{id_} is in force.")


@app.command()
def lift(
    id_: HoldId, reason: Annotated[str, typer.Option(help="Why it need not be kept any longer")], demo: Demo = False
) -> None:
    """Lift a legal hold. Example: baton retention lift inquest-24 --reason 'Inquest closed'"""
    with _opened(demo=demo) as running:

        def work(session: Session) -> Hold:
            return retention.lift(session, running.context(session), None, id_, reason, utc_now())

        running.store.write(work)
    typer.echo(f"{id_} is lifted.")


@contextmanager
def _opened(*, demo: bool) -> Iterator[Runtime]:
    read = opening.settings(demo=demo)
    with opening.database(read) as store:
        yield Runtime(read, store, load(read.policy), EmbeddedBus())


def _plain(one: Hold) -> dict[str, Any]:
    return {
        "id": one.id,
        "person": one.person_id,
        "notification": one.notification_id,
        "reason": one.reason,
        "placed_by": one.placed_by,
        "placed_at": one.placed_at.isoformat(),
        "lifted_by": one.lifted_by,
        "lifted_at": one.lifted_at.isoformat() if one.lifted_at else None,
        "lifted_because": one.lifted_because,
    }
