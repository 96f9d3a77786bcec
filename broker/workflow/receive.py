"""Receive one message or event: keep it, settle who it is about, route it, and answer; one transaction, the same again gets the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import Final
from uuid import uuid4

from sqlmodel import Session

from broker.domain import households, matching
from broker.domain.caller import Caller
from broker.domain.changes import AddPerson
from broker.domain.own_numbers import as_sent_by
from broker.domain.routing import Routing
from broker.domain.states import NotificationState
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team
from broker.errors import Conflict, Forbidden
from broker.storage import audit, direct, directory, leases, notifications, people, people_write, person_rows, tasks
from broker.storage.codec import Codec, Sealer, message_name
from broker.storage.notifications import Answered
from broker.storage.tables import Notification
from broker.storage.world import asks_versions, check_persons, check_versions
from broker.workflow import (
    asked_before,
    expect,
    lookups,
    native,
    patterns,
    pregnancy_over,
    prompt,
    raising,
    reply,
    responsibility,
    route,
    transfer,
    transfer_later,
    transfer_review,
    withdraw,
)
from broker.workflow.context import Context
from broker.workflow.earlier import followed, overtaken
from broker.workflow.intake import Incoming, Standing
from schemas import content
from schemas.codes import Function, TaskCode
from schemas.message import Message
from schemas.problem import Problem
from schemas.records import is_record

TAKEN_BACK: Final = Problem(
    "",
    "Your team took the record back by a message that was sent later and came before: this one is kept, and told to nobody.",
    "informational",
    "information",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told, the first time and every time after."""

    standing: Standing
    body: bytes
    repeated: bool = False


def receive(session: Session, ctx: Context, incoming: Incoming, caller: Caller, now: datetime) -> Answer:
    """Handle what came in. Conflict when the identity is taken by other content; Forbidden when the sender is not the caller."""
    sender = _sender(ctx, incoming, caller)
    _in_turn(session, incoming, sender)
    prior = _before(session, sender, incoming)
    if prior is not None:
        return _again(ctx, prior, incoming)
    step = _Step(session, ctx, incoming, sender, caller, now)
    if incoming.standing != "usable":
        return step.keep()
    if any(overtaken(session, ctx, message, sender.id) for message in incoming.messages):
        return replace(step, incoming=replace(incoming, standing="ignored", problems=(TAKEN_BACK,))).keep()
    answers = [step.accept(message) for message in incoming.messages]
    return answers[0]


def complete(session: Session, ctx: Context, incoming: Incoming, caller: Caller, now: datetime) -> Standing:
    """Handle what a record made of an event: as if its sender sent it now. What was told before is left as it is."""
    sender = _sender(ctx, incoming, caller)
    for message in incoming.messages:
        if notifications.answered(session, sender.id, message.id) is None:
            receive(session, ctx, replace(incoming, messages=(message,)), caller, now)
    if incoming.standing in ("unreadable", "unroutable"):
        receive(session, ctx, incoming, caller, now)
    return incoming.standing


def ahead(session: Session, codec: Codec, incoming: Incoming, caller: Caller) -> None:
    """Ask at once what handling it asks first; where that saves no time nothing is asked."""
    team = caller.team
    if incoming.standing == "usable" and team is not None:
        message = incoming.messages[0]
        direct.ahead(
            session,
            lambda: (
                directory.asks_revision(),
                notifications.asks_answered(team, message.id),
                people.asks_around(codec, message),
            ),
        )


def _sender(ctx: Context, incoming: Incoming, caller: Caller) -> Team:
    """The team that sends: the caller's own. A message that names another is refused."""
    team = ctx.directory.teams.get(caller.team or "")
    if team is None:
        raise Forbidden("This client is bound to no team, so it cannot send.")
    if any(message.sender not in (None, team.id) for message in incoming.messages):
        raise Forbidden("MessageHeader.sender is not the team this client is bound to.")
    return team


def _in_turn(session: Session, incoming: Incoming, sender: Team) -> None:
    """What tells of a record and what takes it back come one after the other, in whatever order: each looks for the other."""
    named = {message.reference for message in incoming.messages if is_record(message.reference)}
    for record in sorted(str(one) for one in named):
        leases.in_turn(session, f"record:{sender.id}:{record}")


def _before(session: Session, sender: Team, incoming: Incoming) -> Answered | None:
    """The same identity accepted before, or the same content refused before. Only acceptance reserves an identity."""
    if incoming.standing == "usable":
        return notifications.answered(session, sender.id, incoming.messages[0].id)
    if incoming.standing in ("ignored", "pointed") and incoming.key:
        return notifications.answered(session, sender.id, incoming.key)
    return notifications.refused_before(session, sender.id, incoming.content_hash)


def _again(ctx: Context, prior: Answered, incoming: Incoming) -> Answer:
    if prior.content_hash != incoming.content_hash:
        raise Conflict("This message id was used before with other content: give the new content a new id.")
    standing: Standing = prior.standing  # type: ignore[assignment]  # a column of text that only this module writes
    return Answer(standing, notifications.answer_of(ctx.codec, prior), repeated=True)


