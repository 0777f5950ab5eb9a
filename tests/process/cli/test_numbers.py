"""An option that is a number names itself when a word stands in its place."""

import pytest

from tests.process.runner import Cli


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-k", "ten"), "Invalid value for '-k' / '--k': a whole number is needed, such as 10."),
        (("--k", "1.5"), "Invalid value for '-k' / '--k': a whole number is needed, such as 10."),
        (("--max-distance", "near"), "Invalid value for '--max-distance': a number is needed, such as 0.5."),
    ],
    ids=["word", "fraction", "distance"],
)
def test_a_word_in_the_place_of_a_number_is_refused_plainly(cli: Cli, words: tuple[str, ...], says: str) -> None:
    assert cli("search", "photos", "cat.jpg", *words, code=2).err.splitlines()[-1] == f"Error: {says}"
