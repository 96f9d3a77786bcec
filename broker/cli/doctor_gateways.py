"""What `baton doctor` says of the ways in besides HTTP: each with where it listens or looks, in whose name, and where its secrets stand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from broker.errors import Misconfigured
from broker.gateway_file import Mesh, Mllp, Secret, Sqs, Way, load
from broker.settings import Settings
from broker.storage import directory, pulses
from broker.storage.store import Store

NEVER = datetime.min.replace(tzinfo=UTC)
SILENT_FOR = timedelta(minutes=5)
TURNS = 3
"""Looks that may be missed, where one is rarer than that."""


def rows(settings: Settings) -> list[dict[str, str]]:
    """Every gateway; none when the file cannot be used. No secret is in it, only where it is looked for."""
    try:
        entries = load(settings.gateways).gateways
    except Misconfigured:
        return []
    return [
        {"name": one.name, "way": one.way, "where": _where(one), "team": one.team, "reads": _reads(one)}
        | {name: str(secret) for name, secret in _secrets(one)}
        for one in entries
    ]


def look(settings: Settings, store: Store | None, now: datetime) -> str:
    """One line: `ok: …`, or what to mend. `store`: to see whether the teams are there; None where the database is away."""
    try:
        entries = load(settings.gateways).gateways
        for one in entries:
            for _, secret in _secrets(one):
                secret.read()
    except Misconfigured as error:
        named = "; ".join(f"{problem.path} {problem.reason}".strip() for problem in error.problems)
        return f"mend: {error}{f' {named}' if named else ''}"
    if store is not None:
        teams = {one.team for one in entries}
        absent = sorted(
            teams - store.read(lambda session: {team for team in teams if directory.has_team(session, team)})
        )
        if absent:
            return f"mend: no such team: {', '.join(absent)}; what comes in its name waits"
        silent = _silent(settings, store, now)
        if silent:
            return f"mend: not running, or not let in: {', '.join(silent)}; `baton gateway` runs them"
    return f"ok: {len(entries)}, each with its secrets"


def _silent(settings: Settings, store: Store, now: datetime) -> list[str]:
    """Names of those that have not worked for longer than is usual."""
    heard = store.read(pulses.gateways)
    entries = load(settings.gateways).gateways
    return [one.name for one in entries if now - heard.get(one.name, NEVER) > _allowed(one)]


def _allowed(one: Way) -> timedelta:
    """How long it may be silent."""
    return max(SILENT_FOR, TURNS * timedelta(seconds=one.poll_seconds if isinstance(one, Mesh) else 0))


def _where(one: Way) -> str:
    match one:
        case Mllp():
            return f"{one.host}:{one.port}{' with TLS' if one.tls else ''}"
        case Mesh():
            return f"{one.mailbox} at {one.url}"
        case Sqs():
            return one.queue_url


def _reads(one: Way) -> str:
    if not isinstance(one, Mesh):
        return one.adapter
    return ", ".join(f"{workflow} as {kind}" for workflow, kind in sorted(one.workflows.items()))


def _secrets(one: BaseModel) -> Iterator[tuple[str, Secret]]:
    return ((name, value) for name, value in one if isinstance(value, Secret))
