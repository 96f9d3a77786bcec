"""`subject-access`: what is held about a person, gathered for them, reviewed by a second person, and handed over without anybody else in it."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlmodel import Session

from broker.domain.caller import Caller
from broker.domain.subject_access import Item, Others, facts_about, has_text, unread, words_of
from broker.domain.world import KnownPerson
from broker.errors import Conflict, Invalid, NotFound
from broker.storage import audit, people, subject_access
from broker.storage.person_rows import open_text
from broker.storage.subject_access import Held, Request
from broker.workflow import second_person
from broker.workflow.context import Context
from schemas.message import Message
from schemas.problem import Problem

ENTITY: Final = "subject-access"
WAITING, RELEASED, REFUSED = "waiting", "released", "refused"
TEXT: Final = "has words that somebody wrote"
MARKED: Final = "is marked as not for everybody"
HARM: Final = "reports harm"
_TEXTS: Final = ("description", "meaning", "because", "answer", "decision", "discussion")


def ask(
    session: Session, ctx: Context, caller: Caller, person: str, requested_by: str, reason: str, now: datetime
) -> Request:
    """Write down that somebody asks for what is held about a person, and why they may."""
    if not people.is_known(session, person):
        raise Invalid(problems=[Problem("person", "is nobody here", "not-found")])
    request = Request(
        id=str(uuid4()),
        person_id=people.survivors(session, [person])[person],
        state=WAITING,
        requested_by=requested_by,
        reason=reason,
        made_by=caller.client,
        made_at=now,
        decided_by=None,
        decided_at=None,
        decision={},
    )
    subject_access.add(session, ctx.codec, request)
    _note(session, caller, request.id, "ask", now)
    return request


def listed(session: Session, ctx: Context, caller: Caller, limit: int, now: datetime) -> list[Request]:
    """The newest requests."""
    _note(session, caller, None, "list", now)
    return subject_access.listed(session, ctx.codec, limit)


def review(session: Session, ctx: Context, caller: Caller, id_: str, now: datetime) -> tuple[Request, list[Item]]:
    """A request with everything that would be handed over, for whoever reviews it. Forbidden for who made it: nobody reads about anybody by themselves."""
    request = _found(session, ctx, id_)
    second_person.must_be(session, request.made_by, caller.client, now)
    _note(session, caller, id_, "review", now)
    return request, _items(session, ctx, request.person_id)


def release(
    session: Session,
    ctx: Context,
    caller: Caller,
    id_: str,
    *,
    read: Collection[str],
    withheld: Mapping[str, str],
    now: datetime,
) -> Request:
    """Release what is not withheld. Invalid while something that must be read was neither read nor withheld."""
    request = _open(session, ctx, caller, id_, now)
    items = _items(session, ctx, request.person_id)
    known = {one.id for one in items}
    faults = [Problem(one, "must be read or withheld", "required") for one in unread(items, read, withheld)]
    faults += [Problem(one, "is not among what is held now", "not-found") for one in sorted({*read, *withheld} - known)]
    if faults:
        raise Invalid("Look at it again: not everything that must be was read.", problems=faults)
    export = {
        "person": request.person_id,
        "at": now.isoformat(),
        "items": [{"id": one.id, **one.says} for one in items if one.id not in withheld],
        "withheld": len(withheld),
        "note": "What tells of others, and every protected address, was taken out. Something more may have been withheld where handing it over could cause serious harm.",
    }
    decision = {"read": sorted(read), "withheld": dict(withheld)}
    subject_access.decide(
        session, ctx.codec, request, state=RELEASED, by=caller.client, decision=decision, export=export, now=now
    )
    _note(session, caller, id_, "release", now, withheld=len(withheld))
    session.expire_all()
    return _found(session, ctx, id_)


def refuse(session: Session, ctx: Context, caller: Caller, id_: str, reason: str, now: datetime) -> Request:
    """Refuse a request, with the reason."""
    request = _open(session, ctx, caller, id_, now)
    decision = {"reason": reason}
    subject_access.decide(
        session, ctx.codec, request, state=REFUSED, by=caller.client, decision=decision, export=None, now=now
    )
    _note(session, caller, id_, "refuse", now)
    session.expire_all()
    return _found(session, ctx, id_)


def export(session: Session, ctx: Context, caller: Caller, id_: str, now: datetime) -> Any:  # noqa: ANN401 - a JSON value
    """What was released. Conflict when nothing was, or it is no longer kept."""
    _found(session, ctx, id_)
    found = subject_access.export(session, ctx.codec, id_)
    if found is None:
        raise Conflict("Nothing was released for this request, or its export is no longer kept.")
    audit.record(
        session, action="disclose", entity=ENTITY, entity_id=id_, now=now, caller=caller, detail={"did": "export"}
    )
    return found


def _found(session: Session, ctx: Context, id_: str) -> Request:
    request = subject_access.get(session, ctx.codec, id_)
    if request is None:
        raise NotFound
    return request


def _open(session: Session, ctx: Context, caller: Caller, id_: str, now: datetime) -> Request:
    """One that waits for its review, by somebody else than who made it."""
    request = _found(session, ctx, id_)
    second_person.must_be(session, request.made_by, caller.client, now)
    if request.state != WAITING:
        raise Conflict("This request was decided before.")
    return request


# --- what is held ----------------------------------------------------------------------------------------------------


def _items(session: Session, ctx: Context, person_id: str) -> list[Item]:
    """Everything about the person, without anybody else."""
    held, world = subject_access.held(session, ctx.codec, person_id), people.load_world(session, ctx.codec, [person_id])
    person = world.people[person_id]
    named = [one for _, message, _ in held.messages for one in message.people if one.key != person_id]
    others = Others.of([*(one for key, one in world.people.items() if key != person_id), *named], words_of(person))
    return [
        _who(ctx, person, held),
        *_homes(held),
        *_services(ctx, held),
        *(_message(ctx, *one, person_id, others) for one in held.messages),
        *_tasks(ctx, held, others),
    ]


def _who(ctx: Context, person: KnownPerson, held: Held) -> Item:
    numbers = [
        {
            "system": row.system,
            "value": open_text(ctx.codec, row.value, f"identifier:{row.id}"),
            "from": _team(ctx, row.asserted_by),
            "at": row.asserted_at.isoformat(),
        }
        for row in held.identifiers
    ]
    says = {
        "family": person.family,
        "given": list(person.given),
        "born": person.born.isoformat() if person.born else None,
        "gender": person.gender,
        "practice": person.practice,
        "identifiers": numbers,
    }
    return Item(id=f"person:{person.id}", says=says)


def _homes(held: Held) -> Iterator[Item]:
    for row, value in held.addresses:
        if not row.protected:
            yield Item(id=f"address:{row.id}", says={"address": value, "at": row.asserted_at.isoformat()})
    for home in held.memberships:
        says = {"household": str(home.standing.value), "since": _day(home.since), "until": _day(home.until)}
        yield Item(id=f"membership:{home.id}", says=says)


def _services(ctx: Context, held: Held) -> Iterator[Item]:
    for work in held.involvements:
        yield Item(
            id=f"involvement:{work.id}",
            says={"team": _team(ctx, work.team_id), "since": _at(work.since), "ended": _at(work.ended_at)},
        )
    for period in held.responsibilities:
        says = {
            "function": period.function.value,
            "team": _team(ctx, period.team_id),
            "since": _at(period.since),
            "until": _at(period.until),
        }
        yield Item(id=f"responsibility:{period.id}", says=says)


def _message(ctx: Context, row: Any, message: Message, told: tuple[str, ...], person_id: str, others: Others) -> Item:  # noqa: ANN401 - a notification's row
    facts = facts_about(message, person_id, others)
    says = {
        "event": message.event.value,
        "kind": message.kind,
        "occurred": _at(row.occurred_at),
        "from": _team(ctx, row.sender_team_id),
        "told": [_team(ctx, team) for team in told],
        "says": facts,
    }
    rules = ctx.policy.events[message.event]
    met = {TEXT: has_text(facts), MARKED: bool(message.labels or message.kept_from), HARM: rules.of_harm(message.kind)}
    return Item(id=f"message:{row.id}", says=says, cautions=tuple(name for name, is_so in met.items() if is_so))


def _tasks(ctx: Context, held: Held, others: Others) -> Iterator[Item]:
    for row, content in held.tasks:
        texts = {
            name: others.removed_from(content[name])
            for name in _TEXTS
            if isinstance(content.get(name), str) and content[name]
        }
        says = {
            "task": row.code.value,
            "team": _team(ctx, row.owner_team_id),
            "status": row.status.value,
            "authored": _at(row.authored_at),
            "due": _at(row.due_at),
            "answered": _at(row.answered_at),
            **texts,
        }
        yield Item(id=f"task:{row.id}", says=says, cautions=(TEXT,) if texts else ())


def _team(ctx: Context, id_: str | None) -> str | None:
    team = ctx.directory.teams.get(id_ or "")
    return id_ if team is None else team.name


def _at(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _day(day: Any) -> str | None:  # noqa: ANN401 - a date or None
    return None if day is None else day.isoformat()


def _note(session: Session, caller: Caller, id_: str | None, did: str, now: datetime, **more: int) -> None:
    action: audit.Action = "read" if did in ("review", "list") else "administer"
    detail = {"did": did, **more}
    audit.record(session, action=action, entity=ENTITY, entity_id=id_, now=now, caller=caller, detail=detail)
