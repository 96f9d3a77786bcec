import subprocess
import sys

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


def test_an_adapter_is_imported_when_it_is_asked_for():
    program = "import sys; from adapters.registry import ADAPTERS; 'gp' in ADAPTERS; ADAPTERS['gp']; print('adapters.gp' in sys.modules, 'adapters.midwifery' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == ["True", "False"]
