"""What a running process holds: settings, store, policy, clock, bus, and the directory kept in memory until it changes."""

from sqlmodel import Session

from broker.bus.embedded import EmbeddedBus
from broker.bus.port import Bus
from broker.clock import Clock, utc_now
from broker.domain.world import Directory
from broker.policy.model import Policy, load
from broker.settings import Settings
from broker.storage import directory
from broker.storage.codec import PlainCodec
from broker.storage.store import Store, open_store
from broker.workflow.context import Context


class Runtime:
    """Made once at start by an entry point, and by tests with a clock of their own."""

    def __init__(self, settings: Settings, store: Store, policy: Policy, bus: Bus, clock: Clock = utc_now) -> None:
        """Nothing is opened here; see `start`."""
        self.settings = settings
        self.store = store
        self.policy = policy
        self.bus = bus
        self.now = clock
        self._directory: Directory | None = None

    def context(self, session: Session) -> Context:
        """The context of one step: the directory is read again when its revision has risen."""
        known = self._directory
        if known is None or known.version != directory.revision(session):
            known = self._directory = directory.load(session)
        return Context(
            codec=self.store.codec, directory=known, policy=self.policy, public_url=self.settings.public_url.rstrip("/")
        )


def start(settings: Settings, clock: Clock = utc_now) -> Runtime:
    """A runtime for these settings; Misconfigured when they cannot work."""
    codec = PlainCodec(settings.key())
    return Runtime(settings, open_store(settings.database_url, codec), load(settings.policy), EmbeddedBus(), clock)
