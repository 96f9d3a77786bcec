"""Signing in and out: over an OpenID Connect issuer, or in the demonstration by choosing who to be; and changing the team one acts for."""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlmodel import Session

from broker import log
from broker.domain.caller import PERSON
from broker.errors import Conflict, Misconfigured, NotFound
from broker.runtime import Runtime
from broker.settings import Settings
from broker.storage import accounts
from broker.web import peers
from broker.web.deps import Running
from broker.web.pages import sessions
from broker.web.pages.demo_issuer import DemoIssuer
from broker.web.pages.forms import Fields, Form, body_of
from broker.web.pages.issuers import Asking, Issuer, NotSignedIn, ask
from broker.web.pages.oidc import OidcIssuer
from broker.web.pages.rendering import page
from broker.web.pages.routing import error_page, pages, see
from broker.web.pages.seats import AUDIT, LEADING, Person
from broker.web.pages.sessions import SignedInPerson, Watcher
from broker.web.pages.words import title

router = pages()

LASTS: Final = timedelta(minutes=10)
"""How long somebody may take at the issuer."""
_OURS: Final = re.compile(r"/app(/[A-Za-z0-9_-]+)*")
"""Where a sign-in may lead: pages of ours without a query, whatever an address says."""


MAIN: Final = ""
"""The key of the issuer that speaks for everybody's people."""


def issuers_for(settings: Settings) -> dict[str, Issuer]:
    """The issuers that these settings name, by their keys there; the demonstration's with `--demo` alone; else nobody signs in."""
    strong = tuple(settings.oidc_strong)
    found: dict[str, Issuer] = {
        key: OidcIssuer(name=one.issuer, client_id=one.client_id, secret=_secret(one.client_secret_file), strong=strong)
        for key, one in settings.oidc_issuers.items()
    }
    if settings.oidc_issuer is not None:
        secret = settings.oidc_client_secret
        found[MAIN] = OidcIssuer(
            name=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            secret=secret.get_secret_value() if secret else None,
            strong=strong,
        )
    elif settings.demo:
        found[MAIN] = DemoIssuer()
    return found


