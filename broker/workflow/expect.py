"""Keep what is expected: a message opens, meets, moves or ends it; the clock asks for what did not come.

The task goes to whoever owes it. It comes with a number that rises at each alert; what comes after all ends it, and so
does whatever makes that it cannot come.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from broker.domain import expecting, situation
from broker.domain import tasks as task_rules
from broker.domain.answers import Move
from broker.domain.conditions import Flag
from broker.domain.expecting import ExpectationRule, Expected
from broker.domain.owing import who_owes
from broker.domain.states import ExpectationState, Purpose, View
from broker.domain.tasks import BusinessStatus, Moved
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team, World
from broker.storage import audit, chronology, deliveries, expectations, notifications, responsibility, tasks
from broker.storage.tables import Expectation, Notification
from broker.storage.task_values import EVERYTHING, Content, Stored
from broker.storage.world import load_world
from broker.workflow import escalate, outcomes, raising
from broker.workflow.context import Context
from schemas.codes import Function, TaskCode, TaskStatus
from schemas.message import Message

AT_ONCE: Final = 200
"""Expectations in one pass of the clock."""
QUIETLY: Final = timedelta(days=90)
"""Between two looks at what was asked for as often as the rule has it: whether it can still come, and nothing is said."""
ALERT: Final = "alert"
"""Among a task's options: how often it was asked for by now."""


def follow(
    session: Session,
    ctx: Context,
    message: Message,
    sender: Team,
    world: World,
    notification_id: str,
    reference: Notification | None,
    now: datetime,
) -> None:
    """What an accepted message, its persons keyed by their ids, changes; `world` is as it is after the message."""
    rules = ctx.policy.expectations
    if message.event not in rules.heard:
        return
    persons = expecting.concerned(message, world)
    for one in expectations.open_about(session, persons):
        _hear(session, ctx, one, message, sender, world, notification_id, reference, now)
    if rules.opening[message.event]:
        _open(session, ctx, message, sender, world, notification_id, now)


def taken_back(session: Session, ctx: Context, notification_id: str, now: datetime) -> None:
    """A notification was withdrawn: what it opened is expected no longer, what it had met is waited for again."""
    for one in expectations.caused_by(session, notification_id):
        _end(session, ctx, one, "withdrawn", now)
    for one in expectations.met_by(session, notification_id):
        expectations.wait_again(session, one, now)


def answered(session: Session, task_id: str, moved: Moved, now: datetime) -> None:
    """Its team has answered the task: it says that it was done or is not needed, or puts it off to a date with the reason."""
    one = expectations.of_task(session, task_id)
    if one is None:
        return
    if moved.status in task_rules.TERMINAL:
        expectations.end(session, one, ExpectationState.ANSWERED, "answered", now)
    elif moved.move is Move.EXTEND and moved.due_at is not None:
        expectations.look(session, one, moved.due_at)


# --- what comes ---------------------------------------------------------------------------------------------------


def _hear(
    session: Session,
    ctx: Context,
    one: Expectation,
    message: Message,
    sender: Team,
    world: World,
    notification_id: str,
    reference: Notification | None,
    now: datetime,
) -> None:
    rule, person = ctx.policy.expectations.rules.get(one.rule), world.people.get(one.person_id)
    if rule is None:
        _end(session, ctx, one, "not-in-policy", now)
    elif rule.counts(message, sender.function) and _answers(rule, one, reference):
        _met(session, ctx, one, notification_id, now)
    elif expecting.over(rule, person, message.event):
        _end(session, ctx, one, "over", now)
    else:
        _redate(session, one, world)


def _met(session: Session, ctx: Context, one: Expectation, notification_id: str, now: datetime) -> None:
    _stop(session, ctx, one, BusinessStatus.ARRIVED, now)
    expectations.meet(session, one, notification_id, now)


def _answers(rule: ExpectationRule, one: Expectation, reference: Notification | None) -> bool:
    return not rule.answers or reference is None or reference.id == one.notification_id


def _redate(session: Session, one: Expectation, world: World) -> datetime:
    """When it is due by the dates known now."""
    person = world.people.get(one.person_id)
    after = timedelta(seconds=one.after_seconds)
    at = expecting.due_by(one.since, after, person) if person is not None else None  # type: ignore[arg-type]  # a column that only `expecting` fills
    if at is None:
        return one.due_at
    due_at = max(at, one.not_before) if one.not_before is not None else at
    if due_at != one.due_at:
        expectations.move(session, one, due_at)
    return due_at


