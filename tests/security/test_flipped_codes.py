"""A bit flipped in what stands in plain: of every code it makes none, and what is none is named, as is a reference to nothing (docs/encryption.md)."""

from itertools import combinations

import pytest
import sqlalchemy as sa

from broker.storage import payload_check, row_check
from broker.storage.tables import metadata
from tests.contract.calling import message

CODED = [
    (column, column.type.enums)
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, sa.Enum)
]


def test_no_code_is_one_bit_from_another():
    assert len(CODED) > 20
    for column, codes in CODED:
        for one, other in combinations(codes, 2):
            assert bits_between(one, other) != 1, (column.table.name, column.name, one, other)


def bits_between(one: str, other: str) -> int:
    """How many bits differ; of texts of two lengths more than one, for no flipped bit adds a letter."""
    if len(one) != len(other):
        return 8
    return sum((a ^ b).bit_count() for a, b in zip(one.encode(), other.encode(), strict=True))


def test_what_was_stored_has_no_stray(either_broker):
    assert either_broker.post(message("birth")).status_code == 200
    assert either_broker.runtime.store.read(lambda session: list(row_check.strays(session))) == []


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("delivery", "view"),
        ("delivery", "state"),
        ("delivery", "team_id"),
        ("task", "status"),
        ("task", "notification_id"),
    ],
)
def test_what_is_none_is_named_with_its_row(either_broker, name, column):
    assert either_broker.post(message("birth")).status_code == 200
    store, table = either_broker.runtime.store, metadata.tables[name]
    with store.engine.connect() as connection:
        past_every_constraint(connection, name)
        id_ = connection.execute(sa.select(table.c.id).where(table.c[column].is_not(None)).limit(1)).scalar_one()
        connection.execute(sa.text(f"UPDATE {name} SET {column} = 'x' WHERE id = :id"), {"id": id_})
        connection.commit()
    found = store.read(lambda session: payload_check.check(session, store.codec))
    assert [(one.table, one.id, one.column) for one in found.spoilt] == [(name, id_, column)]


def past_every_constraint(connection, name):
    """What the disk does without asking, and else only the owner of the tables can."""
    if connection.dialect.name == "sqlite":
        for pragma in ("foreign_keys=OFF", "ignore_check_constraints=ON"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        return
    held = "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass) AND contype IN ('c', 'f')"
    for constraint in connection.execute(sa.text(held), {"name": name}).scalars().all():
        connection.execute(sa.text(f'ALTER TABLE {name} DROP CONSTRAINT "{constraint}"'))
