"""An index is built alike from everywhere."""

import inspect
import re

from open_analytic.types import EF_CONSTRUCTION, M
from open_analytic.util import resources
from tests.unit.cli.commands import ALL


def test_the_command_line_and_sql_have_pythons_sizes() -> None:
    parameters = inspect.signature(ALL["collection", "index"]).parameters
    assert (parameters["m"].default, parameters["ef_construction"].default) == (M, EF_CONSTRUCTION)
    text = (resources.folder("migrations") / "sql" / "0004_collections.up.sql").read_text("utf-8")
    match = re.search(r"FUNCTION open_analytic\.create_ann_index\((.*)", text)
    assert match
    assert f"m integer DEFAULT {M}, ef_construction integer DEFAULT {EF_CONSTRUCTION}," in match[1]
