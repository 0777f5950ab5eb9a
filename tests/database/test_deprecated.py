"""Old names keep working: in Python with a warning, in SQL as wrappers whose comment names the new function."""

import psycopg
import pytest

from open_analytic import OpenAnalytic
from tests.database.filled import Filled
from tests.database.test_renames import people

__all__ = ["people"]


def test_old_sql_functions_call_the_new_ones(filled: Filled) -> None:
    with psycopg.connect(filled.database.dsn, autocommit=True) as connection:
        measured = connection.execute("SELECT queries FROM open_analytic.calibrate('points', 5)").fetchone()
        comment = connection.execute("SELECT obj_description('open_analytic.calibrate'::regproc, 'pg_proc')").fetchone()
    assert (measured, comment) == ((5,), ("Deprecated: use measure_index",))


def test_old_methods_warn_and_call_the_new_ones(people: OpenAnalytic) -> None:
    collection = people.collection("people")
    with pytest.warns(DeprecationWarning, match=r"^calibrate\(\) is deprecated: use measure_index\(\)\.$"):
        curve = collection.calibrate(queries=1)
    with pytest.warns(DeprecationWarning, match=r"^calibration\(\) is deprecated: use recall_curve\(\)\.$") as warned:
        assert collection.calibration() == curve
    assert warned[0].filename == __file__  # the line of the caller
