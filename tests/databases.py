"""Databases of tests: copies of a template, and the copy that a test only read is lent to the next one.

A copy costs a test more than most of what it does: files are written, flushed and deleted. A test that reads, is
refused or rolls back leaves its copy as it was: every transaction that got a number meanwhile was rolled back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import conninfo, sql

if TYPE_CHECKING:
    from open_analytic import embedded

MANY = 2000  # transactions; a test that needs more of them is not looked at
WORN = 20  # transactions that were rolled back: what they wrote stays in the files, and makes catalogues slow
SPARE = 6  # copies that wait for a test, each of about 10 MB

# What happened in a database between two transactions, and whether a session is still there.
STATE = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %(name)s),
    %(last)s - %(first)s > %(many)s OR EXISTS (
        SELECT FROM generate_series(%(first)s::bigint + 1, %(last)s::bigint - 1) AS x
        WHERE pg_xact_status(x::text::xid8) IS DISTINCT FROM 'aborted')
"""

Fill: TypeAlias = Callable[[psycopg.Connection[Any]], object]

_numbers = itertools.count(1)
_servers: dict[str, Copies] = {}


@dataclass(slots=True)
class Copy:
    """A database that is a copy, and the transactions between which a test had it."""

    dsn: str
    template: str
    first: int = 0
    last: int = 0
    worn: int = 0
    sweeps: int = 0

    @property
    def name(self) -> str:
        return name_of(self.dsn)


class Copies:
    """The databases of one server."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.returned: list[Copy] = []
        self.clean: list[Copy] = []
        self.filled: dict[tuple[str, Fill], str] = {}
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """One for all: a new one takes longer than a statement."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.dsn, autocommit=True)
        return self._connection

    @property
    def version(self) -> int:
        """PostgreSQL's, as in server_version_num."""
        return self.connection.info.server_version

    def run(self, statement: Any, values: Any = None) -> tuple[Any, ...]:
        """The first row."""
        cursor = self.connection.execute(statement, values)
        return cursor.fetchone() or () if cursor.description else ()

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def create(self, template: str) -> str:
        """The DSN of a new copy."""
        name = f"test_{next(_numbers)}"
        # Copying files takes a third of the work of copying pages. PostgreSQL 14 has no other way, and no word for it.
        how = sql.SQL("STRATEGY file_copy" if self.version >= 150000 else "")
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} {}")
        self.run(statement.format(sql.Identifier(name), sql.Identifier(template), how))
        return conninfo.make_conninfo(self.dsn, dbname=name)

    def take(self, template: str) -> Copy:
        """A copy that is as its template was."""
        self._sweep()
        copy = next((each for each in self.clean if each.template == template), None)
        if copy:
            self.clean.remove(copy)
        else:
            copy = Copy(self.create(template), template)
        copy.first, copy.sweeps = self._transaction(), 0
        return copy

    def give_back(self, copy: Copy) -> None:
        """Sessions of the test end about now: whether it is clean is asked later."""
        copy.last = self._transaction()
        self.returned.append(copy)

    def _transaction(self) -> int:
        return int(self.run("SELECT pg_current_xact_id()::text::bigint")[0])

    def _sweep(self) -> None:
        """Sort what tests gave back; one where a session is left gets a second chance."""
        returned, self.returned = self.returned, []
        for copy in returned:
            values = {"name": copy.name, "first": copy.first, "last": copy.last, "many": MANY}
            busy, changed = self.run(STATE, values)
            copy.sweeps += 1
            worn = copy.worn + copy.last - copy.first
            if busy and copy.sweeps < 2:
                self.returned.append(copy)
            elif busy or changed or worn > WORN:
                self._drop(copy)
            else:
                copy.worn = worn
                self.clean.append(copy)
        while len(self.clean) > SPARE:
            self._drop(self.clean.pop(0))

    def _drop(self, copy: Copy) -> None:
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(copy.name)))


def name_of(dsn: str) -> str:
    """The name of a DSN's database."""
    return str(conninfo.conninfo_to_dict(dsn)["dbname"])


@contextmanager
def disposable(server: embedded.Server) -> Iterator[embedded.Server]:
    """A server of tests: nothing that it does survives a crash of the machine, and old tables are left as they are."""
    copies = _servers[server.dsn] = Copies(server.dsn)
    for name in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
        copies.run(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
    copies.run("SELECT pg_reload_conf()")
    yield server
    _servers.pop(server.dsn).close()


def database(server: embedded.Server, template: str = "template0") -> str:
    """The DSN of a new database on the server; ``template`` is the name or the DSN of the one it is a copy of."""
    return _servers[server.dsn].create(name_of(template) if "=" in template else template)


def database_of(server: embedded.Server, encoding: str) -> str:
    """The DSN of a new database with this encoding."""
    dsn = conninfo.make_conninfo(server.dsn, dbname=f"test_{next(_numbers)}")
    copies = _servers[server.dsn]
    provider = "LOCALE_PROVIDER libc" if copies.version >= 150000 else ""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' {}")
    copies.run(statement.format(sql.Identifier(name_of(dsn)), sql.Literal(encoding), sql.SQL(provider)))
    return dsn


def filled(server: embedded.Server, template: str, fill: Fill) -> str:
    """The DSN of a copy that the function filled, once for all tests that are to have a copy of it."""
    databases = _servers[server.dsn].filled
    if (template, fill) not in databases:
        dsn = database(server, template)
        with psycopg.connect(dsn, autocommit=True) as connection:
            fill(connection)
        databases[template, fill] = dsn
    return databases[template, fill]


@contextmanager
def clone(server: embedded.Server, template: str = "template0") -> Iterator[str]:
    """The DSN of a copy for one test: a new one, or one that an earlier test only read."""
    copies = _servers[server.dsn]
    copy = copies.take(name_of(template) if "=" in template else template)
    yield copy.dsn
    copies.give_back(copy)
