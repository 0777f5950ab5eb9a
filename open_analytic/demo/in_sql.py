"""The demo's searches once more as plain SQL: any client of PostgreSQL gets the same answer."""

from pathlib import Path

from psycopg import sql
from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from open_analytic.app import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.errors import OpenAnalyticError
from open_analytic.store.connection import connect
from open_analytic.types import Hit

# The vectors of the pictures searched for, so that the statement below can be pasted into psql.
QUERIES = """
CREATE TABLE IF NOT EXISTS demo_query (name text PRIMARY KEY, feature halfvec NOT NULL);
"""
STORE = """
INSERT INTO demo_query VALUES (%s, %s::real[]::halfvec)
ON CONFLICT (name) DO UPDATE SET feature = excluded.feature
"""
SEARCH = """\
SELECT {name}, feature <-> (SELECT feature FROM demo_query WHERE name = {query}) AS distance
FROM {table}{where}
ORDER BY distance
LIMIT {limit};"""


def show(
    console: Console, db: OpenAnalytic, collection: Collection, query: Path, where: str | None, hits: list[Hit]
) -> None:
    """Run the search as SQL, print statement and rows, and make sure that Python gives the same."""
    limit = min(len(hits), 5)
    with connect(db.dsn) as connection:
        connection.execute("SELECT set_config('search_path', %s, true)", [connection.script_path])
        connection.execute(QUERIES)
        connection.execute(STORE, (query.name, collection.vector(query).tolist()))
        statement = sql.SQL(SEARCH).format(
            name=sql.Identifier(collection.info.inputs.name),
            table=sql.Identifier(collection.name),
            query=sql.Literal(query.name),
            where=sql.SQL("\nWHERE " + where if where else ""),
            limit=sql.Literal(limit),
        )
        rows = connection.execute(statement).fetchall()
        text = statement.as_string(connection)
    console.print(f"\n3. The same by SQL, from {collection.name}\n", style="bold")
    console.print(Syntax(text, "sql", background_color="default", word_wrap=True))
    table = Table(collection.info.inputs.name, "distance", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, distance in rows:
        table.add_row(name, f"{distance:.3f}")
    console.print(table)
    expected = [hit.name for hit in collection.search(query, k=limit, filter=where)]
    if [name for name, _ in rows] != expected:
        raise OpenAnalyticError(
            f"SQL found {[name for name, _ in rows]}, Python {expected}.", hint="This is a bug: please report it."
        )
