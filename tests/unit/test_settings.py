"""Settings given to another process are the same there."""

import dataclasses
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from open_analytic.config import Settings

paths = st.from_regex(r"/[a-zé 猫.]{1,9}/x", fullmatch=True).map(Path)
texts = st.from_regex(r"\w[\w:/= .-]{0,20}", fullmatch=True)
names = st.from_regex(r"[a-z]{1,9}", fullmatch=True)


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Settings of any values, with absolute paths."""
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(Settings):
        kind = str(entry.type)
        some: st.SearchStrategy[Any] = paths if "Path" in kind else texts if "str" in kind else st.integers(0, 10**9)
        some = (
            st.lists(some if "Path" in kind else names, min_size="Path" not in kind, max_size=3).map(tuple)
            if "tuple" in kind
            else some
        )
        values[entry.name] = draw(st.none() | some if "None" in kind else some)
    return Settings(**values)


@given(original=settings())
def test_another_process_reads_the_same_settings(original: Settings) -> None:
    assert Settings.read(original.environ()) == original


def test_relative_paths_are_told_as_whole_ones() -> None:
    variables = Settings(home=Path("here"), cards=(Path("a"), Path("/b"))).environ()
    assert variables["OPEN_ANALYTIC_HOME"] == str(Path.cwd() / "here")
    assert variables["OPEN_ANALYTIC_CARDS"] == f"{Path.cwd() / 'a'}:/b"
    assert "OPEN_ANALYTIC_DSN" not in variables


def test_providers_are_separated_by_commas() -> None:
    assert Settings.read({"OPEN_ANALYTIC_PROVIDERS": "cuda, cpu,"}).providers == ("cuda", "cpu")
    assert Settings.read({}).providers == ("cpu",)
