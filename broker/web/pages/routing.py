"""Routes of pages: an error is a page too, and whoever is not signed in is asked to."""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from broker import errors, log
from broker.web import outcomes
from broker.web.pages import again, sessions
from broker.web.pages.again import Typed
from broker.web.pages.forms import OfAnotherSignIn
from broker.web.pages.rendering import page
from broker.web.pages.sessions import SignInNeeded

_SAID: Final[dict[int, tuple[str, str]]] = {
    400: ("This could not be read", "Go back, load the page again and send it once more."),
    403: (
        "You cannot do this from here",
        "Go back and try again. If you are of several teams, change the one that you act for at the top of the page.",
    ),
    404: (
        "Page not found",
        "There is nothing at this address for the team that you act for. It may belong to another team, or the address may be incomplete.",
    ),
    409: (
        "This is no longer possible",
        "Somebody was quicker, or it has ended. Go back and load the page again to see how it stands now.",
    ),
    413: ("This is too long", "Go back and send less."),
    429: (
        "Too many pages at once",
        "Wait a few seconds and load the page again. If it is urgent, telephone.",
    ),
    503: (
        "Baton cannot do this just now",
        "Nothing was kept. Wait a minute and try again. If it is urgent, telephone.",
    ),
    500: (
        "Something went wrong",
        "It has been written down for those who look after Baton. Go back and try again. If it is urgent, telephone.",
    ),
}
"""What an error page says: its heading, and what to do."""


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors answered as pages."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded:
                kept = await again.typed(request)
                return again.signed_out(request, kept) if kept else _to_sign_in(request)
            except OfAnotherSignIn as error:
                kept = await again.typed(request)
                return await again.signed_in_again(request, kept) if kept else error_page(request, 403, error)
            except RequestValidationError:  # an address that no page has
                return error_page(request, 404)
            except tuple(outcomes.STATUS) as error:
                status, _ = next(outcomes.STATUS[kind] for kind in type(error).__mro__ if kind in outcomes.STATUS)
                await outcomes.refused(request, status)
                answer = error_page(request, status, error, await again.typed(request))
                answer.headers.update(outcomes.waiting(error))
                return answer
            except Exception as error:  # noqa: BLE001 - a page says that it is our fault, and the log says by type and place which
                log.get(__name__).error("unexpected", error=error)
                return error_page(request, 500, None, await again.typed(request))

        return handled


def pages() -> APIRouter:
    """A router for a family of pages: not among the calls that are described for systems."""
    return APIRouter(prefix="/app", route_class=PageRoute, include_in_schema=False)


def error_page(request: Request, status: int, error: Exception | None = None, kept: Typed | None = None) -> Response:
    """What happened and what to do. Of our own refusals the sentence is shown: it never holds a value. `kept`: the form that was refused."""
    heading, advice = _SAID.get(status, _SAID[400])
    said = str(error) if isinstance(error, errors.Forbidden | errors.Conflict | errors.Stale) else ""
    if kept is not None:
        return again.refused(request, status, heading, (said, advice), kept)
    return page(
        request.app.state.runtime.settings,
        "error.html",
        title=heading,
        status=status,
        person=getattr(request.state, "person", None),
        heading=heading,
        advice=advice,
        said=said,
    )


def see(address: str) -> RedirectResponse:
    """After a form: a page that may be loaded again without sending the form again."""
    return RedirectResponse(address, status_code=303)


def _to_sign_in(request: Request) -> Response:
    """Back to where they were after signing in, when that is a page that can be loaded."""
    there = request.url.path if request.method == "GET" else ""
    had_one = sessions.cookie_name(request.app.state.runtime.settings) in request.cookies
    asked = {**({"to": there} if there not in ("", "/app") else {}), **({"ended": "1"} if had_one else {})}
    return see("/app/sign-in" + (f"?{urlencode(asked)}" if asked else ""))
