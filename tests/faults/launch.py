"""The `baton` command in a process that kills itself with SIGKILL where it is told to, or reads a clock that is wrong.

A kill from outside lands wherever it happens to; this one lands between two named steps, every time. It wraps what the product calls at
those places, in this process only: no product code knows of it.
"""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
AT: Final = "FAULTS_AT"
"""Where to die: the name of a step and how often it must have been passed, `committed 7`."""
CLOCK: Final = "FAULTS_CLOCK"
"""File that holds by how many seconds the clock is wrong; read at every look at the clock, so that it can jump."""

Reached = Callable[[], None]


def _before(owner: Any, name: str, reached: Reached) -> None:
    called = getattr(owner, name)

    @functools.wraps(called)
    def wrapped(*args: Any, **more: Any) -> Any:
        reached()
        return called(*args, **more)

    setattr(owner, name, wrapped)


def _after(owner: Any, name: str, reached: Reached) -> None:
    called = getattr(owner, name)

    @functools.wraps(called)
    def wrapped(*args: Any, **more: Any) -> Any:
        result = called(*args, **more)
        reached()
        return result

    setattr(owner, name, wrapped)


def _after_awaited(owner: Any, name: str, reached: Reached) -> None:
    called = getattr(owner, name)

    @functools.wraps(called)
    async def wrapped(*args: Any, **more: Any) -> Any:
        result = await called(*args, **more)
        if result != []:  # a worker that found nothing to claim has passed no step
            reached()
        return result

    setattr(owner, name, wrapped)


# --- the steps of the way in ---------------------------------------------------------------------------------------------


def _received(reached: Reached) -> None:
    """The whole request is here, nothing was looked at."""
    from broker.workflow import intake

    _before(intake, "read_fhir", reached)


def _validated(reached: Reached) -> None:
    """It is understood; no transaction has begun."""
    from broker.workflow import intake

    _after(intake, "read_fhir", reached)


def _begun(reached: Reached) -> None:
    """The transaction has begun; nothing is written."""
    from broker.workflow import arrive

    _before(arrive, "receive", reached)


def _written(reached: Reached) -> None:
    """Every row is written; nothing is committed."""
    from broker.workflow import arrive

    _after(arrive, "receive", reached)


def _committed(reached: Reached) -> None:
    """It is committed; nobody knows yet."""
    from broker.web.api import messages

    _before(messages, "FhirResponse", reached)


def _answered(reached: Reached) -> None:
    """The answer was handed to the connection."""
    from broker.web.edge import Edge

    def counted(called: Callable[..., None], edge: Edge, scope: Any, *more: Any) -> None:
        called(edge, scope, *more)
        if scope["path"] == "/fhir/$process-message":
            reached()

    Edge._count = functools.partialmethod(functools.partial(counted, Edge._count))  # type: ignore[assignment]


STEPS_IN: Final[dict[str, Callable[[Reached], None]]] = {
    "received": _received,
    "validated": _validated,
    "begun": _begun,
    "written": _written,
    "committed": _committed,
    "answered": _answered,
}


# --- the steps of a worker -----------------------------------------------------------------------------------------------


def _claimed(reached: Reached) -> None:
    """Deliveries are leased, and the lease is committed; nothing is sent."""
    from broker.worker.claiming import Claiming

    _after_awaited(Claiming, "take", reached)


def _sent(reached: Reached) -> None:
    """The receiver has answered; nobody has noted it."""
    from adapters.channels.webhook import WebhookChannel

    _after_awaited(WebhookChannel, "push", reached)


def _recorded(reached: Reached) -> None:
    """What the receiver answered is committed."""
    from broker.worker.recording import Recorder

    _after_awaited(Recorder, "_write_at_once", reached)


STEPS_OUT: Final[dict[str, Callable[[Reached], None]]] = {"claimed": _claimed, "sent": _sent, "recorded": _recorded}


# --- what a gateway's sender is told -----------------------------------------------------------------------------------


def _before_mesh_forgets(reached: Reached) -> None:
    """It is committed; MESH does not know."""
    from adapters.wires.mesh import Mailbox

    _before(Mailbox, "acknowledge", reached)


def _before_mllp_answers(reached: Reached) -> None:
    """It is committed; whoever sent it by MLLP does not know."""
    from adapters.wires import mllp

    _before(mllp, "_write", reached)


def _before_sqs_deletes(reached: Reached) -> None:
    """It is committed; the queue does not know."""
    from adapters.wires.sqs import Queue

    _before(Queue, "delete", reached)


STEPS_GATEWAY: Final[dict[str, Callable[[Reached], None]]] = {
    "mesh": _before_mesh_forgets,
    "mllp": _before_mllp_answers,
    "sqs": _before_sqs_deletes,
}


# --- the process ---------------------------------------------------------------------------------------------------------


def _die_at(step: str, times: int) -> None:
    passed = 0

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed >= times:
            os.kill(os.getpid(), signal.SIGKILL)

    (STEPS_IN | STEPS_OUT | STEPS_GATEWAY)[step](reached)


def _wrong_clock(file: Path) -> None:
    from broker import clock, runtime

    right = clock.utc_now

    def wrong() -> datetime:
        return right() + timedelta(seconds=float(file.read_text()))

    clock.utc_now = wrong
    runtime.start.__defaults__ = (wrong,)


def forked(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Be the `baton` command with this environment and no other in a process that has only imported; its output goes to the end of `log`."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["baton", *arguments]
    main()


def main() -> None:
    """Prepare the fault, then be the `baton` command."""
    if at := os.environ.get(AT):
        step, times = at.split()
        _die_at(step, int(times))
    if file := os.environ.get(CLOCK):
        _wrong_clock(Path(file))
    from broker.cli import main as baton

    baton()
