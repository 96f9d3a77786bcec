import gc

import pytest

from broker import collector


@pytest.fixture(autouse=True)
def as_before():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_looks_less_often_than_python_has_it():
    gc.set_threshold(700, 10, 10)
    collector.calm()
    assert gc.get_threshold()[0] == collector.OBJECTS_BETWEEN_COLLECTIONS


def test_what_is_there_is_spared_once():
    collector.spare_what_is_there()
    spared = gc.get_freeze_count()
    kept: list[list[int]] = [[] for _ in range(100)]
    collector.spare_what_is_there()
    assert 0 < gc.get_freeze_count() <= spared
    assert kept


def test_while_it_rests_it_does_not_look_and_afterwards_it_does():
    assert gc.isenabled()
    with collector.resting():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_after_a_failure_it_looks_again():
    with pytest.raises(ZeroDivisionError), collector.resting():
        _ = 1 / 0
    assert gc.isenabled()


def test_who_had_it_off_has_it_off_afterwards():
    gc.disable()
    try:
        with collector.resting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
