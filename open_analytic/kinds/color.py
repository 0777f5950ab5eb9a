"""The kind of a color of a picture."""

from dataclasses import dataclass

from open_analytic.kinds.kind import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Color:
    """A basic color by its name in two languages, and the share of a picture's pixels that have it, 0..1."""

    name: str
    name_zh: str
    share: float


COLOR = Kind(
    name="color",
    fields={
        "name": lambda color: color.name,
        "name_zh": lambda color: color.name_zh,
        "share": lambda color: color.share,
    },
)
