"""The people of a simulated area: each team answers what it is asked after a time of its own, as somebody who does the work would."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Final

from sqlmodel import Session

from broker.domain.answers import Conversation, Discussion, DiscussionOutcome, Move, MoveRequest, ReleaseDecision
from broker.domain.tasks import TERMINAL
from broker.errors import Conflict, Invalid
from broker.replay.record import system
from broker.runtime import Runtime
from broker.storage import tasks
from broker.storage.task_values import EVERYTHING, Stored
from broker.workflow import acknowledge
from schemas.codes import Function, Priority, ResponseReason, TaskCode
from schemas.message import Professional

ROLES: Final[Mapping[Function, str]] = {
    Function.MIDWIFERY: "midwife",
    Function.HEALTH_VISITING: "health-visitor",
    Function.GENERAL_PRACTICE: "general-practitioner",
    Function.SAFEGUARDING_LEAD: "named-nurse",
    Function.CHILDRENS_SOCIAL_CARE: "social-worker",
}
"""Of whoever answers; of other functions a manager."""
_NOBODYS: Final = frozenset({TaskCode.TRANSFER})
"""Answered line by line."""
_NOT_NEEDED: Final = 0.3
"""Of what is asked for because no message came: that it was rightly not done. The rest was done, and nobody sent word."""


class Staff:
    """Hears of every task that is raised, and answers it within a day or two."""

    def __init__(self, runtime: Runtime, seed: int, *, answers: float = 0.97) -> None:
        """`answers`: the part of tasks that anybody answers at all, by the seed."""
        self._runtime = runtime
        self._random = Random(seed)  # noqa: S311 - a story that is the same each time
        self._answers = answers
        self._agenda: list[tuple[datetime, str]] = []
        self._known: set[str] = set()

    def next_at(self) -> datetime | None:
        """When somebody answers next."""
        return self._agenda[0][0] if self._agenda else None

    def hear(self, now: datetime) -> None:
        """Tasks raised since the last time are put on the agenda."""
        raised = self._runtime.store.read(lambda session: tasks.raised_at(session, now))
        for task_id, priority, code in sorted(raised):
            if task_id not in self._known and code not in _NOBODYS:
                self._known.add(task_id)
                if self._random.random() < self._answers:
                    heappush(self._agenda, (now + self._after(priority), task_id))

    def act(self, now: datetime) -> None:
        """Answer what is on the agenda for now."""
        while self._agenda and self._agenda[0][0] <= now:
            _, task_id = heappop(self._agenda)
            self._runtime.store.write(partial(self._answer, task_id=task_id, now=now))

    def _after(self, priority: Priority) -> timedelta:
        longest = timedelta(minutes=50) if priority is not Priority.ROUTINE else timedelta(hours=40)
        return timedelta(minutes=5) + self._random.random() * longest

    def _answer(self, session: Session, *, task_id: str, now: datetime) -> None:
        ctx = self._runtime.context(session)
        task = tasks.get(session, ctx.codec, task_id, EVERYTHING)
        if task is None or task.row.status in TERMINAL:
            return
        team = ctx.directory.teams[task.row.owner_team_id]
        who = Professional(name="A. Worker", role=ROLES.get(team.function, "team-manager"))
        request = replace(self._request(task, now), practitioner=who)
        try:
            acknowledge.answer(session, ctx, system(team.id), task_id, request, now)
        except (Conflict, Invalid):  # it was answered by what happened meanwhile
            return

    def _request(self, task: Stored, now: datetime) -> MoveRequest:
        spoken = Conversation(with_whom="The sender", at=now)
        match TaskCode(task.row.code):
            case TaskCode.ACKNOWLEDGE | TaskCode.CONFIRM_CHILD:
                return MoveRequest(move=Move.ACCEPT, meaning="We know the family.", conversation=spoken)
            case TaskCode.EXPECTED_EVENT if self._random.random() < _NOT_NEEDED:
                return MoveRequest(move=Move.DECLINE, reason=ResponseReason.NOT_NEEDED, text="They chose not to.")
            case TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD | TaskCode.PATTERN_REVIEW:
                held = Discussion(
                    with_whom="B. Lead", at=now, outcome=DiscussionOutcome.NOT_REFERRED, because="Support is in place."
                )
                return MoveRequest(move=Move.COMPLETE, text="Discussed.", discussion=held)
            case TaskCode.RELEASE:
                return MoveRequest(move=Move.COMPLETE, decision=ReleaseDecision(because="Not needed for the child."))
            case TaskCode.SUPPLY_INFORMATION:
                return MoveRequest(move=Move.ANSWER, text="Nothing further is known.")
            case _:
                return MoveRequest(move=Move.COMPLETE, text="Done.", choice=_first_choice(task))


def _first_choice(task: Stored) -> str | None:
    choices = task.content.get("options", {}).get("choices", ())
    return next(iter(sorted([choices] if isinstance(choices, str) else choices)), "yes")
