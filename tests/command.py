"""The `baton` command as a person types it, run in this process: starting one takes seconds, and a test of `test_cli` shows that it starts."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from broker.cli import main


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """Runs the command in a folder, with no settings of Baton's but those it is given."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str, code: int = 0, **settings: str) -> str:
        """Standard output, or standard error when it is to fail."""
        said = self.run(*words, **settings)
        assert said.code == code, said
        return said.err if code else said.out

    def run(self, *words: str, **settings: str) -> Said:
        """However it ends; an exception that is no exit is one of the test."""
        self.capture.readouterr()
        with _as_typed(self.folder, words, settings), pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        return Said(int(ended.value.code or 0), out, err)


@contextmanager
def _as_typed(folder: Path, words: tuple[str, ...], settings: dict[str, str]) -> Iterator[None]:
    """What a shell would set, and what a command configures for its whole process, put back behind it."""
    before = structlog.get_config()
    with pytest.MonkeyPatch.context() as during:
        during.chdir(folder)
        during.setattr(sys, "argv", ["baton", *words])
        for name in [name for name in os.environ if name.startswith("BATON_")]:
            during.delenv(name)
        for name, value in settings.items():
            during.setenv(name, value)
        try:
            yield
        finally:
            structlog.configure(**before)
