"""Patterns in the database: opened once for each rule and scope, with their evidence, tasks and flags; what makes one is `domain.patterns`."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, func, select, update

from broker.domain.patterns import Scope
from broker.domain.tasks import TERMINAL
from broker.storage import direct, tasks
from broker.storage.codec import Codec
from broker.storage.deliveries import QUIET
from broker.storage.objects import Objects
from broker.storage.person_tables import HOUSEHOLD, PERSON, SUBJECT, TASK
from broker.storage.phrases import among
from broker.storage.prepared import Query
from broker.storage.store import Raced
from broker.storage.tables import (
    Pattern,
    PatternDue,
    PatternEvidence,
    PatternFlag,
    PatternLook,
    PatternTask,
    Task,
    metadata,
)
from broker.storage.task_values import Stored
from schemas.codes import TaskCode, TaskStatus

NO_LONGER_CURRENT: Final = "no-longer-current"
MERGED: Final = "merged"
TALKS: Final = (TaskCode.DISCUSS_WITH_SAFEGUARDING_LEAD, TaskCode.PATTERN_REVIEW)
"""Tasks that end with a recorded discussion."""

PATTERN_LOOK: Final = metadata.tables["patternlook"]
PATTERN_DUE: Final = metadata.tables["patterndue"]
PATTERN_TASK: Final = metadata.tables["patterntask"]

Held: TypeAlias = tuple[str, str]
"""(person, team)"""


def hold(session: Session, scope: Scope) -> None:
    """Two who look at the same scope take turns until the commit: neither misses what the other brings."""
    query, of = (_HOME_HELD, scope.household_id) if scope.household_id else (_PERSON_HELD, scope.person_id)
    direct.rows(session, query, of=of)


def _held(table: sa.Table) -> Query:
    return Query(sa.select(table.c.id).where(table.c.id == sa.bindparam("of")).with_for_update())


_HOME_HELD, _PERSON_HELD = _held(HOUSEHOLD), _held(PERSON)


# --- patterns -----------------------------------------------------------------------------------------------------


def open_in(session: Session, scope: Scope) -> dict[str, Pattern]:
    """Those that are open in this scope, by rule."""
    query, of = (_OPEN_AT_HOME, scope.household_id) if scope.household_id else (_OPEN_OF_ONE, scope.person_id)
    return {row.rule: row for row in _ROWS.read(session, query, of=of)}


_PATTERN, _FLAG = metadata.tables["pattern"], metadata.tables["patternflag"]
_ROWS = Objects(Pattern)


def _open(of: sa.Column[Any]) -> Query:
    return Query(sa.select(_PATTERN).where(of == sa.bindparam("of"), _PATTERN.c.closed_at.is_(None)))


_OPEN_AT_HOME, _OPEN_OF_ONE = _open(_PATTERN.c.household_id), _open(_PATTERN.c.person_id)


def hold_open(session: Session, pattern_id: str) -> bool:
    """Whether it is open still, which it stays until the commit; for whoever has answered one of its tasks, and holds that."""
    return bool(direct.rows(session, _HELD_OPEN, pattern=pattern_id))


_HELD_OPEN = Query(
    sa.select(_PATTERN.c.id)
    .where(_PATTERN.c.id == sa.bindparam("pattern"), _PATTERN.c.closed_at.is_(None))
    .with_for_update()
)


def hold_whole(session: Session, pattern_id: str) -> bool:
    """The same, and nobody else answers one of its tasks until the commit: these are held first, as whoever answers one does."""
    direct.rows(session, _TASKS_HELD, pattern=pattern_id)
    return hold_open(session, pattern_id)


_TASKS_HELD = Query(
    sa.select(TASK.c.id)
    .join(PATTERN_TASK, PATTERN_TASK.c.task_id == TASK.c.id)
    .where(PATTERN_TASK.c.pattern_id == sa.bindparam("pattern"))
    .order_by(TASK.c.id)
    .with_for_update(of=TASK)
)


def open_about(session: Session, household_ids: Collection[str], person_ids: Collection[str]) -> list[Pattern]:
    """All that are open for these households and persons, the oldest first."""
    where = sa.or_(col(Pattern.household_id).in_(household_ids), col(Pattern.person_id).in_(person_ids))
    found = select(Pattern).where(where, col(Pattern.closed_at).is_(None))
    return list(session.exec(found.order_by(col(Pattern.opened_at), col(Pattern.id))))


def any_open(session: Session, household_ids: Collection[str], person_ids: Collection[str]) -> bool:
    """Whether anything is open for these households or persons."""
    given = {"homes": sorted(household_ids), "persons": sorted(person_ids)}
    return bool(direct.rows(session, _ANY_OPEN, **given))


_IN_HOMES = sa.select(_PATTERN.c.id).where(among(_PATTERN.c.household_id, "homes"), _PATTERN.c.closed_at.is_(None))
_OF_PERSONS = sa.select(_PATTERN.c.id).where(among(_PATTERN.c.person_id, "persons"), _PATTERN.c.closed_at.is_(None))
_ANY_OPEN = Query(sa.union(_IN_HOMES, _OF_PERSONS))


def named_by(session: Session, pattern: Pattern) -> frozenset[str]:
    """The children whom it is about, as its tasks and flags name them, wherever they live by now."""
    asked = select(Task.person_id).join(PatternTask, col(PatternTask.task_id) == col(Task.id))
    flagged = select(PatternFlag.person_id).where(PatternFlag.pattern_id == pattern.id)
    found = {
        *session.scalars(asked.where(PatternTask.pattern_id == pattern.id)),
        *session.scalars(flagged),
        pattern.person_id,
    }
    return frozenset(person for person in found if person is not None)


def left_behind(session: Session, household_id: str, person_ids: Collection[str]) -> list[Pattern]:
    """Patterns of other households that are open and whose tasks name one of these persons."""
    return _ROWS.read(session, _LEFT_BEHIND, home=household_id, persons=person_ids)


_LEFT_BEHIND = Query(
    sa.select(_PATTERN)
    .join(PATTERN_TASK, PATTERN_TASK.c.pattern_id == _PATTERN.c.id)
    .join(TASK, TASK.c.id == PATTERN_TASK.c.task_id)
    .where(
        among(TASK.c.person_id, "persons"),
        _PATTERN.c.closed_at.is_(None),
        _PATTERN.c.household_id.is_not(None),
        _PATTERN.c.household_id != sa.bindparam("home"),
    )
    .order_by(_PATTERN.c.opened_at, _PATTERN.c.id)
    .distinct()
)


def move(session: Session, pattern: Pattern, household_id: str) -> None:
    """The children whom it is about live there now."""
    still_open = (col(Pattern.id) == pattern.id, col(Pattern.closed_at).is_(None))
    session.execute(update(Pattern).where(*still_open).values(household_id=household_id))


def open_by(session: Session, rule: str) -> list[Pattern]:
    """All that are open by a rule, the oldest first."""
    found = select(Pattern).where(Pattern.rule == rule, col(Pattern.closed_at).is_(None))
    return list(session.exec(found.order_by(col(Pattern.opened_at), col(Pattern.id))))


def last_closed(session: Session, rule: str, scope: Scope) -> datetime | None:
    """When the last one was closed: what happened before was talked about."""
    query, of = (_CLOSED_AT_HOME, scope.household_id) if scope.household_id else (_CLOSED_OF_ONE, scope.person_id)
    found: datetime | None = direct.rows(session, query, rule=rule, of=of)[0][0]
    return found


def _last_closed(of: sa.Column[Any]) -> Query:
    last = sa.select(sa.func.max(_PATTERN.c.closed_at))
    return Query(last.where(of == sa.bindparam("of"), _PATTERN.c.rule == sa.bindparam("rule")))


_CLOSED_AT_HOME, _CLOSED_OF_ONE = _last_closed(_PATTERN.c.household_id), _last_closed(_PATTERN.c.person_id)


def last_talk(session: Session, person_ids: Collection[str], before: datetime) -> datetime | None:
    """When a discussion about one of these persons was last recorded before then."""
    found: datetime | None = direct.rows(session, _TALKED, persons=person_ids, before=before)[0][0]
    return found


_TALKED = Query(
    sa.select(sa.func.max(TASK.c.answered_at)).where(
        among(TASK.c.person_id, "persons"),
        TASK.c.code.in_(TALKS),
        TASK.c.status == TaskStatus.COMPLETED,
        TASK.c.answered_at <= sa.bindparam("before", type_=TASK.c.answered_at.type),
    )
)


def last_answered(session: Session, prompt: str, person_ids: Collection[str], before: datetime) -> datetime | None:
    """When somebody last answered what was prompted for about one of these persons before then."""
    given = {"persons": person_ids, "prompt": f"{prompt_keys(prompt)}%", "before": before}
    found: datetime | None = direct.rows(session, _ANSWERED, **given)[0][0]
    return found


_ANSWERED = Query(
    sa.select(sa.func.max(TASK.c.answered_at)).where(
        among(TASK.c.person_id, "persons"),
        TASK.c.dedupe_key.like(sa.bindparam("prompt")),
        TASK.c.status == TaskStatus.COMPLETED,
        TASK.c.answered_at <= sa.bindparam("before", type_=TASK.c.answered_at.type),
    )
)


def prompt_keys(prompt: str) -> str:
    """How the situation of each task begins that a prompt raises."""
    return f"prompt:{prompt}:"


def add(session: Session, rule: str, scope: Scope, policy_version: str, now: datetime) -> Pattern:
    """Open one. The database refuses a second for the same rule and scope."""
    row = Pattern(
        id=str(uuid4()),
        rule=rule,
        household_id=scope.household_id,
        person_id=scope.person_id,
        policy_version=policy_version,
        opened_at=now,
        told_at=now,
    )
    session.add(row)
    session.flush()
    return row


def told(session: Session, pattern: Pattern, now: datetime) -> None:
    """Its teams have been told of it again."""
    session.execute(update(Pattern).where(col(Pattern.id) == pattern.id).values(told_at=now))


def close(session: Session, pattern_id: str, outcome: str, now: datetime) -> None:
    """It is over. Raced when somebody closed it before."""
    open_ = (col(Pattern.id) == pattern_id, col(Pattern.closed_at).is_(None))
    done = session.execute(
        update(Pattern).where(*open_).values(closed_at=now, outcome=outcome), execution_options=QUIET
    )
    if not done.rowcount:  # type: ignore[attr-defined]  # CursorResult, typed as Result
        raise Raced


# --- evidence -----------------------------------------------------------------------------------------------------


def evidence(session: Session, pattern_id: str) -> dict[str, bool]:
    """The notifications that count, each with whether it still does."""
    return {id_: withdrawn is None for id_, withdrawn in direct.rows(session, _EVIDENCE_OF, pattern=pattern_id)}


_EVIDENCE = metadata.tables["patternevidence"]
_EVIDENCE_OF = Query(
    sa.select(_EVIDENCE.c.notification_id, _EVIDENCE.c.withdrawn_at).where(
        _EVIDENCE.c.pattern_id == sa.bindparam("pattern")
    )
)


def add_evidence(session: Session, pattern_id: str, notification_ids: Iterable[str], now: datetime) -> list[str]:
    """Those of the notifications that are new to it, which it has from now on."""
    known = evidence(session, pattern_id)
    fresh = [id_ for id_ in dict.fromkeys(notification_ids) if id_ not in known]
    rows = [{"pattern_id": pattern_id, "notification_id": id_, "added_at": now, "withdrawn_at": None} for id_ in fresh]
    direct.insert(session, _EVIDENCE, rows)
    return fresh


def take_back(session: Session, notification_id: str, now: datetime) -> list[Pattern]:
    """A notification counts no longer; the open patterns that it counted towards."""
    session.execute(
        update(PatternEvidence)
        .where(col(PatternEvidence.notification_id) == notification_id, col(PatternEvidence.withdrawn_at).is_(None))
        .values(withdrawn_at=now)
    )
    found = select(Pattern).join(PatternEvidence, col(PatternEvidence.pattern_id) == col(Pattern.id))
    where = (col(PatternEvidence.notification_id) == notification_id, col(Pattern.closed_at).is_(None))
    return list(session.exec(found.where(*where).order_by(col(Pattern.id))))


# --- tasks --------------------------------------------------------------------------------------------------------


def add_task(session: Session, pattern_id: str, task_id: str) -> None:
    """A team is asked about it by this task."""
    direct.insert(session, PATTERN_TASK, [{"pattern_id": pattern_id, "task_id": task_id}])


def tasks_of(session: Session, codec: Codec, pattern_id: str) -> list[Stored]:
    """Its tasks as they are now, the oldest first."""
    return tasks.read(session, codec, _TASKS_OF, pattern=pattern_id)


_TASKS_OF = Query(
    tasks.reading()
    .join(PATTERN_TASK, PATTERN_TASK.c.task_id == TASK.c.id)
    .where(PATTERN_TASK.c.pattern_id == sa.bindparam("pattern"))
    .order_by(TASK.c.authored_at, TASK.c.id)
)


def of_task(session: Session, task_id: str) -> Pattern | None:
    """The pattern that a task is about; None when it is about none."""
    found = select(Pattern).join(PatternTask, col(PatternTask.pattern_id) == col(Pattern.id))
    return session.exec(found.where(col(PatternTask.task_id) == task_id)).first()


def all_answered(session: Session, pattern_id: str) -> bool:
    """Whether nobody is asked any more."""
    waiting = select(func.count()).select_from(PatternTask).join(Task, col(Task.id) == col(PatternTask.task_id))
    return not session.scalar(
        waiting.where(col(PatternTask.pattern_id) == pattern_id, col(Task.status).not_in(TERMINAL))
    )


# --- flags --------------------------------------------------------------------------------------------------------


def flags(session: Session, pattern_id: str) -> dict[Held, PatternFlag]:
    """Its flags that are not withdrawn, by person and team."""
    rows = _FLAGS.read(session, _FLAGS_OF, pattern=pattern_id)
    return {(row.person_id, row.team_id): row for row in rows}


_FLAGS = Objects(PatternFlag)
_FLAGS_OF = Query(
    sa.select(_FLAG)
    .where(_FLAG.c.pattern_id == sa.bindparam("pattern"), _FLAG.c.withdrawn_at.is_(None))
    .order_by(_FLAG.c.team_id, _FLAG.c.person_id)
)


def raise_flags(
    session: Session, pattern_id: str, held: Iterable[Held], notification_id: str, now: datetime
) -> dict[str, str]:
    """New flags; flag id → the team that holds it."""
    rows = [
        {
            "id": str(uuid4()),
            "pattern_id": pattern_id,
            "person_id": person,
            "team_id": team,
            "notification_id": notification_id,
            "opened_at": now,
            "withdrawn_at": None,
        }
        for person, team in held
    ]
    direct.insert(session, metadata.tables["patternflag"], rows)
    return {str(row["id"]): str(row["team_id"]) for row in rows}


def withdraw_flags(session: Session, ids: Collection[str], now: datetime) -> None:
    """Nobody holds these any more."""
    if ids:
        session.execute(update(PatternFlag).where(col(PatternFlag.id).in_(ids)).values(withdrawn_at=now))


def flag(session: Session, flag_id: str) -> tuple[PatternFlag, Pattern] | None:
    """A flag with its pattern, as they are now."""
    query = select(PatternFlag, Pattern).join(Pattern, col(Pattern.id) == col(PatternFlag.pattern_id))
    found = session.execute(query.where(col(PatternFlag.id) == flag_id).execution_options(populate_existing=True))
    return next(((row[0], row[1]) for row in found), None)


def held_by(session: Session, team_id: str, person_id: str) -> list[tuple[PatternFlag, Pattern]]:
    """Every flag about a person that a team holds or held, the newest first."""
    query = select(PatternFlag, Pattern).join(Pattern, col(Pattern.id) == col(PatternFlag.pattern_id))
    query = query.where(PatternFlag.team_id == team_id, PatternFlag.person_id == person_id)
    rows = session.execute(query.order_by(col(PatternFlag.opened_at).desc(), col(PatternFlag.id)))
    return [(row[0], row[1]) for row in rows]


# --- what time brings about ---------------------------------------------------------------------------------------


def look_later(session: Session, rule: str, looks: Mapping[str, datetime]) -> None:
    """Look at these persons (id → when) by then, unless that is set already."""
    known = select(PatternLook.person_id).where(PatternLook.rule == rule, col(PatternLook.person_id).in_(looks))
    waiting = set(session.scalars(known))
    rows = [{"rule": rule, "person_id": person, "at": at} for person, at in looks.items() if person not in waiting]
    direct.insert(session, PATTERN_LOOK, rows)


def look_at(session: Session, notification_id: str, changed: Collection[str], now: datetime) -> None:
    """Have the clock look at what has come, at once and after the reply."""
    row = {"notification_id": notification_id, "at": now, "changed": sorted(changed)}
    direct.insert(session, PATTERN_DUE, [row])


def came(session: Session, now: datetime, oldest: int, limit: int) -> list[PatternDue]:
    """What has come and was not looked at: so many of the oldest, and what came about the same persons, `limit` of it all told."""
    first = _DUES.read(session, _OLDEST, now=now, most=oldest)
    ids = [row.notification_id for row in first]
    return first + _DUES.read(session, _OF_THE_SAME, now=now, first=ids, most=limit - len(first)) if first else []


_DUES = Objects(PatternDue)


def _waiting(*which: sa.ColumnElement[bool]) -> Query:
    """So many of what has come by now, the oldest first."""
    of = PATTERN_DUE.c
    query = sa.select(PATTERN_DUE).where(of.at <= sa.bindparam("now", type_=of.at.type), *which)
    return Query(query.order_by(of.at, of.notification_id).limit(sa.bindparam("most", type_=sa.Integer())).offset(0))


_ABOUT = sa.select(SUBJECT.c.person_id).where(among(SUBJECT.c.notification_id, "first"), ~SUBJECT.c.named)
_THEIRS = sa.select(SUBJECT.c.notification_id).where(SUBJECT.c.person_id.in_(_ABOUT), ~SUBJECT.c.named)
_OLDEST = _waiting()
_OF_THE_SAME = _waiting(
    PATTERN_DUE.c.notification_id.in_(_THEIRS), sa.not_(among(PATTERN_DUE.c.notification_id, "first"))
)


def seen(session: Session, notification_ids: Collection[str]) -> None:
    """They have been looked at."""
    direct.change(session, _SEEN, notifications=notification_ids)


_SEEN = Query(sa.delete(PATTERN_DUE).where(among(PATTERN_DUE.c.notification_id, "notifications")))


def due_looks(session: Session, now: datetime, limit: int) -> list[PatternLook]:
    """Those whose time has come, the longest waiting first."""
    return _LOOKS.read(session, _DUE_LOOKS, now=now, most=limit)


_LOOKS = Objects(PatternLook)
_DUE_LOOKS = Query(
    sa.select(PATTERN_LOOK)
    .where(PATTERN_LOOK.c.at <= sa.bindparam("now", type_=PATTERN_LOOK.c.at.type))
    .order_by(PATTERN_LOOK.c.at, PATTERN_LOOK.c.person_id)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(0)
)


def looked(session: Session, look: PatternLook) -> None:
    """It has been looked at."""
    where = (col(PatternLook.rule) == look.rule, col(PatternLook.person_id) == look.person_id)
    session.execute(sa.delete(PatternLook).where(*where), execution_options=QUIET)


# --- two who are one ----------------------------------------------------------------------------------------------


def merge(session: Session, gone: str, into: str) -> None:
    """What was open about the one is open about the other; of two of a kind the survivor's goes on with the evidence and tasks of both."""
    mine = {row.rule: row for row in open_about(session, (), [into])}
    for theirs in open_about(session, (), [gone]):
        if theirs.rule in mine:
            _join(session, theirs, mine[theirs.rule])
    moved = (
        update(Pattern).where(col(Pattern.person_id) == gone).values(person_id=into),
        update(PatternFlag).where(col(PatternFlag.person_id) == gone, _not_twice(gone, into)).values(person_id=into),
        update(PatternFlag)
        .where(col(PatternFlag.person_id) == gone)
        .values(person_id=into, withdrawn_at=sa.func.coalesce(PatternFlag.withdrawn_at, PatternFlag.opened_at)),
    )
    for statement in moved:
        session.execute(statement, execution_options=QUIET)
    _looks(session, gone, into)


