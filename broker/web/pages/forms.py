"""What a page's form brings: one value a name, stripped, and proof that it came from a page of ours."""

import hmac
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from broker.errors import Forbidden, Unreadable
from broker.web.documented import FORM
from broker.web.guard import media_type
from broker.web.pages.again import MOST_FIELDS
from broker.web.pages.sessions import SignedInPerson

_OURS: Final = ("same-origin", "none")


class OfAnotherSignIn(Forbidden):
    """A form whose token is not that of the session."""


class Form:
    """The fields of a form. Names that were not sent, and empty ones, read as ''."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        """`pairs` as they came."""
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value.replace("\r\n", "\n").strip())

    def one(self, name: str) -> str:
        """The value, stripped; the first when there are several."""
        return self._values.get(name, [""])[0]

    def given(self, name: str) -> str | None:
        """The same, None when it is empty."""
        return self.one(name) or None

    def every(self, name: str) -> list[str]:
        """All values that are not empty, in their order."""
        return [value for value in self._values.get(name, ()) if value]

    def pairs(self, *, but: str) -> list[tuple[str, str]]:
        """Everything that is not empty, without one name: to be sent on by the next page."""
        return [(name, value) for name in self._values if name != but for value in self.every(name)]


async def body_of(request: Request) -> Form:
    """The fields of a form of ours. Forbidden when a browser says that another site sent it."""
    if request.headers.get("sec-fetch-site", "none") not in _OURS:
        raise Forbidden("This form was sent from another site.")
    if media_type(request.headers.get("content-type", "")) != FORM:
        raise Unreadable("This is not a form of a page.")
    try:
        text = (await request.body()).decode()
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Unreadable("The form could not be read.") from error


def form(fields: Annotated[Form, Depends(body_of)], person: SignedInPerson) -> Form:
    """A dependency: the fields, with the session's own token among them."""
    if not hmac.compare_digest(fields.one("csrf").encode(), person.csrf.encode()):
        raise OfAnotherSignIn("This form is of an earlier sign-in, and nothing was sent.")
    return fields


Fields = Annotated[Form, Depends(form)]
