"""The newest signed head of the audit as every agency gets it with its receipts: text of one line, from which it can be kept and checked."""

import base64
import binascii
import re
from datetime import datetime
from time import monotonic
from typing import Final

from sqlmodel import Session

from broker.domain.sealing import Head, instant
from broker.storage import audit_log

NAME: Final = "baton-audit-head"
"""Of the header, over HTTP and AMQP alike."""
EVERY_SECONDS: Final = 1.0
"""Heads are signed about once a second; all receipts of that second carry the same."""

_FORM: Final = re.compile(
    r'number=(?P<number>\d{1,18}), size=(?P<size>\d{1,18}), root=:(?P<root>[A-Za-z0-9+/=]{1,64}):, at="(?P<at>[0-9TZ:.-]{1,40})", '
    r'complete=\?(?P<complete>[01]), key="(?P<key>[0-9a-f]{1,64})", signature=:(?P<signature>[A-Za-z0-9+/=]{1,128}):'
)


def written(head: Head) -> str:
    """As a dictionary of structured fields (RFC 9651). Without the peaks: the signature is over none."""
    root, signature = (base64.b64encode(value).decode() for value in (head.root, head.signature))
    return (
        f'number={head.number}, size={head.size}, root=:{root}:, at="{instant(head.at)}", '
        f'complete=?{int(head.complete)}, key="{head.key}", signature=:{signature}:'
    )


def read(text: str) -> Head | None:
    """What `written` wrote; None when it is nothing of the kind."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return Head(
            number=int(found["number"]),
            size=int(found["size"]),
            root=base64.b64decode(found["root"], validate=True),
            at=datetime.fromisoformat(found["at"]),
            complete=found["complete"] == "1",
            key=found["key"],
            signature=base64.b64decode(found["signature"], validate=True),
        )
    except (ValueError, binascii.Error):
        return None


class Newest:
    """What one process knows of it; at most a second and one look old."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.text = ""
        self._looked = -EVERY_SECONDS

    @property
    def due(self) -> bool:
        """Whether another look is due."""
        return monotonic() - self._looked >= EVERY_SECONDS

    def look(self, session: Session) -> str:
        """The newest head; empty while there is none."""
        if self.due:
            self._looked = monotonic()
            head = audit_log.last_head(session)
            self.text = "" if head is None else written(head)
        return self.text

    @property
    def headers(self) -> dict[str, str]:
        """The header with it, where there is one."""
        return {NAME: self.text} if self.text else {}
