from adapters.registry import ADAPTERS


def test_every_kind_of_the_contract_is_read():
    assert ADAPTERS.keys() == {
        "midwifery",
        "health-visiting",
        "gp",
        "cmht",
        "probation",
        "childrens-social-care",
    }


def test_adapters_are_registered_under_their_own_kind():
    assert all(adapter.kind == kind for kind, adapter in ADAPTERS.items())
