"""The system's Chromium for tests, found or put in by scripts/chromium.sh."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "chromium.sh"
REQUIRED = "OPEN_ANALYTIC_REQUIRE_BROWSER"
NAMED = "OPEN_ANALYTIC_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
HINT = "Run as root: scripts/chromium.sh install, or name one in OPEN_ANALYTIC_CHROMIUM."


def require() -> Path:
    """Its path; without one the test is skipped, or fails where a browser is required."""
    path, reason = _look(os.environ.get(NAMED))
    if path:
        return path
    if os.environ.get(REQUIRED):
        pytest.fail(f"CHROMIUM MISSING: {reason}", pytrace=False)
    pytest.skip(f"CHROMIUM MISSING: {reason}")


@cache
def _look(named: str | None) -> tuple[Path | None, str]:
    """The browser, or why there is none and the next step."""
    tried = [named] if named else NAMES
    path = next(filter(None, map(shutil.which, tried)), None)
    if not path:
        return None, f"none of {', '.join(tried)} is a program. {HINT}"
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
    if version.returncode:  # such as a stub that only says how to get the real one
        return None, f"{path} does not start: {version.stderr.strip() or version.returncode}. {HINT}"
    return Path(path), ""
