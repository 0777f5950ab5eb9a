"""A model's card: what it is, where it comes from, how it is fed and what it gives. One TOML file a model."""

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from msgspec import Meta

from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelUnavailable
from open_analytic.kinds.labels import Labels
from open_analytic.models import build, inputs
from open_analytic.models.fields import Count, Fields, Positive, Real, Reals, Text, Texts
from open_analytic.models.inputs.base import Input
from open_analytic.models.inputs.image import ImageInput
from open_analytic.models.source import Source, read_files
from open_analytic.plugins import Registry
from open_analytic.util import resources

_IMAGE, _TEXT, _SOUND = ("image",), ("tokens", "strings"), ("waveform", "spectrogram")
# What an operator gives a model of each task, by the types of inputs; several inputs are for operators of their own.
TASKS: dict[str, tuple[str, ...]] = {
    "image features": _IMAGE,
    "face detection": _IMAGE,
    "face embedding": _IMAGE,
    "age": _IMAGE,
    "gender": _IMAGE,
    "object detection": _IMAGE,
    "image classification": _IMAGE,
    "text features": _TEXT,
    "audio features": _SOUND,
}


def _task(value: object) -> tuple[str, ...]:
    """A plugin's task: the types of inputs that models of it take."""
    if not isinstance(value, tuple) or not value or not all(isinstance(each, str) for each in value):
        raise TypeError("it is no tuple of the types of inputs that models of the task take")
    if unknown := [each for each in value if each not in inputs.ALL_INPUTS]:
        raise ValueError(f"no type of input is named {unknown[0]!r}")
    return value


ALL_TASKS = Registry("open_analytic.tasks", TASKS, _task)  # with those of plugins

