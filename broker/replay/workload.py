"""What Baton asked of people in a story: tasks for action by function, as a week of a practitioner has them, and how many were not needed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from broker.domain.world import Directory
from broker.storage import tasks
from schemas.codes import Function, ResponseReason, TaskCode

CASELOAD: Final = 500
"""Children under five for whom one health visitor is there, as the budget has it."""
BUDGET: Final = 6.0
"""Tasks for action a week that a health visitor is to have at most."""
_OWN: Final = frozenset({TaskCode.AGREED_ACTION})
"""What a team has set itself."""
_LINES: Final = frozenset({TaskCode.CONFIRM_CHILD})
"""Of a transfer, which is one piece of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Tasks of one function."""

    tasks: int
    """For action: a transfer with its lines is one, what a team agreed to do itself is none."""
    a_week: float
    """For 500 children under five in the area: what one health visitor's caseload brings."""
    not_needed: float
    """Share of those answered that were declined as not needed, from 0 to 1."""
    by_code: Mapping[str, int]
    by_cites: Mapping[str, int]
    """By what the rule that asked rests on."""


def workload(session: Session, directory: Directory, *, children: float, weeks: float) -> dict[Function, Load]:
    """By function, the most asked first, over a story of so many weeks in an area with so many children under five."""
    found: dict[Function, list[tuple[TaskCode, str | None, str]]] = {}
    for owner, code, reason, cites in tasks.asked_of_teams(session):
        if code not in _OWN | _LINES:
            found.setdefault(directory.teams[owner].function, []).append((code, reason, cites))
    practitioners = children / CASELOAD
    loads = {function: _load(asked, practitioners * weeks) for function, asked in found.items()}
    return dict(sorted(loads.items(), key=lambda item: -item[1].tasks))


def _load(asked: list[tuple[TaskCode, str | None, str]], practitioner_weeks: float) -> Load:
    declined = sum(reason == ResponseReason.NOT_NEEDED for _, reason, _ in asked)
    return Load(
        tasks=len(asked),
        a_week=len(asked) / practitioner_weeks,
        not_needed=declined / len(asked),
        by_code={code.value: count for code, count in Counter(code for code, _, _ in asked).most_common()},
        by_cites=dict(Counter(cites for _, _, cites in asked).most_common()),
    )
