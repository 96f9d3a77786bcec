"""Ask a practitioner at a contact for what nobody has said of a household: the father, and the men who live there (F19)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import Session

from broker.domain import gaps
from broker.domain.kinship import unborn_of
from broker.domain.pattern_rules import Prompt
from broker.domain.states import PersonState
from broker.domain.tasks import TERMINAL
from broker.domain.wanted import TaskWanted
from broker.domain.world import KnownPerson, Team, World
from broker.storage import chronology, patterns, tasks
from broker.storage.world import load_world
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import TaskCode
from schemas.message import Message


def ask(session: Session, ctx: Context, notification_id: str, message: Message, now: datetime) -> None:
    """Raise what a contact prompts for, once for each child and contact; never while the team has not answered the last."""
    sender = ctx.directory.teams[message.sender or ""]
    wanted = [one for one in ctx.policy.patterns.prompts if _is_at(one, message, sender)]
    if not wanted:
        return
    world = load_world(session, ctx.codec, message.subjects)
    child = next(iter(_children(world, message, now)), None)
    if child is None or not _unknown(session, ctx, world, child, message):
        return
    for one in wanted:
        _raise(session, ctx, one, notification_id, message, child, sender, now)


def _is_at(prompt: Prompt, message: Message, sender: Team) -> bool:
    kinds = prompt.at.get(message.event)
    return kinds is not None and sender.function in prompt.senders and (not kinds or message.kind in kinds)


def _children(world: World, message: Message, now: datetime) -> list[KnownPerson]:
    """Whom the contact is for: the children that it is about, and those whom somebody it is about expects."""
    found = [world.people[p] for p in message.subjects if p in world.people]
    expected = [child for subject in message.subjects for child in unborn_of(world, subject)]
    return [*(person for person in found if _is_child(person, now)), *expected]


def _is_child(person: KnownPerson, now: datetime) -> bool:
    age = person.age_days(now)
    born = person.state is PersonState.LIVING and age is not None and age < gaps.UNDER_FIVE
    return born or person.state is PersonState.UNBORN


def _unknown(session: Session, ctx: Context, world: World, child: KnownPerson, message: Message) -> bool:
    """Whether nobody is known as the father, or he was neither seen by anybody nor named by this contact among those who live there."""
    fathers = gaps.fathers_of(world, child.id)
    known = [father for father in fathers if father in world.people and world.people[father].resolved]
    named = {line.person for line in message.household}
    return not known or (named.isdisjoint(known) and not chronology.seen(session, ctx.codec, known))


def _raise(
    session: Session,
    ctx: Context,
    prompt: Prompt,
    notification_id: str,
    message: Message,
    child: KnownPerson,
    sender: Team,
    now: datetime,
) -> None:
    if _asked_already(session, ctx, _keys(prompt, child, sender)):
        return
    wanted = TaskWanted(
        code=TaskCode.SUPPLY_INFORMATION,
        owner=sender.id,
        description=prompt.description,
        dedupe_key=_key(prompt, child, sender, f"{message.event.value}:{message.kind or ''}"),
        person_id=child.id,
        notification_id=notification_id,
        due_at=prompt.within.after(now, sender.calendar),
        cites=prompt.cites,
    )
    raising.raise_tasks(session, ctx, [wanted], now, event=message.event)


def _asked_already(session: Session, ctx: Context, keys: Collection[str]) -> bool:
    return any(task.row.status not in TERMINAL for task in tasks.by_keys(session, ctx.codec, keys))


def _keys(prompt: Prompt, child: KnownPerson, sender: Team) -> Sequence[str]:
    """Of every contact at which it may have been asked."""
    contacts = [f"{event.value}:{kind}" for event, kinds in prompt.at.items() for kind in (kinds or {""})]
    return [_key(prompt, child, sender, contact) for contact in contacts]


def _key(prompt: Prompt, child: KnownPerson, sender: Team, contact: str) -> str:
    return f"{patterns.prompt_keys(prompt.name)}{child.id}:{sender.id}:{contact}"
