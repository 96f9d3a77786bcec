"""Look at open transfers again when people, households or responsibility changed: who joined, who left, who is held elsewhere by now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from broker.domain import transfers as rules
from broker.domain.matching import rekey
from broker.domain.rules import TransferRule
from broker.domain.states import MembershipState
from broker.domain.tasks import TERMINAL, BusinessStatus
from broker.domain.transfers import Line, Supplied
from broker.domain.wanted import TaskWanted
from broker.storage import notifications, people, tasks
from broker.storage.tables import Notification
from broker.storage.task_values import EVERYTHING, Content, Stored
from broker.storage.tasks import Change, Value
from broker.workflow import outcomes, transfer, transfer_homes, transfer_lines
from broker.workflow.context import Context
from broker.workflow.gates import gates
from broker.workflow.transfer import Opening
from schemas.codes import Priority, TaskCode, TaskStatus
from schemas.message import Message

_SHOWS = {
    Supplied.NAMED: None,
    Supplied.NOTHING: BusinessStatus.NOTHING_SUPPLIED,
    Supplied.ELSEWHERE: BusinessStatus.HELD_ELSEWHERE,
}


def review(session: Session, ctx: Context, persons: Collection[str], now: datetime) -> set[str]:
    """Bring the open transfers in which any of these persons stands up to date; both sides are told of what changed.

    Ids of the households that changed by it: whoever is registered with the receiver is no longer the sender's.
    """
    homes: set[str] = set()
    for whole_id in tasks.open_transfers(session, persons):
        tasks.lock(session, whole_id)
        whole = tasks.get(session, ctx.codec, whole_id, EVERYTHING)
        if whole is not None and whole.row.status not in TERMINAL:
            homes |= _review(session, ctx, whole, now)
    return homes


def changed(session: Session, ctx: Context, message: Message, households: Collection[str], now: datetime) -> set[str]:
    """The same for whomever a message is about, and for whoever lives in the households that it changed."""
    persons = {*message.subjects, *people.members(session, households)}
    return review(session, ctx, sorted(persons), now)


def decided(session: Session, ctx: Context, notification_id: str, now: datetime) -> None:
    """The sender's lead has decided whom to name: those it agreed to join, and nothing waits for the decision any more."""
    for whole in tasks.about(session, ctx.codec, notification_id, [TaskCode.TRANSFER]):
        tasks.lock(session, whole.row.id)
        locked = tasks.get(session, ctx.codec, whole.row.id, EVERYTHING)
        if locked is not None and locked.row.status not in TERMINAL:
            _review(session, ctx, locked, now)
            transfer_lines.counted(session, ctx, whole.row.id, now)


# --- one transfer ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Looking:
    opening: Opening
    whole: Stored
    rule: TransferRule
    lines: list[Stored]
    existing: dict[str, Stored]
    """The line that counts for each person."""
    wanted: dict[str, Line]


def _review(session: Session, ctx: Context, whole: Stored, now: datetime) -> set[str]:
    looking = _look(session, ctx, whole, now)
    if looking is None:
        return set()
    hidden = rules.undecided(looking.opening.met, looking.rule) - looking.existing.keys()
    transfer.ask_whom_to_name(looking.opening, hidden, whole.row.owner_team_id)
    registered = _registered(looking)
    moved = [*_of_one_person(looking), *(_line_again(looking, *one) for one in looking.existing.items())]
    joined = [line for person, line in looking.wanted.items() if _joins(line, looking.existing.get(person))]
    if not joined and not any(moved):
        return set()
    delivery = transfer_lines.message_to_receiver(session, ctx, whole, now)
    before = {person: line.row.id for person, line in looking.existing.items()}
    transfer.add_lines(looking.opening, joined, _as_wanted(whole), whole.row.id, delivery, instead=before)
    _note(session, ctx, whole, len(joined), now)
    homes = [transfer_lines.confirmed(session, ctx, line, now) for line in registered]
    return transfer_lines.counted(session, ctx, whole.row.id, now).union(*homes)


def _registered(looking: _Looking) -> list[Stored]:
    """Lines that are open, of persons whom the receiver has registered: to register somebody is to confirm them (invariant 4)."""
    here = {person for person, line in looking.wanted.items() if line.supplied is Supplied.HERE}
    return [line for person, line in looking.existing.items() if person in here and line.row.status not in TERMINAL]


def _look(session: Session, ctx: Context, whole: Stored, now: datetime) -> _Looking | None:
    row = session.get_one(Notification, whole.row.notification_id)
    said = notifications.message_of(ctx.codec, row)
    lines = tasks.parts_of(session, ctx.codec, whole.row.id, TaskCode.CONFIRM_CHILD)
    about = [line.row.person_id for line in lines if line.row.person_id]
    alive = people.survivors(session, [*about, *(person.key for person in said.people)])
    message = rekey(said, alive)
    world, homes = transfer_homes.around(session, ctx.codec, [whole, *lines], message.subjects)
    opening = transfer.meet(session, ctx, row.id, message, world, now, homes=homes)
    receiver = ctx.directory.teams[whole.row.owner_team_id]
    rule = ctx.policy.transfers.rule(message.event, opening.sender.function, receiver.function)
    if rule is None:  # the policy has changed since: what was opened goes on as it was opened
        return None
    existing = {alive[person]: line for person, line in transfer_lines.newest(lines).items()}
    # Who was named to the receiver stays so, whatever has been learnt of them since: nobody drops out by it.
    named = gates(session, ctx.codec, row.id).named_to(receiver) | existing.keys()
    planned = transfer.plan(opening, rule, receiver.id, named)
    return _Looking(opening, whole, rule, lines, existing, {line.person_id: line for line in planned.lines})


