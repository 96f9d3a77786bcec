"""Makes .venv from the hashed pins with plain pip and puts the `baton` command into it; does nothing when nothing changed.

Runs under the machine's own Python, before anything is installed: standard library only.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path
from venv import EnvBuilder

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]


def main() -> int:
    """Bring .venv up to the named pins; the answer is the exit code."""
    wanted = _arguments()
    try:
        make_venv(rebuild_for_other_python=wanted.chosen)
        install_pins(wanted.pins)
        install_project()
        compile_code()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Set-up stopped: {_sentence(error)}\n")
        return 1
    return 0


def _sentence(error: subprocess.CalledProcessError) -> str:
    if "ensurepip" in error.cmd:
        return "this Python cannot make virtual environments; on Debian or Ubuntu, apt install python3-venv."
    return "pip could not install what is pinned; its reason stands above."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bring .venv up to the hashed pins.")
    parser.add_argument("pins", choices=("runtime", "dev"), help="what to run, or what to check and test as well")
    parser.add_argument("--chosen", action="store_true", help="somebody chose this Python: remake a .venv of another")
    return parser.parse_args()


def make_venv(*, rebuild_for_other_python: bool) -> None:
    """Make .venv unless a working one is there; one of another Python goes only when somebody chose this one."""
    usable = PYTHON.exists() and (VENV / "bin" / "pip").exists()
    if usable and not (rebuild_for_other_python and _version_of_venv() != sys.version_info[:2]):
        return
    say(f"making .venv with Python {sys.version_info.major}.{sys.version_info.minor}")
    EnvBuilder(with_pip=True, clear=VENV.exists(), symlinks=True).create(VENV)


def _version_of_venv() -> tuple[int, ...]:
    lines = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    version = next(line.split("=")[1].strip() for line in lines if line.startswith("version"))
    return tuple(int(part) for part in version.split(".")[:2])


def install_pins(pins: str) -> None:
    """Install requirements/{pins}.txt, every file by its hash, wheels only: a source build would fetch unpinned tools."""
    contained = ["dev", "runtime"] if pins == "dev" else ["runtime"]  # dev.txt holds runtime.txt in the same versions
    if all(_is_current(name, _digest_of_pins(name)) for name in contained):
        return
    say(f"installing the {pins} pins into .venv (about a minute the first time)")
    _pip("--no-compile", "--require-hashes", "--only-binary", ":all:", "--requirement", f"requirements/{pins}.txt")
    _compile("-qq", "-j", "0", str(VENV / "lib"))  # pip would do it on one processor
    for name in contained:
        _stamp(name).write_text(_digest_of_pins(name), encoding="utf-8")


def install_project() -> None:
    """Write .venv/bin/baton, which runs this checkout; again when pyproject.toml or the checkout's place changed."""
    digest = _digest(ROOT / "pyproject.toml")
    if _is_current("project", digest) and (VENV / "bin" / "baton").exists():
        return
    _pip("--no-deps", "--no-build-isolation", "--editable", ".")
    _stamp("project").write_text(digest, encoding="utf-8")


def compile_code(folder: Path = ROOT, python: Path = PYTHON) -> None:
    """Keep what a command imports as bytecode too, which takes a moment after a change: where PYTHONDONTWRITEBYTECODE is set, every start would compile it, a third of a second each."""
    _compile("-q", "schemas", "adapters", "broker", folder=folder, python=python)


def _compile(*arguments: str, folder: Path = ROOT, python: Path = PYTHON) -> None:
    subprocess.run([str(python), "-m", "compileall", *arguments], cwd=folder, check=False, stdin=subprocess.DEVNULL)


def _digest_of_pins(pins: str) -> str:
    return _digest(ROOT / "requirements" / f"{pins}.txt")


def _digest(file: Path) -> str:
    return hashlib.sha256(f"{ROOT}\n".encode() + file.read_bytes()).hexdigest()


def _stamp(name: str) -> Path:
    return VENV / f".baton-{name}"


def _is_current(name: str, digest: str) -> bool:
    return _stamp(name).exists() and _stamp(name).read_text(encoding="utf-8") == digest


def _pip(*arguments: str) -> None:
    subprocess.run([*PIP, *arguments], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


def say(sentence: str) -> None:
    """One line of progress, apart from the output proper."""
    sys.stderr.write(f"set-up: {sentence}\n")


if __name__ == "__main__":
    sys.exit(main())
