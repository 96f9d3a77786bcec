"""The bill of materials of a release lists what is pinned, each file by its hashes, or is not written."""

import json

import pytest

from deploy.dev import sbom
from deploy.dev.machine import CannotProvide

PINS = "\n".join(f"{name}=={version}" for name, version in sorted(sbom.pinned(sbom.PINS.read_text())))


def _bill(pins):
    return {
        "bomFormat": "CycloneDX",
        "components": [
            {"name": name, "version": version, "externalReferences": [{"hashes": [{"alg": "SHA-256", "content": "0"}]}]}
            for name, version in sbom.pinned(pins)
        ],
    }


def _without_hashes(bill):
    first, *others = bill["components"]
    return {"components": [{**first, "externalReferences": [{"url": "https://example.org"}]}, *others]}


def test_extras_and_markers_are_no_part_of_a_pin():
    pins = (
        "psycopg[binary]==3.3.1 \\\n    --hash=sha256:00\nuvloop==0.22.1 ; sys_platform != 'win32' \\\n    # via x==1\n"
    )
    assert sbom.pinned(pins) == {("psycopg", "3.3.1"), ("uvloop", "0.22.1")}
    assert len(sbom.pinned(sbom.PINS.read_text())) > 50


def test_what_is_written_lists_what_is_pinned(tmp_path, monkeypatch):
    bill = json.dumps(_bill(PINS))
    monkeypatch.setattr(sbom, "_written_by_the_tool", lambda: bill)
    sbom.main(tmp_path / "new" / "sbom.json")
    assert (tmp_path / "new" / "sbom.json").read_text() == bill


@pytest.mark.parametrize(
    "bill",
    [_bill(PINS.partition("\n")[2]), _bill(f"{PINS}\nanother==1.0"), _without_hashes(_bill(PINS))],
    ids=["one missing", "one too many", "one without hashes"],
)
def test_another_bill_is_not_written(tmp_path, monkeypatch, bill):
    monkeypatch.setattr(sbom, "_written_by_the_tool", lambda: json.dumps(bill))
    with pytest.raises(CannotProvide, match="does not list"):
        sbom.main(tmp_path / "sbom.json")
    assert not (tmp_path / "sbom.json").exists()
