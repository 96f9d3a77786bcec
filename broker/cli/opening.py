"""Opening settings and the database for a command, with errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from broker.errors import Misconfigured
from broker.settings import Settings
from broker.storage import epochs, steps
from broker.storage.codec import Codec, Sealer
from broker.storage.store import Store, open_store


class KeylessCodec:
    """For commands that touch nothing sealed: asking it for anything is a refusal that names the missing key."""

    def seal(self, data: bytes, context: str) -> bytes:  # noqa: ARG002 - the protocol names them
        """Refuse."""
        raise Misconfigured(
            "BATON_SECRET_KEY is not set, and this needs it (beside a demonstration server, add --demo)."
        )

    def open(self, sealed: bytes, context: str) -> bytes:
        """Refuse."""
        return self.seal(sealed, context)

    def blind(self, *parts: str) -> str:
        """Refuse."""
        return self.seal(b"", parts[0]).decode()

    def key(self, purpose: str) -> bytes:
        """Refuse."""
        return self.seal(b"", purpose)

    def message(self, of: str, wrapped: bytes | None) -> Sealer:  # noqa: ARG002 - as above
        """Refuses when it is used."""
        return self

    def new_message(self, of: str) -> tuple[bytes, Sealer]:
        """Refuse."""
        return self.seal(b"", of), self

    def follow(self, epoch: int) -> None:
        """Nothing is sealed."""


def settings(*, demo: bool = False) -> Settings:
    """The settings; Misconfigured names the variable that is wrong."""
    try:
        read = Settings()
    except ValidationError as error:
        names = ", ".join(f"BATON_{str(fault['loc'][0]).upper()}" for fault in error.errors() if fault["loc"])
        raise Misconfigured(f"Not understood: {names}. `baton doctor` lists every setting with its meaning.") from error
    return read.model_copy(update={"demo": True}) if demo else read


@contextmanager
def database(read: Settings, *, keyless: bool = False) -> Iterator[Store]:
    """The database, migrated; closed afterwards. `keyless` commands work without the secret key."""
    codec: Codec = KeylessCodec() if keyless else epochs.codec_of(read)
    store = open_store(read.database_url, codec)
    try:
        _newest(store)
        if not keyless:
            store.read(lambda session: epochs.follow(session, codec))
        yield store
    finally:
        store.close()


@contextmanager
def as_it_is(read: Settings, codec: Codec | None = None) -> Iterator[Store]:
    """The database for a look at it: not migrated, without the secret key unless a codec is given; closed afterwards."""
    store = open_store(read.database_url, codec or KeylessCodec())
    try:
        yield store
    finally:
        store.close()


def _newest(store: Store) -> None:
    """Migrate unless the database is far enough already; the migration tool is loaded only when it is needed."""
    if not steps.is_enough(store.schema()):
        from broker.storage import migrate

        migrate.upgrade(store.engine)
