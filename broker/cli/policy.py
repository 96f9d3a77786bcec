"""`baton policy`: check a policy file, say why each team was told of a past message, try a message that was never sent."""

import json
from dataclasses import asdict, replace
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli import opening
from broker.clock import utc_now
from broker.errors import BatonError, Invalid

if TYPE_CHECKING:
    from broker.storage.store import Store
    from broker.workflow.context import Context
    from broker.workflow.explain import Explanation
    from schemas.message import Message

app = typer.Typer(help="The rules: who is told what, and why.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]
Demo = Annotated[bool, typer.Option("--demo", help="The database is a demonstration's")]


@app.command()
def check(file: Annotated[Path | None, typer.Argument(help="The default policy without it")] = None) -> None:
    """Say whether a policy fits together. Example: baton policy check policy.yaml"""
    from broker.policy import model

    problems = model.check(file)
    if problems:
        raise Invalid(f"{len(problems)} fault(s) in {file or 'the default policy'}.", problems=problems)
    policy = model.load(file)
    typer.echo(f"Policy {policy.version}: {len(policy.events)} events, {len(policy.groups)} functions; no faults.")


@app.command()
def simulate(
    bundle: Annotated[Path, typer.Argument(help="An R4 message Bundle")],
    directory: Annotated[Path | None, typer.Option(help="A directory file, instead of the database")] = None,
    policy: Annotated[Path | None, typer.Option(help="Another policy than the one in force")] = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of a message, and why; nothing is sent. Example: baton policy simulate birth.json --demo"""
    from broker.storage import directory_file
    from broker.workflow import explain

    message = _message(bundle)
    settings = opening.settings(demo=demo)
    url = "sqlite://" if directory else settings.database_url
    with opening.database(
        settings.model_copy(update={"database_url": url, "demo": demo or directory is not None})
    ) as store:
        if directory:
            file = directory_file.read(directory)
            store.write(lambda session: directory_file.store(session, file))
        ctx = _context(store, policy) if policy else _in_force(store, settings.policy)
        sender = ctx.directory.teams.get(message.sender or "")
        if sender is None:
            raise BatonError("MessageHeader.sender names no team of the directory.")
        found = store.read(lambda session: explain.simulate(message, sender, ctx, utc_now(), session))
    _show(found, as_json=as_json)


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="The whole policy, with a version of its own")],
    reason: Annotated[str, typer.Option(help="Why it is to change; stays in the history")],
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Propose a policy and say what it would have done in the last month. Example: baton policy propose mine.yaml --reason "..."

    Nothing changes before somebody else approves it, on the administrators' pages or by POST /admin/policy/proposals/{id}/$approve.
    """
    from broker.domain.caller import Caller
    from broker.workflow import policy_change

    settings = opening.settings(demo=demo)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BatonError(f"{file} cannot be read as a text file in UTF-8.") from error
    with opening.database(settings) as store:
        ctx = _in_force(store, settings.policy)
        by = Caller(client=f"command:{getuser()}", team=None)
        row = store.write(lambda session: policy_change.propose(session, ctx, by, text, reason, utc_now()))
    if as_json:
        typer.echo(json.dumps({"id": row.id, "version": row.version, "base": row.base_version, "effect": row.effect}))
        return
    effect = row.effect
    typer.echo(
        f"Policy {row.version} is proposed as {row.id}, against {row.base_version}; somebody else must approve it."
    )
    typer.echo(
        f"Of {effect['messages']} messages of the last month {effect['changed']} would have been told otherwise."
    )
    for one in effect["teams"]:
        typer.echo(f"  {one['how']:<22} {one['team']:<30} {one['messages']}")
    for one in effect["tasks"]:
        if one["before"] != one["after"]:
            typer.echo(f"  task {one['code']:<30} {one['before']} now, {one['after']} by this policy")


@app.command(name="explain")
def explain_(
    notification: Annotated[str, typer.Argument(help="Its id, as Task.focus has it")],
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Say why each team was told or not told of a past message. Example: baton policy explain 7d3… --json"""
    from broker.workflow import explain

    settings = opening.settings(demo=demo)
    with opening.database(settings) as store:
        ctx = _in_force(store, settings.policy)
        found = store.read(lambda session: explain.explain(session, ctx, notification))
    _show(found, as_json=as_json)


def _message(path: Path) -> "Message":
    from broker.workflow import intake
    from schemas.limits import Limits

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BatonError(f"{path} cannot be read: {error.strerror}.") from error
    incoming = intake.read_fhir(raw, "application/fhir+json", Limits(), utc_now())
    if not incoming.messages:
        raise Invalid(f"{path} is not a message that could be routed.", problems=incoming.problems)
    return incoming.messages[0]


def _context(store: "Store", policy: Path | None) -> "Context":
    from broker.policy import model
    from broker.storage import directory
    from broker.workflow.context import Context

    snapshot = store.read(directory.load)
    return Context(codec=store.codec, directory=snapshot, policy=model.load(policy), public_url="")


def _in_force(store: "Store", file: Path | None) -> "Context":
    """With the policy that the program decides by: the file's, else the stored version in force, else the one that ships."""
    from broker.policy import model
    from broker.storage import policies

    stored = None if file else store.read(policies.active)
    ctx = _context(store, file)
    policy = model.read_text(stored.text)[0] if stored else None
    return replace(ctx, policy=policy) if policy else ctx


def _show(found: "Explanation", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    typer.echo(f"{found.event}{f' ({found.kind})' if found.kind else ''}, policy {found.policy_version}")
    for row in found.rows:
        due = f" by {row['due'][:16]}" if row["due"] else ""
        typer.echo(f"  {row['decision']:<9} {row['team']:<30} {row['view']:<10} {row['purpose']}{due}")
        typer.echo(f"            {row['reason']}" + (f" [{row['rule']}; {row['cites']}]" if row["rule"] else ""))
    for task in found.tasks:
        typer.echo(f"  task      {task['owner']:<30} {task['code']} by {task['due'][:16]}: {task['description']}")
    for problem in found.problems:
        typer.echo(f"  {problem.severity}: {problem.path} {problem.reason}")