# The name of a card is also that of a file.
CardName: TypeAlias = Annotated[
    str,
    Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z", description="letters, digits, '.', '_' and '-'"),
]
Sizes: TypeAlias = Annotated[tuple[Count, ...], Meta(description="a list of sizes without the batch, 0 for any")]
Crop: TypeAlias = Annotated[tuple[Count, Count, Count, Count], Meta(description="top, bottom, left, right in pixels")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output tensor: its name in the graph, and its shape without the batch axis; 0 is any."""

    name: Text
    shape: Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What the original implementation gives for a text, or for a cut of a known picture, used as it is."""

    picture: Text | None = None  # of skimage.data
    crop: Crop | None = None
    text: Text | None = None
    output: str  # role
    first: Reals  # the first numbers of the output, flat
    l2: Real  # its length
    tolerance: Real
    reference: Text  # which implementation gave them


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model as its card describes it."""

    name: str
    task: str
    licence: str
    description: str
    source: str
    sha256: str | None  # of the source file; only a card with a local `file:` can omit it
    archive_sha256: str | None = None  # of the wheel or source package; compared before it is opened
    builder: str | None  # turns the source into ONNX; None when it is ONNX already
    max_batch: int
    input: Input
    outputs: Mapping[str, Output]  # by role
    file: Path  # the card itself
    files: Mapping[str, Source] = field(default_factory=dict)  # others than the network: tokenizer, external data
    golden: Golden | None = None
    extensions: bool = False  # its graph has operators of onnxruntime-extensions, such as a tokenizer
    labels: Labels = field(default_factory=Labels)  # its classes in their order; an empty one is left out of results
    _borrow: Callable[[str, str], BufferedReader] | None = field(default=None, compare=False, repr=False)

    @property
    def network(self) -> str:
        """The name of the file with the graph."""
        return f"{self.name}.onnx"

    @property
    def sources(self) -> Mapping[str, Source]:
        """Of every file, by its name. Those from the network's package are in the same archive."""
        own = Source(source=self.source, sha256=self.sha256, archive_sha256=self.archive_sha256)
        return {self.network: own} | {
            name: replace(source, archive_sha256=self.archive_sha256)
            if own.package and source.package and own.package[0] == source.package[0] and not source.archive_sha256
            else source
            for name, source in self.files.items()
        }

    def local(self, name: str) -> Path | None:
        """The path of this file when it is one beside the card."""
        return self.sources[name].local(self.file.parent)

    @property
    def in_place(self) -> bool:
        """Whether every file is used where it is: all are beside the card, and nothing is to be built."""
        return self.builder is None and all(self.local(name) for name in self.sources)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels of the images it takes, None when any will do."""
        return self.input.size if isinstance(self.input, ImageInput) else None

    def open_source(self, name: str) -> BufferedReader:
        """A file beside the card; where this process cannot read it, another one opens it."""
        if self._borrow:
            return self._borrow(self.name, name)
        path = self.local(name) or Path()
        try:
            return path.open("rb")
        except OSError as error:
            raise ModelUnavailable(
                f"Model {self.name!r}: its file {path} cannot be read: {error.strerror}.",
                hint=f"Put it there, or correct source in {self.file}.",
            ) from error

    def borrowed(self, borrow: Callable[[str, str], BufferedReader]) -> Self:
        """The same card, whose sources another process opens."""
        return replace(self, _borrow=borrow)

    def identity(self) -> str:
        """SHA-256 of all that decides what the model gives: the same on every machine."""
        decides = {
            "source": self.sha256 or _hash(self, self.network),
            "builder": [self.builder, build.version(self)],
            "input": self.input.identity(),
            "outputs": {role: output.name for role, output in self.outputs.items()},
        }
        if self.input.type != "image":  # cards older than this field are of images
            decides["input"] = [self.input.type, list(self.input.names), decides["input"], *inputs.owners(self.input)]
        if self.files:
            decides["files"] = {name: source.sha256 or _hash(self, name) for name, source in self.files.items()}
        if self.labels:
            decides["labels"] = list(self.labels)
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _hash(card: ModelCard, name: str) -> str:
    with card.open_source(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_cards(settings: Settings) -> dict[str, ModelCard]:
    """The cards that come with the package and yours: beside the models, and in the folders of ``settings.cards``."""
    if lost := [str(place) for place in settings.cards if not place.is_dir()]:
        raise InvalidCard(
            f"The folder of cards {lost[0]} is not there.", hint="Correct OPEN_ANALYTIC_CARDS, or make the folder."
        )
    places = [resources.folder("onnx_models"), settings.models_dir, *settings.cards]
    cards: dict[str, ModelCard] = {}
    for place in dict.fromkeys(place.resolve() for place in places):
        for path in sorted(place.glob("*.toml")):
            card = read_card(path)
            if card.name in cards and not _same(card, cards[card.name]):
                raise InvalidCard(
                    f"Two cards are named {card.name!r}: {cards[card.name].file} and {path}.",
                    hint="Rename one of them.",
                )
            cards.setdefault(card.name, card)
    return cards


def _same(card: ModelCard, other: ModelCard) -> bool:
    """Whether one is a copy of the other: ``models_dir`` can be that of a checkout, whose cards are shipped too.

    That of an older checkout has no hash of the archive.
    """
    beside = any(card.local(name) for name in card.sources)
    return not beside and replace(card, file=other.file, archive_sha256=other.archive_sha256) == other


FIELDS = (
    "name", "task", "licence", "description", "source", "sha256", "archive_sha256", "builder", "max_batch", "input",
    "inputs", "outputs", "files", "golden", "labels", "labels_zh",
    "extensions",
)  # fmt: skip


def read_card(path: Path) -> ModelCard:
    """One card, every field checked."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidCard(f"The card {path} cannot be read: {error}", hint="It has to be TOML.") from error
    fields = Fields(path, table)
    fields.only(*FIELDS)
    name = fields.value("name", CardName)
    source = Source.read(fields)
    outputs = fields.below("outputs")
    card = ModelCard(
        name=name,
        task=fields.text("task", choices=tuple(ALL_TASKS)),
        licence=fields.text("licence"),
        description=fields.text("description", default=name),
        source=source.source,
        sha256=source.sha256,
        archive_sha256=source.archive_sha256,
        builder=fields.text("builder", choices=tuple(build.ALL_BUILDERS)) if "builder" in table else None,
        max_batch=fields.value("max_batch", Positive, 1),
        input=inputs.read(fields),
        outputs={role: outputs.below(role).read(Output) for role in outputs.table},
        golden=_golden(fields.below("golden"), tuple(outputs.table)) if "golden" in table else None,
        extensions=_extensions(fields),
        labels=_labels(fields),
        file=path,
        files=read_files(fields, f"{name}.onnx"),
    )
    if missing := sorted(set(card.input.files) - set(card.files)):
        raise InvalidCard(
            f"The card {path}: an input reads the file {missing[0]!r}, and [files] does not name it.",
            hint=f'Add [files."{missing[0]}"] with its source and sha256.',
        )
    if card.input.type in inputs.INPUTS and card.input.type not in ALL_TASKS[card.task]:
        raise fields.wrong("task", f"one of a model that takes {card.input.type}")
    return card


def _extensions(fields: Fields) -> bool:
    """Whether its graph has other operators than ONNX's: their code reads what is in the graph, so only known ones."""
    extensions: bool = fields.value("extensions", bool, default=False)
    if extensions and not _is_shipped(fields):
        raise fields.wrong("extensions", "left out: only models that come with the package have such operators")
    return extensions


def _is_shipped(fields: Fields) -> bool:
    """Whether the graph is that of a card that comes with the package."""
    shipped = resources.folder("onnx_models") / f"{fields.table['name']}.toml"
    if not shipped.exists():
        return False
    return bool(fields.table.get("sha256") == tomllib.loads(shipped.read_text("utf-8"))["sha256"])


def _labels(fields: Fields) -> Labels:
    """The classes, and their names in Chinese where the card has them."""
    labels, chinese = fields.value("labels", Texts, ()), fields.value("labels_zh", Texts, ())
    if chinese and [bool(each) for each in labels] != [bool(each) for each in chinese]:
        raise fields.wrong("labels_zh", "a list with a text for each of labels, empty where that is empty")
    return Labels(labels, chinese)


def _golden(fields: Fields, roles: tuple[str, ...]) -> Golden:
    """Of a text, or of a cut of a picture."""
    kinds = {"text": Text} if "text" in fields.table else {"picture": Text, "crop": Crop}
    what = {name: fields.value(name, kind) for name, kind in kinds.items()}
    only = (*kinds, "output", "first", "l2", "tolerance", "reference")
    return fields.read(Golden, only=only, output=fields.text("output", choices=roles), **what)
