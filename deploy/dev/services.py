"""Finds or starts what the tests need: `python -m deploy.dev.services start|stop`; tests read the same finders."""

import os
import sys
from typing import Protocol

from deploy.dev import browser, mesh_sandbox, postgres, rabbitmq
from deploy.dev.machine import CannotProvide


class Service(Protocol):
    """What each service's module offers."""

    @property
    def SETTING(self) -> str:  # noqa: N802 - a module's constant
        """The environment variable that names one to use."""

    def find(self) -> str | None:
        """Its address or path, or None; changes nothing."""

    def start(self) -> str:
        """Start or install one of our own."""

    def stop(self) -> None:
        """Stop what `start` started."""


SERVICES: dict[str, Service] = {"postgres": postgres, "rabbitmq": rabbitmq, "browser": browser, "mesh": mesh_sandbox}
SETTING = "BATON_TEST_REQUIRE"


def required() -> set[str]:
    """The services whose absence fails the run, as BATON_TEST_REQUIRE names them.

    Raises:
        SystemExit: it names something that is no service; a slip there would quietly turn failures into skips.
    """
    names = {name.strip() for name in os.environ.get(SETTING, "").split(",") if name.strip()}
    if unknown := names - SERVICES.keys():
        raise SystemExit(f"{SETTING} names {', '.join(sorted(unknown))}; services are {', '.join(SERVICES)}.")
    return names


def start() -> int:
    """Find or start each service and say so in one line; exit code 1 when a required one is not to be had."""
    needed = required()
    missing = {name for name in SERVICES if not _provide(name, required=name in needed)}
    return 1 if missing & needed else 0


def _provide(name: str, *, required: bool) -> bool:
    service = SERVICES[name]
    try:
        if found := service.find():
            say(f"{name}: found {_shown(found)}")
        else:
            say(f"{name}: now at {_shown(_start(service))}; `make services-stop` stops what was started")
    except CannotProvide as error:
        consequence = "it is required, so nothing runs" if required else "tests that need it are skipped"
        say(f"{name}: none ({error}); {consequence}; {service.SETTING} can name one")
        return False
    return True


def _start(service: Service) -> str:
    if service.SETTING in os.environ:  # the tests look only there, so another one would not be found
        raise CannotProvide("the one named does not answer or does not let us in")
    return service.start()


def _shown(address: str) -> str:
    """An address without who and with what password."""
    return address.rpartition("@")[2]


def stop() -> int:
    """Stop what `start` started and leave the rest alone."""
    for name, service in SERVICES.items():
        try:
            service.stop()
        except CannotProvide as error:
            say(f"{name}: could not be stopped, {error}")
            return 1
    return 0


def say(sentence: str) -> None:
    """One line, flushed: what follows may take a minute."""
    print(f"services: {sentence}", flush=True)


if __name__ == "__main__":
    verbs = {"start": start, "stop": stop}
    if sys.argv[1:] not in ([verb] for verb in verbs):
        sys.exit("usage: python -m deploy.dev.services start|stop")
    sys.exit(verbs[sys.argv[1]]())
