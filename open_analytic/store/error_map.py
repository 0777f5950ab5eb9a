"""What the database driver raises, as our errors: one table, applied at the room's edge by ``translated()``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from open_analytic import errors
from open_analytic.errors import OpenAnalyticError
from open_analytic.store.error_table import (
    CLASSES,
    CLIENT_SIDE,
    EMBEDDED,
    FAULTS,
    FULL,
    NO_SPACE,
    OTHER,
    REFUSALS,
    Fault,
)

VERSION_CHECK = "open_analytic_version"  # the constraint of every collection that keeps versions apart


@contextmanager
def translated() -> Iterator[None]:
    """Errors of psycopg raised inside come out as ours; everything else passes."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


def translate(error: psycopg.Error) -> OpenAnalyticError:
    """Our error for one of psycopg's."""
    if error.sqlstate and error.sqlstate.startswith("OA"):
        return _own(error)
    if error.diag.constraint_name == VERSION_CHECK:
        return errors.VersionMismatch(
            "These features come from another version of the pipeline than the collection holds.",
            hint="Import into a collection created with that version.",
        )
    if isinstance(error, pg.UndefinedTable) and '"open_analytic.' in str(error):
        return errors.NotMigrated(hint="Run `open-analytic db upgrade`.")
    fault = _fault(error)
    return fault.error(fault.message.format(detail=detail(error)).replace("..", "."), hint=fault.hint)


def refused(error: psycopg.Error, *, embedded: bool = False) -> OpenAnalyticError:
    """Our error where no connection could be made."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].removesuffix(".") if lines else type(error).__name__
    pattern, fault = next(refusal for refusal in REFUSALS if re.search(refusal[0], str(error)))
    return fault.error(fault.message.format(detail=message), hint=EMBEDDED if embedded and not pattern else fault.hint)


def met_another(error: OpenAnalyticError) -> bool:
    """Whether a transaction was undone since it met another one: it can succeed when it is run again."""
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("40")


def detail(error: psycopg.Error) -> str:
    """The server's sentence, without the statement and the cursor it points with."""
    message = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{message} ({error.diag.message_detail})" if error.diag.message_detail else message


def _fault(error: psycopg.Error) -> Fault:
    if re.search(NO_SPACE, str(error)):
        return FULL
    state = error.sqlstate
    if state is None and isinstance(error, psycopg.DataError):
        return CLIENT_SIDE
    for kind in type(error).__mro__:
        if state and kind in (psycopg.OperationalError, psycopg.Error):  # too wide for one that the server names
            return CLASSES.get(state[:2], FAULTS[psycopg.Error] if state[:2] == "42" else OTHER)
        if kind in FAULTS:
            return FAULTS[kind]
    return FAULTS[psycopg.Error]


def _own(error: psycopg.Error) -> OpenAnalyticError:
    kind = errors.of_sqlstate(error.sqlstate or "")
    return kind(error.diag.message_primary, hint=error.diag.message_hint)
