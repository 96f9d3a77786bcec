"""`baton doctor`: every setting with its meaning, and whether what they name answers."""

import json
import sys
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from broker import unsafe
from broker.cli import doctor_channels, opening
from broker.clock import utc_now
from broker.errors import Away, Misconfigured
from broker.settings import Settings
from broker.storage import epochs, runtime_role, second_lock, steps

if TYPE_CHECKING:
    from broker.cli.doctor_bus import BusReport

APART_SECONDS = 5
"""Clocks that are kept by NTP differ by less."""
SECRET = ("secret_key", "keys", "amqp_url", "amqp_management_url", "smtp_url", "heartbeat_url", "metrics_token")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False) -> None:
    """Say what is set, what answers and what to mend; exit code 1 when something is wrong. Example: baton doctor --json"""
    read = opening.settings()
    bus = _bus(read)
    checks = _checks(read, bus)
    gateways = [] if read.gateways is None else _named_gateways(read)
    wrong = [name for name, found in checks.items() if not found.startswith("ok")]
    if as_json:
        said: dict[str, Any] = {"settings": _settings(read), "checks": checks}
        said |= {"gateways": gateways} if read.gateways is not None else {}
        typer.echo(json.dumps(said if bus is None else {**said, "rabbitmq": bus.data()}, indent=2))
    else:
        for row in _settings(read):
            typer.echo(f"{row['name']:<34} {row['value']:<42} {row['meaning']}")
        typer.echo("")
        for name, found in checks.items():
            typer.echo(f"{name:<34} {found}")
        for line in bus.lines() if bus is not None else ():
            typer.echo(line)
        for gateway in gateways:
            typer.echo(
                f"gateway {gateway['name']}: " + ", ".join(f"{k} {v}" for k, v in gateway.items() if k != "name")
            )
    if wrong:
        raise typer.Exit(1)


def _checks(read: Settings, bus: "BusReport | None") -> dict[str, str]:
    checks = {"secret key": _key(read), "database": _database(read), "python": f"ok: {sys.version.split()[0]}"}
    checks["tls"] = _tls(read)
    if read.lookup_clients:
        checks["lookups"] = _lookups(read)
    if bus is not None:
        checks["rabbitmq"] = bus.check
    answers = checks["database"].startswith("ok")
    if answers:
        if checks["secret key"] == "ok":
            checks["keys"] = _keys(read)
        checks["channels"] = _channels(read)
        checks["second lock"] = _lock(read)
        checks["audit"] = _audit(read)
        checks["clock"] = _clock(read)
    if read.gateways is not None:
        checks["gateways"] = _gateways(read, answers=answers)
    return checks


def _bus(read: Settings) -> "BusReport | None":
    if read.amqp_url is None:
        return None
    from broker.cli import doctor_bus  # with its client library only where it is used

    return doctor_bus.examine(read)


def _settings(read: Settings) -> list[dict[str, Any]]:
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(read, name)
        rows.append({"name": f"BATON_{name.upper()}", "value": _shown(name, value), "meaning": field.description or ""})
    return rows


def _shown(name: str, value: object) -> str:
    if name in SECRET:
        return "(set)" if value is not None else "(not set)"
    if name == "database_url":
        return make_url(str(value)).render_as_string(hide_password=True)
    if isinstance(value, list):
        return " ".join(_shown(name, item) for item in value)
    if isinstance(value, dict):
        return " ".join(sorted(value))
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    return "" if value is None else str(value)


def _key(read: Settings) -> str:
    try:
        unsafe.refuse(read)
    except Misconfigured as error:
        return f"mend: {error}"
    return "ok"


def _keys(read: Settings) -> str:
    """Whether this process has the key under which is sealed, and where it has it from."""
    if read.keys is not None:
        where = "BATON_KEYS"
    elif read.key_file is not None:
        where = "BATON_KEY_FILE" + (", wrapped by BATON_KEY_COMMAND" if read.key_command else "")
    else:
        where = "BATON_SECRET_KEY alone (docs/encryption.md says how to have keys that rotate)"
    try:
        codec = epochs.codec_of(read)
        with opening.as_it_is(read, codec) as store:
            store.read(lambda session: epochs.follow(session, codec))
    except Misconfigured as error:
        return f"mend: {error}"
    return f"ok: epoch {codec.keys.active} is active, from {where}"


