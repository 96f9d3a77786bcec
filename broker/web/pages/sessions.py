"""The session behind a page: its cookie, how long it lasts, and who that makes of whoever asks."""

import hmac
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from sqlmodel import Session

from broker.domain.break_glass import PROVED_WITHIN
from broker.domain.caller import PERSON, Caller
from broker.domain.rota import Gone
from broker.errors import Forbidden
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import accounts, audit
from broker.storage.accounts import Alive, SignedIn
from broker.storage.store import Store
from broker.web import peers
from broker.web.deps import Running, called_by
from broker.web.pages import pinning
from broker.web.pages.seats import ADMIN, AUDIT, Person, Seat, caller_at, seats_of

SEEN_EVERY: Final = timedelta(seconds=30)
"""A step is written down at most so often: reading a page need not wait for a write."""
_NOT_HERE: Final = frozenset({Gone.LEFT, Gone.SHIFT_OVER})
"""Whoever is on leave may still look; whoever has left, or whose shift is over, may not."""


class SignInNeeded(Exception):
    """Nobody is signed in (any more)."""


def cookie_name(settings: Settings) -> str:
    """Over HTTPS a name that browsers keep to this very host."""
    return "__Host-baton" if secure(settings) else "baton"


def secure(settings: Settings) -> bool:
    """Whether people reach this broker over HTTPS."""
    return settings.public_url.startswith("https://")


def begin(
    running: Runtime, session: Session, account_id: str, *, address: str | None = None, like: Person | None = None
) -> str | None:
    """A session for an account, sitting where it sits first; its token, or None when it has nowhere to sit.

    `address`: the network address that they came from. `like`: who they were already, when they have signed in again for a step that asks for it; they sit where they sat.
    """
    now = running.now()
    token = secrets.token_urlsafe(32)
    digest = _digest(token)
    accounts.begin(session, digest, account_id, None, now, running.settings.session_longest)
    session.flush()
    found = _signed_in(running, session, digest)
    seats = _seats(running, session, found, now) if found else ()
    if not seats:
        accounts.end(session, digest)
        return None
    seat = next((one for one in seats if like is not None and one.team == like.seat.team), seats[0])
    accounts.sit(session, digest, seat.team.id if seat.team else None)
    if like is not None:
        accounts.prove(session, digest, now)
    caller = caller_at(seat, account_id, _offices(found), address)
    audit.record(session, action="sign-in", entity="account", entity_id=account_id, caller=caller, now=now)
    return token


def give(response: Response, token: str, settings: Settings) -> None:
    """Have the browser keep it while it is open; scripts cannot read it and other sites' forms do not bring it."""
    response.set_cookie(cookie_name(settings), token, path="/", httponly=True, samesite="lax", secure=secure(settings))


def end(request: Request, running: Runtime) -> None:
    """Sign out: the session is gone, whatever the browser keeps."""
    digest = digest_of(request, running.settings)

    def work(session: Session) -> None:
        ended = accounts.end(session, digest)
        if ended is not None:
            account_id, team_id = ended
            address = peers.caller_at(request, running.settings)
            caller = Caller(client=f"{PERSON}{account_id}", team=team_id, address=address)
            audit.record(
                session, action="sign-out", entity="account", entity_id=account_id, caller=caller, now=running.now()
            )

    running.store.write(work)


def move_to(request: Request, running: Runtime, person: Person, team_id: str | None) -> None:
    """Act from another seat. Forbidden when it is none of theirs."""
    if all((seat.team.id if seat.team else None) != team_id for seat in person.seats):
        raise Forbidden
    digest = _digest(request.cookies.get(cookie_name(running.settings), ""))
    running.store.write(lambda session: accounts.sit(session, digest, team_id))


