"""``op.run_file``: runs a revision's .sql file verbatim, online and in a printed script."""

from pathlib import Path

from alembic import context
from alembic.operations import MigrateOperation, Operations


@Operations.register_operation("run_file")
class RunFile(MigrateOperation):
    """One .sql file, sent as it stands: ``a[1:n]``, ``%`` and ``:name`` mean what they mean in SQL."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def run_file(cls, operations: Operations, revision: str, direction: str) -> None:
        """Run ``sql/<name of the revision's file>.<direction>.sql``."""
        file = Path(revision)
        operations.invoke(cls(file.parent.parent / "sql" / f"{file.stem}.{direction}.sql"))


@Operations.implementation_for(RunFile)
def run(operations: Operations, operation: RunFile) -> None:
    body = operation.path.read_text(encoding="utf-8")
    if context.is_offline_mode():
        operations.get_context().impl.static_output(body)
    else:
        operations.get_bind().exec_driver_sql(body, execution_options={"no_parameters": True})
