"""The demonstration: a directory, a client for every team and a household with its messages; `serve --demo` prepares it once."""

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from joserfc.jwk import ECKey
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.runtime import Runtime
from broker.storage import clients, directory_file
from broker.workflow import intake
from broker.workflow.receive import receive
from schemas import examples
from schemas.limits import Limits

TEAM_SCOPES = "baton/mailbox baton/message.write system/Patient.s system/Task.rs system/Task.u"
DIRECTORY = Path(__file__).parents[1] / "deploy" / "directory" / "demo.yaml"
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}(T\S+)?$")
KEYS = Path("var") / "demo-keys"

STORY = (
    "supervision-start",
    "pregnancy-booking",
    "enforcement",
    "pregnancy-notification",
    "did-not-attend",
    "supervision-change",
    "mental-health-admission",
    "mental-health-leave",
    "birth",
    "child-admission",
    "mental-health-discharge",
    "child-discharge",
    "maternity-discharge",
    "child-contact",
    "advice-to-attend",
    "involvement-start",
    "measurement",
    "gp-registration",
    "immunisation",
    "6-8-week-examination",
    "referral",
    "referral-outcome",
    "concern-adult-mental-health",
    "child-contact-antenatal",
    "concern",
    "change-of-address",
    "household-update",
    "child-contact-new-to-area",
    "concern-growth",
)
"""Golden examples about one household, in order; moved in time so that `NEXT` would happen today."""

NEXT = "concern-bruising"
"""The example that whoever tries the demonstration sends first."""

MESSAGES = Path("var") / "demo-messages"
"""Every golden example with its dates moved likewise, ready to be posted."""


def prepare(runtime: Runtime) -> str:
    """Fill an empty database with the demonstration; what to look at and try, as text."""
    if not runtime.store.read(clients.all_clients):
        _fill(runtime)
    return _welcome(runtime)


def _fill(runtime: Runtime) -> None:
    file = directory_file.read(runtime.settings.directory or DIRECTORY)

    def work(session: Session) -> None:
        directory_file.store(session, file)
        for team in file.teams:
            clients.put(session, _client(f"demo-{team.id}", team.id, TEAM_SCOPES), runtime.now())
        clients.put(session, _client("demo-administrator", None, "baton/admin baton/audit"), runtime.now())

    runtime.store.write(work)
    _tell_story(runtime)


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


def _tell_story(runtime: Runtime) -> None:
    """Send the story's messages through the same steps as a caller's, and leave all examples ready to be posted."""
    days = (runtime.now().date() - _sent(examples.load(NEXT)).date()).days
    MESSAGES.mkdir(parents=True, exist_ok=True)
    for name in examples.names():
        (MESSAGES / f"{name}.json").write_bytes(orjson.dumps(_moved(examples.load(name), days)))
    for name in STORY:
        bundle = _moved(examples.load(name), days)
        _receive(runtime, orjson.dumps(bundle), _sender(bundle), _sent(bundle))


def _receive(runtime: Runtime, raw: bytes, team: str, at: datetime) -> None:
    incoming = intake.read_fhir(raw, "application/fhir+json", Limits(), at)
    caller = Caller(client=f"demo-{team}", team=team)
    runtime.store.write(lambda session: receive(session, runtime.context(session), incoming, caller, at))


def _sent(bundle: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(bundle["timestamp"])


def _sender(bundle: dict[str, Any]) -> str:
    header = bundle["entry"][0]["resource"]
    return str(header["sender"]["identifier"]["value"])


def _moved(value: Any, days: int) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: _moved(inner, days) for name, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, days) for inner in value]
    if isinstance(value, str) and _DATE.match(value):
        return (date.fromisoformat(value[:10]) + timedelta(days=days)).isoformat() + value[10:]
    return value


def _welcome(runtime: Runtime) -> str:
    url = runtime.settings.public_url.rstrip("/")
    return f"""
Baton is at {url}   (health: /healthz, /readyz; what is served: /fhir/metadata; the calls: /openapi.json)

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
