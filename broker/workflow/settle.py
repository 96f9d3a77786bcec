"""Settle what a person decided about people and households: the answers of confirm-household, confirm-involvement, resolve-identity and resolve-address."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlmodel import Session

from broker.domain import decisions, households
from broker.domain.decisions import NotPossible, Options
from broker.domain.draft import Draft, Given
from broker.domain.world import World
from broker.errors import Conflict
from broker.storage import people
from broker.storage.codec import Codec
from broker.workflow import responsibility
from broker.workflow.context import Context
from schemas.codes import Event, TaskCode
from schemas.message import Message, PostalAddress

SETTLED_HERE: Final = frozenset(
    {
        TaskCode.CONFIRM_HOUSEHOLD,
        TaskCode.CONFIRM_INVOLVEMENT,
        TaskCode.RESOLVE_IDENTITY,
        TaskCode.RESOLVE_ADDRESS,
    }
)
"""Tasks whose completion is a choice that `decide` carries out."""


def decide(
    session: Session,
    ctx: Context,
    *,
    code: TaskCode,
    options: Options,
    choice: str,
    team_id: str,
    person_id: str | None,
    notification_id: str | None,
    now: datetime,
) -> set[str]:
    """Carry out the choice of `team_id`; ids of the households that changed, which are to be routed again.

    `options`, `person_id` and `notification_id` are the task's. Conflict when the choice must not be carried out;
    Raced when somebody changed meanwhile.
    """
    world, options, about = _world(session, ctx.codec, options, person_id)
    draft_ = draft(ctx, world, team_id, now)
    try:
        decisions.decide(draft_, code, options, _alive(session, choice), about)
    except NotPossible as error:
        raise Conflict(str(error)) from error
    settled = households.conclude(draft_)
    changed = people.apply(
        session, ctx.codec, settled.changes, notification_id=notification_id, sender_id=team_id, now=now
    )
    responsibility.chosen(session, ctx, settled.changes, settled.world, team_id, now, asked_by=notification_id)
    return changed


def _world(
    session: Session, codec: Codec, options: Options, person_id: str | None
) -> tuple[World, Options, str | None]:
    """The world round everybody the options name, with the options as they are since persons were merged."""
    named = decisions.persons_of(options) | ({person_id} if person_id else set())
    alive = people.survivors(session, sorted(named))
    household = options.get("household")
    here = people.members(session, [household]) if isinstance(household, str) else []
    world = people.load_world(session, codec, {*alive.values(), *here})
    return world, {name: _renamed(said, alive) for name, said in options.items()}, alive.get(person_id or "")


def _renamed(said: str | list[str], alive: dict[str, str]) -> str | list[str]:
    if isinstance(said, str):
        return alive.get(said, said)
    return list(dict.fromkeys(alive.get(one, one) for one in said))


def _alive(session: Session, choice: str) -> str:
    return people.survivors(session, [choice]).get(choice, choice)


def draft(ctx: Context, world: World, team_id: str, now: datetime) -> Draft:
    """An answer counts like a statement of the team that answers, made now."""
    said = Message(id=str(uuid4()), event=Event.HOUSEHOLD_UPDATE, sender=team_id, occurred=now, subjects=(), people=())

    def place(address: PostalAddress) -> str | None:
        return people.place(ctx.codec, address)

    given = Given(
        message=said,
        sender=ctx.directory.teams[team_id],
        directory=ctx.directory,
        policy=ctx.policy,
        now=now,
        place=place,
        new_id=lambda: str(uuid4()),
    )
    return Draft(given=given, before=world, world=world)
