"""`baton client`: systems that call."""

import json
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from broker.cli import opening
from broker.clock import utc_now
from broker.errors import BatonError, Invalid, NotFound
from broker.storage import audit, clients, directory
from broker.web import tokens
from broker.web.keys import public_part
from broker.web.registering import client_faults

app = typer.Typer(help="Systems that call.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.command()
def add(
    name: str,
    jwks: Annotated[Path, typer.Option(help="File with the client's public keys (JWK Set)")],
    scope: Annotated[list[str], typer.Option(help="A scope it may ask for; repeat for more")],
    team: Annotated[str | None, typer.Option(help="The team it acts for")] = None,
) -> None:
    """Register a system. Example: baton client add swbh-epr --team swbh-midwifery --jwks keys.json --scope baton/mailbox"""
    if not tokens.NAME.fullmatch(name):
        raise BatonError("A client's name has lower-case letters, digits and hyphens, 64 at most.")
    try:
        keys = json.loads(jwks.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BatonError(f"{jwks} cannot be read as a JWK Set.") from error
    problems = client_faults(keys if isinstance(keys, dict) else {}, scope, team)
    if problems:
        raise Invalid("The client was not registered.", problems=problems)
    now = utc_now()
    with opening.database(opening.settings(), keyless=True) as store:

        def work(session: Session) -> None:
            if team is not None and not directory.has_team(session, team):
                raise NotFound("That team is not in the directory: see `baton directory export`.")
            registered = clients.Registered(name=name, team=team, jwks=public_part(keys), scopes=frozenset(scope))
            clients.put(session, registered, now)
            audit.record(session, action="administer", entity="client", entity_id=name, now=now)

        store.write(work)
    typer.echo(f"{name} is registered.")


@app.command(name="list")
def list_clients(as_json: AsJson = False) -> None:
    """List the systems. Example: baton client list --json"""
    with opening.database(opening.settings(), keyless=True) as store:
        rows = store.read(clients.all_clients)
    shown = [{"name": r.name, "team": r.team, "scopes": sorted(r.scopes), "revoked": r.revoked} for r in rows]
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    for row in shown:
        ended = " (revoked)" if row["revoked"] else ""
        typer.echo(f"{row['name']:<28} {row['team'] or '-':<28} {' '.join(row['scopes'])}{ended}")  # type: ignore[arg-type]


@app.command()
def revoke(name: str) -> None:
    """End a system's access at once, its tokens included. Example: baton client revoke swbh-epr"""
    now = utc_now()
    with opening.database(opening.settings(), keyless=True) as store:

        def work(session: Session) -> bool:
            audit.record(
                session, action="administer", entity="client", entity_id=name, now=now, detail={"revoked": True}
            )
            return clients.revoke(session, name, now)

        if not store.write(work):
            raise NotFound("There is no client of that name: see `baton client list`.")
    typer.echo(f"{name} is revoked.")


@app.command()
def token(
    name: str,
    scope: Annotated[list[str] | None, typer.Option(help="Only these of its scopes")] = None,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="Life of the token")] = 3600,
) -> None:
    """Print a bearer token, also beside a running server. Example: baton client token demo-midwifery"""
    now = utc_now()
    with opening.database(opening.settings(), keyless=True) as store:

        def work(session: Session) -> str:
            row = clients.held(session, name)
            if row is None or row.revoked:
                raise NotFound("There is no such client, or it is revoked: see `baton client list`.")
            audit.record(session, action="administer", entity="token", entity_id=name, now=now)
            return tokens.grant(session, row, " ".join(scope) if scope else None, seconds=seconds, now=now).token

        try:
            typer.echo(store.write(work))
        except tokens.Refused as refused:
            raise BatonError(f"No token: {refused}.") from refused
