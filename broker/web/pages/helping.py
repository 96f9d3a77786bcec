"""Help and the accessibility statement: for everybody, signed in or not."""

from fastapi import Request, Response

from broker.web.deps import Running
from broker.web.pages import sessions
from broker.web.pages.help_words import STATES
from broker.web.pages.rendering import page
from broker.web.pages.routing import pages

router = pages()


@router.get("/help")
def help_(request: Request, running: Running) -> Response:
    """What each state means, in plain words."""
    return page(
        running.settings,
        "help.html",
        title="Help",
        person=sessions.find(request, running),
        here="help",
        states=STATES,
    )


@router.get("/accessibility")
def accessibility(request: Request, running: Running) -> Response:
    """What works for whom, and what was checked."""
    return page(
        running.settings,
        "accessibility.html",
        title="Accessibility statement",
        person=sessions.find(request, running),
    )
