"""Open a transfer: a task for the receiver with a line for every child of the household, and the sender's tasks for what is missing.

How lines are answered lives in `transfer_lines`, what changes them from outside in `transfer_review`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session

from broker.domain import asks
from broker.domain import transfers as rules
from broker.domain.naming import unnamed_children
from broker.domain.responsibility import held_as
from broker.domain.rules import TransferRule
from broker.domain.sharing import Told
from broker.domain.situation import Situation, situation
from broker.domain.tasks import BusinessStatus
from broker.domain.transfers import Line, Plan, Supplied
from broker.domain.wanted import TaskWanted
from broker.domain.world import Team, World
from broker.storage import directory, responsibility, tasks
from broker.storage.store import Raced
from broker.storage.task_values import EVERYTHING, Stored
from broker.workflow import not_named, raising, transfer_lines
from broker.workflow.context import Context
from schemas.codes import TaskCode, TaskStatus
from schemas.message import Message
from schemas.problem import Problem

SHOWN_AS: Mapping[Supplied, tuple[TaskStatus | None, BusinessStatus | None]] = {
    Supplied.NAMED: (None, None),
    Supplied.NOTHING: (None, BusinessStatus.NOTHING_SUPPLIED),
    Supplied.ELSEWHERE: (None, BusinessStatus.HELD_ELSEWHERE),
    Supplied.HERE: (TaskStatus.COMPLETED, BusinessStatus.HELD_HERE),
}
"""How a line begins; None: as any task does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A transfer that is being opened or looked at again."""

    session: Session
    ctx: Context
    notification_id: str
    message: Message
    met: Situation
    now: datetime

    @property
    def sender(self) -> Team:
        """The team that hands over."""
        return self.met.sender

    def team(self, team_id: str) -> Team:
        """A team of the directory."""
        return self.ctx.directory.teams[team_id]


def meet(
    session: Session,
    ctx: Context,
    notification_id: str,
    message: Message,
    world: World,
    now: datetime,
    *,
    homes: Collection[str] = (),
) -> Opening:
    """The message in the household as it is now; `homes` as in `transfer_homes`."""
    sender = ctx.directory.teams[message.sender or ""]
    met = situation(message, world, ctx.policy, sender, now, homes=homes)
    return Opening(session=session, ctx=ctx, notification_id=notification_id, message=message, met=met, now=now)


def receivers(ctx: Context, message: Message, told: Collection[Told]) -> dict[str, TransferRule]:
    """The teams that are asked to take over, with the kind of transfer; none when the message is no transfer."""
    sender = ctx.directory.teams[message.sender or ""]
    return rules.receivers(message, sender, told, ctx.directory, ctx.policy.transfers)


def plan(opening: Opening, rule: TransferRule, receiver: str, agreed: Collection[str] = ()) -> Plan:
    """What a transfer to this receiver covers as things stand. `agreed`: children whom the sender's lead agreed to name."""
    met, message = opening.met, opening.message
    covered = rules.persons(met, rule, agreed=agreed)
    lines = rules.lines(
        met, rule, covered, receiver=receiver, holders=holders(opening, receiver, covered), now=opening.now
    )
    return Plan(
        rule=rule,
        receiver=receiver,
        lines=lines,
        missing=rules.missing_at_home(message, rule),
        undecided=bool(rules.undecided(met, rule) - set(agreed)),
    )


def holders(opening: Opening, receiver: str, covered: Collection[str]) -> dict[str, str | None]:
    """Who is responsible for each of these in the function that is transferred, which is the receiver's."""
    function = held_as(opening.team(receiver).function)
    if function is None:
        return {}
    held = responsibility.holders(opening.session, covered)
    return {person: held[person, function].team_id for person in covered if (person, function) in held}


# --- what the sender is told at once ---------------------------------------------------------------------------------


def warnings(
    session: Session, ctx: Context, message: Message, told: Collection[Told], world: World, now: datetime
) -> list[Problem]:
    """What the answer to the sender says of a transfer that leaves somebody out, or crosses another; names nobody."""
    found = receivers(ctx, message, told)
    if not found:
        return []
    opening = meet(session, ctx, "", message, world, now)
    problems = []
    for receiver, rule in found.items():
        planned = plan(opening, rule, receiver)
        left_out = sum(line.supplied is Supplied.NOTHING for line in planned.lines)
        if left_out:
            problems.append(_left_out(left_out))
        if _crossing(session, planned, receiver, message):
            problems.append(_CROSSING)
    if any(True for _ in unnamed_children(message, opening.met)):
        problems.append(_UNDECIDED)
    return problems


