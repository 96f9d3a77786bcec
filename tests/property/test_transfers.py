"""Whatever happens while transfers are open, no child of the household drops out of one, and each has one answer to whose it is.

The broker is the real one, over HTTP; the oracle keeps who lives there, what was sent, and what each answer was.
"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.codes import Event, ResponseReason, TaskStatus
from schemas.examples.cast import AVA, CHLOE, NOAH, nhs_number
from schemas.examples.telling import DOCTOR, HEALTH_VISITOR, MIDWIFE, choice, fact, gone, mother, tell, together
from schemas.message import Message, Person
from tests.conftest import Clock
from tests.journeys.actors import System
from tests.journeys.brokers import broker
from tests.journeys.conftest import keys, policy, quiet, sqlite_town  # noqa: F401 - fixtures
from tests.journeys.copies import business_status, is_open
from tests.property.machines import machine

OLD, RECEIVERS = "bcht-health-visiting", ("swbh-health-visiting", "leeds-health-visiting")
ENDED = {TaskStatus.COMPLETED, TaskStatus.REJECTED, TaskStatus.CANCELLED}
WHICH = st.integers(0, 7)


@dataclass
class Child:
    """What the oracle knows of a child."""

    person: Person
    holder: str = "not-known"
    here: bool = True
    """Lives with the others, and is neither dead nor adopted."""
    gone: bool = False
    """Dead or adopted."""


@dataclass
class Sent:
    """A transfer that was sent."""

    message: Message
    to: str
    named: set[str]
    taken_back: bool = False


def _text(name, text):
    return {"name": name, "valueString": text}


def _code(name, code):
    return {"name": name, "valueCode": code.value}


def receiver(line):
    """The team that answers it."""
    return line["owner"]["identifier"]["value"]


def dropped(line):
    """Whether a line has ended because the child is no longer part of the transfer."""
    return not is_open(line) and business_status(line) in ("left-household", "no-longer-current")


class Transfers(RuleBasedStateMachine):
    """A mother and her children, one team that hands over and two that are asked to take over."""

    open_broker: ClassVar[Any]
    """Opens the broker on a stack: its office and its clock."""

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.office, self.clock = self.open_broker(self.stack)
        self.office.put("/admin/agencies/leeds", {"name": "Leeds Community Healthcare"})
        leeds = {"agency": "leeds", "function": "health-visiting", "name": "Leeds health visiting"}
        self.office.put("/admin/teams/leeds-health-visiting", leeds)
        self.office.onboard("leeds-health-visiting")
        self.auditor = self.office.auditor()
        self.names, self.numbers = count(), count(40)
        self.children: dict[str, Child] = {}
        self.ids: dict[str, str] = {}
        self.sent: list[Sent] = []
        self.final: dict[str, str] = {}
        self.lines: list[dict] = []

    def teardown(self):
        self.stack.close()

    # --- helpers ----------------------------------------------------------------------------------------------------

    def team(self, name: str) -> System:
        return self.office.system(name)

    def says(self, team, event, children, **said):
        """One message of a team about children of the family, a day after the last thing that happened."""
        self.clock.forward(days=1)
        said.setdefault("author", HEALTH_VISITOR)
        persons = [self.children[name].person for name in children]
        people = [CHLOE, *(child for child in said.pop("others", ()) if child not in persons)]
        kin = mother(CHLOE, *(person for person in (*persons, *people) if person is not CHLOE))
        at = said.pop("at", self.clock.time)
        message = tell(
            f"m{next(self.names)}", event, team, at, subjects=persons, people=people, relationships=kin, **said
        )
        self.team(team).tells(replace(message, sent=None))
        return message

    def living(self):
        return [name for name, child in self.children.items() if child.here]

    def at_home(self):
        return [self.children[name].person for name in self.living()]

    @staticmethod
    def pick(which, among):
        return among[which % len(among)] if among else None

    def look(self):
        """Read every line of every transfer, as its receiver sees it; in an order that does not hang on their ids."""
        found = [line for team in RECEIVERS for line in self.team(team).tasks("confirm-child")]
        self.lines = sorted(found, key=lambda line: (line["authoredOn"], receiver(line), self.of(line)))

    def waiting(self):
        return [line for line in self.lines if is_open(line)]

    def of(self, line):
        """The name of whom a line is about; its receiver may look them up."""
        person = line["for"]["reference"].removeprefix("Patient/")
        for name in self.children.keys() - self.ids.keys():
            self.know(name, receiver(line))
        return next(name for name, id_ in self.ids.items() if id_ == person)

    def know(self, name, team=OLD):
        """Note the id that the broker gave a child, as soon as the team may know it."""
        found = self.team(team).looks_up(self.children[name].person)
        if found is not None:
            self.ids[name] = found["id"]

    # --- the family -------------------------------------------------------------------------------------------------

    @initialize()
    def two_children(self):
        for name, person in (("Ava", AVA), ("Noah", NOAH)):
            self.children[name] = Child(person)
        self.says(OLD, Event.HOUSEHOLD_UPDATE, ["Ava", "Noah"], household=together(CHLOE, AVA, NOAH))
        self.says(OLD, Event.INVOLVEMENT_START, ["Ava", "Noah"])
        for name in ("Ava", "Noah"):
            self.children[name].holder = OLD
            self.know(name)
        self.transfer({"Noah"}, RECEIVERS[0])

    def another(self, born):
        n = next(self.numbers)
        name = f"Child{n}"
        self.children[name] = Child(
            Person(key=name, identifiers=(nhs_number(n),), family="Hartley", given=(name,), birth_date=born.date())
        )
        return name

    @precondition(lambda self: len(self.children) < 5)
    @rule()
    def a_sibling_is_born(self):
        self.clock.forward(days=300)
        name = self.another(self.clock.time + timedelta(days=1))
        person = self.children[name].person
        self.says("swbh-midwifery", Event.BIRTH, [name], author=MIDWIFE, facts=(fact("birth-weight", 3300, person),))
        self.know(name)

    @precondition(lambda self: len(self.children) < 5)
    @rule()
    def a_sibling_is_found(self):
        home = self.at_home()
        name = self.another(datetime(2015, 3, 1, tzinfo=UTC) + timedelta(days=300 * len(self.children)))
        person = self.children[name].person
        self.says(OLD, Event.HOUSEHOLD_UPDATE, [name], others=home, household=together(CHLOE, *home, person))
        self.know(name)

    @rule(which=WHICH)
    def leaves(self, which):
        name = self.pick(which, self.living())
        if name is not None:
            person = self.children[name].person
            stay = [other for other in self.at_home() if other is not person]
            lines = (*together(CHLOE, *stay), gone(person, self.clock.time.date()))
            self.says(OLD, Event.HOUSEHOLD_UPDATE, [name], others=stay, household=lines)
            self.children[name].here = False

    @rule(which=WHICH)
    def comes_back(self, which):
        name = self.pick(which, [name for name, child in self.children.items() if not child.here and not child.gone])
        if name is not None:
            home = (*self.at_home(), self.children[name].person)
            self.says(OLD, Event.HOUSEHOLD_UPDATE, [name], others=home, household=together(CHLOE, *home))
            self.children[name].here = True

    @rule(which=WHICH, how=st.sampled_from(["died", "sealed"]))
    def is_no_longer_there(self, which, how):
        name = self.pick(which, self.living())
        if name is None:
            return
        if how == "died":
            self.says("harborne-practice", Event.DEATH, [name], kind="formal", author=DOCTOR)
        else:
            self.says("harborne-practice", Event.IDENTIFIER_CHANGE, [name], kind="sealed", author=DOCTOR)
        child = self.children[name]
        child.holder, child.here, child.gone = how, False, True

    # --- what teams say ---------------------------------------------------------------------------------------------

    @rule(which=WHICH, team=st.sampled_from((OLD, *RECEIVERS)))
    def registers(self, which, team):
        name = self.pick(which, self.living())
        if name is not None:
            self.says(team, Event.INVOLVEMENT_START, [name])
            self.children[name].holder = team

    @rule(which=WHICH, team=st.sampled_from(RECEIVERS))
    def says_late_that_it_began_earlier(self, which, team):
        """Of a child whom somebody else has taken on since: nothing moves."""
        name = self.pick(which, self.living())
        if name is not None and self.children[name].holder == OLD and not self.has_spoken(team, name):
            born = datetime.combine(self.children[name].person.birth_date, time(), UTC)
            self.says(team, Event.INVOLVEMENT_START, [name], at=max(born, datetime(2019, 6, 2, tzinfo=UTC)))

    def has_spoken(self, team, name):
        answer = self.auditor.get("/responsibility", params={"person": self.ids[name], "history": "true"})
        periods = [p for row in answer["functions"] for p in row.get("history", ())]
        return team in [p["team"]["id"] for p in periods if p["team"]]

    # --- transfers --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.living() and len(self.sent) < 4)
    @rule(which=st.sets(WHICH, min_size=1, max_size=2), to=st.sampled_from(RECEIVERS))
    def is_transferred(self, which, to):
        """Some are named; several may be open for one child."""
        self.transfer({self.pick(one, self.living()) for one in which}, to)

    @precondition(lambda self: self.living() and len(self.sent) < 4)
    @rule(which=WHICH)
    def is_replaced(self, which):
        """The sender sends another in its place, of one child; the one replaced need not be answered."""
        sent = self.pick(which, self.sent)
        self.transfer({self.pick(which, self.living())}, sent.to, reference=sent.message.id)

    def transfer(self, named, to, **said):
        facts = (
            choice("transfer-reason", "moved"),
            *(fact("care-summary", "Well.", self.children[name].person) for name in sorted(named)),
        )
        message = self.says(OLD, Event.TRANSFER, sorted(named), kind="health-visiting", to=(to,), facts=facts, **said)
        self.sent.append(Sent(message, to, named))

    @rule(which=WHICH)
    def is_withdrawn(self, which):
        sent = self.pick(which, [sent for sent in self.sent if not sent.taken_back])
        if sent is not None:
            self.says(OLD, Event.WITHDRAW, [], reference=sent.message.id)
            sent.taken_back = True

    def answers(self, line, move, *parts, by=None):
        """A move that is done, or refused because of how things stand."""
        self.clock.forward(hours=1)
        reply = self.team(by or receiver(line)).moves(line, move, *parts)
        assert reply.status in (200, 409), reply.text
        return reply.status == 200

    @precondition(waiting)
    @rule(which=WHICH)
    def confirms(self, which):
        self.confirm(self.pick(which, self.waiting()))

    def confirm(self, line):
        child, team = self.children[self.of(line)], receiver(line)
        free = child.holder in (OLD, team, "not-known")
        assert self.answers(line, "accept") == free
        child.holder = team if free else child.holder

    @precondition(waiting)
    @rule(which=WHICH)
    def declines(self, which):
        self.decline(self.pick(which, self.waiting()))

    def decline(self, line):
        self.answers(line, "decline", _code("reason", ResponseReason.NOT_ACCEPTED))

    @precondition(waiting)
    @rule(which=WHICH, yes=st.lists(st.booleans(), min_size=5, max_size=5))
    def all_of_one_are_answered(self, which, yes):
        of = self.pick(which, self.waiting())["partOf"]
        for line, said in zip([line for line in self.waiting() if line["partOf"] == of], yes, strict=False):
            if said:
                self.confirm(line)
            else:
                self.decline(line)

    @precondition(waiting)
    @rule(which=WHICH, how=st.sampled_from(["looked after", "asked about", "left out", "to be left out"]))
    def is_answered_otherwise(self, which, how):
        """Nothing of this moves who is responsible; the sender refuses to leave out whom it does not agree to."""
        line = self.pick(which, self.waiting())
        reason, note = _code("reason", ResponseReason.NOT_KNOWN), _text("note", "Lives with her aunt.")
        if how == "looked after":
            until = (self.clock.time + timedelta(days=20)).isoformat()
            self.answers(line, "caretake", {"name": "review-date", "valueDateTime": until}, note)
        elif how == "asked about":
            self.answers(line, "ask", _text("question", "Who has seen her?"))
        elif self.answers(line, "exclude", reason, note):
            said = ("exclude",) if how == "left out" else ("decline", reason)
            assert self.answers(line, *said, by=OLD)

    # --- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def each_has_one_answer_and_it_is_the_right_one(self):
        for name, id_ in self.ids.items():
            answer = self.auditor.get("/responsibility", params={"person": id_, "function": "health-visiting"})
            [row] = answer["functions"]
            assert (row["team"]["id"] if row["team"] else row["because"]["code"]) == self.children[name].holder, name

    @invariant()
    def nobody_drops_out_and_the_whole_is_what_its_lines_are(self):
        """Invariant 5, and a line that has ended ends so for good."""
        self.look()
        wholes = [whole for team in RECEIVERS for whole in self.team(team).tasks("transfer")]
        assert len(wholes) == len(self.sent)
        for whole in wholes:
            parts = [line for line in self.lines if line["partOf"][0]["reference"] == f"Task/{whole['id']}"]
            waiting = [part for part in parts if is_open(part)]
            if is_open(whole):
                assert waiting
                assert not [part for part in waiting if self.children[self.of(part)].gone]
                if any(self.children[self.of(part)].here or self.children[self.of(part)].gone for part in parts):
                    assert {self.of(part) for part in parts if not dropped(part)} >= set(self.living())
            else:
                assert not waiting
            confirmed = {self.of(part) for part in parts if part["status"] == TaskStatus.COMPLETED}
            if whole["status"] == TaskStatus.COMPLETED:
                assert confirmed
                assert not [
                    part for part in parts if part["status"] == TaskStatus.REJECTED and self.of(part) not in confirmed
                ]

        for line in self.lines:
            if line["status"] in ENDED:
                assert self.final.setdefault(line["id"], line["status"]) == line["status"]


def test_whatever_happens_while_transfers_are_open(sqlite_town, policy, keys, tmp_path_factory):  # noqa: F811 - fixtures
    folder, number = tmp_path_factory.mktemp("transfers"), count()

    def opened(stack: ExitStack, template: Path) -> tuple:
        path, clock = folder / f"{next(number)}.db", Clock(datetime(2019, 6, 3, 9, tzinfo=UTC))
        shutil.copy(template, path)
        return stack.enter_context(broker(f"sqlite:///{path}", clock, policy, keys, worker=False)), clock

    class Here(Transfers):
        open_broker = staticmethod(partial(opened, template=sqlite_town))

    run_state_machine_as_test(Here, settings=machine(examples=7, steps=25))
