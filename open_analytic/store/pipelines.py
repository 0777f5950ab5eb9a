"""The catalogue of pipelines: every version is kept forever, so a name with a version means one thing."""

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Json

from open_analytic.errors import UnknownPipeline
from open_analytic.store.connection import Connection
from open_analytic.store.faults import translated
from open_analytic.store.queries import query
from open_analytic.types import PipelineInfo

if TYPE_CHECKING:
    from open_analytic.pipeline.plan import Plan


def register(connection: Connection, plan: "Plan") -> PipelineInfo:
    """The pipeline in the catalogue. The newest version when it says the same, else a new one."""
    with translated():
        return _info(connection.execute(query("pipeline_register"), _values(plan)).fetchone())


def get(connection: Connection, name: str, version: int | None = None) -> PipelineInfo:
    """The version that runs under a name, or the very version asked for, even when it was dropped since."""
    wanted = "pipeline_current" if version is None else "pipeline_version"
    with translated():
        row = connection.execute(query(wanted), {"name": name, "version": version}).fetchone()
        if row is None:
            known = [info.name for info in all(connection)]
            raise UnknownPipeline(
                f"No pipeline is registered as {name!r}" + (f" in version {version}." if version else "."),
                hint=f"pipeline_create({name!r}) registers it. Registered: {', '.join(known) or 'none'}.",
            )
    return _info(row)


def all(connection: Connection) -> list[PipelineInfo]:  # noqa: A001 - reads pipelines.all(connection)
    """What can be run, by name."""
    with translated():
        return [_info(row) for row in connection.execute(query("pipelines_current"))]


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
    return PipelineInfo(**(values | {"output": tuple(values["output"])}))