def _left_out(count: int) -> Problem:
    words = "a child of the household is" if count == 1 else f"{count} children of the household are"
    reason = f"leaves somebody out: {words} added with nothing supplied; your team has a task for each to supply it"
    return Problem("Bundle.entry", reason, "incomplete", "warning")


_CROSSING = Problem(
    "Bundle.entry",
    "names somebody of whom another transfer of yours is open: whoever confirms first takes over",
    "conflict",
    "warning",
)
_UNDECIDED = Problem(
    "Bundle.entry",
    "meets children who are not named to the receiver until your safeguarding lead agrees; it is not complete before",
    "suppressed",
    "information",
)


def _crossing(session: Session, planned: Plan, receiver: str, message: Message) -> bool:
    persons = [line.person_id for line in planned.lines]
    return any(
        line.owner_team_id != receiver and line.requester_team_id == message.sender
        for line in tasks.open_lines(session, persons)
    )


# --- opening ---------------------------------------------------------------------------------------------------------


def open_(opening: Opening, told: Told, rule: TransferRule, delivery_id: str) -> set[str]:
    """The receiver's tasks, carried by the delivery of the message, and the sender's for what is missing.

    Ids of the households that changed by it: of whom the receiver has registered already, the sender's work is done.
    """
    if not opening.team(told.team_id).closed and not directory.hold_open(opening.session, told.team_id):
        raise Raced  # it has closed since the directory was read
    planned = plan(opening, rule, told.team_id)
    met = opening.met
    options: dict[str, str | list[str]] = {"kind": rule.name, "missing": list(planned.missing)}
    whole = TaskWanted(
        code=TaskCode.TRANSFER,
        owner=told.team_id,
        requester=met.sender.id,
        description="Confirm, decline, look after, or exclude each person of this transfer. Until you confirm, they stay the sender's.",
        dedupe_key=f"transfer:{opening.notification_id}:{told.team_id}",
        person_id=next(iter(opening.message.subjects), None),
        household_id=next(iter(met.households), None),
        notification_id=opening.notification_id,
        delivery_id=delivery_id,
        priority=told.priority,
        due_at=told.due_at,
        cites=f"{rule.cites}, invariant 5",
        options={name: value for name, value in options.items() if value},
    )
    [whole_id] = _raise(opening, [whole])
    lines = add_lines(opening, planned.lines, whole, whole_id, delivery_id)
    if planned.missing:
        _raise(opening, [_supply(opening, whole_id, told.team_id, None, planned.missing)])
    ask_whom_to_name(opening, rules.undecided(met, rule), told.team_id)
    here = [id_ for id_, line in zip(lines, planned.lines, strict=True) if line.supplied is Supplied.HERE]
    return _registered(opening, whole_id, here, among=len(lines))


def _registered(opening: Opening, whole_id: str, here: Collection[str], *, among: int) -> set[str]:
    """To have registered somebody is to have confirmed them; when it is everybody, nobody is left to answer."""
    session, ctx, now = opening.session, opening.ctx, opening.now
    homes: set[str] = set()
    for line_id in here:
        line = tasks.get(session, ctx.codec, line_id, EVERYTHING)
        assert line is not None
        homes |= transfer_lines.confirmed(session, ctx, line, now)
    if here and len(here) == among:
        homes |= transfer_lines.counted(session, ctx, whole_id, now)
    return homes


def ask_whom_to_name(opening: Opening, hidden: Collection[str], receiver: str) -> None:
    """The sender's lead decides whether the receiver is told of these children; once for the same children."""
    policy, directory = opening.ctx.policy, opening.ctx.directory
    wanted = asks.whom_to_name(opening.met, sorted(hidden), [opening.team(receiver)], policy, directory)
    for gate in _raise(opening, [replace(task, notification_id=opening.notification_id) for task in wanted]):
        not_named.keep(opening.session, opening.ctx, gate, opening.team(receiver), opening.now)