def find(request: Request, running: Runtime, *, step: bool = True) -> Person | None:
    """Who is signed in; None when nobody is, the session has ended, or they have nowhere to sit any more.

    `step`: somebody did this; what a page asks by itself keeps no session.
    """
    token = request.cookies.get(cookie_name(running.settings))
    if not token:
        return None
    digest, now = _digest(token), running.now()

    def work(session: Session) -> tuple[SignedIn, tuple[Seat, ...]] | None:
        found = _signed_in(running, session, digest)
        return None if found is None else (found, _seats(running, session, found, now))

    known = running.store.read(work)
    if known is None or over(known[0], running.settings, now) or not known[1]:
        return None
    found, seats = known
    if step and now - found.seen_at > SEEN_EVERY:
        running.store.write(lambda session: accounts.seen(session, digest, now))
    seat = next((seat for seat in seats if (seat.team.id if seat.team else None) == found.team_id), seats[0])
    since = replace(found, seen_at=now) if step else found
    return Person(
        name=seat.practitioner.name if seat.practitioner else found.name,
        caller=caller_at(seat, found.account_id, _offices(found), peers.caller_at(request, running.settings)),
        csrf=csrf_of(running.store, token),
        seat=seat,
        seats=seats,
        idle_seconds=int(running.settings.session_idle.total_seconds()),
        seconds_left=_left(since, running.settings, now),
        proved_at=found.proved_at,
        issuer=found.issuer or pinning.main_issuer(running.settings),
    )


def proved(person: Person, now: datetime) -> bool:
    """Whether they have just signed in again, which some steps ask for."""
    return person.proved_at is not None and now - person.proved_at <= PROVED_WITHIN


def account_of(person: Person) -> str:
    """The account that is signed in."""
    return person.caller.client.removeprefix(PERSON)


def person(request: Request, running: Running) -> Person:
    """A dependency: who is signed in. SignInNeeded when nobody is."""
    found = find(request, running)
    if found is None:
        raise SignInNeeded
    called_by(request, found.caller, "pages")
    request.state.person = found  # so that an error page has their places and a way out
    return found


def watcher(request: Request, running: Running) -> Person:
    """The same of what a page asks by itself: no step of theirs, and counted apart from their steps."""
    found = find(request, running, step=False)
    if found is None:
        raise SignInNeeded
    called_by(request, found.caller, "watching")
    return found


Watcher = Annotated[Person, Depends(watcher)]
SignedInPerson = Annotated[Person, Depends(person)]


def csrf_of(store: Store, token: str) -> str:
    """What a form of this session carries; another site cannot know it."""
    return hmac.digest(store.codec.key("pages csrf v1"), token.encode(), "sha256").hex()


def _signed_in(running: Runtime, session: Session, digest: str) -> SignedIn | None:
    """Whose session it is, with the teams and offices that their issuer may speak for."""
    found = accounts.signed_in(session, running.store.codec, digest)
    if found is None or pinning.is_main(found.issuer, running.settings):
        return found
    agencies = pinning.agencies_of(found.issuer or "", running.settings)
    teams = running.context(session).directory.teams
    seats = tuple(one for one in found.seats if one.team_id in teams and teams[one.team_id].agency_id in agencies)
    return replace(found, seats=seats, scopes=frozenset())


def over(found: SignedIn | Alive, settings: Settings, now: datetime) -> bool:
    """Whether it has lasted too long, with or without a step."""
    return now - found.seen_at > settings.session_idle or now - found.begun_at > settings.session_longest


def _left(found: SignedIn, settings: Settings, now: datetime) -> int:
    """Seconds until it is over without a further step."""
    ends = min(found.seen_at + settings.session_idle, found.begun_at + settings.session_longest)
    return max(0, int((ends - now).total_seconds()))


def _seats(running: Runtime, session: Session, found: SignedIn, now: datetime) -> tuple[Seat, ...]:
    present = tuple(one for one in found.seats if one.gone(now) not in _NOT_HERE)
    teams = dict(running.context(session).directory.teams)
    return seats_of(found, teams, present)


def _offices(found: SignedIn | None) -> frozenset[str]:
    return found.scopes & {AUDIT, ADMIN} if found else frozenset()


def digest_of(request: Request, settings: Settings) -> str:
    """The hash by which the session of a request is kept."""
    return _digest(request.cookies.get(cookie_name(settings), ""))


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