def _join(session: Session, one: Pattern, other: Pattern) -> None:
    """Raced when either was closed since: what the one has would come to one that nobody looks at any more."""
    both = sorted((one.id, other.id))
    if not all(hold_whole(session, id_) for id_ in both):
        raise Raced
    has = set(evidence(session, other.id))
    for id_ in set(evidence(session, one.id)) - has:
        session.execute(
            update(PatternEvidence)
            .where(col(PatternEvidence.pattern_id) == one.id, col(PatternEvidence.notification_id) == id_)
            .values(pattern_id=other.id),
            execution_options=QUIET,
        )
    for table in (PatternTask, PatternFlag):
        of_one = update(table).where(col(table.pattern_id) == one.id)
        session.execute(of_one.values(pattern_id=other.id), execution_options=QUIET)
    close(session, one.id, MERGED, max(one.told_at, other.told_at))


def _not_twice(gone: str, into: str) -> sa.ColumnElement[bool]:
    """Where the same team does not hold the same flag about the survivor."""
    same = sa.orm.aliased(PatternFlag)
    twice = select(same.id).where(
        col(same.person_id) == into,
        col(same.pattern_id) == col(PatternFlag.pattern_id),
        col(same.team_id) == col(PatternFlag.team_id),
        col(same.withdrawn_at).is_(None),
    )
    return sa.and_(col(PatternFlag.person_id) == gone, sa.not_(twice.exists()))


def _looks(session: Session, gone: str, into: str) -> None:
    same = select(PatternLook.rule).where(PatternLook.person_id == into)
    twice = (col(PatternLook.person_id) == gone, col(PatternLook.rule).in_(same))
    session.execute(sa.delete(PatternLook).where(*twice), execution_options=QUIET)
    rest = update(PatternLook).where(col(PatternLook.person_id) == gone)
    session.execute(rest.values(person_id=into), execution_options=QUIET)
