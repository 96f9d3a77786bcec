"""The town of `town.py` with the ledger of who is responsible kept in memory; the same ledger in a database is tested in `integration`."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from broker.domain import matching, responsibility
from broker.domain import responsibility_news as heard
from broker.domain.households import Settlement
from broker.domain.responsibility import Cause, Chain, Holding, Key, Ledger
from broker.domain.responsibility_news import News
from broker.domain.states import Unheld
from schemas.codes import Function
from schemas.message import Message
from tests.town import DIRECTORY, TEAMS, Town, policy


@dataclass
class Ledgered(Town):
    """A town that knows who is responsible for everybody."""

    chains: dict[Key, Chain] = field(default_factory=dict)
    in_transfer: set[tuple[str, str]] = field(default_factory=set)

    def send(self, said: Message, by: str = "visitors") -> Settlement:
        """A team sends the message; who is responsible follows."""
        settled = super().send(said, by)
        message = matching.rekey(replace(said, sender=by), self.matched.ids)
        news = News(
            message=message,
            sender=TEAMS[by],
            directory=DIRECTORY,
            rules=policy().responsibility.get(said.event, ()),
            changes=settled.changes,
            world=settled.world,
        )
        ledger = self.ledger(said.occurred, notification_id=said.id)
        if heard.persons(news):
            heard.move(ledger, news, frozenset(self.in_transfer))
        self.keep(ledger)
        return settled

    def confirm(self, person_id: str, sender: str, receiver: str) -> None:
        """The receiver confirms a line of a transfer."""
        ledger = self.ledger(self.now, task_id="line")
        responsibility.hand_over(ledger, person_id, TEAMS[sender], TEAMS[receiver])
        self.keep(ledger)

    def take_back(self, *messages: Message) -> None:
        """The messages are withdrawn."""
        ledger = self.ledger(self.now, notification_id="withdrawal")
        for key in self.chains:
            responsibility.mend(ledger, key, without=frozenset(said.id for said in messages))
        self.keep(ledger)

    def ledger(self, occurred_at: datetime, **more: str) -> Ledger:
        """The chains as they are, for one step."""
        return Ledger(self.chains, Cause(now=self.now, occurred_at=occurred_at, **more))

    def keep(self, ledger: Ledger) -> None:
        """What storage does to rows."""
        for new in ledger.made():
            key = (new.person_id, new.function)
            chain = self.chains.get(key, ())
            ended = (*chain[:-1], replace(chain[-1], until=new.since)) if chain else ()
            self.chains = {**self.chains, key: (*ended, new)}

    def who(self, person: str, function: Function) -> str | Unheld:
        """The team that is responsible, or why nobody is; `person` is a key of the last message, or an id."""
        current = self.current(person, function)
        if current is None:
            return Unheld.NOT_KNOWN
        return current.team_id or current.unheld or Unheld.NOT_KNOWN

    def current(self, person: str, function: Function) -> Holding | None:
        """The open period."""
        chain = self.chains.get((self.matched.ids.get(person, person), function), ())
        return chain[-1] if chain else None

    def everything(self, person: str) -> dict[Function, str | Unheld]:
        """Every answer there is."""
        return {function: self.who(person, function) for function in responsibility.HELD}
