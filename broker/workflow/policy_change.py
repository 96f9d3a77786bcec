"""Change the policy: one person proposes, its effect on the last month is simulated, another approves; every process has it from then on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.policy_effect import Effect
from broker.domain.states import PolicyState
from broker.errors import Conflict, Invalid, NotFound
from broker.policy.model import DEFAULT, Policy, read_text
from broker.storage import audit, policies
from broker.storage.policies import Version
from broker.storage.tables import PolicyVersion
from broker.storage.world import load_world
from broker.workflow import route, said, second_person
from broker.workflow.context import Context
from schemas.problem import Problem

MONTH: Final = timedelta(days=30)
MOST: Final = 5000
"""Messages of the last month that are looked at, the newest: more take minutes, and show nothing new."""


def propose(session: Session, ctx: Context, caller: Caller, text: str, reason: str, now: datetime) -> Version:
    """Keep a proposal with its effect on the last month. Invalid with every fault of the text, or when its version was used."""
    policy, problems = read_text(text)
    if policy is None or problems:
        raise Invalid(f"The policy has {len(problems)} fault(s): mend what is named.", problems=problems)
    if not reason.strip():
        raise Invalid(problems=[Problem("reason", "is required: why is the policy to change", "required")])
    if policy.version == ctx.policy.version or policies.named(session, policy.version) is not None:
        raise Invalid(problems=[Problem("version", "was used before: decisions name it, so give another", "duplicate")])
    row = PolicyVersion(
        id=str(uuid4()),
        version=policy.version,
        text=text,
        reason=reason.strip(),
        state=PolicyState.PROPOSED,
        base_version=ctx.policy.version,
        proposed_by=caller.client,
        proposed_at=now,
        effect=effect(session, ctx, policy, now),
    )
    policies.add(session, row)
    _note(session, caller, row, "propose", now)
    return policies.version_of(row)


def effect(session: Session, ctx: Context, policy: Policy, now: datetime) -> dict[str, Any]:
    """What the policy would have done with the messages of the last month, as the people of today are known; counts and the first changes."""
    found, other = Effect(), replace(ctx, policy=policy)
    rows = policies.received(session, now - MONTH, MOST)
    for row in rows:
        message = said.now(session, ctx.codec, row)
        world = load_world(session, ctx.codec, message.weighed)
        before, after = (route.decide(one, message, world, row.received_at) for one in (ctx, other))
        found.add(row.id, message.event.value, before, after)
    return _plain(found, all_seen=len(rows) < MOST)


def approve(session: Session, ctx: Context, caller: Caller, id_: str, *, by_file: bool, now: datetime) -> Version:
    """Put a proposal in force.

    Forbidden for whoever proposed it, and for who is no second person (`second_person`). Conflict when it is decided, when
    another is in force than it was simulated against, or when a file rules (`by_file`).
    """
    row = _open(session, id_)
    second_person.must_be(session, row.proposed_by, caller.client, now)
    if by_file:
        raise Conflict("This deployment's policy is the file of BATON_POLICY: change the file, or unset it.")
    if row.base_version != ctx.policy.version:
        raise Conflict("Another policy is in force than the one this was simulated against: propose it again.")
    policies.decide(session, row, PolicyState.ACTIVE, caller.client, "", now)
    _note(session, caller, row, "approve", now)
    return policies.version_of(row)


def reject(session: Session, caller: Caller, id_: str, reason: str, now: datetime) -> Version:
    """Turn a proposal down, with the reason; whoever proposed it may take it back so."""
    row = _open(session, id_)
    if not reason.strip():
        raise Invalid(problems=[Problem("reason", "is required: why is it turned down", "required")])
    policies.decide(session, row, PolicyState.REJECTED, caller.client, reason.strip(), now)
    _note(session, caller, row, "reject", now)
    return policies.version_of(row)


def one(session: Session, id_: str) -> Version:
    """A version. NotFound when there is none of that id."""
    return policies.version_of(_row(session, id_))


def _row(session: Session, id_: str) -> PolicyVersion:
    row = policies.get(session, id_)
    if row is None:
        raise NotFound("There is no such version of the policy.")
    return row


def text_of(session: Session, version: str | None) -> str:
    """The text of a stored version, without one of that in force; else of the policy that ships."""
    row = policies.active(session) if version is None else policies.named(session, version)
    return DEFAULT.read_text(encoding="utf-8") if row is None else row.text


def _open(session: Session, id_: str) -> PolicyVersion:
    row = _row(session, id_)
    if row.state is not PolicyState.PROPOSED:
        raise Conflict("This version was decided already.")
    return row


def _note(session: Session, caller: Caller, row: PolicyVersion, move: str, now: datetime) -> None:
    detail = {"move": move, "version": row.version, "base": row.base_version}
    audit.record(session, action="administer", caller=caller, entity="policy", entity_id=row.id, now=now, detail=detail)


def _plain(found: Effect, *, all_seen: bool) -> dict[str, Any]:
    return {
        "messages": found.messages,
        "everyMessage": all_seen,
        "changed": found.changed,
        "reachedNobody": {"before": found.nobody_before, "after": found.nobody_after},
        "how": dict(sorted(found.how.items())),
        "teams": [{"how": how, "team": team, "messages": n} for (how, team), n in sorted(found.teams.items())],
        "tasks": _tasks(found.tasks_before, found.tasks_after),
        "changes": [
            {
                "notification": one.notification,
                "event": one.event,
                "team": one.team,
                "how": one.how.value,
                "before": one.before,
                "after": one.after,
            }
            for one in found.shown
        ],
    }


def _tasks(before: Mapping[str, int], after: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"code": code, "before": before.get(code, 0), "after": after.get(code, 0)}
        for code in sorted(before.keys() | after.keys())
    ]
