"""Where a team takes its messages by webhook; pushing them is `webhook`'s."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a team takes its messages, and what they are signed with."""

    team: str
    url: str
    secret: str = field(repr=False)
    """`whsec_…`, shared with the team."""
    earlier_secret: str | None = field(default=None, repr=False)
    """The one that `secret` replaces, while messages are signed with both."""
    signing_key: bytes | None = field(default=None, repr=False)
    """Ed25519 private key, 32 bytes; None for no `v1a` signature."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets that messages are signed with, the present one first."""
        return (self.secret,) if self.earlier_secret is None else (self.secret, self.earlier_secret)
