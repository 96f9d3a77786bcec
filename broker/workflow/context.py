"""What every step needs besides its own values: the codec, the directory and the policy in force."""

from dataclasses import dataclass

from broker.domain.world import Directory
from broker.policy.model import Policy
from broker.storage.codec import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A snapshot taken when a step begins."""

    codec: Codec
    directory: Directory
    policy: Policy
    pushed: frozenset[str] | None = None
    """Teams that are told by more than their mailbox, as of the directory's version; None: not looked up."""
    native: frozenset[str] = frozenset()
    """Teams whose messages are written in their agency's own format, as of the same version."""
    public_url: str
    """Address of this broker, for MessageHeader.source and absolute links; without a trailing slash."""
