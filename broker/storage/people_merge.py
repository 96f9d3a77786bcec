"""Joining two records of one person in the database: everything that hangs on the one is moved; `domain/merging.py` says what it comes to."""

from datetime import datetime

from sqlalchemy import and_, delete, exists, or_, select, update
from sqlmodel import Session

from broker.domain.matching import rekey
from broker.domain.merging import OPEN, joined
from broker.domain.states import InvolvementState, MembershipState, PersonState
from broker.storage import expectations, notifications, patterns, row_digests
from broker.storage.codec import Codec
from broker.storage.person_rows import known_person, person_row
from broker.storage.person_tables import (
    ADDRESS,
    IDENTIFIER,
    INVOLVEMENT,
    LEGAL_HOLD,
    MEMBERSHIP,
    NOTIFICATION,
    PERSON,
    RELATIONSHIP,
    SUBJECT,
    TASK,
)
from schemas import content
from schemas.codes import RelationshipKind


def merge(session: Session, codec: Codec, *, gone: str, into: str, now: datetime) -> None:
    """Make `gone` a pointer to `into`. The caller has locked both; open tasks, expectations, subjects and stored content follow."""
    _details(session, codec, gone, into)
    for table in (IDENTIFIER, ADDRESS):
        session.execute(update(table).where(table.c.person_id == gone).values(person_id=into))
    _memberships(session, gone, into)
    _relationships(session, gone, into)
    _involvements(session, gone, into)
    moved = session.scalars(update(TASK).where(TASK.c.person_id == gone).values(person_id=into).returning(TASK.c.id))
    row_digests.note_stored(session, "task", TASK.c.id.in_(moved.all()), now)
    session.execute(update(LEGAL_HOLD).where(LEGAL_HOLD.c.person_id == gone).values(person_id=into))
    expectations.merge(session, gone, into, now)
    _notifications(session, codec, gone, into)
    patterns.merge(session, gone, into)


def _details(session: Session, codec: Codec, gone: str, into: str) -> None:
    rows = session.execute(select(PERSON).where(PERSON.c.id.in_([gone, into])))
    people = {row["id"]: known_person(codec, row) for row in rows.mappings()}
    survivor = person_row(codec, joined(people[into], people[gone]))
    session.execute(update(PERSON).where(PERSON.c.id == into).values(**survivor))
    pointing = or_(PERSON.c.id == gone, PERSON.c.merged_into == gone)
    session.execute(update(PERSON).where(pointing).values(state=PersonState.MERGED, merged_into=into))


def _memberships(session: Session, gone: str, into: str) -> None:
    """Of two open memberships in one household the current one stays open."""
    mine, theirs = MEMBERSHIP.alias(), MEMBERSHIP.alias()
    pairs = session.execute(
        select(mine.c.id, mine.c.state, theirs.c.id, theirs.c.state)
        .join(theirs, mine.c.household_id == theirs.c.household_id)
        .where(
            mine.c.person_id == into,
            theirs.c.person_id == gone,
            mine.c.state.in_(OPEN),
            theirs.c.state.in_(OPEN),
        )
    ).all()
    proposed, current = MembershipState.PROPOSED, MembershipState.CURRENT
    ending = [m if (m_state, t_state) == (proposed, current) else t for m, m_state, t, t_state in pairs]
    if ending:
        session.execute(update(MEMBERSHIP).where(MEMBERSHIP.c.id.in_(ending)).values(state=MembershipState.ENDED))
    session.execute(update(MEMBERSHIP).where(MEMBERSHIP.c.person_id == gone).values(person_id=into))


