"""The signed head of the audit that every agency gets with its receipts: text of one line, from which it can be kept and checked."""

import base64
import binascii
import re
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from sqlmodel import Session

from broker.clock import Clock
from broker.domain.sealing import Head, instant
from broker.storage import audit_log

NAME: Final = "baton-audit-head"
"""Of the header, over HTTP and AMQP alike."""
PERIOD: Final = timedelta(hours=1)
"""All receipts of an hour carry the same head. A head says how many entries there are: by the newest a sender would count how many were told."""
EVERY_SECONDS: Final = 1.0
"""Between two looks for it."""

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
    """What one process knows of it: the last head of before this hour, in the very first hour the first."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is known yet."""
        self.text = ""
        self._clock = clock
        self._since: datetime | None = None
        self._looked = -EVERY_SECONDS

    @property
    def due(self) -> bool:
        """Whether another look is due."""
        return (not self.text or self._since != self._hour()) and monotonic() - self._looked >= EVERY_SECONDS

    def look(self, session: Session) -> str:
        """The head; empty while there is none."""
        if self.due:
            self._looked, self._since = monotonic(), self._hour()
            head = audit_log.head_before(session, self._since)
            self.text = "" if head is None else written(head)
        return self.text

    def _hour(self) -> datetime:
        return self._clock().replace(minute=0, second=0, microsecond=0)

    @property
    def headers(self) -> dict[str, str]:
        """The header with it, where there is one."""
        return {NAME: self.text} if self.text else {}
