"""A type of input from a plugin's wheel; a broken one is the error of the cards that name it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import plugin
from tests.models.runtime import graphs
from tests.process.runner import REPOSITORY

NUMBERS = """\
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    name: str
    type: str = "numbers"
    files: tuple = ()

    @property
    def names(self):
        return (self.name,)

    def identity(self):
        return []

    def load(self, graph):
        return Feed(self.name)


class Feed:
    def __init__(self, name):
        self.name = name

    def read(self, values):
        return [tuple(value) for value in values]

    def key(self, value):
        return len(value)

    def row_bytes(self, value):
        return 4 * len(value)

    def arrays(self, values):
        return {self.name: np.array(values, np.float32)}


def read(fields):
    fields.only("type", "name")
    return Numbers(name=fields.text("name"))
"""
FILES: Mapping[str, str] = {
    "numbers_plugin/__init__.py": "",
    "numbers_plugin/inputs.py": NUMBERS,
    "numbers_plugin/broken.py": "import nothing_of_this_name",
}
POINTS: Mapping[str, Mapping[str, str]] = {
    "inputs": {
        "numbers": "numbers_plugin.inputs:read", "gone": "numbers_plugin.broken:read",
        "no": "numbers_plugin.inputs:np.pi",
    }
}  # fmt: skip
PROGRAM = """\
import sys
from pathlib import Path
from tests.models.runtime import graphs
try:
    print(graphs.opened(Path(sys.argv[1])).model("sounds")([[1, 3], [2], [3, 3]])["features"].tolist())
except Exception as error:
    print(type(error).__name__, error.message)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plugin.install(tmp_path_factory.mktemp("plugin"), "numbers-plugin", FILES, POINTS)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("numbers", "[[5.0, 2.0], [4.0, 2.0], [9.0, 3.0]]"),
        ("gone", "PluginError The plugin numbers-plugin 1.0 does not work: numbers_plugin.broken:read, its 'gone' of "
         "open_analytic.inputs: ModuleNotFoundError: No module named 'nothing_of_this_name'."),
        ("no", "PluginError The plugin numbers-plugin 1.0 does not work: numbers_plugin.inputs:np.pi, its 'no' of "
         "open_analytic.inputs: it is no function that reads the fields of a card."),
    ],
)  # fmt: skip
def test_a_plugin_adds_a_type_of_input(tmp_path: Path, site: Path, kind: str, message: str) -> None:
    graphs.waveform(tmp_path, graphs.WAVEFORM.replace('"waveform"', f'"{kind}"').replace("rate = 8_000\n", ""))
    environment = os.environ | {"PYTHONPATH": f"{site}:{REPOSITORY}"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == message
