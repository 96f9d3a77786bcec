"""Follow who is responsible: what a message, a choice, a confirmed transfer or a withdrawal moves, written in the same transaction."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from broker.domain import responsibility as moves
from broker.domain import responsibility_news as heard
from broker.domain.changes import Change, MergePersons
from broker.domain.decisions import INVOLVED, NOT_INVOLVED
from broker.domain.responsibility import Cause, Key, Ledger
from broker.domain.responsibility_news import News
from broker.domain.states import NotificationState, Unheld
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team, World
from broker.storage import notifications, people
from broker.storage import responsibility as ledgers
from broker.storage.tables import Notification
from broker.workflow import raising
from broker.workflow.context import Context
from schemas.codes import TaskCode
from schemas.message import Message


def follow(
    session: Session,
    ctx: Context,
    message: Message,
    sender: Team,
    world: World,
    notification_id: str,
    now: datetime,
    *,
    changes: tuple[Change, ...],
    looked_up: bool = False,
) -> None:
    """What a message moves; its persons are keyed by their ids, and `world` is as it left it with `changes`.

    `looked_up`: it is a record that Baton asked a service for.
    """
    news = replace(_news(ctx, message, sender, world, changes), looked_up=looked_up)
    _carry_out(session, ctx, news, Cause(now=now, occurred_at=message.occurred, notification_id=notification_id))


def chosen(
    session: Session,
    ctx: Context,
    changes: tuple[Change, ...],
    world: World,
    team_id: str,
    now: datetime,
    *,
    asked_by: str | None = None,
) -> None:
    """What a person's choice moves: two records that are one, or work that the team no longer does.

    `asked_by`: the notification that raised the question.
    """
    news = News(sender=ctx.directory.teams[team_id], directory=ctx.directory, changes=changes, world=world)
    _carry_out(session, ctx, news, Cause(now=now, occurred_at=now), asked_by=asked_by)


def _carry_out(session: Session, ctx: Context, news: News, cause: Cause, *, asked_by: str | None = None) -> None:
    persons = heard.persons(news)
    if not persons:
        return
    ledger = Ledger(ledgers.chains(session, persons), cause)
    about = cause.notification_id or asked_by
    wanted = [_still_working(ctx, change, team, about, cause.now) for change, team in heard.displaced(ledger, news)]
    raising.raise_tasks(session, ctx, wanted, cause.now)
    heard.move(ledger, news, ledgers.in_transfer(session, persons))
    ledgers.record(session, ledger.made(), cause.now)


def _still_working(
    ctx: Context, merged: MergePersons, team: str, notification_id: str | None, now: datetime
) -> TaskWanted:
    """Nobody stops being responsible without hearing of it."""
    return TaskWanted(
        code=TaskCode.CONFIRM_INVOLVEMENT,
        owner=team,
        description=(
            "Two records turned out to be of one person. Your team was responsible for one of them, and another team is "
            "responsible for this person now. Say whether you still work with them; if they are to be yours, have them transferred."
        ),
        dedupe_key=f"merged:{merged.gone}:{team}",
        person_id=merged.into,
        notification_id=notification_id,
        due_at=ctx.policy.own_asks.confirm.after(now, ctx.directory.teams[team].calendar),
        cites="invariant 4",
        options={"person": merged.into, "choices": [INVOLVED, NOT_INVOLVED]},
    )


def confirmed(
    session: Session,
    ctx: Context,
    *,
    person_id: str,
    sender_team: str,
    receiver_team: str,
    task_id: str,
    notification_id: str | None,
    now: datetime,
) -> None:
    """A professional of the receiver has confirmed this one person of a transfer; `task_id` is the line that was confirmed.

    Nothing moves for somebody who has died, been sealed, or was never born.
    """
    person = people.survivors(session, [person_id]).get(person_id, person_id)
    if person not in people.open_among(session, [person]):
        return
    cause = Cause(now=now, occurred_at=now, notification_id=notification_id, task_id=task_id)
    ledger = Ledger(ledgers.chains(session, [person]), cause)
    teams = ctx.directory.teams
    moves.hand_over(ledger, person, teams[sender_team], teams[receiver_team])
    ledgers.record(session, ledger.made(), now)


def discharged(
    session: Session,
    ctx: Context,
    persons: Collection[str],
    sender_team: str,
    task_id: str,
    now: datetime,
) -> None:
    """A transfer is complete: the sender's work with these others, whom nobody needed to take over, is done."""
    ledger = Ledger(ledgers.chains(session, persons), Cause(now=now, occurred_at=now, task_id=task_id))
    for person in persons:
        moves.give_up(ledger, ctx.directory.teams[sender_team], person, Unheld.DISCHARGED)
    ledgers.record(session, ledger.made(), now)


def taken_back(
    session: Session, ctx: Context, withdrawn_id: str, occurred_at: datetime, notification_id: str, now: datetime
) -> frozenset[str]:
    """Mend what a withdrawn notification made; `notification_id` is the one that takes it back. Nothing is deleted. Ids of whom it concerns.

    What its sender has said again, corrected, stands.
    """
    concerned = [withdrawn_id, *(row.id for row in notifications.alike(session, withdrawn_id))]
    persons = people.open_among(session, ledgers.made_by(session, concerned))
    chains = ledgers.chains(session, persons)
    made = {period.notification_id for chain in chains.values() for period in chain if period.notification_id}
    world = people.load_world(session, ctx.codec, persons)
    gone = {row.id: _said_again(session, ctx, row, world) for row in notifications.taken_back_among(session, made)}
    ledger = Ledger(chains, Cause(now=now, occurred_at=occurred_at, notification_id=notification_id))
    for key in chains:
        moves.mend(ledger, key, without=frozenset(id_ for id_, again in gone.items() if key not in again))
    ledgers.record(session, ledger.made(), now)
    return persons


def _said_again(session: Session, ctx: Context, withdrawn: Notification, world: World) -> frozenset[Key]:
    """Of whom, in which function, the sender of a withdrawn notification has said the same since, and stands by it."""
    said: frozenset[Key] = frozenset()
    for row in notifications.alike(session, withdrawn.id):
        if row.state == NotificationState.ACCEPTED and row.received_at >= withdrawn.received_at:
            message = notifications.message_of(ctx.codec, row)
            said |= heard.addressed(_news(ctx, message, ctx.directory.teams[row.sender_team_id], world, ()))
    return said


def _news(ctx: Context, message: Message, sender: Team, world: World, changes: tuple[Change, ...]) -> News:
    rules = ctx.policy.responsibility.get(message.event, ())
    return News(message=message, sender=sender, directory=ctx.directory, rules=rules, changes=changes, world=world)