def _open(
    session: Session, ctx: Context, message: Message, sender: Team, world: World, notification_id: str, now: datetime
) -> None:
    flags = _flags(ctx, message, sender, world, now)
    found = list(expecting.expected(ctx.policy.expectations, message, flags, sender, world, now))
    rows, open_ = [], _open_one_at_a_time(session, found)
    for one in expectations.unknown(session, found, notification_id):
        owed_by = _owed_by(one, message, sender)
        if owed_by is None or (one.rule.name, one.person_id, owed_by) in open_:
            continue
        row = expectations.row(one, notification_id, owed_by, ctx.policy.version, now)
        came = _came(session, ctx, one.rule, one.person_id, world, notification_id)
        rows.append(row | expectations.met(came, now) if came else row)
    expectations.add(session, rows)


def _open_one_at_a_time(session: Session, found: Sequence[Expected]) -> set[tuple[str, str, str]]:
    """Of the rules that have one at a time, what is looked for about these persons: rule, person and who owes it."""
    rules = {one.rule.name for one in found if one.rule.one_at_a_time}
    persons = {one.person_id for one in found if one.rule.name in rules}
    known = expectations.open_about(session, persons) if persons else []
    return {(one.rule, one.person_id, one.owed_by) for one in known if one.rule in rules}


def _flags(ctx: Context, message: Message, sender: Team, world: World, now: datetime) -> frozenset[Flag]:
    return situation.situation(message, world, ctx.policy, sender, now).flags


def _owed_by(one: Expected, message: Message, sender: Team) -> str | None:
    match one.rule.owner:
        case "sender":
            return sender.id
        case "addressed":
            return message.to[0] if message.to else None
        case function:
            return function.value


def _came(
    session: Session, ctx: Context, rule: ExpectationRule, person_id: str, world: World, after: str
) -> str | None:
    """What came before it was expected counts, as long as nobody takes it back: a booking that is passed on after the notification, a late birth message.

    `after`: the notification that makes it expected. A contact with a sibling, at which the child was seen too, is not the child's; an answer to
    another message is none to this.
    """
    if rule.anchored or rule.answers:
        return None
    for entry in chronology.about(session, ctx.codec, [person_id], events=rule.expects, named=True):
        sender = ctx.directory.teams.get(entry.sender)
        counts = sender is not None and entry.id != after and rule.counts(entry.message, sender.function)
        theirs = counts and person_id in expecting.concerned(entry.message, world)
        if theirs and notifications.hold_standing(session, [entry.id]):
            return entry.id
    return None


# --- what does not come -------------------------------------------------------------------------------------------


def look(session: Session, ctx: Context, now: datetime) -> int:
    """One pass: ask for what is due and did not come; how many were looked at."""
    found = expectations.due(session, now, AT_ONCE)
    for one in found:
        _look(session, ctx, one, now)
    return len(found)


def _look(session: Session, ctx: Context, one: Expectation, now: datetime) -> None:
    rule = ctx.policy.expectations.rules.get(one.rule)
    world = load_world(session, ctx.codec, [one.person_id])
    if rule is None:
        _end(session, ctx, one, "not-in-policy", now)
    elif expecting.over(rule, world.people.get(one.person_id)):
        _end(session, ctx, one, "over", now)
    elif one.alerts:
        _alert(session, ctx, one, rule, world, now)
    elif _redate(session, one, world) == one.due_at:  # else it is looked at by its new date
        _first_alert(session, ctx, one, rule, world, now)


def _first_alert(
    session: Session, ctx: Context, one: Expectation, rule: ExpectationRule, world: World, now: datetime
) -> None:
    """Before anybody is asked: what came, or was expected too, at the very moment at which this was opened could not be seen then."""
    came = _came(session, ctx, rule, one.person_id, world, one.notification_id)
    if came is not None:
        _met(session, ctx, one, came, now)
    elif rule.one_at_a_time and _is_second(session, one):
        _end(session, ctx, one, "expected-already", now)
    else:
        _alert(session, ctx, one, rule, world, now)


def _is_second(session: Session, one: Expectation) -> bool:
    """Whether the same is looked for by one that was opened before it."""
    others = expectations.open_about(session, [one.person_id])
    same = (other for other in others if (other.rule, other.owed_by) == (one.rule, one.owed_by))
    return any((other.opened_at, other.id) < (one.opened_at, one.id) for other in same)


def _alert(
    session: Session, ctx: Context, one: Expectation, rule: ExpectationRule, world: World, now: datetime
) -> None:
    """The first alert raises the task; each further one says on it that it still has not come.

    After the last that the rule has, nobody hears of it again but by the task and its ladder, or when it was put off by then.
    """
    task = None if one.task_id is None else tasks.get(session, ctx.codec, one.task_id, EVERYTHING)
    if task is not None and one.alerts >= rule.alerts and task.row.business_status != BusinessStatus.EXTENDED:
        expectations.look(session, one, now + QUIETLY)
        return
    if task is None:
        task_id = _raise(session, ctx, one, rule, world, now)
    else:
        task_id = task.row.id
        _again(session, ctx, one, task, rule, now)
    expectations.alert(session, one, task_id, now + rule.again)
    audit.record(
        session,
        action="expect",
        entity="task",
        entity_id=task_id,
        now=now,
        detail={"rule": rule.name, "alert": one.alerts + 1},
    )


