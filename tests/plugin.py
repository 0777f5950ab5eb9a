"""A small distribution with an operator, a kind and a preset, built as a wheel and installed into a folder."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.0"
{points}
[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""
OPERATORS = '''\
"""Operators on texts and bytes: no model, no picture."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from open_analytic.kinds.kind import Kind
from open_analytic.operators.operator import Between, Operator
from open_analytic.types import TextSpan


@dataclass(frozen=True)
class Word:
    text: str
    start: int


WORD = Kind(
    name="word",
    fields={"text": lambda word: word.text, "start": lambda word: word.start},
    attributes=("text",),
    region=lambda word: TextSpan(start=word.start, end=word.start + len(word.text)),
    region_type=TextSpan,
)


def _words(data):
    text, at, found = data.decode(), 0, []
    for word in text.split():
        at = text.index(word, at)
        found.append(Word(word, at))
        at += len(word)
    return found


def _letters(text, *, size: Annotated[int, Between(1, 26)] = 26):
    """How often each of the first letters occurs."""
    counts = np.bincount([ord(each) - 97 for each in text.lower() if 97 <= ord(each) < 97 + size], minlength=size)
    return counts.astype(np.float32)


def _letters_of(word, *, size: Annotated[int, Between(1, 26)] = 26):
    return _letters(word.text, size=size)


def _digest(data):
    """The first four bytes of the SHA-256."""
    return np.frombuffer(hashlib.sha256(data).digest()[:4], np.uint8).astype(np.float32)


digest = Operator(function=_digest, inputs=("bytes",), output="vector", dim=lambda _: 4)
words = Operator(function=_words, inputs=("bytes",), output="word", finds_many=True)
letters = Operator(function=_letters, inputs=("text",), output="vector", dim=lambda given: given["size"])
TASK = ("strings",)
letters_of = Operator(function=_letters_of, inputs=("word",), output="vector", dim=lambda given: given["size"])
'''
PRESET = """\
description = "How often each letter occurs in a text."
input       = "text"

[[steps]]
operator = "letters"
size     = 4
output   = "counts"

[[steps]]
operator = "normalize"
input    = "counts"
output   = "feature"

[output]
feature = "feature"
"""
LETTERS: Mapping[str, str] = {
    "letters_plugin/__init__.py": "",
    "letters_plugin/operators.py": OPERATORS,
    "letters_plugin/presets/__init__.py": "",
    "letters_plugin/presets/letters.toml": PRESET,
}
POINTS: Mapping[str, Mapping[str, str]] = {
    "operators": {name: f"letters_plugin.operators:{name}" for name in ("words", "letters", "letters_of", "digest")},
    "kinds": {"word": "letters_plugin.operators:WORD"},
    "tasks": {"spelling": "letters_plugin.operators:TASK"},
    "presets": {"letters": "letters_plugin.presets"},
}


def install(
    folder: Path,
    name: str = "letters-plugin",
    files: Mapping[str, str] = LETTERS,
    points: Mapping[str, Mapping[str, str]] = POINTS,
) -> Path:
    """Build the wheel and install it; what comes back belongs on PYTHONPATH."""
    source, site = folder / f"{name}-source", folder / "site"
    for path, text in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    tables = "".join(map(_table, points.items()))
    package = next(iter(files)).partition("/")[0]
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=name, package=package, points=tables))
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=source)
    (wheel,) = folder.glob(f"{name.replace('-', '_')}-*.whl")
    _run("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(site), str(wheel), cwd=folder)
    return site


def _table(points: tuple[str, Mapping[str, str]]) -> str:
    lines = "".join(f'{name} = "{value}"\n' for name, value in points[1].items())
    return f'[project.entry-points."open_analytic.{points[0]}"]\n{lines}'


def _run(*words: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
