"""Clients, their tokens and their used assertions; what a token may do is decided in `broker.web`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, delete, select, update

from broker.storage.prepared import Query
from broker.storage.store import Store
from broker.storage.tables import AccessToken, Channel, Client, Delivery, Seat, UsedAssertion, metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A system that may call, with its public keys and the scopes it may ask for."""

    name: str
    team: str | None
    jwks: dict[str, Any]
    scopes: frozenset[str]
    revoked: bool = False
    issuer: str | None = None
    """An issuer outside that speaks for it, under the name `subject`; it has no keys here then."""
    subject: str | None = None
    certificate_bound: bool = False
    """Its tokens are bound to the certificate of its connection (RFC 8705)."""


def put(session: Session, client: Registered, now: datetime) -> None:
    """Create or replace a client; replacing ends the tokens it holds. False team ids are refused by the database."""
    row = Client(
        name=client.name,
        team_id=client.team,
        jwks=client.jwks,
        scopes=" ".join(sorted(client.scopes)),
        revoked_at=now if client.revoked else None,
        issuer=client.issuer,
        subject=client.subject,
        certificate_bound=client.certificate_bound,
    )
    session.merge(row)
    session.flush()  # before its tokens, so that none is given any more for what it was
    session.execute(delete(AccessToken).where(col(AccessToken.client_name) == client.name))


def get(session: Session, name: str) -> Registered | None:
    """The client, also when revoked."""
    row = session.get(Client, name)
    return None if row is None else _registered(row)


def held(session: Session, name: str) -> Registered | None:
    """The same, as it stays until the commit: whoever replaces it meanwhile waits, and ends the tokens that it was given."""
    row = session.get(Client, name, with_for_update={"read": True})
    return None if row is None else _registered(row)


def in_use(session: Session, team_id: str) -> bool:
    """Whether a team has been told anything, or somebody acts for it: a system, a person, or a channel that it is told by."""
    uses = (
        select(Client.name).where(Client.team_id == team_id),
        select(Seat.account_id).where(Seat.team_id == team_id),
        select(Channel.team_id).where(Channel.team_id == team_id),
        select(Delivery.id).where(Delivery.team_id == team_id),
    )
    return any(session.exec(one.limit(1)).first() is not None for one in uses)


def all_clients(session: Session) -> list[Registered]:
    """Every client by name."""
    return [_registered(row) for row in session.exec(select(Client).order_by(Client.name)).all()]


def _registered(row: Client) -> Registered:
    return Registered(
        name=row.name,
        team=row.team_id,
        jwks=row.jwks,
        scopes=frozenset(row.scopes.split()),
        revoked=row.revoked_at is not None,
        issuer=row.issuer,
        subject=row.subject,
        certificate_bound=row.certificate_bound,
    )


def revoke(session: Session, name: str, now: datetime) -> bool:
    """End a client and its tokens at once; False when there is no such client."""
    changed = session.execute(update(Client).where(col(Client.name) == name).values(revoked_at=now))
    session.execute(delete(AccessToken).where(col(AccessToken.client_name) == name))
    return bool(changed.rowcount)  # type: ignore[attr-defined]  # CursorResult, typed as Result


def use_assertion(session: Session, client_name: str, jti: str, expires_at: datetime, now: datetime) -> bool:
    """Remember an assertion; False when it was used before. Expired ones are forgotten."""
    session.execute(delete(UsedAssertion).where(col(UsedAssertion.expires_at) < now))
    if session.get(UsedAssertion, (client_name, jti)) is not None:
        return False
    session.add(UsedAssertion(client_name=client_name, jti=jti, expires_at=expires_at))
    return True


def keep_token(
    session: Session,
    digest: str,
    client_name: str,
    scopes: str,
    *,
    expires_at: datetime,
    now: datetime,
    certificate: str | None = None,
) -> None:
    """Remember a token by its hash; forget expired ones."""
    session.execute(delete(AccessToken).where(col(AccessToken.expires_at) < now))
    row = AccessToken(digest=digest, client_name=client_name, scopes=scopes, expires_at=expires_at)
    row.certificate = certificate
    session.add(row)


def forget_token(session: Session, digest: str, client_name: str) -> bool:
    """End one token of a client; False when it has none with that hash."""
    ended = session.execute(
        delete(AccessToken).where(col(AccessToken.digest) == digest, col(AccessToken.client_name) == client_name)
    )
    return bool(ended.rowcount)  # type: ignore[attr-defined]  # CursorResult, typed as Result


def holder(store: Store, digest: str, now: datetime) -> tuple[str, str | None, str | None, str, str | None] | None:
    """(client, team, agency, scopes, certificate) of a live token of a client that is not revoked."""
    found = store.ask(_HOLDER, digest=digest, now=now)
    return found[0] if found else None


def _holder() -> sa.Select[tuple[object, ...]]:
    client, token, team = (metadata.tables[name] for name in ("client", "accesstoken", "team"))
    return (
        sa.select(client.c.name, client.c.team_id, team.c.agency_id, token.c.scopes, token.c.certificate)
        .join(token, token.c.client_name == client.c.name)
        .join(team, team.c.id == client.c.team_id, isouter=True)
        .where(
            token.c.digest == sa.bindparam("digest"),
            token.c.expires_at > sa.bindparam("now"),
            client.c.revoked_at.is_(None),
        )
    )


_HOLDER = Query(_holder())


def outside(store: Store, issuer: str, subject: str) -> tuple[str, str, str, str] | None:
    """(client, team, agency, scopes) of what that issuer calls so, unless it was revoked."""
    found = store.ask(_OUTSIDE, issuer=issuer, subject=subject)
    return found[0] if found else None


def named_outside(session: Session, client: Registered) -> bool:
    """Whether another client has that name with that issuer already."""
    same = select(Client.name).where(
        Client.issuer == client.issuer, Client.subject == client.subject, Client.name != client.name
    )
    return client.issuer is not None and session.exec(same).first() is not None


def _outside() -> sa.Select[tuple[object, ...]]:
    client, team = (metadata.tables[name] for name in ("client", "team"))
    return (
        sa.select(client.c.name, client.c.team_id, team.c.agency_id, client.c.scopes)
        .join(team, team.c.id == client.c.team_id)
        .where(
            client.c.issuer == sa.bindparam("issuer"),
            client.c.subject == sa.bindparam("subject"),
            client.c.revoked_at.is_(None),
        )
    )


_OUTSIDE = Query(_outside())
