"""Whatever happens to a family, at every moment each of them has one answer in every function, and no answer is ever changed.

The oracle knows nothing of periods: it keeps what was said, in order, and goes through it from the start each time.
"""

import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import update

from broker.domain.responsibility import HELD, held_as
from broker.domain.states import Unheld
from broker.storage import responsibility as ledgers
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from broker.storage.tables import metadata
from broker.workflow import settle
from schemas.codes import Event, Function, TaskCode, TaskStatus
from schemas.message import Person
from tests.conftest import SECRET
from tests.integration.ledger_rows import answer, ledgered
from tests.property.machines import machine
from tests.town import FATHER, MOTHER, NOW, TEAMS, birth, booking, crn, message, nhs

MIDWIFERY, VISITING, PRACTICE = Function.MIDWIFERY, Function.HEALTH_VISITING, Function.GENERAL_PRACTICE
PROBATION = Function.PROBATION
VISITORS = st.sampled_from(["visitors", "south-visitors"])
OFFICERS = st.sampled_from(["probation", "probation-london"])
PRACTICES = st.sampled_from(["practice", "other-practice"])
WHICH = st.integers(0, 5)


@dataclass(frozen=True)
class Said:
    """One thing that moved, or would have moved, who is responsible."""

    team: str | None = None
    """Who took the person on."""
    ends: str | None = None
    """Who ended it; it counts while that team is responsible."""
    why: Unheld | None = None
    """Why nobody is, whoever was."""
    notification: str | None = None


