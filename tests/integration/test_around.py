"""The world of one message, cut out of that of many, is the world that would have been read for it alone."""

from random import Random

import pytest
from sqlmodel import select

from broker.domain.around import around
from broker.storage.tables import Person
from broker.storage.world import load_world
from tests.integration.stored_town import found
from tests.town_life import any_message


@pytest.mark.parametrize("seed", range(6))
def test_a_world_cut_out_is_the_world_read(store, seed):
    chance = Random(seed)
    town = found(store)
    for _ in range(25):
        said, by = any_message(chance, faithful=True)
        town.send(said, by)
    everybody = store.read(lambda session: session.exec(select(Person.id)).all())
    whole = store.read(lambda session: load_world(session, store.codec, everybody))
    assert len(whole.people) > 3  # there is something to cut from
    for _ in range(20):
        some = chance.sample(everybody, chance.randint(0, min(3, len(everybody))))
        alone = store.read(lambda session, ids=some: load_world(session, store.codec, ids))
        assert around(whole, some) == alone


def test_of_nobody_there_is_no_world(store):
    found(store)
    assert around(store.read(lambda session: load_world(session, store.codec, [])), []).people == {}
