"""The catalogue of pipelines: every version is kept forever, so a name with a version means one thing."""

import json
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Json

from open_analytic.errors import InvalidPipeline, UnknownPipeline
from open_analytic.pipeline.spec import all_presets
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import PipelineInfo

if TYPE_CHECKING:
    from open_analytic.pipeline.plan import Plan

logger = logging.getLogger(__name__)

DEEPEST = 100  # levels of a definition


def register(connection: Connection, plan: "Plan") -> PipelineInfo:
    """The pipeline in the catalogue. The newest version when it says the same, else a new one."""
    with translated():
        return _info(connection.execute(query("pipeline_register"), _values(plan)).fetchone())


def get(connection: Connection, name: str, version: int | None = None) -> PipelineInfo:
    """The version that runs under a name, or the very version asked for, even when it was dropped since."""
    statement = "pipeline_current" if version is None else "pipeline_version"
    with translated():
        row = connection.execute(query(statement), {"name": name, "version": version}).fetchone()
        if row is None:
            known = [info.name for info in all(connection)]
            raise UnknownPipeline(
                f"No pipeline is registered as {name!r:.200}" + (f" in version {version}." if version else "."),
                hint=_hint(name, known),
            )
    return _info(row)


def has(connection: Connection, hash: str) -> bool:  # noqa: A002 - the catalogue's word
    """Whether a version of some pipeline has this hash, also one that was dropped since."""
    with translated():
        return connection.execute(query("pipeline_has"), {"hash": hash}).fetchone() == (True,)


def _hint(name: str, known: list[str]) -> str:
    """How to register it: a preset by its name alone, another with a definition."""
    names = all_presets()
    how = f"Presets: {', '.join(names)}; others need a definition."
    if name in names:
        how = f"pipeline_create({name!r:.200}) registers it."
    return f"{how} Registered: {', '.join(known) or 'none'}."


def all(connection: Connection) -> list[PipelineInfo]:  # noqa: A001 - reads pipelines.all(connection)
    """What can be run, by name. One whose definition cannot be read is left out."""
    infos = []
    with translated():
        rows = connection.execute(query("pipelines_current")).fetchall()
    for row in rows:
        try:
            infos.append(_info(row))
        except InvalidPipeline as error:
            logger.warning("%s", error)
    return infos


def drop(connection: Connection, name: str) -> None:
    """Take a pipeline out of use. Refused while a collection holds its features."""
    with translated(), connection.transaction():
        connection.execute(query("pipeline_drop"), {"name": name})


FIELDS = ("name", "version", "input", "output", "dim", "hash", "created_at", "definition")


def _values(plan: "Plan") -> dict[str, Any]:
    return {
        "name": plan.name,
        "input": plan.input,
        "output": list(plan.output),
        "dim": plan.dim,
        "many": plan.many,
        "hash": plan.hash,
        "definition": Json(plan.spec.as_dict()),
    }


def _info(row: Any) -> PipelineInfo:
    values = dict(zip(FIELDS, row, strict=True))
    definition = _definition(values["name"], values["definition"])
    return PipelineInfo(**(values | {"output": tuple(values["output"]), "definition": definition}))


def _definition(name: str, text: str) -> Any:
    """A program that writes into the catalogue itself can nest it deeper than Python, or we, can follow."""
    try:
        definition = json.loads(text)
    except (ValueError, RecursionError):
        raise _unreadable(name) from None
    level = [definition]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return definition
    raise _unreadable(name)


def _inside(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unreadable(name: str) -> InvalidPipeline:
    return InvalidPipeline(
        f"The definition of pipeline {name!r} in the catalogue cannot be read.",
        hint=f"pipeline_create({name!r}) registers it again.",
    )
