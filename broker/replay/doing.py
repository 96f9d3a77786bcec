"""What a step does: a message or native event is received, a task answered, a team closed, as over HTTP but without the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import orjson
from sqlmodel import Session

from adapters.registry import ADAPTERS
from broker.domain import answers as domain
from broker.domain.answers import MoveRequest
from broker.domain.rota import Practitioner
from broker.domain.tasks import TERMINAL
from broker.errors import BatonError
from broker.replay import finding, telling
from broker.replay.model import Answers, Closes, Conversation, Discussion, Leaves, Native, Sends
from broker.replay.moments import DAYS_END, moment
from broker.replay.reading import Story
from broker.replay.record import Record, Refusal, system
from broker.replay.timeline import Dated
from broker.runtime import Runtime
from broker.storage import notifications
from broker.storage.task_values import Stored
from broker.workflow import acknowledge, closing, hand_back, intake
from broker.workflow.intake import Incoming
from broker.workflow.receive import receive
from schemas import bundle
from schemas.codes import TaskCode
from schemas.limits import Limits
from schemas.message import Message
from schemas.problem import Problem
from schemas.shifting import shifted_file

SOURCE: Final = "https://sender.example/fhir"
"""MessageHeader.source.endpoint of every message of a story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """All that a step needs: the story, the broker, what was recorded, and when the steps are."""

    story: Story
    runtime: Runtime
    record: Record
    times: Mapping[str, datetime]
    names: Mapping[str, str]
    """Key of a person in messages → the name in the file."""

    def do(self, one: Dated) -> None:
        """Do it. What Baton refuses is recorded; BatonError when the step does not fit what has happened."""
        match one.step:
            case Sends():
                self._send(one, one.step)
            case Native():
                self._send_native(one, one.step)
            case Answers():
                self._answer(one, one.step)
            case Closes():
                self._close(one.step.closes)
            case Leaves():
                self._leave(one, one.step)
            case _:
                pass

    # --- sending

    def _send(self, one: Dated, step: Sends) -> None:
        scenario = self.story.scenario
        happened = one.at if step.happened is None else moment(step.happened, self.times, one.at)
        message = telling.message(scenario, self.story.directory, one.name, step, one.at, happened)
        raw = orjson.dumps(bundle.write(message, source=SOURCE, timestamp=one.at))
        incoming = intake.read_fhir(raw, "application/fhir+json", Limits(), one.at)
        for row in self._receive(one, step.team, incoming):
            self._recognise(message, row)

    def _send_native(self, one: Dated, step: Native) -> None:
        story = self.story
        if step.file is None:
            raw = (step.inline or "").encode()
        else:
            raw = shifted_file((story.folder / step.file).read_bytes(), story.later)
        self._receive(one, step.team, intake.read_native(ADAPTERS[step.native], raw, step.type, {}, one.at))

    def _receive(self, one: Dated, team: str, incoming: Incoming) -> list[Message]:
        """Receive it; what is kept of each message, its people keyed by Baton's own ids."""
        store, runtime = self.runtime.store, self.runtime
        caller = system(team)
        answer = store.write(lambda session: receive(session, runtime.context(session), incoming, caller, one.at))
        if answer.standing in ("unreadable", "unroutable"):
            self._refuse(one, team, "The message cannot be used.", incoming.problems)
        if answer.standing != "usable":
            return []
        return [
            store.read(partial(self._kept, one=one, team=team, message_id=message.id)) for message in incoming.messages
        ]

    def _kept(self, session: Session, *, one: Dated, team: str, message_id: str) -> Message:
        row = notifications.earlier(session, team, message_id)
        assert row is not None  # it was received just now
        self.record.notifications.setdefault(one.name, []).append(row.id)
        return notifications.message_of(self.runtime.store.codec, row)

    def _recognise(self, said: Message, kept: Message) -> None:
        """Who Baton takes those named to be: it keeps a message with its own ids in place of the sender's keys, in their order."""
        if len(kept.people) == len(said.people):  # else two of them turned out to be one
            for person, known in zip(said.people, kept.people, strict=True):
                self.record.knows(self.names[person.key], known.key)

    # --- answering

    def _answer(self, one: Dated, step: Answers) -> None:
        for task in self.runtime.store.read(lambda session: self._open_tasks(session, one, step)):
            self._answer_one(one, step, task)

    def _answer_one(self, one: Dated, step: Answers, task: Stored) -> None:
        runtime, caller = self.runtime, system(step.team)
        request = self._request(one, step, task)
        try:
            runtime.store.write(
                lambda session: acknowledge.answer(
                    session, runtime.context(session), caller, task.row.id, request, one.at
                )
            )
        except BatonError as error:
            self._refuse(one, step.team, str(error), error.problems)

    def _open_tasks(self, session: Session, one: Dated, step: Answers) -> list[Stored]:
        found = [
            task
            for task in finding.tasks(session, self.runtime.store.codec, self.record, step.answers)
            if task.row.status not in TERMINAL and step.team in (task.row.owner_team_id, task.row.requester_team_id)
        ]
        if not found or (len(found) > 1 and not step.each):
            where = f"{self.story.places[one.index]} {one.name}"
            raise BatonError(f"{where}: {len(found)} open tasks of {step.team} fit what it answers; one must.")
        return found

    def _request(self, one: Dated, step: Answers, task: Stored) -> MoveRequest:
        def due(text: str | None) -> datetime | None:
            return None if text is None else moment(text, self.times, one.at, DAYS_END)

        return MoveRequest(
            move=step.move,
            practitioner=telling.somebody(step.by),
            meaning=step.meaning,
            actions=tuple(
                domain.AgreedAction(
                    action=action.action,
                    owner=None if action.owner is None else telling.somebody(action.owner),
                    due_at=due(action.due),
                )
                for action in step.actions
            ),
            conversation=None if step.conversation is None else self._held(step.conversation, one),
            discussion=None if step.discussion is None else self._discussed(step.discussion, one),
            reason=step.reason,
            text=step.text,
            decision=_released(step),
            choice=self._chosen(step.choice, task),
            to_team=step.to,
            due_at=due(step.due),
        )

    def _chosen(self, choice: str | None, task: Stored) -> str | None:
        """A person of the file stands for whichever of their ids the task offers."""
        offered = task.content.get("options", {}).get("choices", ())
        return next((id_ for id_ in self.record.persons.get(choice or "", ()) if id_ in offered), choice)

    def _held(self, held: Conversation, one: Dated) -> domain.Conversation:
        at = one.at if held.at is None else moment(held.at, self.times, one.at)
        return domain.Conversation(with_whom=held.with_, at=at)

    def _discussed(self, held: Discussion, one: Dated) -> domain.Discussion:
        spoken = self._held(held, one)
        return domain.Discussion(with_whom=spoken.with_whom, at=spoken.at, outcome=held.outcome, because=held.because)

    def _refuse(self, one: Dated, team: str, why: str, problems: tuple[Problem, ...]) -> None:
        named = [f"{problem.path} {problem.reason}".strip() for problem in problems if problem.severity == "error"]
        self.record.refused[one.name] = Refusal(at=one.at, team=team, why="; ".join([why, *named]))

    # --- the directory

    def _close(self, team_id: str) -> None:
        now = self.runtime.now()

        def work(session: Session) -> None:
            ctx = self.runtime.context(session)
            closing.put(session, ctx, replace(ctx.directory.teams[team_id], closed=True), now)

        self.runtime.store.write(work)

    def _leave(self, one: Dated, step: Leaves) -> None:
        who = telling.somebody(step.leaves)
        name, role = who.name or "", who.role or ""
        somebody = Practitioner(
            id=name.casefold().replace(" ", "-"), team_id=step.team, name=name, role=role, left_at=one.at
        )
        self.runtime.store.write(
            lambda session: hand_back.put(session, self.runtime.context(session), somebody, one.at)
        )


def _released(step: Answers) -> domain.ReleaseDecision | None:
    if step.answers.task is not TaskCode.RELEASE:
        return None
    return domain.ReleaseDecision(functions=tuple(step.release_to), because=step.text)
