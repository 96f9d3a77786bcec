"""What was typed in a form that could not be taken: it is shown again, to be sent once more or to be copied, and stands nowhere else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from broker.web.documented import FORM
from broker.web.guard import media_type
from broker.web.pages import sessions, words
from broker.web.pages.rendering import page
from broker.web.pages.seats import Person

MOST_FIELDS: Final = 400
CSRF: Final = "csrf"
_OF_THE_PAGE: Final = frozenset({CSRF, "version", "was", "message", "at"})
"""Names that a page fills itself."""
_CHOICES: Final = frozenset({"/app/seat", "/app/demo/people", "/app/sign-out", "/app/stay"})
"""Forms in which nothing is typed."""
PASSES: Final = frozenset({429, 500, 503})
"""After these the same may be sent again."""
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form as it was sent. `pairs` are all but its token; `shown` are what somebody typed or chose, with a name for each."""

    action: str
    token: str
    pairs: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, str], ...]


async def typed(request: Request) -> Typed | None:
    """What a form of ours brought; None for everything else, and for what a browser does not say was sent from a page of ours."""
    if request.method != "POST" or request.url.path in _CHOICES:
        return None
    ours = request.headers.get("sec-fetch-site") == "same-origin"
    if not ours or media_type(request.headers.get("content-type", "")) != FORM:
        return None
    try:
        text = (await request.body()).decode()
        sent = parse_qsl(text, max_num_fields=MOST_FIELDS)
    except (ValueError, ClientDisconnect):
        return None
    shown = tuple((label(name), value.strip()) for name, value in sent if _by_a_person(name, value))
    if not shown:
        return None
    pairs = tuple(pair for pair in sent if pair[0] != CSRF)
    return Typed(action=request.url.path, token=dict(sent).get(CSRF, ""), pairs=pairs, shown=shown)


def _by_a_person(name: str, value: str) -> bool:
    return bool(value.strip()) and name not in _OF_THE_PAGE and not name.endswith(".version")


def label(name: str) -> str:
    """A field by its name: `agreed-action[0].due` → `Agreed action 1, due`."""
    plain = re.sub(r"\[(\d+)\]", lambda found: f" {int(found[1]) + 1}", _ID.sub("", name))
    return words.title(", ".join(part for part in re.split(r"[._]", plain) if part))


def signed_out(request: Request, kept: Typed) -> Response:
    """The session ended while somebody typed. They sign in beside it, and send it again."""
    advice = (
        "Nothing was sent. What you typed is still here, and nowhere else: do not close this tab.",
        "Sign in again in a new tab, come back to this one, and send it again.",
    )
    return _shown(request, 403, "You were signed out", advice, kept, sign_in=True)


async def signed_in_again(request: Request, kept: Typed) -> Response:
    """They have signed in since the form was loaded: it is theirs to send once they have looked at it."""
    person = await run_in_threadpool(sessions.find, request, request.app.state.runtime)
    request.state.person = person
    advice = ("Nothing was sent yet. What you typed is still here: look at it, then send it again.",)
    fresh = replace(kept, token=person.csrf) if person else kept
    return _shown(request, 403, "You have signed in again since you loaded this", advice, fresh, person=person)


def refused(request: Request, status: int, heading: str, advice: Sequence[str], kept: Typed) -> Response:
    """A form that was refused: what passes can be sent again, the rest can be copied."""
    passes = status in PASSES
    stays = "What you typed is still here." if passes else "What you typed is still here, so that you can copy it."
    return _shown(request, status, heading, (*advice, stays), kept, sends=passes)


def _shown(
    request: Request,
    status: int,
    heading: str,
    advice: Sequence[str],
    kept: Typed,
    *,
    person: Person | None = None,
    sign_in: bool = False,
    sends: bool = True,
) -> Response:
    return page(
        request.app.state.runtime.settings,
        "again.html",
        title=heading,
        status=status,
        person=getattr(request.state, "person", None),
        heading=heading,
        advice=tuple(one for one in advice if one),
        typed=kept,
        sends=sends,
        whose=person,
        sign_in=sign_in,
    )