def _secret(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured("BATON_OIDC_ISSUERS: a client_secret_file cannot be read (docs/callers.md).") from error


def under_way(settings: Settings) -> str:
    """The cookie of a sign-in that is under way; over HTTPS one that browsers keep to this very host."""
    return "__Host-baton-sign-in" if sessions.secure(settings) else "baton-sign-in"


@router.get("")
def begin(request: Request, running: Running) -> Response:
    """Where they begin who are signed in; the others sign in."""
    found = sessions.find(request, running)
    if found is None:
        raise sessions.SignInNeeded
    return see(found.home)


@router.get("/sign-in")
def sign_in(request: Request, running: Running, to: str = "", ended: str = "") -> Response:
    """What this is, and the way in."""
    return page(
        running.settings,
        "sign_in.html",
        title="Sign in",
        to=to if _OURS.fullmatch(to) else "",
        ended=bool(ended),
        ways=_ways(request, running.settings),
    )


@router.get("/sign-in/go")
def go(request: Request, running: Running, to: str = "", by: str = MAIN, again: str = "") -> Response:
    """Off to the issuer; `again`: even those who are signed in, to their own."""
    issuers: dict[str, Issuer] = request.app.state.issuers
    person = sessions.find(request, running) if again else None
    by = next((key for key, one in issuers.items() if person is not None and one.name == person.issuer), by)
    issuer = issuers.get(by)
    if issuer is None:
        raise NotFound
    since = running.now() if again else None
    asking = ask(f"{running.settings.public_url.rstrip('/')}/app/sign-in/back", since)
    try:
        away = see(issuer.address(asking, running.now()))
    except NotSignedIn as error:
        return _refused(request, error)
    away.set_cookie(
        under_way(running.settings),
        _sealed(asking, by, to, running),
        max_age=int(LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=sessions.secure(running.settings),
    )
    return away


@router.get("/sign-in/back")
def back(request: Request, running: Running, code: str = "", state: str = "", iss: str = "") -> Response:
    """Back from the issuer: who is it, and may they come in?"""
    kept = _opened(request.cookies.get(under_way(running.settings), ""), running)
    issuer: Issuer | None = request.app.state.issuers.get(kept[1]) if kept else None
    if issuer is None or kept is None or not hmac.compare_digest(kept[0].state.encode(), state.encode()) or not code:
        return _refused(request, NotSignedIn("nothing was under way in this browser, or the issuer refused"))
    asking, _, to = kept
    try:
        subject = issuer.subject(code, asking, running.now(), iss)
        before = _same(request, running, issuer.name, subject) if asking.since else None
    except NotSignedIn as error:
        return _refused(request, error)
    sessions.end(request, running)  # whoever was signed in here before
    token = running.store.write(lambda session: _come_in(session, request, running, issuer.name, subject, before))
    if token is None:
        request.app.state.refusals.sign_in(request, "nobody here is known by that name, or has a place to act from")
        return page(running.settings, "not_known.html", title="You are not known here", status=403)
    inside = see(to if _OURS.fullmatch(to) else "/app")
    inside.delete_cookie(under_way(running.settings), path="/", secure=sessions.secure(running.settings))
    sessions.give(inside, token, running.settings)
    return inside


@router.get("/demo/people")
def people(request: Request, running: Running, state: str = "", nonce: str = "", code_challenge: str = "") -> Response:
    """The demonstration's issuer: who do you want to be?"""
    _demo(request)
    groups = running.store.read(lambda session: _groups(session, running))
    return page(
        running.settings,
        "demo_people.html",
        title="Choose who you are",
        groups=groups,
        asked={"state": state, "nonce": nonce, "code_challenge": code_challenge},
    )


@router.post("/demo/people")
def chosen(request: Request, running: Running, fields: Annotated[Form, Depends(body_of)]) -> Response:
    """Somebody was chosen: back with a code."""
    issuer = _demo(request)
    code = issuer.choose(fields.one("subject"), fields.one("code_challenge"), fields.one("nonce"), running.now())
    return see(f"/app/sign-in/back?code={code}&state={_word(fields.one('state'))}")


@router.post("/sign-out")
def sign_out(request: Request, running: Running, _fields: Fields) -> Response:
    """The session is over."""
    sessions.end(request, running)
    out = see("/app/signed-out")
    out.delete_cookie(sessions.cookie_name(running.settings), path="/", secure=sessions.secure(running.settings))
    return out


@router.get("/signed-out")
def signed_out(running: Running) -> Response:
    """That it is over."""
    return page(running.settings, "signed_out.html", title="You are signed out")


@router.post("/seat")
def seat(request: Request, running: Running, person: SignedInPerson, fields: Fields) -> Response:
    """Act for another of one's teams."""
    sessions.move_to(request, running, person, fields.given("team"))
    return see("/app")


@router.get("/who")
def who(person: Watcher) -> dict[str, str | int]:
    """Who is signed in now and for how long without a step, for pages that are open: one whose session has ended goes on with the same person."""
    return {"who": person.who, "csrf": person.csrf, "seconds": person.seconds_left}


@router.post("/stay")
def stay(_person: SignedInPerson, _fields: Fields) -> Response:
    """A step like any other: whoever is asked whether they are still there says so."""
    return Response(status_code=204)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the demonstration, whom its issuer calls by the account's id."""

    subject: str
    name: str
    does: str


@dataclass(frozen=True, slots=True)
class Group:
    """People of one kind of work."""

    heading: str
    people: tuple[Somebody, ...]


def _groups(session: Session, running: Runtime) -> list[Group]:
    teams = running.context(session).directory.teams
    groups: dict[str, list[Somebody]] = {
        "Practitioners": [],
        "Safeguarding leads": [],
        "Auditors and administrators": [],
    }
    for id_, name, scopes, seats in accounts.everybody(session, running.store.codec):
        does = " · ".join(f"{title(one.role)}, {teams[one.team_id].name}" for one in seats)
        leads = any(teams[one.team_id].function in LEADING for one in seats)
        group = "Safeguarding leads" if leads else "Practitioners" if seats else "Auditors and administrators"
        groups[group].append(Somebody(id_, name, does or ("Auditor" if AUDIT in scopes else "Administrator")))
    return [Group(heading, tuple(people)) for heading, people in groups.items() if people]


def _come_in(
    session: Session, request: Request, running: Runtime, issuer: str, subject: str, before: Person | None
) -> str | None:
    account = accounts.find_held(session, running.store.codec, issuer, subject)
    address = peers.caller_at(request, running.settings)
    return None if account is None else sessions.begin(running, session, account, address=address, like=before)


def _same(request: Request, running: Runtime, issuer: str, subject: str) -> Person:
    """Who is signed in here, once that is who has signed in again. NotSignedIn when it is somebody else, or nobody."""
    person = sessions.find(request, running)
    account = running.store.read(lambda session: accounts.find(session, running.store.codec, issuer, subject))
    if person is None or account is None or person.caller.client != f"{PERSON}{account}":
        raise NotSignedIn("somebody else has signed in again")
    return person


def _demo(request: Request) -> DemoIssuer:
    issuer = request.app.state.issuers.get(MAIN)
    if not isinstance(issuer, DemoIssuer):
        raise NotFound
    return issuer


def _refused(request: Request, error: NotSignedIn) -> Response:
    log.get(__name__).warning("sign-in refused", reason=str(error))
    request.app.state.refusals.sign_in(request, str(error))
    return error_page(request, 409, Conflict("You could not be signed in. Begin again from the sign-in page."))


def _word(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]{0,128}", text) else ""


def _key(running: Runtime) -> OctKey:
    return OctKey.import_key(running.store.codec.key("pages sign-in v1"))


def _ways(request: Request, settings: Settings) -> list[tuple[str, str]]:
    """(address, words) of each way in, the main one first."""
    ways = [("/app/sign-in/go?", "Sign in")] if MAIN in request.app.state.issuers else []
    others = ((urlencode({"by": key}), one.label) for key, one in settings.oidc_issuers.items())
    return [*ways, *((f"/app/sign-in/go?{asked}&", f"Sign in with {label}") for asked, label in others)]


def _sealed(asking: Asking, by: str, to: str, running: Runtime) -> str:
    claims = {
        "by": by,
        "state": asking.state,
        "nonce": asking.nonce,
        "verifier": asking.verifier,
        "back": asking.back,
        "since": asking.since.isoformat() if asking.since else "",
        "to": to,
        "exp": int((running.now() + LASTS).timestamp()),
    }
    return jwt.encode({"alg": "HS256"}, claims, _key(running))


def _opened(cookie: str, running: Runtime) -> tuple[Asking, str, str] | None:
    """What a sign-in under way kept, with whose it is and where it leads; None when there is none, or it is not ours, or too old."""
    try:
        claims = jwt.decode(cookie, _key(running), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(now=int(running.now().timestamp()), exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        return None
    kept = {name: str(claims[name]) for name in ("state", "nonce", "verifier", "back")}
    since = datetime.fromisoformat(claims["since"]) if claims["since"] else None
    return Asking(**kept, since=since), str(claims["by"]), str(claims["to"])
