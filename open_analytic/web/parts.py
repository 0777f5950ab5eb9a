"""What a pipeline detected in an item of a collection, which pages draw over the item."""

from typing import Any

from open_analytic.collection import Collection
from open_analytic.operators.limits import Limits
from open_analytic.render import thumbnail
from open_analytic.types import Box
from open_analytic.util.jsonable import jsonable

SMALL = 64  # pixels: only the size of the original is needed


def of(collection: Collection, name: str, limits: Limits) -> dict[str, Any]:
    """The regions with your columns; of a picture with boxes also its size, in whose pixels they are."""
    rows = [row for row in collection.parts(name) if row.region]
    boxed = any(isinstance(row.region, Box) for row in rows)
    size = thumbnail.shrink(collection.image(name), SMALL, limits).original if boxed else (None, None)
    return {
        "width": size[0], "height": size[1],
        "regions": [{"part": row.part, "region": jsonable(row.region), "row": jsonable(row.row)} for row in rows],
    }  # fmt: skip
