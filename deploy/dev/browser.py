"""A browser for tests: the one of the machine, else Debian's Chromium."""

import os
import shutil
from pathlib import Path

from deploy.dev import machine
from deploy.dev.machine import CannotProvide

SETTING = "BATON_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find() -> str | None:
    """The path of a Chromium or Chrome, or None. Changes nothing."""
    if named := os.environ.get(SETTING):
        return named if shutil.which(named) else None
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or (str(ON_MACOS) if ON_MACOS.exists() else None)


def start() -> str:
    """Install Chromium and give its path.

    Raises:
        CannotProvide: it can neither be found nor installed.
    """
    machine.install("chromium")
    path = find()
    if path is None:
        raise CannotProvide("chromium was installed and is not on PATH")
    return path


def stop() -> None:
    """A browser runs only while a test uses it."""


def arguments(profile: Path) -> list[str]:
    """Flags for a browser that tests drive: no window, its own empty profile, and no traffic of its own.

    The sandbox needs user namespaces, which root and most containers lack; pages come from this machine only.
    """
    return [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-domain-reliability",
        "--disable-extensions",
        "--disable-sync",
        "--metrics-recording-only",
        "--no-default-browser-check",
        "--no-first-run",
        "--no-pings",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        f"--user-data-dir={profile}",
    ]
