"""Who signs in to the pages, as whom of which team, and the sessions they have; what a session may do is decided in `web.pages`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select, update
from sqlmodel.sql.expression import SelectOfScalar

from broker.domain.rota import Practitioner
from broker.storage import practitioners, tables
from broker.storage.codec import Codec, open_json, seal_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who signs in. `subject` is the issuer's own name for them; `seats` are pairs of team and practitioner id."""

    id: str
    issuer: str
    subject: str
    name: str
    scopes: frozenset[str] = frozenset()
    """Of auditors and administrators."""
    seats: tuple[tuple[str, str], ...] = ()
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An account as it is shown: of the issuer's own name for somebody only a hash is kept."""

    id: str
    name: str
    scopes: frozenset[str]
    seats: tuple[Practitioner, ...]
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A live session: whose it is, which people of teams they are, and for which team they act at present."""

    account_id: str
    name: str
    scopes: frozenset[str]
    seats: tuple[Practitioner, ...]
    team_id: str | None
    begun_at: datetime
    seen_at: datetime
    proved_at: datetime | None
    issuer: str | None
    """Who said that it is them."""


def put(session: Session, codec: Codec, account: Account, now: datetime) -> None:
    """Create or replace an account; whoever is signed in by it must sign in again."""
    session.merge(
        tables.Account(
            id=account.id,
            subject_blind=_blind(codec, account.issuer, account.subject),
            details=seal_json(codec, {"name": account.name}, _context(account.id)),
            scopes=" ".join(sorted(account.scopes)),
            issuer=account.issuer,
            revoked_at=now if account.revoked else None,
        )
    )
    session.flush()  # before the sessions, so that nobody signs in any more as whom it was
    _end_all(session, account.id)
    session.execute(delete(tables.Seat).where(col(tables.Seat.account_id) == account.id))
    session.add_all(
        tables.Seat(account_id=account.id, team_id=team, practitioner_id=somebody) for team, somebody in account.seats
    )


def known(session: Session, codec: Codec, account_id: str) -> Known | None:
    """One account, revoked or not."""
    row = session.get(tables.Account, account_id)
    return None if row is None else _known(session, codec, row)


def page(session: Session, codec: Codec, *, after: str, limit: int) -> tuple[list[Known], str]:
    """So many accounts by id, from behind that one; the last one's id where there are more, else ''."""
    query = select(tables.Account).where(tables.Account.id > after).order_by(col(tables.Account.id)).limit(limit + 1)
    rows = session.exec(query).all()
    return [_known(session, codec, row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else ""


def change(session: Session, codec: Codec, account: Known, now: datetime) -> None:
    """The account as it is from now on, its subject as it was; whoever is signed in by it must sign in again."""
    row = session.get_one(tables.Account, account.id, with_for_update=True)
    _end_all(session, account.id)
    row.details = seal_json(codec, {"name": account.name}, _context(account.id))
    row.scopes = " ".join(sorted(account.scopes))
    row.revoked_at = now if account.revoked else None
    session.execute(delete(tables.Seat).where(col(tables.Seat.account_id) == account.id))
    session.flush()
    session.add_all(
        tables.Seat(account_id=account.id, team_id=one.team_id, practitioner_id=one.id) for one in account.seats
    )


def _known(session: Session, codec: Codec, row: tables.Account) -> Known:
    return Known(
        id=row.id,
        name=open_json(codec, row.details, _context(row.id))["name"],
        scopes=frozenset(row.scopes.split()),
        seats=seats(session, codec, row.id),
        revoked=row.revoked_at is not None,
    )


def taken(session: Session, codec: Codec, account: Account) -> bool:
    """Whether another account has this subject, revoked or not."""
    blind = _blind(codec, account.issuer, account.subject)
    query = select(tables.Account.id).where(tables.Account.subject_blind == blind, tables.Account.id != account.id)
    return session.exec(query).first() is not None


def find(session: Session, codec: Codec, issuer: str, subject: str) -> str | None:
    """The id of the account that the issuer calls so; None when there is none, or it was revoked."""
    return session.exec(_called(codec, issuer, subject)).first()


def find_held(session: Session, codec: Codec, issuer: str, subject: str) -> str | None:
    """The same, as it stays until the commit: whoever changes the account meanwhile waits, and ends the session that was begun."""
    return session.exec(_called(codec, issuer, subject).with_for_update(read=True)).first()


def _called(codec: Codec, issuer: str, subject: str) -> SelectOfScalar[str]:
    of = tables.Account
    return select(of.id).where(of.subject_blind == _blind(codec, issuer, subject), col(of.revoked_at).is_(None))


def seats(session: Session, codec: Codec, account_id: str) -> tuple[Practitioner, ...]:
    """Who an account is, in the order of team ids."""
    query = select(tables.Practitioner).join(
        tables.Seat,
        (col(tables.Seat.team_id) == col(tables.Practitioner.team_id))
        & (col(tables.Seat.practitioner_id) == col(tables.Practitioner.id)),
    )
    rows = session.exec(query.where(tables.Seat.account_id == account_id).order_by(col(tables.Practitioner.team_id)))
    return tuple(practitioners.read(codec, row) for row in rows)


def everybody(session: Session, codec: Codec) -> list[tuple[str, str, frozenset[str], tuple[Practitioner, ...]]]:
    """Every account that was not revoked: id, name, scopes and who of which teams they are, by id. For lists of few."""
    rows = session.exec(
        select(tables.Account).where(col(tables.Account.revoked_at).is_(None)).order_by(col(tables.Account.id))
    )
    return [
        (
            row.id,
            open_json(codec, row.details, _context(row.id))["name"],
            frozenset(row.scopes.split()),
            seats(session, codec, row.id),
        )
        for row in rows.all()
    ]


def any_known(session: Session) -> bool:
    """Whether there is an account, revoked or not."""
    return session.exec(select(tables.Account.id).limit(1)).first() is not None


def begin(
    session: Session, digest: str, account_id: str, team_id: str | None, now: datetime, longest: timedelta
) -> None:
    """A new session; those that are older than any may be are forgotten."""
    session.execute(delete(tables.PageSession).where(col(tables.PageSession.begun_at) < now - longest))
    session.add(tables.PageSession(digest=digest, account_id=account_id, team_id=team_id, begun_at=now, seen_at=now))


def signed_in(session: Session, codec: Codec, digest: str) -> SignedIn | None:
    """The session with that hash, of an account that was not revoked; whether it has timed out is for the caller to see."""
    query = (
        select(tables.PageSession, tables.Account)
        .join(tables.Account)
        .where(tables.PageSession.digest == digest, col(tables.Account.revoked_at).is_(None))
    )
    found = session.exec(query).first()
    if found is None:
        return None
    row, account = found
    return SignedIn(
        account_id=account.id,
        name=open_json(codec, account.details, _context(account.id))["name"],
        scopes=frozenset(account.scopes.split()),
        seats=seats(session, codec, account.id),
        team_id=row.team_id,
        begun_at=row.begun_at,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        issuer=account.issuer,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A session as far as its lasting goes."""

    team_id: str | None
    begun_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Alive):
    """The same with the hash by which it is kept."""

    digest: str


def sessions_of(session: Session, account_id: str) -> list[Kept]:
    """Every session of an account, whether it has timed out or not."""
    rows = session.exec(select(tables.PageSession).where(tables.PageSession.account_id == account_id)).all()
    return [Kept(digest=row.digest, team_id=row.team_id, begun_at=row.begun_at, seen_at=row.seen_at) for row in rows]


def alive(session: Session, digest: str) -> Alive | None:
    """The session with that hash, of an account that was not revoked; nothing of whose it is."""
    query = select(tables.PageSession).join(tables.Account).where(tables.PageSession.digest == digest)
    found = session.exec(query.where(col(tables.Account.revoked_at).is_(None))).first()
    if found is None:
        return None
    return Alive(team_id=found.team_id, begun_at=found.begun_at, seen_at=found.seen_at)


def seen(session: Session, digest: str, now: datetime) -> None:
    """They have taken a step."""
    _change(session, digest, seen_at=now)


def sit(session: Session, digest: str, team_id: str | None) -> None:
    """They act for another of their teams, or as auditor or administrator."""
    _change(session, digest, team_id=team_id)


def prove(session: Session, digest: str, now: datetime) -> None:
    """Their issuer has just made sure that it is them."""
    _change(session, digest, proved_at=now)


def _change(session: Session, digest: str, **values: datetime | str | None) -> None:
    """Nothing of one that has ended meanwhile."""
    session.execute(update(tables.PageSession).where(col(tables.PageSession.digest) == digest).values(**values))


def end(session: Session, digest: str) -> tuple[str, str | None] | None:
    """Sign out: whose session it was and the team they acted for; None when there was none."""
    ended = delete(tables.PageSession).where(col(tables.PageSession.digest) == digest)
    row = session.execute(ended.returning(col(tables.PageSession.account_id), col(tables.PageSession.team_id))).first()
    return None if row is None else (row[0], row[1])


def _end_all(session: Session, account_id: str) -> None:
    session.execute(delete(tables.PageSession).where(col(tables.PageSession.account_id) == account_id))


def _blind(codec: Codec, issuer: str, subject: str) -> str:
    return codec.blind("account", issuer, subject)


def _context(account_id: str) -> str:
    return f"account:{account_id}"