_KEPT_AS = {"ignored": NotificationState.IGNORED, "pointed": NotificationState.ACCEPTED}


@dataclass(frozen=True, slots=True)
class _Step:
    """What every part of one reception needs."""

    session: Session
    ctx: Context
    incoming: Incoming
    sender: Team
    caller: Caller
    now: datetime

    def keep(self) -> Answer:
        """What cannot be used is kept as it came, answered with where and why, and becomes a task for people."""
        notification_id = str(uuid4())
        standing = self.incoming.standing
        refused = standing not in ("ignored", "pointed")
        body = reply.not_used(self.incoming, self.ctx, self.now)
        data_key, sealer = self._new_key(notification_id, self.incoming.key)
        row = self._row(notification_id, self.incoming.key, body, sealer) | {
            "data_key": data_key,
            "state": NotificationState.REFUSED if refused else _KEPT_AS[standing],
        }
        notifications.add(self.session, row, ())
        if refused:
            self._raise(self._steward_tasks(notification_id))
        if standing == "pointed":
            lookups.ask_for_it(self.session, self.ctx, notification_id, self.sender.id, self.incoming.lookups, self.now)
        self._note(notification_id, "failure" if refused else "success")
        if not refused:
            self._acknowledge(notification_id, self.incoming.key)
        return Answer(self.incoming.standing, body)

    def accept(self, message: Message) -> Answer:
        """Settle who it is about, route it, and write everything it causes."""
        notification_id = str(uuid4())
        message = as_sent_by(message, self.sender.id, self.sender.agency_id)
        settled, changed, settling = self._settle(notification_id, message)
        check_persons(self.session, _of_no_home(settled, settling))
        responsibility.follow(
            self.session,
            self.ctx,
            settled,
            self.sender,
            settling.world,
            notification_id,
            self.now,
            changes=settling.changes,
            looked_up=self.incoming.looked_up,
        )
        follows = followed(self.session, self.ctx, settled, settling.world, self.now)
        decided = route.decide(self.ctx, settled, settling.world, self.now, earlier=follows.told)
        decided = asked_before.still_to_ask(self.session, self.ctx.codec, decided, self.now)
        crossing = transfer.warnings(self.session, self.ctx, settled, decided.told, settling.world, self.now)
        problems = (*self.incoming.problems, *settling.problems, *follows.problems, *decided.problems)
        body = reply.accepted(message, (*problems, *crossing), decided, settling.tasks, self.ctx, self.now)
        data_key, sealer = self._new_key(notification_id, message.id)
        row = self._row(notification_id, message.id, body, sealer)
        row |= self._what_it_says(notification_id, settled, decided, follows.reference, sealer)
        row["data_key"] = data_key
        notifications.add(self.session, row, [(p.key, p.key not in settled.subjects) for p in settled.people])
        self._raise([*settling.tasks, *self._missing(notification_id, problems)], notification_id)
        homes = route.write(self.session, self.ctx, notification_id, settled, decided, self.now)
        transfer_later.followed(self.session, self.ctx, follows.reference, settled, self.now)
        pregnancy_over.stop(self.session, self.ctx, follows.ended, self.now)
        expect.follow(
            self.session,
            self.ctx,
            settled,
            self.sender,
            settling.world,
            notification_id,
            follows.reference,
            self.now,
        )
        for taken in follows.taken_back:
            homes |= withdraw.withdraw(self.session, self.ctx, taken, self.now)
            concerned = responsibility.taken_back(
                self.session, self.ctx, taken.id, message.occurred, notification_id, self.now
            )
            transfer_review.review(self.session, self.ctx, concerned, self.now)
        self._note(notification_id, "success")
        self._acknowledge(notification_id, message.id)
        homes |= route.again(self.session, self.ctx, changed, self.now, but=notification_id)
        self._ask_last(settled, decided, changed)
        changed |= homes | transfer_review.changed(self.session, self.ctx, settled, changed, self.now)
        prompt.ask(self.session, self.ctx, notification_id, settled, self.now)
        patterns.received(self.session, self.ctx, notification_id, settled, changed, self.now)
        lookups.ask(
            self.session,
            self.ctx,
            notification_id,
            self.sender.id,
            self.incoming.lookups,
            settled,
            settling.world,
            self.now,
        )
        check_versions(self.session, self._read_versions(decided, changed))
        return Answer("usable", body)

    def _ask_last(self, settled: Message, decided: Routing, changed: set[str]) -> None:
        """Ask at once what is left to ask when nothing has changed."""
        if not changed:
            direct.ahead(
                self.session,
                lambda: (
                    tasks.asks_open_transfers(settled.subjects),
                    asks_versions(self._read_versions(decided, changed)),
                ),
            )

    def _settle(self, notification_id: str, message: Message) -> tuple[Message, set[str], households.Settlement]:
        """Who everybody is, and what the message changes about people and households."""
        codec = self.ctx.codec
        place = cache(partial(person_rows.place, codec))
        candidates, world = people.around(self.session, codec, message)
        matches = matching.match(message, candidates, world, self.sender, _new_id)
        settled = matching.rekey(message, matches.ids)
        settlement = households.settle(
            settled,
            matches,
            world,
            sender=self.sender,
            directory=self.ctx.directory,
            policy=self.ctx.policy,
            now=self.now,
            place=place,
            new_id=_new_id,
            looked_up=self.incoming.looked_up,
        )
        changed = people_write.apply(
            self.session,
            codec,
            settlement.changes,
            notification_id=notification_id,
            sender_id=self.sender.id,
            now=self.now,
        )
        return settled, changed, settlement

    def _read_versions(self, decided: Routing, changed: set[str]) -> Mapping[str, int]:
        """Versions to hold until the commit: of households this step did not change itself (those are locked already)."""
        return {household: version for household, version in decided.households.items() if household not in changed}

    def _new_key(self, notification_id: str, message_id: str | None) -> tuple[bytes, Sealer]:
        """A key for this message alone, bound to it, to who sent it and to what they call it."""
        return self.ctx.codec.new_message(message_name(notification_id, self.sender.id, message_id))

    def _row(self, notification_id: str, message_id: str | None, body: bytes, sealer: Sealer) -> dict[str, object]:
        return {
            "id": notification_id,
            "sender_team_id": self.sender.id,
            "message_id": message_id,
            "via": self.incoming.via,
            "received_at": self.now,
            "raw": sealer.seal(self.incoming.raw, f"raw:{notification_id}"),
            "content_type": self.incoming.content_type,
            "content_hash": self.incoming.content_hash,
            "standing": self.incoming.standing,
            "answer": sealer.seal(body, f"answer:{notification_id}"),
            "policy_version": self.ctx.policy.version,
            "decided_on": {},
        }

    def _what_it_says(
        self, notification_id: str, message: Message, decided: Routing, reference: Notification | None, sealer: Sealer
    ) -> dict[str, object]:
        sealed = sealer.seal(content.dump(message), f"notification:{notification_id}")
        return {
            "state": NotificationState.ACCEPTED,
            "event": message.event,
            "kind": message.kind,
            "priority": message.priority,
            "occurred_at": message.occurred,
            "content": sealed,
            "decided_on": dict(decided.households),
            "reference_id": reference.id if reference else None,
        }

    def _steward_tasks(self, notification_id: str) -> list[TaskWanted]:
        """Data-quality tasks: for the sender, and for the partnership of its area as the broker's data steward."""
        partnership = self.ctx.directory.provider(self.sender.area_id, Function.PARTNERSHIP)
        owners = {self.sender.id} | ({partnership.id} if partnership else set())
        errors = [problem for problem in self.incoming.problems if problem.severity == "error"]
        return [
            self._mend(
                notification_id, owner, "A message could not be used: mend what is named and send it again.", errors
            )
            for owner in sorted(owners)
        ]

    def _missing(self, notification_id: str, problems: Sequence[Problem]) -> list[TaskWanted]:
        """One data-quality task for the sender of a message that was routed although facts are missing (F5)."""
        warnings = [problem for problem in problems if problem.severity == "warning"]
        if not warnings:
            return []
        text = "This was routed, but facts that its readers need are missing or doubtful: supply them."
        return [self._mend(notification_id, self.sender.id, text, warnings)]

    def _mend(self, notification_id: str, owner: str, text: str, problems: Sequence[Problem]) -> TaskWanted:
        return TaskWanted(
            code=TaskCode.DATA_QUALITY,
            owner=owner,
            description=text,
            dedupe_key=f"data-quality:{notification_id}:{owner}",
            notification_id=notification_id,
            due_at=self.ctx.policy.own_asks.mend.after(self.now, self.ctx.directory.teams[owner].calendar),
            cites="F5, invariant 9",
            options={"problems": [f"{problem.path} {problem.reason}".strip() for problem in problems]},
        )

    def _raise(self, wanted: Sequence[TaskWanted], notification_id: str | None = None) -> None:
        tied = [task if task.notification_id else replace(task, notification_id=notification_id) for task in wanted]
        raising.raise_tasks(self.session, self.ctx, tied, self.now)

    def _acknowledge(self, notification_id: str, message_id: str | None) -> None:
        """Once for each event, however many messages it comes to. Of a refusal the task says it, as that is what must be mended."""
        if message_id == self.incoming.key:
            native.acknowledge(self.session, self.ctx, self.incoming, notification_id, self.sender.id, self.now)

    def _note(self, notification_id: str, outcome: str) -> None:
        audit.record(
            self.session,
            action="receive",
            entity="notification",
            entity_id=notification_id,
            now=self.now,
            caller=self.caller,
            outcome=outcome,
            detail={"via": self.incoming.via, "standing": self.incoming.standing},
        )


def _of_no_home(message: Message, settling: households.Settlement) -> Mapping[str, int]:
    """Versions of those it is about who were known and live in no household that is known: whose record is joined to another's now is read by no household."""
    new = {change.person_id for change in settling.changes if isinstance(change, AddPerson)}
    world = settling.world
    return {
        one: world.people[one].version for one in message.subjects if one not in new and not world.households_of(one)
    }


def _new_id() -> str:
    return str(uuid4())
