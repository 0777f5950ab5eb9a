"""Alembic's environment: one transaction, one upgrade at a time, the version table in our own schema.

``store.schema`` passes in ``config.attributes`` the connection and what applies the current functions to it; without
a connection (``--sql``) a script is printed, and the SQL of the functions is its end.
"""

from pathlib import Path

from alembic import context
from alembic.util import load_python_file
from sqlalchemy import Connection

SCHEMA = "open_analytic"
# Held to the end of the transaction; the number is the first eight bytes of sha256("open_analytic migrations").
LOCK = "SELECT pg_catalog.pg_advisory_xact_lock({key})"
KEY = 1131913832500658023

OWNER = Path(__file__).parent.joinpath("sql", "owner.sql").read_text(encoding="utf-8")
# First of all: no statement is read with the search_path of a database, whose owner can set it.
SESSION = Path(__file__).with_name("session.sql").read_text(encoding="utf-8")
EXTENSION = Path(__file__).with_name("extension.sql").read_text(encoding="utf-8")
# Revisions 0003 to 0012 call functions that databases made by an early 0.1 do not have.
HELPERS = Path(__file__).with_name("functions").joinpath("helpers.sql").read_text(encoding="utf-8")
NEED_HELPERS = {"0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011"}

load_python_file(str(Path(__file__).parent), "sqlfile.py")  # registers op.run_file


def path() -> str:
    """The search_path that the role or the database has, by which the schema of a new extension is chosen."""
    return str(context.config.attributes["path"])


def offline() -> None:
    context.configure(dialect_name="postgresql", version_table_schema=SCHEMA, literal_binds=True)
    with context.begin_transaction():
        context.get_context().impl.static_output(SESSION.rstrip())
        if context.config.attributes["is_upgrade"]:
            context.get_context().impl.static_output(EXTENSION.rstrip())
        context.execute(LOCK.format(key=KEY))
        context.get_context().impl.static_output(OWNER.rstrip() + ";\n")
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        if context.get_starting_revision_argument() in NEED_HELPERS:
            context.get_context().impl.static_output(HELPERS)
        context.run_migrations()
        if functions := context.config.attributes.get("functions_script"):
            context.get_context().impl.static_output(functions)
        if context.get_revision_argument() is None:
            context.execute(f"DROP TABLE {SCHEMA}.alembic_version")
            context.execute(f"DROP SCHEMA {SCHEMA}")


def online(connection: Connection) -> None:
    with connection.begin():
        connection.exec_driver_sql("SELECT pg_catalog.set_config('search_path', %s, true)", (path(),))
        connection.exec_driver_sql(SESSION, execution_options={"no_parameters": True})
        if context.config.attributes["is_upgrade"]:
            connection.exec_driver_sql(EXTENSION, execution_options={"no_parameters": True})
        connection.exec_driver_sql(LOCK.format(key=KEY))
        connection.exec_driver_sql(OWNER, execution_options={"no_parameters": True})
        if not connection.exec_driver_sql(f"SELECT to_regnamespace('{SCHEMA}') IS NOT NULL").scalar():
            connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        context.configure(connection=connection, version_table_schema=SCHEMA)
        if context.get_context().get_current_revision() in NEED_HELPERS:
            connection.exec_driver_sql(HELPERS, execution_options={"no_parameters": True})
        context.run_migrations()
        heads = context.get_context().get_current_heads()
        if set(heads) == set(context.script.get_heads()):
            context.config.attributes["apply_functions"](connection)
        if not heads:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {SCHEMA}.alembic_version")
            connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA}")


if context.is_offline_mode():
    offline()
else:
    online(context.config.attributes["connection"])
