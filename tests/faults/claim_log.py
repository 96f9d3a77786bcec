"""Every claim of a delivery with its time, noted by a trigger in the test's own database: the product keeps no such thing, and knows nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from tests.faults.town import LEASE_SECONDS, Town

_LOG = """
CREATE TABLE claim_log (at timestamptz NOT NULL, lease_until timestamptz NOT NULL, lease_before timestamptz);
CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO claim_log VALUES (clock_timestamp(), NEW.lease_until, CASE WHEN OLD.state = 'sending' THEN OLD.lease_until END);
    RETURN NULL;
END $$;
CREATE TRIGGER note_claim AFTER UPDATE ON delivery FOR EACH ROW
    WHEN (NEW.state = 'sending' AND NEW.lease_until IS DISTINCT FROM OLD.lease_until) EXECUTE FUNCTION note_claim();
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim."""

    at: datetime
    lease_until: datetime
    lease_before: datetime | None
    """When the lease ended that somebody else had left on it; None where nobody had."""

    @property
    def after(self) -> timedelta:
        """How long after the end of the lease that was left on it; of none, nothing."""
        return self.at - (self.lease_before or self.at)


@contextmanager
def noted(town: Town) -> Iterator[list[Claim]]:
    """All claims while the block runs, there when it is left."""
    claims: list[Claim] = []
    with psycopg.connect(town.database_url, autocommit=True) as connection:
        connection.execute(_LOG)
        yield claims
        found = connection.execute("SELECT at, lease_until, lease_before FROM claim_log ORDER BY at")
        claims.extend(Claim(*row) for row in found)


def left_behind(claims: list[Claim]) -> list[Claim]:
    """Those of what somebody had let go without a word. Fails where a lease was too long, or was not over yet."""
    lease = timedelta(seconds=LEASE_SECONDS)
    assert not [one for one in claims if one.lease_until > one.at + lease]
    again = [one for one in claims if one.lease_before is not None]
    assert not [one for one in again if one.after < timedelta()]
    return again
