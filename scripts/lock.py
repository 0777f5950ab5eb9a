"""Write requirements-ci.lock: each distribution that pip chooses today, its version and the hash of its file.

The hash is that of the one file for this Python and this platform, so the lock holds for CI's, CPython 3.11 on Linux.
"""

import json
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = ("hatchling", "editables")  # what makes our own package, without a network
HEAD = """\
# What CI installs, for CPython {python} on {platform}. Made by `make lock`; `make test-newest` tests newer versions.
"""


def main() -> None:
    """Ask pip what it would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    result = subprocess.run(
        [*command, ".", "--group", "dev", "--group", "docs", *BUILD], cwd=TOP, stdout=subprocess.PIPE, check=True
    )
    report = json.loads(result.stdout)
    platform = report["environment"]
    head = HEAD.format(python=platform["python_version"], platform=f"Linux {platform['platform_machine']}")
    lines = sorted(_line(entry) for entry in report["install"] if "dir_info" not in entry["download_info"])
    (TOP / "requirements-ci.lock").write_text(head + "".join(lines), "utf-8")


def _line(entry: dict) -> str:
    name, version = (entry["metadata"][key] for key in ("name", "version"))
    sha256 = entry["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{name.lower().replace('_', '-')}=={version} --hash=sha256:{sha256}\n"


if __name__ == "__main__":
    main()