def add_lines(
    opening: Opening,
    lines: Collection[Line],
    whole: TaskWanted,
    whole_id: str,
    delivery_id: str | None,
    *,
    instead: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Tasks for these persons as parts of the whole, and the sender's tasks to supply what is missing; ids of the lines.

    `instead`: for whom there was a line before, its id.
    """
    wanted = [_line(opening, line, whole, whole_id, delivery_id, instead.get(line.person_id)) for line in lines]
    ids = _raise(opening, wanted)
    supply = [
        _supply(opening, line_id, whole.owner, line.person_id, line.missing, nothing=line.supplied is Supplied.NOTHING)
        for line_id, line in zip(ids, lines, strict=True)
        if line.missing or line.supplied is Supplied.NOTHING
    ]
    _raise(opening, supply)
    return ids


def _line(
    opening: Opening, line: Line, whole: TaskWanted, whole_id: str, delivery_id: str | None, instead: str | None
) -> TaskWanted:
    status, business = SHOWN_AS[line.supplied]
    options: dict[str, str | list[str]] = {"supplied": line.supplied.value, "missing": list(line.missing)}
    if line.holder is not None and may_name_holder(opening, line.holder, whole.owner):
        options["responsible"] = line.holder
    return TaskWanted(
        code=TaskCode.CONFIRM_CHILD,
        owner=whole.owner,
        requester=whole.requester,
        description=_DESCRIBED[line.supplied],
        dedupe_key=":".join(
            part for part in ("line", opening.notification_id, whole.owner, line.person_id, instead) if part
        ),
        person_id=line.person_id,
        household_id=_home(opening, line.person_id) or whole.household_id,
        notification_id=opening.notification_id,
        delivery_id=delivery_id,
        part_of=whole_id,
        priority=whole.priority,
        status=status,
        business_status=business,
        cites=whole.cites,
        options={name: value for name, value in options.items() if value},
    )


def _home(opening: Opening, person_id: str) -> str | None:
    """Which of the households that the transfer covers the person lives in."""
    met = opening.met
    return next((home for home in met.households if person_id in met.world.members_of(home)), None)


_DESCRIBED: Mapping[Supplied, str] = {
    Supplied.NAMED: "Confirm that your team takes on this person, or say what else is to be.",
    Supplied.NOTHING: "NOTHING SUPPLIED: this child lives in the household and the transfer says nothing of them. The sender has been asked.",
    Supplied.ELSEWHERE: "Another team is responsible for this child, who lives in the household. Exclude with the reason, or register them.",
    Supplied.HERE: "Your team is responsible for this child already.",
}


def may_name_holder(opening: Opening, holder: str, receiver: str) -> bool:
    """Whether the receiver may know which third team is responsible: by its function, and unless that gives away a protected address."""
    policy, teams = opening.ctx.policy, opening.ctx.directory.teams
    visible = policy.visible[policy.groups[teams[receiver].function]]
    return teams[holder].function in visible and not opening.met.hidden_from(receiver)


def ask_to_supply(opening: Opening, line: Stored, wanted: Line) -> None:
    """Ask the sender for what the receiver needs of a child since it was born."""
    supply = _supply(opening, line.row.id, line.row.owner_team_id, wanted.person_id, wanted.missing)
    _raise(opening, [replace(supply, dedupe_key=f"supply:{line.row.id}:born")])


def _supply(
    opening: Opening,
    part_of: str,
    receiver: str,
    person_id: str | None,
    missing: Collection[str],
    *,
    nothing: bool = False,
) -> TaskWanted:
    left_out = "Your transfer says nothing of this child of the household: supply what the receiver needs, or say that there is nothing."
    return TaskWanted(
        code=TaskCode.SUPPLY_INFORMATION,
        owner=opening.sender.id,
        requester=receiver,
        description=left_out if nothing else "The receiver of your transfer needs what is named here.",
        dedupe_key=f"supply:{part_of}",
        person_id=person_id,
        notification_id=opening.notification_id,
        part_of=part_of,
        due_at=opening.ctx.policy.transfers.supply_within.after(opening.now, opening.sender.calendar),
        cites="F12, F26",
        options={"missing": list(missing)} if missing else {},
    )


def _raise(opening: Opening, wanted: list[TaskWanted]) -> list[str]:
    ctx = opening.ctx
    return raising.raise_tasks(opening.session, ctx, wanted, opening.now)
