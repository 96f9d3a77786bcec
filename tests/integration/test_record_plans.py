"""On SQLite, too, what was told before is found by the index of identities: it is asked with every message about a record."""

from contextlib import closing
from shutil import copy

import pytest
from sqlalchemy import event

from broker.storage import notifications
from broker.storage.codec import AesCodec
from broker.storage.store import open_store
from tests.conftest import SECRET

QUERIES = {
    "an identity": lambda session: notifications.earlier(session, "team", "id"),
    "a record": lambda session: notifications.of_record(session, "team", "0" * 32),
    "its withdrawals": lambda session: notifications.withdrawals_of_record(session, "team", "0" * 32),
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_index_of_identities_is_used(name, sqlite_template, tmp_path):
    copy(sqlite_template, tmp_path / "baton.db")
    with closing(open_store(f"sqlite:///{tmp_path}/baton.db", AesCodec(SECRET))) as store:
        asked = []
        event.listen(store.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        store.read(QUERIES[name])
        statement, values = next(one for one in asked if "FROM notification" in one[0])

        def plan(session):
            return session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()

        told = " ".join(str(row[3]) for row in store.read(plan))
    assert "USING INDEX uq_notification_identity" in told
