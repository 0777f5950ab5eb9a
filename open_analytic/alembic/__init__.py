"""Collections in your own Alembic project: ``import open_analytic.alembic`` in its env.py.

It registers ``op.create_collection``, ``op.drop_collection``, ``op.create_ann_index`` and ``op.drop_ann_index``, and
teaches ``--autogenerate`` to write them for what ``collection(...)`` declares beside your tables.
``op.adopt_collection`` makes a collection of a table that is there.
"""

from collections.abc import Mapping
from typing import Any

import pgvector.sqlalchemy  # noqa: F401 - teaches SQLAlchemy to read vector columns
from sqlalchemy import MetaData

from open_analytic.alembic import autogenerate  # noqa: F401 - registers what --autogenerate calls
from open_analytic.alembic.autogenerate import KEY
from open_analytic.alembic.shapes import columns_of, make_shape
from open_analytic.store import tables
from open_analytic.types import Metric

__all__ = ["collection"]


def collection(
    name: str,
    metadata: MetaData,
    *,
    dim: int,
    columns: Mapping[str, str] | None = None,
    metric: Metric = "l2",
    many: bool = False,
    pipeline: str | None = None,
    version: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    ann_index: bool = False,
    input: str = "image",  # noqa: A002 - as a pipeline's definition says it
    region: str | None = None,
) -> None:
    """Declare a collection beside your tables, for ``alembic revision --autogenerate``."""
    options: dict[str, Any] = {"columns": columns, "pipeline": pipeline, "version": version, "parameters": parameters}
    options |= {"inputs": columns_of(input), "region": region}
    shape = make_shape(name, dim=dim, metric=metric, many=many, **options)
    metadata.info.setdefault(KEY, {})[".".join(tables.split(name))] = (shape, ann_index)