def _of_one_person(looking: _Looking) -> list[bool]:
    """Two records that are one leave one line open."""
    counting = {line.row.id for line in looking.existing.values()}
    twice = [line for line in looking.lines if line.row.id not in counting and line.row.status not in TERMINAL]
    for line in twice:
        _end(looking.opening, line, "merged", TaskStatus.CANCELLED, BusinessStatus.NO_LONGER_CURRENT)
    return [True for _ in twice]


def _joins(line: Line, before: Stored | None) -> bool:
    return before is None or rules.asked_again(line, transfer_lines.part(before))


def _line_again(looking: _Looking, person: str, line: Stored) -> bool:
    """Bring one open line up to date; whether it changed."""
    opening, wanted = looking.opening, looking.wanted.get(person)
    if line.row.status in TERMINAL:
        return False
    if not rules.lives(opening.met.world.people.get(person)):
        _end(opening, line, "no-longer-current", TaskStatus.CANCELLED, BusinessStatus.NO_LONGER_CURRENT)
        return True
    if wanted is None:
        _end(opening, line, "left-household", TaskStatus.CANCELLED, BusinessStatus.LEFT_HOUSEHOLD)
        return True
    if wanted.supplied is Supplied.HERE:
        _end(opening, line, "registered", TaskStatus.COMPLETED, BusinessStatus.HELD_HERE)
        return True
    return _stands_otherwise(looking, line, wanted) or _left(looking, person, line) or _born(looking, line, wanted)


def _end(opening: Opening, line: Stored, move: str, status: TaskStatus, business: BusinessStatus) -> None:
    transfer_lines.end_line(
        opening.session, opening.ctx, line, opening.now, move=move, status=status, business=business
    )


def _stands_otherwise(looking: _Looking, line: Stored, wanted: Line) -> bool:
    """Held by a third team by now, or no longer; what the sender supplied since counts as supplied."""
    before = line.content.get("options", {}).get("supplied")
    elsewhere = wanted.supplied is Supplied.ELSEWHERE
    if elsewhere == (before == Supplied.ELSEWHERE):
        return False
    opening = looking.opening
    options = {**line.content.get("options", {}), "supplied": wanted.supplied.value}
    if elsewhere and wanted.holder and transfer.may_name_holder(opening, wanted.holder, line.row.owner_team_id):
        options["responsible"] = wanted.holder
    else:
        options.pop("responsible", None)
    _change(opening, line, "responsibility-moved", options, {"business_status": _SHOWS[wanted.supplied]})
    return True


def _left(looking: _Looking, person: str, line: Stored) -> bool:
    """A child whom the sender named has left the home: the line stays, and says so."""
    home = line.row.household_id
    there = [m for m in looking.opening.met.world.memberships if (m.person_id, m.household_id) == (person, home)]
    gone = bool(there) and all(m.state is not MembershipState.CURRENT for m in there)
    if (
        not gone
        or line.row.business_status == BusinessStatus.LEFT_HOUSEHOLD
        or "left" in line.content.get("options", {})
    ):
        return False
    options = {**line.content.get("options", {}), "left": "household"}
    _change(looking.opening, line, "left-household", options, {"business_status": BusinessStatus.LEFT_HOUSEHOLD})
    return True


def _born(looking: _Looking, line: Stored, wanted: Line) -> bool:
    """A child who was expected when the line was opened is born: what the receiver needs of a child is looked for now."""
    opening, options = looking.opening, line.content.get("options", {})
    known = opening.met.world.people.get(wanted.person_id)
    if not wanted.missing or "missing" in options:
        return False
    if known is None or known.born is None or known.born < line.row.authored_at.date():
        return False
    asked = tasks.parts_of(opening.session, opening.ctx.codec, line.row.id, TaskCode.SUPPLY_INFORMATION)
    if any("missing" in supply.content.get("options", {}) for supply in asked):
        return False  # was born already when it was opened, and all of it was supplied since
    _change(opening, line, "born", {**options, "missing": list(wanted.missing)}, {})
    transfer.ask_to_supply(opening, line, wanted)
    return True


def _change(
    opening: Opening, line: Stored, move: str, options: dict[str, str | list[str]], columns: dict[str, Value]
) -> None:
    content = Content(**{**line.content, "options": options})
    what = Change(move=move, content=content, columns=columns, detail={})
    tasks.change(opening.session, opening.ctx.codec, line, what, opening.now)


def _note(session: Session, ctx: Context, whole: Stored, joined: int, now: datetime) -> None:
    """The whole has changed: its next version is what both sides are told."""
    what = Change(move="household-changed", content=whole.content, columns={}, detail={"joined": joined})
    version = tasks.change(session, ctx.codec, whole, what, now)
    outcomes.tell(session, ctx, whole, whole.requester, version, now)


def _as_wanted(whole: Stored) -> TaskWanted:
    """What new lines take from the whole."""
    row = whole.row
    return TaskWanted(
        code=TaskCode.TRANSFER,
        owner=row.owner_team_id,
        requester=row.requester_team_id,
        description="",
        household_id=row.household_id,
        priority=Priority(row.priority),
        cites=row.cites,
    )
