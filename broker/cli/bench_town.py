"""The households of `baton bench accept` and their messages: invented people in an area of its own; nothing is measured here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count, cycle, islice
from typing import Any, Final
from uuid import uuid4

import orjson
from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.world import Team
from broker.errors import BatonError
from broker.runtime import Runtime
from broker.storage import directory, notifications
from broker.workflow import intake
from broker.workflow.receive import receive
from schemas import bundle
from schemas.codes import ConcernKind, Event, Function, LawfulBasis, Priority, RelationshipKind
from schemas.events import FACTS, coded
from schemas.identifiers import NHS_NUMBER, synthetic_nhs_number
from schemas.limits import Limits
from schemas.message import Fact, Identifier, Message, Person, PostalAddress, Professional, Relationship

HOUSEHOLDS: Final = 24
"""As many as there are when nobody says how many messages will come."""
MOST_HOUSEHOLDS: Final = 240
"""As many as are filled in a quarter of a minute."""
SENDER: Final = "bench-health-visiting"
_FUNCTIONS: Final = (
    Function.MIDWIFERY,
    Function.PAEDIATRICS,
    Function.GENERAL_PRACTICE,
    Function.CHILDRENS_SOCIAL_CARE,
    Function.EARLY_HELP,
    Function.SCHOOL_NURSING,
)


def told(fan_out: int) -> tuple[str, ...]:
    """So many teams that work with every child besides the sender, and are told."""
    rounds = (f"bench-{function.value}{more}" for more in _again() for function in _FUNCTIONS)
    return tuple(islice(rounds, fan_out))


def _again() -> Iterator[str]:
    """What tells apart several teams of one function."""
    yield ""
    yield from (f"-{number}" for number in count(2))


TOLD: Final = told(len(_FUNCTIONS))
"""The teams of most benches: the fan-out is six."""

_AREA: Final = "bench"
_ID: Final = "00000000-0000-4000-8000-000000000000"
"""Stands in a message where each one sent has an id of its own."""
_CONCERN: Final = {
    "concern-detail": "Gained 1 kg since birth; from the 25th to below the 0.4th centile.",
    "weight": Decimal(4480),
    "centile": Decimal("0.4"),
    "follow-up-plan": "Weekly weighing by the health visitor; appointment with the practice next week.",
    "action-taken": "Feeding plan agreed; the practice telephoned.",
}


def spread(messages: int) -> int:
    """Households among whom so many messages come a few to each: a family of which hundreds are told in a minute is none that there is."""
    return max(HOUSEHOLDS, min(MOST_HOUSEHOLDS, messages // 3))


def fill(runtime: Runtime, teams: Sequence[str] = TOLD, households: int | None = None) -> str:
    """Fill an empty database with the area and its households, each with one concern; the id of the last one's notification."""
    runtime.store.write(_directory(runtime.now(), teams))
    concern = _concern(0, runtime.now())
    for number in range(households or HOUSEHOLDS):
        for team in (SENDER, *teams):
            send(runtime, _body(_begins(number, team, runtime.now())), team)
        concern = _concern(number, runtime.now())
        send(runtime, _body(concern))
    sent = runtime.store.read(lambda session: notifications.answered(session, SENDER, concern.id))
    if sent is None:
        raise BatonError("A message that was accepted is not in the database.")
    return sent.id


def bodies(now: datetime, number: int, households: int | None = None) -> list[bytes]:
    """So many new messages as they are posted, one household after the other."""
    posted = [_body(replace(_concern(household, now), id=_ID)) for household in range(households or HOUSEHOLDS)]
    return [body.replace(_ID.encode(), str(uuid4()).encode()) for body in islice(cycle(posted), number)]


def _directory(now: datetime, teams: Sequence[str]) -> Callable[[Session], None]:
    def work(session: Session) -> None:
        directory.put_area(session, _AREA, "Bench", ["B70"], {})
        for team in (SENDER, *teams):
            function = Function(team.removeprefix("bench-").rstrip("-0123456789"))
            directory.put_agency(session, team, team, None)
            session.flush()
            directory.put_team(session, Team(id=team, agency_id=team, function=function, name=team, area_id=_AREA), now)

    return work


def send(runtime: Runtime, body: bytes, sender: str = SENDER) -> None:
    """Accept a message in this process."""
    incoming = intake.read_fhir(body, "application/fhir+json", Limits(), runtime.now())
    caller = Caller(client="bench", team=sender)
    answer = runtime.store.write(
        lambda session: receive(session, runtime.context(session), incoming, caller, runtime.now())
    )
    if answer.standing != "usable":
        raise BatonError("A message of the bench was not accepted.")


def _body(message: Message) -> bytes:
    source = f"https://{message.sender}.example/fhir"
    return orjson.dumps(bundle.write(message, source=source, source_name=message.sender))


def _concern(number: int, now: datetime) -> Message:
    """A concern about the child of a household, which each of the teams that are told must answer."""
    said = [_fact(number, code, value) for code, value in _CONCERN.items()]
    return replace(
        _about(number, now),
        event=Event.CONCERN,
        kind=ConcernKind.GROWTH,
        priority=Priority.URGENT,
        basis=LawfulBasis.CHILDREN_ACT_2004_S16LA,
        labels=frozenset({"NOPAT"}),
        facts=(*said, Fact(code="family-aware", value=True)),
    )


def _begins(number: int, team: str, now: datetime) -> Message:
    """A team says that it works with the child of a household."""
    evidence = _fact(number, "involvement-evidence", coded("involvement-evidence", "contact"))
    return replace(_about(number, now), sender=team, facts=(evidence,))


def _about(number: int, now: datetime) -> Message:
    mother, child = _family(number, now)
    return Message(
        id=str(uuid4()),
        event=Event.INVOLVEMENT_START,
        sender=SENDER,
        occurred=now - timedelta(hours=1),
        sent=now - timedelta(minutes=30),
        subjects=(child.key,),
        people=(child, mother),
        relationships=(Relationship(person=mother.key, kind=RelationshipKind.MOTHER, to=child.key),),
        author=Professional(name="Joanne Pike", role="health-visitor"),
        basis=LawfulBasis.DIRECT_CARE,
    )


def _fact(number: int, code: str, value: Any) -> Fact:  # noqa: ANN401 - any FactValue
    return Fact(code=code, value=value, unit=FACTS[code].unit, about=_key(2 * number + 1))


def _family(number: int, now: datetime) -> tuple[Person, Person]:
    """Mother and child of a household; the same number is the same family."""
    home = PostalAddress(
        lines=(f"{number + 1} Beeches Court", "West Bromwich"),
        postcode="B70 9AB",
        since=now.date() - timedelta(days=60),
    )
    mother = Person(
        key=_key(2 * number),
        identifiers=(_nhs_number(2 * number),),
        family=f"Hartley-{number}",
        given=("Chloe", "Louise"),
        birth_date=date(1999, 6, 12),
        gender="female",
        addresses=(home,),
    )
    child = Person(
        key=_key(2 * number + 1),
        identifiers=(_nhs_number(2 * number + 1),),
        family=f"Hartley-{number}",
        given=("Noah",),
        birth_date=now.date() - timedelta(days=70),
        gender="male",
        addresses=(home,),
    )
    return mother, child


def _key(person: int) -> str:
    return f"00000000-0000-4000-8001-{person:012}"


def _nhs_number(person: int) -> Identifier:
    return Identifier(system=NHS_NUMBER, value=synthetic_nhs_number(person), verified=True)
