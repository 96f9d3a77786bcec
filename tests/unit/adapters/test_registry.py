import re

from adapters.registry import ADAPTERS, PLANNED


def test_every_kind_of_the_contract_is_read_or_planned():
    assert ADAPTERS.keys() | PLANNED.keys() == {"midwifery", "health-visiting", "gp", "cmht", "probation"}
    assert not ADAPTERS.keys() & PLANNED.keys()


def test_adapters_are_registered_under_their_own_kind():
    assert all(adapter.kind == kind for kind, adapter in ADAPTERS.items())


def test_what_is_planned_is_said_in_one_sentence():
    assert all(re.fullmatch(r"[A-Z][^.!?]+\.", sentence) for sentence in PLANNED.values())
