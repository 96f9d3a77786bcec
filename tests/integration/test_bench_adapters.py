"""What `baton bench adapters` times: samples by adapter and format, and none that is not read."""

import json

import pytest

from adapters.registry import ADAPTERS
from broker.cli import bench
from broker.cli.bench_adapters import SAMPLES, measure, plain, told
from broker.errors import BatonError

PROBATION = {"probation": ADAPTERS["probation"]}


def test_it_times_what_each_adapter_reads_of_each_format():
    steps = []
    [timed] = measure(SAMPLES, PROBATION, 1, lambda *step: steps.append(step))
    assert (timed.adapter, timed.format) == ("probation", "hmpps")
    assert 0 < timed.files < len(list((SAMPLES / "hmpps").iterdir()))  # the templates are not read
    assert 0 < timed.median <= timed.slowest
    assert steps == [(1, 1, "probation")]
    assert plain([timed])[0]["slowest_file"] in told([timed])


def test_the_command_takes_other_samples_and_says_so_when_there_are_none(tmp_path, capsys):
    with pytest.raises(BatonError, match="There are no samples"):
        bench.adapters(samples=tmp_path)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "one.json").write_bytes((SAMPLES / "hmpps" / "prisoner-died.json").read_bytes())
    (tmp_path / "ours" / "notes.txt").write_text("no sample")
    bench.adapters(samples=tmp_path, rounds=2, as_json=True)
    assert [(row["adapter"], row["files"]) for row in json.loads(capsys.readouterr().out)] == [("probation", 1)]
