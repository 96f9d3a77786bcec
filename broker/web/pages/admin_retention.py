"""What is kept how long, for administrators: the schedule of the policy in force, how much is due, and what a legal hold keeps. Nothing is changed here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import Response
from sqlmodel import Session

from broker.domain.retention import People
from broker.storage import people_retention, retention
from broker.storage.retention import Hold
from broker.web.deps import Running
from broker.web.pages import words
from broker.web.pages.offices import Administrator, looked
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages

router = pages()

_YEAR: Final = 365.25
"""Days."""
_NEAR: Final = 6
"""Days by which a schedule may differ from whole years, leap days counted or not."""
COUNTED: Final = 1_000
"""So many due messages are counted at most, and people looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLine:
    """A legal hold, without whom it is about and why: administrators see nothing of any family."""

    id: str
    of: str
    by: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionView:
    """The page. `schedule`: what, and how long from the day of receipt. `people`: who, and how long they are known."""

    policy: str
    schedule: tuple[tuple[str, str], ...]
    due: str
    held: int
    people: tuple[tuple[str, str], ...]
    holds: tuple[HoldLine, ...]


@router.get("/admin/retention")
def schedule(running: Running, person: Administrator) -> Response:
    """The schedule and the holds."""
    now = running.now()

    def work(session: Session) -> RetentionView:
        ctx = running.context(session)
        looked(session, person, "retention", None, now)
        rules = ctx.policy.retention
        due = len(retention.due(session, rules, now, COUNTED))
        lines = [
            *((words.title(event), _span(span)) for event, span in sorted(rules.events.items())),
            ("Everything else that was read", _span(rules.payloads)),
            ("What could not be read", _span(rules.unreadable)),
        ]
        return RetentionView(
            policy=ctx.policy.version,
            schedule=tuple(lines),
            due=f"{COUNTED} or more" if due >= COUNTED else str(due),
            held=retention.held_back(session, rules, now),
            people=_people(session, rules.people, now),
            holds=tuple(_line(one) for one in retention.holds(session, ctx.codec, lifted=False)),
        )

    return page(
        running.settings,
        "admin_retention.html",
        title="Retention",
        person=person,
        here="admin/retention",
        view=running.store.write(work),
    )


def _people(session: Session, rules: People, now: datetime) -> tuple[tuple[str, str], ...]:
    return (
        ("Everybody", f"{_span(rules.after_last)} after the last that was heard of them"),
        ("Children", f"until they are {rules.children_until} at the earliest"),
        ("Mothers", f"{_span(rules.maternity)} from the birth of the last child at the earliest"),
        ("Go in the next passes", str(people_retention.due(session, rules, now, COUNTED))),
        ("Kept by a legal hold on them", str(people_retention.held_back(session, rules, now))),
    )


def _span(length: timedelta) -> str:
    """Years where it is whole years: `25 years`."""
    years = round(length.days / _YEAR)
    whole = years > 0 and abs(length.days - years * _YEAR) <= _NEAR
    return f"{years} year{'' if years == 1 else 's'}" if whole else f"{length.days} days"


def _line(one: Hold) -> HoldLine:
    return HoldLine(
        id=one.id, of="One person" if one.person_id else "One message", by=one.placed_by, since=one.placed_at
    )
