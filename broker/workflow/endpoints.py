"""Where a team's webhook is and what messages to it are signed with at a moment, opened from what is stored."""

from datetime import datetime

from adapters.channels.endpoint import Endpoint
from broker.storage import channels
from broker.storage.channels import Secrets
from broker.storage.codec import Codec

NONE = Secrets("")
"""A webhook without a secret: the channel refuses to send unsigned."""


def endpoint(codec: Codec, team_id: str, url: str | None, sealed: bytes | None, now: datetime) -> Endpoint:
    """`sealed` is the stored secret."""
    found = NONE if sealed is None else channels.secrets(codec, team_id, sealed).at(now)
    return Endpoint(
        team=team_id,
        url=url or "",
        secret=found.present,
        earlier_secret=found.earlier,
        signing_key=channels.signing_key(codec, team_id),
    )
