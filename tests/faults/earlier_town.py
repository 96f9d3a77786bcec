"""Run by the code of an earlier release, in its own folder, on an empty database: fills it with the bench's town; who may call is printed."""

import json
import sys
from pathlib import Path

import broker
from broker.cli import bench_town
from broker.runtime import start
from broker.settings import Settings
from broker.storage import clients, migrate
from broker.web import tokens

SCOPES = frozenset({"baton/message.write", "baton/mailbox", "system/Task.rs", "system/Task.u"})


def main(url: str, key: str) -> dict[str, str]:
    """A bearer token by team."""
    assert Path.cwd() in Path(broker.__file__).parents, "this is not the earlier code"
    runtime = start(Settings(database_url=url, secret_key=key))
    migrate.upgrade(runtime.store.engine)
    bench_town.fill(runtime)
    given = {}

    def work(session) -> None:
        for team in (bench_town.SENDER, *bench_town.TOLD):
            system = clients.Registered(name=team, team=team, jwks={"keys": []}, scopes=SCOPES)
            clients.put(session, system, runtime.now())
            session.flush()
            given[team] = tokens.grant(session, system, None, seconds=86_400, now=runtime.now()).token

    runtime.store.write(work)
    runtime.store.close()
    return given


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])))  # noqa: T201 - read by the test that started this