def _relationships(session: Session, gone: str, into: str) -> None:
    """What both are said to be stays once; of two unborn persons who are one, the survivor's mother is the mother."""
    _drop_second_mother(session, gone, into)
    for end, other in (("person_id", "to_person_id"), ("to_person_id", "person_id")):
        mine, same = RELATIONSHIP.alias(), RELATIONSHIP.alias()
        twice = select(mine.c.id).where(
            mine.c[end] == gone,
            exists().where(and_(same.c[end] == into, same.c.kind == mine.c.kind, same.c[other] == mine.c[other])),
        )
        session.execute(delete(RELATIONSHIP).where(RELATIONSHIP.c.id.in_(list(session.execute(twice).scalars()))))
        column = RELATIONSHIP.c[end]
        session.execute(update(RELATIONSHIP).where(column == gone).values({end: into}))
    session.execute(delete(RELATIONSHIP).where(RELATIONSHIP.c.person_id == RELATIONSHIP.c.to_person_id))


def _drop_second_mother(session: Session, gone: str, into: str) -> None:
    mother = RELATIONSHIP.c.kind == RelationshipKind.MOTHER
    born = session.execute(select(PERSON.c.born).where(PERSON.c.id == into)).scalar_one()
    own = session.execute(select(RELATIONSHIP.c.person_id).where(mother, RELATIONSHIP.c.to_person_id == into)).scalars()
    if born is None and list(own):
        session.execute(delete(RELATIONSHIP).where(mother, RELATIONSHIP.c.to_person_id == gone))


def _involvements(session: Session, gone: str, into: str) -> None:
    """One for each team: where both had one, from the earlier start to the later evidence."""
    ended = InvolvementState.ENDED
    rows = session.execute(
        select(INVOLVEMENT).where(INVOLVEMENT.c.person_id.in_([gone, into]), INVOLVEMENT.c.state != ended)
    ).all()
    kept = {row.team_id: row for row in rows if row.person_id == into}
    for other in rows:
        if other.person_id == gone and other.team_id in kept:
            mine = kept[other.team_id]
            latest = max(mine, other, key=lambda row: row.renewed_at)
            _set(session, mine.id, state=latest.state, renewed_at=latest.renewed_at, evidence=latest.evidence)
            _set(session, mine.id, since=min(mine.since, other.since))
            _set(session, other.id, state=ended, ended_at=latest.renewed_at)
    session.execute(update(INVOLVEMENT).where(INVOLVEMENT.c.person_id == gone).values(person_id=into))


def _set(session: Session, involvement_id: str, **values: object) -> None:
    session.execute(update(INVOLVEMENT).where(INVOLVEMENT.c.id == involvement_id).values(**values))


_OF = NOTIFICATION.c


def _notifications(session: Session, codec: Codec, gone: str, into: str) -> None:
    """Whoever a notification was about it is about still: its subjects, and the stored content that names them by id."""
    rows = session.execute(
        select(_OF.id, _OF.sender_team_id, _OF.message_id, _OF.data_key, _OF.content)
        .join(SUBJECT, SUBJECT.c.notification_id == NOTIFICATION.c.id)
        .where(SUBJECT.c.person_id == gone, NOTIFICATION.c.content.is_not(None))
    ).all()
    for row in rows:
        context, sealer = f"notification:{row.id}", notifications.sealer(codec, row)
        message = rekey(content.load(sealer.open(row.content, context)), {gone: into})
        written = sealer.seal(content.dump(message), context)
        session.execute(update(NOTIFICATION).where(_OF.id == row.id).values(content=written))
    _subjects(session, gone, into)


def _subjects(session: Session, gone: str, into: str) -> None:
    """A notification that was about both is about the one; being a subject outweighs being named."""
    mine, theirs = SUBJECT.alias(), SUBJECT.alias()
    both = session.execute(
        select(mine.c.notification_id, mine.c.named, theirs.c.named)
        .join(theirs, mine.c.notification_id == theirs.c.notification_id)
        .where(mine.c.person_id == into, theirs.c.person_id == gone)
    ).all()
    for id_, named, also_named in both:
        here = SUBJECT.c.notification_id == id_
        session.execute(update(SUBJECT).where(here, SUBJECT.c.person_id == into).values(named=named and also_named))
        session.execute(delete(SUBJECT).where(here, SUBJECT.c.person_id == gone))
    session.execute(update(SUBJECT).where(SUBJECT.c.person_id == gone).values(person_id=into))
