"""What the engine has to know of a kind of value; it knows no kind by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from open_analytic.errors import ImageTooLarge, InputTooLarge
from open_analytic.types import InputColumns, Region
from open_analytic.util.deprecated import renamed_field

Reader = Callable[[Any], Any]  # of a value, or of a field of it: made of what JSON has


@renamed_field("parts", "fields")
@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of value that steps of a pipeline exchange, such as an image, a label or a vector.

    A value goes into the result as ``whole`` writes it, or as an object of its ``fields``; a kind that has neither
    cannot be in a result. A kind with a ``region`` is what a detector gives: values that later steps make of it
    belong to that region of the input.
    """

    name: str
    article: str = "a"  # for messages
    fields: Mapping[str, Reader] = field(default_factory=dict)  # what an output can name: ``objects.label``
    whole: Reader | None = None  # the value in JSON, where it is not the object of its fields
    attributes: tuple[str, ...] = ()  # fields that describe the region of a row when an output names the whole value
    region: Callable[[Any], Region] | None = None  # the part of the input that a value stands for
    region_type: type | None = None  # of ``types.Region``; what a collection has to store
    any_region: type | None = None  # of an input: it fits every kind with regions of this type, and is given the region
    searchable: bool = False  # a vector: it has a dimension, and a collection holds it
    stack: Callable[[list[Any]], Any] | None = None  # several values as a batched operator takes them; None: a list
    bare: Callable[[Any], Any] | None = None  # a value without its place in the input, for operators that ignore it
    base: str | None = None  # a kind that operators take it for too, as ``to_base`` makes it
    to_base: Callable[[Any], Any] | None = None
    lasting: Callable[[Any], Any] | None = None  # a value without what only steps need, for the result
    held_bytes: Callable[[Any], int] | None = None  # memory that counts against the budget of decoded bytes
    decoder: str | None = None  # of a pipeline's input: the operator that makes a value of bytes; "": it is bytes
    encode: Callable[[str], bytes] | None = None  # of an input that Python gives as a str: the bytes of it
    drawable: bool = False  # its bytes are a picture, of which pages and contact sheets show a small one
    noun: str = "item"  # what people call a value of it: an input, or what a region shows
    caption: str = ""  # the attribute that says what a region shows, such as label
    media_type: Callable[[bytes], str] | None = None  # of bytes that a browser plays as they are
    too_large: type[InputTooLarge] = ImageTooLarge  # the error of an input with too many bytes
    suffixes: frozenset[str] = frozenset()  # of files that an import takes from a folder, one value each
    column: str | None = None  # of a CSV or JSON Lines file with a value a row; None: no such file holds it
    modality: str = "image"  # of an input: a collection has its columns image_name, image_data and image_sha256
    data_type: Literal["bytea", "text"] = "bytea"  # SQL type in which a collection holds an input

    @property
    def input_columns(self) -> InputColumns:
        """The columns of a new collection whose pipeline takes this kind."""
        name, data, sha256 = (f"{self.modality}_{what}" for what in ("name", "data", "sha256"))
        return InputColumns(name=name, data=data, sha256=sha256, data_type=self.data_type)

    @property
    def in_json(self) -> bool:
        """Whether a result can hold it."""
        return self.whole is not None or bool(self.fields)

    def to_json(self, value: Any, field_name: str = "") -> Any:
        """The value, or a field of it, made of what JSON has."""
        if field_name:
            return self.fields[field_name](value)
        return self.whole(value) if self.whole else {name: read(value) for name, read in self.fields.items()}

    def accepts(self, other: "Kind") -> bool:
        """Whether an operator whose input is of this kind takes a value of the other."""
        if self.name in (other.name, other.base):
            return True
        return self.any_region is not None and other.region_type is self.any_region

    def argument(self, other: "Kind", *, placed: bool) -> Callable[[Any], Any] | None:
        """What makes the operator's argument of a value of the other kind; None when it is the value as it is.

        ``placed`` operators take the place of a value too.
        """
        if self.any_region and other.region:
            return other.region
        if other.to_base and other.base == self.name:
            return other.to_base if placed or not self.bare else _both(other.to_base, self.bare)
        return None if placed else other.bare

    def phrase(self, *, many: bool = False) -> str:
        """The kind with its article: ``an image``, ``a list of face``."""
        return f"a list of {self.name}" if many else f"{self.article} {self.name}"


def _both(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: second(first(value))
