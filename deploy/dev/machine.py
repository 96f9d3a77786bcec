"""What a development machine offers: Debian packages as root, a container engine, a folder for services we start."""

import os
import pwd
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

APT = ["apt-get", "--quiet", "--quiet", "--option", "DPkg::Lock::Timeout=120"]


class CannotProvide(Exception):
    """A service is neither here nor could it be started; the sentence says why."""


def state_folder(service: str, *, user: str | None = None) -> Path:
    """Where a service of ours keeps its data and log: outside the checkout, which other users may not be able to read."""
    if is_root():
        base = Path("/var/lib/baton-dev")
    else:
        base = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "baton-dev"
    folder = base / service
    folder.mkdir(parents=True, exist_ok=True)
    if is_root() and user is not None:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    return folder


def is_root() -> bool:
    """Whether packages can be installed and other users be become."""
    return os.geteuid() == 0


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether anything answers there; asked before a client that would be slow or loud about a no."""
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True


def run(command: list[str], *, user: str | None = None, env: dict[str, str] | None = None, seconds: float = 120) -> str:
    """Run a program to its end, as another user where root may, and give what it printed.

    Raises:
        CannotProvide: it is not there, fails, or takes longer than `seconds`.
    """
    become = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user and is_root() else {}
    try:
        done = subprocess.run(
            command,
            **become,  # type: ignore[call-overload]
            env={**os.environ, **(env or {})},
            cwd="/",  # the checkout may be closed to the other user
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise CannotProvide(f"{command[0]} is not installed, or not for us to run") from error
    except subprocess.TimeoutExpired as error:
        raise CannotProvide(f"{command[0]} did not finish within {seconds:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise CannotProvide(f"{command[0]} failed: {_last_line(error.stderr or error.stdout)}") from error
    return str(done.stdout)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"


def can_install() -> bool:
    """Whether Debian packages can be installed here without asking anybody."""
    return is_root() and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """Install Debian packages.

    Raises:
        CannotProvide: not root, no apt, or the package cannot be had.
    """
    if not can_install():
        raise CannotProvide(f"installing {' '.join(packages)} takes root on Debian or Ubuntu")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    _refresh_package_lists()
    run([*APT, "install", "--yes", "--no-install-recommends", *packages], env=quiet, seconds=600)


@cache
def _refresh_package_lists() -> None:
    run([*APT, "update"], seconds=300)


@cache
def container_engine() -> str | None:
    """The name of a container engine that answers, or None; its client alone is not enough."""
    for engine in ("docker", "podman"):
        try:
            run([engine, "info"], seconds=10)
        except CannotProvide:
            continue
        return engine
    return None


def start_container(name: str, image: str, *, ports: dict[int, int], env: dict[str, str] | None = None) -> None:
    """Start a throw-away container whose ports ({ours: its}) are open on this machine only.

    Raises:
        CannotProvide: no engine answers, or it cannot have or start the image.
    """
    engine = container_engine()
    if engine is None:
        raise CannotProvide("no container engine answers")
    published = [f"--publish=127.0.0.1:{ours}:{theirs}" for ours, theirs in ports.items()]
    settings = [f"--env={key}={value}" for key, value in (env or {}).items()]
    run([engine, "run", "--detach", "--rm", f"--name={name}", *published, *settings, image], seconds=300)


def stop_container(name: str) -> None:
    """Stop a container started above; none of that name is fine."""
    engine = container_engine()
    if engine is not None and name in run([engine, "ps", "--format", "{{.Names}}"]).split():
        run([engine, "stop", name])
