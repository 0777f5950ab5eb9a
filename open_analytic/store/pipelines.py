"""The catalogue of pipelines: every version is kept forever, so a name with a version means one thing."""

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Json

from open_analytic.errors import PipelineInUse, UnknownPipeline
from open_analytic.store.connection import Connection
from open_analytic.store.faults import translated
from open_analytic.store.queries import query
from open_analytic.types import PipelineInfo

if TYPE_CHECKING:
    from open_analytic.pipeline.plan import Plan

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('open_analytic.pipelines ' || %s, 0))"


def register(connection: Connection, plan: "Plan") -> PipelineInfo:
    """The pipeline in the catalogue. The newest version when it says the same, else a new one."""
    with translated():
        found = _newest_like(connection, plan)
        if found is None or found["dropped_at"]:
            connection.execute(LOCK, [plan.name])  # two who register one pipeline at once get one version
            found = _newest_like(connection, plan)
        if found is None:
            return _info(connection.execute(query("pipeline_insert"), _values(plan)).fetchone())
        if found["dropped_at"]:
            connection.execute(query("pipeline_revive"), found)
        return _info(tuple(found[name] for name in FIELDS))


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
    with translated():
        get(connection, name)
        users = [".".join(row) for row in connection.execute(query("pipeline_users"), {"name": name})]
        if users:
            raise PipelineInUse(
                f"Pipeline {name!r} is used by {', '.join(users)}.", hint="Drop these collections first."
            )
        connection.execute(query("pipeline_drop"), {"name": name})


FIELDS = ("name", "version", "input", "output", "dim", "hash", "created_at", "definition")


def _newest_like(connection: Connection, plan: "Plan") -> dict[str, Any] | None:
    row = connection.execute(query("pipeline_newest"), {"name": plan.name}).fetchone()
    found = dict(zip((*FIELDS, "dropped_at"), row, strict=True)) if row else None
    return found if found and found["hash"] == plan.hash else None


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
