"""docs/errors.md lists every error as it is."""

import inspect
from pathlib import Path

from open_analytic import errors

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _line(error: type[errors.OpenAnalyticError]) -> str:
    parent = error.__mro__[1].__name__
    above = "" if parent == "Exception" else f"`{parent}`"
    meaning = (error.__doc__ or "").strip().splitlines()[0]
    cells = [f"`{error.__name__}`", above, error.sqlstate, str(error.exit_code), str(error.http_status), meaning]
    return "| " + " | ".join(cells) + " |"


def _tree() -> list[type[errors.OpenAnalyticError]]:
    return [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.OpenAnalyticError)
    ]


def test_the_page_lists_every_error_as_it_is() -> None:
    written = [line for line in (DOCS / "errors.md").read_text().splitlines() if line.startswith("| `")]
    assert written == [_line(error) for error in _tree()]


def test_every_error_has_an_sqlstate_of_its_own() -> None:
    """But ImageTooLarge, which was there before the class for every kind of input."""
    states = [error.sqlstate for error in _tree() if error is not errors.ImageTooLarge]
    assert errors.ImageTooLarge.sqlstate == errors.InputTooLarge.sqlstate
    assert len(set(states)) == len(states)
    assert all(state.startswith("OA") and len(state) == 5 for state in states)