def _tls(read: Settings) -> str:
    """Which of the wires are encrypted and checked."""
    from broker.worker.trusted import trusted

    try:
        trusted(read)
    except Misconfigured as error:
        return f"mend: {error}"
    said, address = [], make_url(read.database_url)
    if address.get_backend_name() != "sqlite":
        said.append(f"database sslmode {address.query.get('sslmode', 'prefer')}")
    if read.amqp_url is not None:
        schemes = {one.split(":", 1)[0].strip() for one in read.amqp_url.get_secret_value().split(",")}
        said.append(f"RabbitMQ {'/'.join(sorted(schemes))}")
    if read.smtp_url is not None:
        plain = read.smtp_url.get_secret_value().startswith("smtp:")
        said.append(f"mail STARTTLS {read.smtp_tls}" if plain else "mail smtps")
    said.append(f"webhooks checked with {'BATON_CA_FILE' if read.ca_file else 'the usual certificates'}")
    return f"ok: {', '.join(said)}"


def _lookups(read: Settings) -> str:
    from broker.worker import looking_up  # with its HTTP client only where there is somebody to ask

    try:
        return f"ok: {', '.join(sorted(looking_up.services(read)))}"
    except Misconfigured as error:
        return f"mend: {error}"


def _database(read: Settings) -> str:
    try:
        with opening.as_it_is(read) as store:
            at, newest, durable = store.schema(), steps.newest(), store.durability()
    except (SQLAlchemyError, Away) as error:
        return f"mend: it does not answer ({type(error.__cause__ or error).__name__})"
    except Misconfigured as error:
        return f"mend: {error}"
    if not steps.is_enough(at):
        return f"mend: schema {at or 'empty'}, newest is {newest}: run `baton migrate`"
    return f"ok: schema {at}; {durable}"


def _lock(read: Settings) -> str:
    """Whether PostgreSQL holds by itself what a team may read (`storage.second_lock`)."""
    with opening.as_it_is(read) as store:
        if store.embedded:
            return "ok: none on SQLite, whose file nobody but this program reads"
        if second_lock.is_on(store.engine):
            return f"ok: row-level security, {second_lock.ROLE}"
    return f"mend: off: have the database's administrator create {second_lock.ROLE} (docs/operations.md), then `baton migrate`"


def _audit(read: Settings) -> str:
    """What keeps what was written down from being changed by whoever has this login."""
    with opening.as_it_is(read) as store:
        if store.embedded or runtime_role.may_change_the_audit(store.engine):
            return "ok: insert-only by triggers alone; on PostgreSQL by grants too, with a login of its own (docs/audit.md)"
    return "ok: insert-only by triggers, and by what this login is granted"


def _clock(read: Settings) -> str:
    """Whether this machine's clock is the database's: deadlines, leases and the audit are dated by it."""
    with opening.as_it_is(read) as store:
        there = store.clock()
    if there is None:
        return "ok: the database goes by this machine's"
    ahead = (utc_now() - there).total_seconds()
    if abs(ahead) <= APART_SECONDS:
        return f"ok: {ahead:+.1f} s from the database's"
    where = "ahead of" if ahead > 0 else "behind"
    return f"mend: {abs(ahead):.0f} s {where} the database's: have every machine's clock kept by NTP, and restart what ran here"


def _channels(read: Settings) -> str:
    with opening.as_it_is(read) as store:
        return doctor_channels.look(store, read, utc_now())


def _named_gateways(read: Settings) -> list[dict[str, str]]:
    from broker.cli import doctor_gateways  # with every adapter only where gateways are used

    return doctor_gateways.rows(read)


def _gateways(read: Settings, *, answers: bool) -> str:
    from broker.cli import doctor_gateways

    with opening.as_it_is(read) if answers else nullcontext() as store:
        return doctor_gateways.look(read, store, utc_now())
