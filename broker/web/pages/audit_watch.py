"""Whether the audit is what was sealed and whether Baton watches itself, for auditors; the check is that of `baton audit verify`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain.sealing import Head
from broker.errors import Conflict
from broker.runtime import Runtime
from broker.storage import audit, audit_log, pulses, signing
from broker.storage.audit_log import Tail
from broker.storage.pulses import Watched
from broker.web.deps import Running
from broker.web.pages.forms import Fields
from broker.web.pages.offices import Auditor
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages
from broker.web.pages.seats import Person
from broker.workflow import verify, watchdog
from broker.workflow.verify import Verified

router = pages()

MOST_AT_ONCE: Final = 200_000
"""Entries that a page checks while somebody waits, some seconds of work; a longer log is checked on the machine itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the watchdog found in its last pass."""

    words: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check of the audit came to."""

    right: bool
    size: int
    faults: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchView:
    """The page."""

    sealed: int
    head: int | None
    sealed_at: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    key: str
    checkable: bool
    checked: Outcome | None
    watched_at: datetime | None
    well: bool
    findings: tuple[Finding, ...]
    late: timedelta
    """How late the oldest thing was that the clock did within the last hour."""


@router.get("/audit/watch")
def shown(running: Running, person: Auditor) -> Response:
    """The last signed head, what waits for the seal, and the watchdog's last pass."""
    return _page(running, person, None)


@router.post("/audit/watch/verify")
def verified(running: Running, person: Auditor, _fields: Fields) -> Response:
    """Check every entry, place and signed head now; nothing is changed by it but a line in the audit."""
    if running.store.read(audit_log.sealed_count) > MOST_AT_ONCE:
        raise Conflict("The audit is too long to be checked from a page: have baton audit verify run.")
    public = signing.Signer(running.store.codec).public
    keys = {signing.key_id(public): public}
    return _page(running, person, running.store.read(lambda session: verify.of_database(session, keys)))


def _page(running: Runtime, person: Person, found: Verified | None) -> Response:
    now = running.now()
    public = signing.written(signing.Signer(running.store.codec).public)
    every = timedelta(seconds=running.settings.watchdog_seconds)

    def work(session: Session) -> WatchView:
        passed = pulses.watched(session)
        detail = {"part": "verify", "faults": found.fault_count} if found else {"part": "state"}
        audit.record(
            session, action="read", entity="audit", entity_id=None, now=now, caller=person.caller, detail=detail
        )
        return view_of(
            audit_log.last_head(session),
            audit_log.tail(session),
            public,
            found,
            passed,
            watchdog.well(passed, now, every),
            pulses.late(session, now),
        )

    return page(
        running.settings,
        "audit_watch.html",
        title="Audit and watchdog",
        person=person,
        here="audit/watch",
        view=running.store.write(work),
    )


def view_of(
    head: Head | None,
    tail: Tail,
    public: str,
    found: Verified | None,
    passed: Watched | None,
    well: bool,  # noqa: FBT001 - what `watchdog.well` says
    late: timedelta,
) -> WatchView:
    """The page; `found` is what a check came to that was just made."""
    said = {check.name: check.words for check in watchdog.CHECKS}
    return WatchView(
        sealed=head.size if head else 0,
        head=head.number if head else None,
        sealed_at=head.at if head else None,
        waiting=tail.count,
        oldest_waiting=tail.oldest,
        key=public,
        checkable=head is not None and head.size <= MOST_AT_ONCE,
        checked=_outcome(found) if found else None,
        watched_at=passed.at if passed else None,
        well=well,
        findings=tuple(
            Finding(words=f"{one.count} {said.get(name, name)}", since=one.since)
            for name, one in (passed.found if passed else {}).items()
        ),
        late=late,
    )


def _outcome(found: Verified) -> Outcome:
    faults = tuple(
        f"{'' if fault.position is None else f'Position {fault.position}: '}{fault.kind}: {fault.what}"
        for fault in found.faults
    )
    return Outcome(
        right=not found.fault_count, size=found.size, faults=faults, more=found.fault_count - len(found.faults)
    )
