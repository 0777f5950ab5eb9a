"""Deep-learning pipelines and vector search in your PostgreSQL.

``connect()`` is the door; everything heavier than this file is loaded when it is first asked for.
"""

from __future__ import annotations

from open_analytic.errors import NoFace, NotFound, OpenAnalyticError
from open_analytic.util import telemetry as _telemetry  # noqa: F401 - off before anything imports ONNX Runtime

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    from typing import Any

    from open_analytic.app import OpenAnalytic, connect
    from open_analytic.collection import Collection
    from open_analytic.config import Settings
    from open_analytic.search_options import SearchOptions
    from open_analytic.types import Box, Hit, ImportReport, Progress

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Collection",
    "Hit",
    "ImportReport",
    "NoFace",
    "NotFound",
    "OpenAnalytic",
    "OpenAnalyticError",
    "Progress",
    "SearchOptions",
    "Settings",
    "connect",
]

_HOMES = {
    "Box": "types",
    "Collection": "collection",
    "Hit": "types",
    "ImportReport": "types",
    "OpenAnalytic": "app",
    "Progress": "types",
    "SearchOptions": "search_options",
    "Settings": "config",
    "connect": "app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
