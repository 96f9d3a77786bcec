"""How a team's MESH mailbox is written as its channel's address; what is pushed there is `mesh`'s, which needs NHS England's client."""

import re
from typing import Final

SCHEME: Final = "mesh:"
_MAILBOX: Final = re.compile(r"[A-Z0-9]{6,12}")


def problem(url: str) -> str | None:
    """Why an address cannot be told by MESH, as words for people; None when its form is fine."""
    if not url.startswith(SCHEME):
        return "must begin with mesh:"
    if not _MAILBOX.fullmatch(mailbox(url)):
        return "is not a MESH mailbox, six to twelve capital letters and digits"
    return None


def mailbox(url: str) -> str:
    """The mailbox's id."""
    return url.removeprefix(SCHEME)
