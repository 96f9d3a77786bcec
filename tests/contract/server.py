"""A broker as a process of its own on a free port of this machine, started as `baton serve` starts it; run it with `python -m`.

Prints one line of JSON once it listens: its address and a token for each caller named in the environment.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from sqlmodel import Session

from broker import log
from broker.main import create_app
from broker.runtime import start
from broker.settings import Settings
from broker.storage import clients, migrate
from broker.web import tokens
from broker.web.http_head import BoundedHead
from tests.contract.calling import ADMIN_SCOPES, TEAM_SCOPES, fill

CALLERS = "BATON_TEST_CALLERS"
"""Teams, separated by blanks; `-` is the administrator."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A listening broker, and where its output goes."""

    url: str
    tokens: dict[str, str]
    output: Path

    def headers(self, team: str) -> dict[str, str]:
        """The bearer token of a team's system."""
        return {"Authorization": f"Bearer {self.tokens[team]}"}


@contextmanager
def serving(folder: Path, *teams: str, **settings: str) -> Iterator[Server]:
    """A broker process with a database in `folder` unless settings name one, ended when the block is left: what it wrote is whole then."""
    output = folder / "output.txt"
    environment = os.environ | {
        "BATON_DATABASE_URL": f"sqlite:///{folder}/baton.db",
        "BATON_SECRET_KEY": "a test key that is long enough for any purpose",
        CALLERS: " ".join(teams),
        **settings,
    }
    with (
        output.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.contract.server"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said, output.read_text()
            yield Server(**json.loads(said), output=output)
        finally:
            process.terminate()
            rest = process.communicate(timeout=30)[0]
            errors.write(rest)


def main() -> None:
    """Listen, say where, serve until told to end."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = Settings(public_url=url, poll_seconds=0.1)
    log.configure(settings.log_format)
    runtime = start(settings)
    migrate.upgrade(runtime.store.engine)
    granted = runtime.store.write(lambda session: _callers(session, runtime.now()))
    app = create_app(runtime)
    app.add_api_route("/broken/{text}", _broken)
    print(json.dumps({"url": url, "tokens": granted}), flush=True)  # noqa: T201 - read by whoever started this
    config = uvicorn.Config(
        app, http=BoundedHead, access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=10
    )
    uvicorn.Server(config).run(sockets=[listening])


def _broken(text: str) -> None:
    """A fault as one of ours could be, quoting what was sent."""
    raise ValueError(f"{text} is wrong")


def _callers(session: Session, now) -> dict[str, str]:
    fill(session)
    session.flush()
    granted = {}
    for name in os.environ[CALLERS].split():
        team, scopes = (None, ADMIN_SCOPES) if name == "-" else (name, TEAM_SCOPES)
        client = clients.Registered(
            name=f"system-{name.strip('-')}", team=team, jwks={"keys": []}, scopes=frozenset(scopes)
        )
        clients.put(session, client, now)
        session.flush()
        granted[name] = tokens.grant(session, client, None, seconds=3600, now=now).token
    return granted


if __name__ == "__main__":
    main()
