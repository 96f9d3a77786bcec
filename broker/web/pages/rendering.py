"""Pages as HTML: the template environment, the frame round every page, and the headers that keep a browser from more than it needs."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from fastapi.responses import HTMLResponse

from broker.settings import Settings
from broker.web.pages import assets, words
from broker.web.pages.fields import grouped
from broker.web.pages.seats import Person

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: Final = Path(__file__).parent / "templates"
LIVE: Final = "/app/live"
NOTHING_OUTSIDE: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-{nonce}'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of the frame; `here` marks the page that is shown."""

    words: str
    href: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands round every page."""

    title: str
    nonce: str
    service: str
    organisation: str
    """Who runs it, and whom to ask; '' where the settings do not say."""
    contact: str
    person: Person | None
    links: tuple[Link, ...]
    assets: Mapping[str, str]
    live: str
    """Where the page is told what happens while it is open; '' where nobody acts for a team."""
    idle_seconds: int
    """After so long without a step the person is signed out; 0 where nobody is signed in."""


def page(
    settings: Settings,
    template: str,
    *,
    title: str,
    person: Person | None = None,
    here: str = "",
    live: str = LIVE,
    status: int = 200,
    **view: object,
) -> HTMLResponse:
    """A page made of a template and its view. `title` never holds personal data: it stands in histories and on shared screens."""
    nonce = secrets.token_urlsafe(16)
    frame = Frame(
        title=title,
        nonce=nonce,
        service=settings.service_name,
        organisation=settings.organisation,
        contact=settings.contact,
        person=person,
        links=_links(person, here),
        assets=assets.ADDRESSES,
        live=live if person is not None and person.seat.team is not None else "",
        idle_seconds=person.idle_seconds if person else 0,
    )
    body = environment().get_template(template).render(frame=frame, **view)
    return HTMLResponse(
        body, status_code=status, headers={"Content-Security-Policy": NOTHING_OUTSIDE.format(nonce=nonce)}
    )


def live_of(task_id: str, version: int, parts: Iterable[tuple[str, int]] = ()) -> str:
    """Where a page about a task, and these parts of it, is told what becomes of them after those versions."""
    watched = ((task_id, version), *parts)
    return f"{LIVE}?{urlencode([pair for id_, at in watched for pair in (('task', id_), ('version', at))])}"


def _links(person: Person | None, here: str) -> tuple[Link, ...]:
    if person is None:
        return ()
    places = person.places()
    return tuple(Link(words=said, href=f"/app/{place}", here=place == here) for place, said in places)


@cache
def environment() -> "Environment":
    """Our templates, in which whatever is not defined raises; the design system's macros, which need the lenient kind, in one of their own."""
    # Imported when the first page is asked for: systems that only exchange messages need not wait for it at start.
    from jinja2 import (
        BaseLoader,
        ChainableUndefined,
        Environment,
        FileSystemLoader,
        PackageLoader,
        StrictUndefined,
        Template,
    )

    lenient = Environment(
        loader=PackageLoader("nhsuk_frontend_jinja"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    class Both(BaseLoader):
        """Our templates by name, and the design system's under `nhsuk/`."""

        ours = FileSystemLoader(TEMPLATES)

        def load(self, environment: Environment, name: str, globals: Any = None) -> Template:  # noqa: A002, ANN401 - as Jinja calls it
            if name.startswith("nhsuk/"):
                return lenient.get_template(name)
            return self.ours.load(environment, name, globals)

    made = Environment(
        loader=Both(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "day": words.day,
        "moment": words.moment,
        "exact": words.exact,
        "span": words.span,
        "plain": words.plain,
        "title": words.title,
        "groupby_kept": grouped,
    }
    made.globals["new_id"] = lambda: str(uuid4())
    return made
