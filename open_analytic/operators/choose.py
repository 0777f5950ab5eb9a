"""Which of the faces found go on."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from open_analytic.errors import NoFace
from open_analytic.types import Face


def choose_faces(faces: Sequence[Face], *, face: Literal["largest", "all"] = "largest") -> Face | list[Face]:
    """The largest face, or all of them with the largest first. None is an error."""
    if not faces:
        raise NoFace(hint="Give a picture that shows a face, or lower the detector's threshold.")
    by_size = sorted(faces, key=lambda each: -each.box.area)
    return by_size[0] if face == "largest" else by_size


def keeps_all(parameters: Mapping[str, Any]) -> bool:
    """Whether choose_faces gives a list."""
    return bool(parameters["face"] == "all")
