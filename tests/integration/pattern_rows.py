"""A family told about by several agencies, and what became of it: for tests of patterns, on a database with the demonstration directory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from sqlmodel import Session, select

from broker.domain.answers import Discussion, DiscussionOutcome, Move, MoveRequest
from broker.domain.caller import Caller
from broker.domain.rules import Policy
from broker.storage import directory, directory_file, notifications, patterns
from broker.storage.store import Store
from broker.storage.tables import Delivery, Pattern, PatternFlag
from broker.storage.task_values import Stored
from broker.workflow import acknowledge, clock, intake
from broker.workflow import patterns as looking
from broker.workflow.context import Context
from broker.workflow.receive import receive
from schemas import bundle
from schemas.codes import Event, LawfulBasis
from schemas.examples import cast
from schemas.examples.telling import fact, mother, together
from schemas.limits import Limits
from schemas.message import Message, Person, Professional
from tests.conftest import NOON
from tests.default_policy import default_policy

DIRECTORY = Path(__file__).parents[2] / "deploy" / "directory" / "demo.yaml"
POLICY = default_policy()
MIDWIVES, VISITORS, PRACTICE = "swbh-midwifery", "bcht-health-visiting", "harborne-practice"
SANDWELL, CMHT, LONDON, LEAD = "swbh-health-visiting", "bsmhft-cmht", "lcrc-probation", "bcht-safeguarding-lead"
BABY = replace(cast.NOAH, birth_date=date(2025, 11, 5), addresses=cast.CHLOE.addresses)
TODDLER = replace(cast.AVA, birth_date=date(2024, 2, 14), addresses=cast.CHLOE.addresses)
MOTHER, GRANDFATHER = cast.CHLOE, cast.MARTIN
NURSE = Professional(name="Nora Nurse", role="health-visitor")
OTHER = Professional(name="Olive Other", role="health-visitor")
DAY = timedelta(days=1)


@dataclass
class Family:
    """Who tells what of a family, when; and what is stored of it."""

    store: Store
    policy: Policy = POLICY
    now: datetime = NOON
    persons: dict[str, str] = field(default_factory=dict)
    """Key in messages → our id, as it was when they were last told of."""

    def __post_init__(self) -> None:
        """The directory is there, and nobody else."""
        self.store.write(lambda session: directory_file.store(session, directory_file.read(DIRECTORY)))

    def lives_together(self) -> None:
        """Mother, baby, toddler and grandfather in one home; health visiting and the practice work with the children."""
        people = (MOTHER, BABY, TODDLER, GRANDFATHER)
        self.says(
            Event.HOUSEHOLD_UPDATE,
            MIDWIVES,
            MOTHER,
            people=people[1:],
            household=together(*people),
            relationships=mother(MOTHER, BABY, TODDLER),
        )
        for child in (BABY, TODDLER):
            self.says(Event.INVOLVEMENT_START, VISITORS, child)
            self.says(Event.GP_REGISTRATION, PRACTICE, child, kind="registered")

    def context(self, session: Session) -> Context:
        """A step's context."""
        return Context(
            codec=self.store.codec,
            directory=directory.load(session),
            policy=self.policy,
            public_url="http://testserver",
        )

    def says(self, event: Event, team: str, *about: Person, people: Sequence[Person] = (), **said: Any) -> str:
        """A team's message about these people, now; the notification's id."""
        said.setdefault("author", NURSE)
        message = Message(
            id=str(uuid4()),
            event=event,
            sender=team,
            occurred=said.pop("occurred", self.now),
            subjects=tuple(one.key for one in about),
            people=(*about, *people),
            basis=LawfulBasis.CHILDREN_ACT_2004_S16LA,
            **said,
        )
        raw = orjson.dumps(bundle.write(message, source="https://sender.example", timestamp=self.now))
        read = intake.read_fhir(raw, "application/fhir+json", Limits(), self.now)
        caller = Caller(client=f"{team}-system", team=team)
        answer = self.store.write(lambda s: receive(s, self.context(s), read, caller, self.now))
        assert answer.standing == "usable", answer.body
        self.store.write(lambda session: looking.pass_time(session, self.context(session), self.now))
        return self.store.read(lambda session: self._kept(session, team, message))

    def _kept(self, session: Session, team: str, message: Message) -> str:
        row = notifications.earlier(session, team, message.id)
        assert row is not None
        kept = notifications.message_of(self.store.codec, row)
        if len(kept.people) == len(message.people):
            self.persons |= {one.key: known.key for one, known in zip(message.people, kept.people, strict=True)}
        return row.id

    def misses(self, *days: int, team: str = VISITORS, about: Person = BABY, **said: Any) -> list[str]:
        """Not brought so many days after now, one after the other; the notifications' ids."""
        start, ids = self.now, []
        for day in days:
            self.now = start + day * DAY
            ids.append(self.says(Event.NOT_BROUGHT, team, about, kind="clinic", **said))
        return ids

    def id_of(self, person: Person) -> str:
        """Our id of somebody."""
        return self.persons[person.key]

    # --- what is stored

    def patterns(self, rule: str | None = None) -> list[Pattern]:
        """All there are, or those of one rule, the oldest first."""
        rows = self.store.read(lambda session: session.exec(select(Pattern).order_by(Pattern.opened_at)).all())
        return [row for row in rows if rule in (None, row.rule)]

    def tasks(self, pattern: Pattern) -> list[Stored]:
        """A pattern's tasks."""
        return self.store.read(lambda session: patterns.tasks_of(session, self.store.codec, pattern.id))

    def task(self, rule: str, team: str = VISITORS) -> Stored:
        """The team's task of the only pattern of a rule."""
        [pattern] = [one for one in self.patterns(rule) if one.closed_at is None]
        [task] = [one for one in self.tasks(pattern) if one.row.owner_team_id == team]
        return task

    def evidence(self, rule: str, team: str = VISITORS) -> list[str]:
        """What the team's task shows."""
        return list(self.task(rule, team).content["options"]["evidence"])

    def counted(self, pattern: Pattern) -> dict[str, bool]:
        """Notifications that are its evidence, each with whether it still counts."""
        return self.store.read(lambda session: patterns.evidence(session, pattern.id))

    def flags(self, *, withdrawn: bool = False) -> set[tuple[str, str]]:
        """(team, our id of the child) of the flags that are held, or were."""
        rows = self.store.read(lambda session: session.exec(select(PatternFlag)).all())
        return {(row.team_id, row.person_id) for row in rows if (row.withdrawn_at is not None) is withdrawn}

    def messages(self, team: str, cause: str) -> list[Delivery]:
        """Messages to a team with this kind of cause."""
        rows = self.store.read(lambda session: session.exec(select(Delivery).where(Delivery.team_id == team)).all())
        return [row for row in rows if row.cause.partition(":")[0] == cause]

    # --- what people and time do

    def closes(
        self,
        task: Stored,
        who: Professional = OTHER,
        outcome: DiscussionOutcome = DiscussionOutcome.NOT_REFERRED,
        because: str | None = "The family moved house; two visits are agreed.",
    ) -> Stored:
        """Its owner records the discussion."""
        held = Discussion(with_whom="Lea Lead", at=self.now, outcome=outcome, because=because)
        return self.moves(task, Move.COMPLETE, who, discussion=held)

    def moves(self, task: Stored, move: Move, who: Professional = OTHER, **said: Any) -> Stored:
        """A move of the owner's."""
        request = MoveRequest(move=move, practitioner=who, **said)
        caller = Caller(client="system", team=task.row.owner_team_id)
        return self.store.write(
            lambda s: acknowledge.answer(s, self.context(s), caller, task.row.id, request, self.now)
        )

    def waits(self, days: float) -> None:
        """Time passes, and the clock goes whenever something is due."""
        until = self.now + days * DAY
        while (due := self.store.read(clock.next_due)) is not None and due <= until:
            self.now = max(self.now, due)
            self.store.write(lambda session: clock.tick(session, self.context(session), self.now))
        self.now = until


def concerned(text: str = "Bottles are dirty.") -> tuple[Any, ...]:
    """The fact of a contact at which there was a concern."""
    return (fact("concerns", text, BABY),)
