from pathlib import Path
from tests.contract.calling import *
from broker.storage.tables import *


def test_x(shared_broker):
    for root in ("/work/shared/samples", "/work/main/tests/samples"):
        for p in sorted(Path(root).rglob("*")):
            if p.suffix in (".md",) or not p.is_file():
                continue
            raw = p.read_bytes()
            before = shared_broker.ids(Notification)
            r = shared_broker.post(raw)
            new = shared_broker.ids(Notification) - before
            iss = [(i["code"], i.get("expression"), i["diagnostics"]) for i in (r.json().get("issue") or [])]
            print("HAND", r.status_code, len(new), len(raw), p.relative_to(root), len(iss), iss[:2])
