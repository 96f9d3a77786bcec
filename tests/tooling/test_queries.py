"""Every statement that goes to the driver as it is can be made for both databases; otherwise only its first use would tell."""

import pkgutil
from importlib import import_module

import pytest
from sqlalchemy.dialects import postgresql, sqlite

import broker
from broker.storage.prepared import Query

QUERIES = {
    f"{found.name}.{name}": value
    for found in pkgutil.walk_packages(broker.__path__, "broker.")
    if found.name.startswith(("broker.storage.", "broker.workflow."))
    and not found.name.startswith("broker.storage.migrations.")
    for name, value in vars(import_module(found.name)).items()
    if isinstance(value, Query)
}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("name", QUERIES)
def test_a_statement_can_be_made(name, dialect):
    assert QUERIES[name].made_for(dialect).text


def test_they_were_found():
    assert "broker.storage.sight._TOLD_OF" in QUERIES
