"""Where statements begin and end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.analyticdb.source import split
from open_analytic.errors import UntranslatableStatement
from open_analytic.util.lexer import tokens

# Each hides a semicolon, or looks as if it began something that does.
PIECES = (
    "SELECT", "x", "a$$", "b$t$", "é猫", "1", "1.5e3", "$1", "::", "<->", "-", "/", "*", "#",
    "';'", "'a''; b'", "'\\'", "'\n;\n'", "E'\\';'", "e'\\\\'", "E'a'';\\''", "U&'\\0061;'", "B'10'", "N';'",
    '";"', '"a""; b"', "$$;$$", "$$ ' $$", "$t$ $$ ; $$ $t$", "$é$;$é$",
    "(a; b)", "('(')", "(/* ) */)",
)  # fmt: skip
BLANKS = (" ", "\n", "\t", "\r\n", "-- ; '\n", "--\n", "/* ; */", "/* /* ; */ ' */", "/**/", "/* $$ */")

ATOMIC = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END"

statements = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).flatmap(
    lambda pieces: st.lists(st.sampled_from(BLANKS), min_size=len(pieces) - 1, max_size=len(pieces) - 1).map(
        lambda blanks: "".join(map("".join, zip(pieces, [f" {blank} " for blank in blanks] + [""], strict=True)))
    )
)
edges = st.lists(st.sampled_from(BLANKS), max_size=3).map("".join)


@given(st.lists(st.tuples(edges, statements, edges), max_size=5))
def test_statements_come_back_as_written(parts: list[tuple[str, str, str]]) -> None:
    script, expected = "", []
    for number, (before, statement, after) in enumerate(parts, 1):
        script += before
        expected.append((number, script.count("\n") + 1, statement))
        script += f"{statement} {after}\n;"
    assert [(source.number, source.line, source.text) for source in split(script)] == expected


@given(statements)
def test_tokens_stand_where_they_say(statement: str) -> None:
    (source,) = split(f"\n  {statement}")
    assert [source.text[token.start : token.end] for token in source.tokens] == [t.text for t in tokens(statement)]


@given(st.text())
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        sources = list(split(text))
    except UntranslatableStatement:
        return
    assert all(source.text in text for source in sources)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" ;; -- nothing\n;", []),
        ("a; b", ["a", "b"]),
        ("a #-- ;\n; b", ["a #", "b"]),
        (
            f"{ATOMIC}; SELECT 3",
            [ATOMIC, "SELECT 3"],
        ),
        ("CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3",
         ["CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2)", "SELECT 3"]),
        ("BEGIN; SELECT 1; END; SELECT 2", ["BEGIN", "SELECT 1", "END", "SELECT 2"]),
        ("SELECT 1); SELECT 2", ["SELECT 1)", "SELECT 2"]),
    ],
    ids=["empty", "blank", "two", "operator", "atomic", "rule", "transaction", "stray parenthesis"],
)  # fmt: skip
def test_what_ends_a_statement(script: str, expected: list[str]) -> None:
    assert [source.text for source in split(script)] == expected


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("SELECT 1;\n\\set x 1", "Line 2: \\set is a command of psql, not SQL."),
        ("\\i other.sql", "Line 1: \\i is a command of psql, not SQL."),
        ("SELECT 1 \\gexec", "Line 1: \\gexec is a command of psql, not SQL."),
        ("SELECT 1;\nSELECT 'a''b", "The quote that begins in line 2 has no end."),
        ("SELECT E'a''b\\';", "The quote that begins in line 1 has no end."),
        ('SELECT "a', "The quote that begins in line 1 has no end."),
        ("\n$a$ $b$", "The dollar quote that begins in line 2 has no end."),
        ("/* /* */", "The comment that begins in line 1 has no end."),
        ("SELECT '\0'", "The script has a zero byte."),
        (
            "SELECT 1; COPY t FROM STDIN;\nit's data\n\\.\n",
            "Statement 2 (line 1, COPY t FROM STDIN): COPY from and to the client is a matter of psql.",
        ),
    ],
    ids=["set", "include", "gexec", "quote", "escaped quote", "name", "dollar", "comment", "zero byte", "copy"],
)
def test_what_is_no_sql_is_refused_with_its_line(script: str, message: str) -> None:
    with pytest.raises(UntranslatableStatement) as caught:
        list(split(script))
    assert caught.value.message == message
