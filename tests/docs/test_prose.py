"""scripts/prose.py finds what it should find, where it should look."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def prose() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prose", TOP / "scripts" / "prose.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("sentence", "phrase"),
    [
        ("A column of yours and its value.", "of yours"),
        ("The source of the pairs is not said.", "is not said"),
        ("Stop the server, whoever uses it.", "whoever"),
        ("Does every so-manieth search again.", "-manieth"),
        ("The role may read it.", "may"),
        ("Repeatable. May be given twice.", "May be"),
        ("Over TCP he is given little time.", "he"),
        ("Without a word, plpython3u is taken.", "Without a word"),
        ("It returns what was found.", "what was found"),
        ("The index is built anew.", "anew"),
        ("Who searches a table trusts its owner.", "Who searches"),
    ],
)
def test_a_phrase_is_found_and_a_better_one_proposed(prose: ModuleType, sentence: str, phrase: str) -> None:
    (finding,) = prose.findings("page", [(7, f"First line.\n{sentence}")])
    assert (finding.file, finding.line, finding.phrase) == ("page", 8, phrase)
    assert finding.better


@pytest.mark.parametrize(
    "sentence",
    [
        "Measured in May 2026.",
        "A table of its own.",
        "Who can verify?",
        "They can open it.",
        "Run `whoever` again.",
        'The phrase "of ours" is not used.',
    ],
)
def test_plain_sentences_and_names_pass(prose: ModuleType, sentence: str) -> None:
    assert list(prose.findings("page", [(1, prose.plain(sentence))])) == []


def test_code_of_a_page_is_left_out_and_lines_stay(prose: ModuleType) -> None:
    page = "One.\n\n```sh\nwhoever may\n```\n\nIt may."
    assert [finding.line for finding in prose.findings("page", [(1, prose.prose(page))])] == [7]


def test_messages_and_docstrings_are_told_apart(prose: ModuleType) -> None:
    source = '''"""The module may."""\n\ndef f(name):\n    raise E(f"The {name} may not.", hint="It may.")\n'''
    assert [line for line, _ in prose.docstrings(source)] == [1]
    assert sorted(text for _, text in prose.messages(source)) == ["It may.", "The _ may not."]


def test_the_list_names_files_that_exist(prose: ModuleType) -> None:
    files = {name.removesuffix(":docstrings") for name in prose.allowed()}
    assert [name for name in sorted(files) if not (TOP / name).is_file()] == []


def test_comments_and_texts_of_sql_are_read(prose: ModuleType) -> None:
    sql = "-- It may.\nCOMMENT ON FUNCTION f IS 'Whoever calls it'; -- built anew\nSELECT 'anew', 'may';"
    texts = list(prose.findings("f.sql", prose.commented(sql, "--")))
    assert [(finding.line, finding.phrase) for finding in texts] == [(1, "may"), (2, "anew"), (2, "Whoever")]
    python = "x = 'may be'  # it may be `may`\n# of ours\n"
    comments = list(prose.findings("f.py", prose.comments(python)))
    assert [(finding.line, finding.phrase) for finding in comments] == [(1, "may"), (2, "of ours")]
