"""Every statement that storage keeps is one that both drivers take: what SQLAlchemy adds by itself would be seen only when it is first run."""

import importlib
import pkgutil

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from broker import storage
from broker.storage.prepared import Query

KEPT = {
    f"{module.name}.{name}": kept
    for module in pkgutil.iter_modules(storage.__path__)
    for name, kept in vars(importlib.import_module(f"{storage.__name__}.{module.name}")).items()
    if isinstance(kept, Query)
}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.psycopg.dialect()], ids=["sqlite", "postgres"])
def test_every_statement_can_be_written_for(dialect):
    assert len(KEPT) > 40
    for name, kept in KEPT.items():
        assert kept.made_for(dialect).text, name