def _raise(session: Session, ctx: Context, one: Expectation, rule: ExpectationRule, world: World, now: datetime) -> str:
    owner = _owner(session, ctx, one, world)
    wanted = TaskWanted(
        code=TaskCode.EXPECTED_EVENT,
        owner=owner.id,
        description=rule.ask,
        dedupe_key=f"expected-event:{one.id}",
        person_id=one.person_id,
        household_id=next(iter(world.households_of(one.person_id)), None),
        notification_id=one.notification_id,
        priority=rule.priority,
        due_at=rule.within.after(now, owner.calendar),
        cites=rule.cites,
        options={"rule": rule.name, ALERT: "1"},
    )
    [task_id] = raising.raise_tasks(session, ctx, [wanted], now)
    return task_id


def _again(
    session: Session, ctx: Context, one: Expectation, task: Stored, rule: ExpectationRule, now: datetime
) -> None:
    """The same task, with a higher number. What was put off is due anew; else it climbs on as it did."""
    options = task.content.get("options", {}) | {ALERT: str(one.alerts + 1)}
    what = tasks.Change(
        move="alert",
        content=Content(**{**task.content, "options": options}),
        columns=_due_anew(ctx, task, rule, now) if task.row.business_status == BusinessStatus.EXTENDED else {},
        detail={ALERT: one.alerts + 1},
    )
    version = tasks.change(session, ctx.codec, task, what, now)
    deliveries.insert(session, [_message(ctx, one, task, version, now)])


def _due_anew(ctx: Context, task: Stored, rule: ExpectationRule, now: datetime) -> dict[str, tasks.Value]:
    calendar = ctx.directory.teams[task.row.owner_team_id].calendar
    due_at = rule.within.after(now, calendar)
    return {
        "status": TaskStatus.REQUESTED,
        "business_status": None,
        "due_at": due_at,
        "remind_at": escalate.clocks_of(ctx, task).reminds_at(now, due_at, calendar),
    }


def _message(ctx: Context, one: Expectation, task: Stored, version: int, now: datetime) -> dict[str, object]:
    return tasks.message_row(
        notification_id=one.notification_id,
        team_id=task.row.owner_team_id,
        cause=f"alert:{task.row.id}:{version}",
        purpose=Purpose.ACTION,
        view=View.EXISTENCE,
        reason_code="still-expected",
        reason="What your team was asked for has still not come.",
        policy_version=ctx.policy.version,
        now=now,
    )


def _owner(session: Session, ctx: Context, one: Expectation, world: World) -> Team:
    """The team that owes it, or by its function whoever serves there now; at last the sender of what made it expected."""
    directory = ctx.directory
    cause = session.get_one(Notification, one.notification_id)
    sender = directory.teams[cause.sender_team_id]
    named = directory.teams.get(one.owed_by)
    if named is not None and not named.closed:
        return named
    function = Function(one.owed_by) if named is None else named.function
    holders = responsibility.holders(session, [one.person_id])
    found = who_owes(
        function,
        one.person_id,
        world,
        holders,
        directory,
        stands_in=_stands_in(ctx, function),
        near=named.area_id if named is not None else sender.area_id,
    )
    return found or directory.safeguarding_lead(sender.agency_id) or sender


def _stands_in(ctx: Context, function: Function) -> Collection[Function]:
    return {other for line in ctx.policy.universal for other in line.stands_in.get(function, ())}


# --- what ends it -------------------------------------------------------------------------------------------------


def _end(session: Session, ctx: Context, one: Expectation, because: str, now: datetime) -> None:
    """It is expected no longer; nobody is told why."""
    _stop(session, ctx, one, BusinessStatus.NO_LONGER_CURRENT, now)
    expectations.end(session, one, ExpectationState.ENDED, because, now)


def _stop(session: Session, ctx: Context, one: Expectation, status: BusinessStatus, now: datetime) -> None:
    """End its task, if there is one and its team has not; the team learns that what it looked for has come."""
    task = None if one.task_id is None else tasks.get(session, ctx.codec, one.task_id, EVERYTHING)
    if task is None or task.row.status in task_rules.TERMINAL:
        return
    columns: dict[str, tasks.Value] = {"status": TaskStatus.CANCELLED, "business_status": status}
    what = tasks.Change(move=status.value, content=task.content, columns=columns, detail={})
    version = tasks.change(session, ctx.codec, task, what, now)
    if status is BusinessStatus.ARRIVED:
        outcomes.tell(session, ctx, task, task.row.owner_team_id, version, now)