class Family(RuleBasedStateMachine):
    """A mother who may be expecting, her children, a father and a case that may turn out to be his."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    names = count()

    def __init__(self):
        super().__init__()
        path = self.folder / f"{next(self.names)}.db"
        shutil.copy(self.template, path)
        self.town = ledgered(open_store(f"sqlite:///{path}", AesCodec(SECRET)))
        self.town.now = NOW
        self.numbers = count(20)
        self.said = defaultdict(list)
        self.known = {}  # id by key
        self.people = {}  # as messages name them, by key
        self.unborn = None
        self.gone = set()  # keys of whom nothing is said any more
        self.dead = set()
        self.lines = {}  # task id -> (key, sender, receiver)
        self.notifications = {}  # id -> sender
        self.seen = []
        for person in (MOTHER, FATHER):
            self.tell(message(Event.CHANGE_OF_ADDRESS, person), "records", person.key)
        self.people = {"m": MOTHER, "f": FATHER}

    def teardown(self):
        try:
            self.nothing_was_changed_afterwards()
        finally:
            self.town.store.close()

    # --- helpers ------------------------------------------------------------------------------------------------

    def tell(self, said, by, *keys):
        self.town.now += timedelta(days=2)
        said = replace(said, occurred=self.town.now) if said.occurred == NOW else said
        id_ = self.town.send_told(said, by)
        for key in keys:
            self.known[key] = self.town.id(key)
        self.notifications[id_] = by
        return id_

    def note(self, key, function, **said):
        """An end that a team says while another is responsible says nothing, now or later."""
        if said.get("ends") in (None, self.who(key, function)):
            self.said[key, function].append(Said(**said))

    def who(self, key, function):
        """The oracle: everything that was said, from the start."""
        now = Unheld.NOT_KNOWN
        for said in self.said[key, function]:
            if said.team is not None:
                now = said.team
            elif said.ends in (None, now):
                now = said.why
        return now

    def unsay(self, key, doubt):
        """Leave out what was no longer said of somebody."""
        for (whose, _), log in self.said.items():
            if whose == key:
                log[:] = [said for said in log if not doubt(said)]

    def alive(self):
        return [key for key in self.people if key not in self.gone | self.dead]

    def children(self):
        return [key for key in self.alive() if key.startswith("c")]

    @staticmethod
    def pick(which, keys):
        return keys[which % len(keys)] if keys else None

    # --- pregnancies and births ---------------------------------------------------------------------------------

    @precondition(lambda self: self.unborn is None and "m" in self.alive())
    @rule()
    def booked(self):
        self.town.now += timedelta(days=100)
        expected = (self.town.now + timedelta(days=200)).date()
        id_ = self.tell(booking(expected=expected), "midwives", "m")
        world = self.town.world(self.known["m"])
        self.unborn = f"c{next(self.numbers)}"
        [self.known[self.unborn]] = [
            r.to for r in world.relationships if r.person_id == self.known["m"] and world.people[r.to].state == "unborn"
        ]
        for key in ("m", self.unborn):
            self.note(key, MIDWIFERY, team="midwives", notification=id_)

    @precondition(lambda self: "m" in self.alive())
    @rule()
    def a_child_is_born(self):
        """The one who was expected, or a sibling whom nobody had booked."""
        self.town.now += timedelta(days=200 if self.unborn else 300)
        n = next(self.numbers)
        key = self.unborn or f"c{n}"
        day = (self.town.now + timedelta(days=2)).date()
        child = Person(key=key, identifiers=(nhs(n),), family="Ash", given=(f"Child{n}",), birth_date=day)
        before = self.known.get(key)
        id_ = self.tell(birth(child), "records", key, "m")
        assert before in (None, self.known[key])
        if self.unborn is None and isinstance(self.who("m", MIDWIFERY), str) and self.who("m", MIDWIFERY) in TEAMS:
            self.note(key, MIDWIFERY, team=self.who("m", MIDWIFERY), notification=id_)
        self.people[key] = child
        self.unborn = None

    @precondition(lambda self: self.unborn is not None)
    @rule()
    def the_pregnancy_ended(self):
        self.tell(message(Event.PREGNANCY_END, MOTHER), "midwives", "m")
        for function in HELD:
            self.note(self.unborn, function, why=Unheld.PREGNANCY_ENDED)
        if not any(self.who(child, MIDWIFERY) in TEAMS for child in self.children()):
            self.note("m", MIDWIFERY, ends="midwives", why=Unheld.PREGNANCY_ENDED)
        self.unborn = None

    # --- what teams say -----------------------------------------------------------------------------------------

    def takes(self, key, by, event, function, **more):
        if key is not None:
            id_ = self.tell(message(event, self.people[key], **more), by, key)
            self.note(key, function, team=by, notification=id_)

    @rule(which=WHICH, by=VISITORS)
    def health_visiting_begins(self, which, by):
        self.takes(self.pick(which, self.children()), by, Event.INVOLVEMENT_START, VISITING)

    @rule(which=WHICH, by=PRACTICES)
    def registered(self, which, by):
        key = self.pick(which, self.alive())
        if key is not None:
            person = replace(self.people[key], practice=TEAMS[by].ods_code)
            id_ = self.tell(message(Event.GP_REGISTRATION, person, kind="registered"), "records", key)
            self.note(key, PRACTICE, team=by, notification=id_)

    @rule(which=WHICH, by=PRACTICES)
    def removed(self, which, by):
        key = self.pick(which, self.alive())
        if key is not None:
            person = replace(self.people[key], practice=TEAMS[by].ods_code)
            id_ = self.tell(message(Event.GP_REGISTRATION, person, kind="removed"), "records", key)
            self.note(key, PRACTICE, ends=by, why=Unheld.NOT_REGISTERED, notification=id_)

    @rule(by=OFFICERS)
    def supervision_begins(self, by):
        self.takes("f" if "f" in self.alive() else None, by, Event.SUPERVISION_START, PROBATION)

    @rule(by=OFFICERS)
    def supervision_ends(self, by):
        if "f" in self.alive():
            id_ = self.tell(message(Event.SUPERVISION_END, FATHER), by, "f")
            self.note("f", PROBATION, ends=by, why=Unheld.ENDED, notification=id_)

    @rule(which=WHICH, by=VISITORS)
    def health_visiting_says_that_it_ended(self, which, by):
        """Of a child whom it is handing over that means nothing yet."""
        key = self.pick(which, self.children())
        if key is not None:
            open_ = any(line[:2] == (key, by) for line in self.lines.values())
            id_ = self.tell(message(Event.INVOLVEMENT_END, self.people[key]), by, key)
            if not open_:
                self.note(key, VISITING, ends=by, why=Unheld.ENDED, notification=id_)

    @rule(which=WHICH, by=VISITORS, other=VISITORS)
    def dropped_half_way(self, which, by, other):
        """A team begins, opens a transfer, and says that its own work has ended before anybody has confirmed."""
        self.health_visiting_begins(which, by)
        self.a_transfer_is_opened(which, other, by)
        self.health_visiting_says_that_it_ended(which, by)

    @rule(which=WHICH, by=VISITORS, other=VISITORS)
    def late_word_of_what_is_overtaken(self, which, by, other):
        """It began with one before it did with another, who was heard first: nothing moves. That one had not spoken before."""
        key = self.pick(which, self.children())
        spoken = {period.team_id for period in self.town.chain(self.known[key], VISITING)} if key else {by}
        if by != other and by not in spoken:
            self.takes(key, other, Event.INVOLVEMENT_START, VISITING)
            at = self.town.chain(self.known[key], VISITING)[-1].known_at - timedelta(days=1)
            self.tell(message(Event.INVOLVEMENT_START, self.people[key], occurred=at), by, key)

    @rule(which=WHICH, by=VISITORS, days=st.integers(1, 300))
    def late_word_of_the_first_to_begin(self, which, by, days):
        """Recorded when it is heard, with the day on which it happened beside it."""
        key = self.pick(which, self.children())
        if key is not None and not self.town.chain(self.known[key], VISITING):
            at = self.town.now - timedelta(days=days)
            self.takes(key, by, Event.INVOLVEMENT_START, VISITING, occurred=at)
            [held] = self.town.chain(self.known[key], VISITING)
            assert (held.since, held.occurred_at) == (self.town.now, at)

    @rule(which=WHICH, by=st.sampled_from(sorted(TEAMS)))
    def contacts_move_nothing(self, which, by):
        key = self.pick(which, self.children())
        if key is not None:
            self.tell(message(Event.CHILD_CONTACT, self.people[key], kind="other"), by, key)

    # --- transfers ----------------------------------------------------------------------------------------------

    @rule(which=WHICH, receiver=VISITORS, by=st.sampled_from(["midwives", "visitors", "south-visitors"]))
    def a_transfer_is_opened(self, which, receiver, by):
        """Two may be open at once for one child."""
        key = self.pick(which, self.children())
        if key is not None and by != receiver:
            self.lines[self.town.line(self.known[key], by, receiver)] = (key, by, receiver)

    def ends_line(self, which, status):
        line = list(self.lines)[which % len(self.lines)]
        tasks = metadata.tables["task"]
        reason = "30014" if status is TaskStatus.REJECTED else None
        with self.town.store.engine.begin() as connection:
            connection.execute(update(tasks).where(tasks.c.id == line).values(status=status, reason_code=reason))
        return line

    @precondition(lambda self: self.lines)
    @rule(which=WHICH)
    def confirmed(self, which):
        line = self.ends_line(which, TaskStatus.COMPLETED)
        key, sender, receiver = self.lines.pop(line)
        self.town.now += timedelta(days=1)
        self.town.store.write(lambda s: self.town.confirm(s, line, self.known[key], sender, receiver))
        if key in self.alive():
            self.note(key, held_as(TEAMS[receiver].function), team=receiver)
            if held_as(TEAMS[sender].function) is not held_as(TEAMS[receiver].function):
                self.note(key, held_as(TEAMS[sender].function), ends=sender, why=Unheld.DISCHARGED)

    @precondition(lambda self: self.lines)
    @rule(which=WHICH)
    def declined(self, which):
        self.lines.pop(self.ends_line(which, TaskStatus.REJECTED))

    @precondition(lambda self: self.lines)
    @rule(which=WHICH)
    def caretaken(self, which):
        """The line stays open, and the sender responsible."""
        self.ends_line(which, TaskStatus.ON_HOLD)

    # --- taken back, death, adoption, two that are one ------------------------------------------------------------

    @rule(which=st.integers(0, 30))
    def withdrawn(self, which):
        told = {s.notification for log in self.said.values() for s in log}
        moved = [id_ for id_ in self.notifications if id_ in told]
        if not moved:
            return
        id_ = moved[which % len(moved)]
        self.town.now += timedelta(days=1)
        self.town.take_back(id_, self.notifications[id_])
        for key in {key for key, _ in self.said} - self.gone - self.dead:
            self.unsay(key, lambda said: said.notification == id_)

    @rule(which=WHICH, really=st.integers(0, 3))
    def died(self, which, really):
        key = self.pick(which, self.alive())
        if key is not None and really == 0 and not (key == "m" and self.unborn):
            self.tell(message(Event.DEATH, self.people[key], kind="formal"), "practice", key)
            for function in HELD:
                self.note(key, function, why=Unheld.DIED)
            self.dead.add(key)

    @precondition(lambda self: self.dead)
    @rule(which=WHICH)
    def had_not_died(self, which):
        key = sorted(self.dead)[which % len(self.dead)]
        self.tell(message(Event.DEATH, self.people[key], kind="removal"), "practice", key)
        self.unsay(key, lambda said: said.why is Unheld.DIED)
        self.dead.discard(key)

    @rule(which=WHICH, really=st.integers(0, 3))
    def adopted(self, which, really):
        key = self.pick(which, self.children())
        if key is not None and really == 0:
            self.tell(message(Event.IDENTIFIER_CHANGE, self.people[key], kind="sealed"), "records", key)
            for function in HELD:
                self.note(key, function, why=Unheld.SEALED)
            self.gone.add(key)

    @precondition(lambda self: "x" not in self.known)
    @rule(by=OFFICERS)
    def a_case_begins(self, by):
        """Probation sends a case number alone; who it is, is not known yet."""
        case = Person(key="x", identifiers=(crn("X123456"),))
        id_ = self.tell(message(Event.SUPERVISION_START, case), by, "x")
        self.note("x", PROBATION, team=by, notification=id_)

    @precondition(lambda self: "x" in self.known and "x" not in self.gone and "f" in self.alive())
    @rule()
    def the_case_is_his(self):
        case, man = self.known["x"], self.known["f"]
        self.town.now += timedelta(days=1)
        said = {"code": TaskCode.RESOLVE_IDENTITY, "options": {"person": case, "choices": [man]}, "choice": man}
        more = {"team_id": "probation", "person_id": case, "notification_id": None, "now": self.town.now}
        self.town.store.write(lambda s: settle.decide(s, self.town.ctx, **said, **more))
        theirs = self.said["x", PROBATION]
        if self.who("x", PROBATION) in TEAMS and self.who("f", PROBATION) not in TEAMS:
            self.said["f", PROBATION].append(theirs[-1])
        for function in HELD:
            self.note("x", function, why=Unheld.MERGED)
        self.gone.add("x")

    # --- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def one_answer_for_everybody_and_it_is_the_right_one(self):
        held = self.town.store.read(lambda s: ledgers.holders(s, list(self.known.values())))
        answers = {}
        for key, id_ in self.known.items():
            for function in HELD:
                answers[id_, function] = answer(held.get((id_, function)))
                assert answers[id_, function] == self.who(key, function), (key, function)
        self.seen.append((self.town.now, answers))

    @invariant()
    def no_chain_has_a_gap(self):
        chains = self.town.store.read(lambda s: ledgers.chains(s, list(self.known.values())))
        for chain in chains.values():
            assert chain[-1].until is None
            for period, following in pairwise(chain):
                assert period.until == following.since
                assert (period.team_id, period.unheld) != (following.team_id, following.unheld)
            assert all((p.team_id is None) == (p.unheld is not None) for p in chain)

    def nothing_was_changed_afterwards(self):
        """What was answered then for then is answered now for then."""
        last = dict(self.seen)
        for at, answers in last.items():
            ids = {id_ for id_, _ in answers}
            held = self.town.store.read(partial(ledgers.holders, person_ids=ids, at=at))
            assert {key: answer(held.get(key)) for key in answers} == answers


def test_whatever_happens_to_a_family(sqlite_template, tmp_path_factory):
    class Here(Family):
        template = sqlite_template
        folder = tmp_path_factory.mktemp("families")

    run_state_machine_as_test(Here, settings=machine(examples=15, steps=30))
