"""Runs ``open-analytic`` as a process, and holds what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ["red.png", "green.png", 'O\'Hara "x"/blue.png', "猫/grey;--.png", "a\nb/dark red.png"]
PLAIN = ("LANG", "PATH", "HOME", "TMPDIR", "USER")  # what of the environment a command is given


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error of --json."""
        return json.loads(self.err.splitlines()[-1])


@dataclass(frozen=True)
class Cli:
    """Runs ``open-analytic`` in a folder with an environment of its own."""

    folder: Path
    environment: Mapping[str, str]

    def words(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "open_analytic", *map(str, words)]

    def __call__(self, *words: object, code: int | None = 0, text: str | bytes = b"") -> Done:
        done = subprocess.run(
            self.words(*words), cwd=self.folder, env=self.environment, timeout=120, check=False, capture_output=True,
            input=text.encode() if isinstance(text, str) else text,
        )  # fmt: skip
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert code is None or result.code == code, f"{words}: {result}"
        assert "Traceback" not in result.err, result.err
        assert "\x1b" not in result.out + result.err
        return result

    def start(self, *words: object) -> subprocess.Popen[str]:
        """The command under way."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.words(*words), cwd=self.folder, env=self.environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )


def make(folder: Path, cards: Path, **environment: str) -> Cli:
    """A command line with its home in ``folder``."""
    plain = {name: os.environ[name] for name in PLAIN if name in os.environ}
    ours = {"OPEN_ANALYTIC_CARDS": str(cards), "OPEN_ANALYTIC_MODELS_DIR": str(folder / "models")}
    return Cli(folder, plain | ours | {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "default"} | environment)
