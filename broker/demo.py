"""The demonstration: a directory, a client for every team and a household with its messages; `serve --demo` prepares it once."""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import yaml
from joserfc.jwk import ECKey
from sqlmodel import Session

from broker.domain.rota import Practitioner
from broker.errors import Misconfigured
from broker.replay import reading
from broker.replay.playing import Progress, silent
from broker.replay.record import SimulatedClock
from broker.replay.run import Player
from broker.replay.timeline import dated
from broker.runtime import Runtime
from broker.storage import accounts, clients, directory_file, practitioners
from broker.storage.accounts import Account
from broker.unsafe import DEMONSTRATIONS
from broker.web.pages.issuers import DEMONSTRATION
from schemas import examples
from schemas.shifting import shifted

TEAM_SCOPES = "baton/mailbox baton/message.write system/AuditEvent.rs system/Flag.rs system/Patient.s system/Task.rs system/Task.u"
DIRECTORY = Path(__file__).parents[1] / "deploy" / "directory" / "demo.yaml"
PEOPLE = DIRECTORY.with_name("demo-people.yaml")
KEYS = Path("var") / "demo-keys"

STORY = Path(__file__).parents[1] / "deploy" / "scenarios" / "child-rs.yaml"
"""The story of one household, moved in time so that `NEXT` would happen today, and told up to yesterday."""

NEXT = "concern-bruising"
"""The example that whoever tries the demonstration sends first."""

MESSAGES = Path("var") / "demo-messages"
"""Every golden example with its dates moved likewise, ready to be posted."""


def prepare(runtime: Runtime, progress: Progress = silent) -> str:
    """Fill an empty database with the demonstration; what to look at and try, as text.

    Raises:
        Misconfigured: it was being filled when it was interrupted.
    """
    if not runtime.store.read(clients.all_clients):
        _fill(runtime, progress)
    elif not runtime.store.read(lambda session: accounts.everybody(session, runtime.store.codec)):
        raise Misconfigured(  # whoever can sign in comes last
            "This demonstration was interrupted while it was prepared: delete its database (var/baton.db unless BATON_DATABASE_URL names another) and start again."
        )
    runtime.store.write(lambda session: _seat(session, runtime))
    return _welcome(runtime)


def _fill(runtime: Runtime, progress: Progress) -> None:
    file = directory_file.read(runtime.settings.directory or DIRECTORY)

    def work(session: Session) -> None:
        directory_file.store(session, file)
        for team in file.teams:
            clients.put(session, _client(f"demo-{team.id}", team.id, TEAM_SCOPES), runtime.now())
        clients.put(session, _client(DEMONSTRATIONS, None, "baton/admin baton/audit"), runtime.now())

    runtime.store.write(work)
    later = runtime.now().date() - _sent(examples.load(NEXT))
    _lay_out(later)
    if runtime.settings.directory is None:  # the story's teams are the demonstration's
        _tell(runtime, later, progress)


def _seat(session: Session, runtime: Runtime) -> None:
    """The people who can be chosen to sign in as, each in the team that the directory has; whoever is there stays as they are."""
    ctx, now = runtime.context(session), runtime.now()
    known = {account[0] for account in accounts.everybody(session, ctx.codec)}
    for one in yaml.safe_load(PEOPLE.read_text(encoding="utf-8"))["people"]:
        teams = [team for team in one.get("teams", ()) if team in ctx.directory.teams]
        if one["id"] in known or (not teams and "scope" not in one):
            continue
        for team in teams:
            somebody = Practitioner(id=one["id"], team_id=team, name=one["name"], role=one["role"])
            practitioners.put(session, ctx.codec, somebody, None)
        session.flush()
        account = Account(
            id=one["id"],
            issuer=DEMONSTRATION,
            subject=one["id"],
            name=one["name"],
            scopes=frozenset({one["scope"]} if "scope" in one else ()),
            seats=tuple((team, one["id"]) for team in teams),
        )
        accounts.put(session, ctx.codec, account, now)


def _client(name: str, team: str | None, scopes: str) -> clients.Registered:
    """A client with a key of its own, whose private part is kept under `var/` so that a system can be tried with it."""
    path = KEYS / f"{name}.json"
    if path.exists():
        key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    else:
        key = ECKey.generate_key("P-384", {"kid": name, "use": "sig", "alg": "ES384"})
        KEYS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")
        path.chmod(0o600)
    public = {"keys": [key.as_dict(private=False)]}
    return clients.Registered(name=name, team=team, jwks=public, scopes=frozenset(scopes.split()))


def _lay_out(later: timedelta) -> None:
    """Leave all examples ready to be posted."""
    MESSAGES.mkdir(parents=True, exist_ok=True)
    for name in examples.names():
        (MESSAGES / f"{name}.json").write_bytes(orjson.dumps(shifted(examples.load(name), later)))


def _sent(bundle: dict[str, Any]) -> date:
    return datetime.fromisoformat(bundle["timestamp"]).date()


def _tell(runtime: Runtime, later: timedelta, progress: Progress) -> None:
    """Replay the story up to yesterday, on its own clock; what has come due since then comes due before anybody looks."""
    story = reading.read(STORY, later)
    now = runtime.now()
    clock = SimulatedClock(dated(story.scenario)[0].at)
    telling = Runtime(runtime.settings, runtime.store, runtime.policy, runtime.bus, clock)
    player = Player(story, telling, clock, judged=False)
    told = [one for one in player.steps if one.at.date() < now.date()]
    for done, one in enumerate(player.play(until=_midnight(now)), start=1):
        progress(done, len(told), f"{one.at:%Y-%m-%d}")
    player.pass_time(now)


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), time(), now.tzinfo)


def _welcome(runtime: Runtime) -> str:
    url = runtime.settings.public_url.rstrip("/")
    return f"""
Sign in at {url}/app  as one of the demonstration's people: a health visitor, a GP, a safeguarding lead, an auditor …

For systems: {url}   (health: /healthz, /readyz; what is served: /fhir/metadata; the calls: /openapi.json)

Every team of the demonstration has a client demo-<team>, and an administrator demo-administrator. Their keys are in {KEYS}/.
A token:           .venv/bin/baton client token demo-bcht-health-visiting
Its mailbox:       curl -s -H "Authorization: Bearer $(.venv/bin/baton client token demo-bcht-health-visiting)" {url}/mailbox/inbox
Its tasks:         curl -s -H "Authorization: Bearer $(.venv/bin/baton client token demo-bcht-health-visiting)" "{url}/fhir/Task?owner=bcht-health-visiting"
Send a message:    curl -s -H "Authorization: Bearer $(.venv/bin/baton client token demo-swbh-health-visiting)" -H "Content-Type: application/fhir+json" \\
                     --data-binary @{MESSAGES}/{NEXT}.json '{url}/fhir/$process-message'
Send a real event (a birth notification as the national feed sends it):
  curl -s -H "Authorization: Bearer $(.venv/bin/baton client token demo-swbh-midwifery)" -H "Content-Type: application/fhir+xml" \\
    --data-binary @tests/samples/nems-stu3/BirthNotificationWithMother.xml {url}/adapters/midwifery/events
"""
