"""Looks for phrases that make a sentence hard to read, and proposes better words.

    python scripts/prose.py            finds what is not allowed
    python scripts/prose.py --all      also what is
    python scripts/prose.py --lower    writes the smaller numbers into prose_allowed.txt

It reads what users read: the pages, README, help of commands, messages and hints of errors, docstrings, and the English
words of the site; and what engineers read: comments of Python, JavaScript and SQL. Code and names in backticks are left
out. Files in ``prose_allowed.txt`` can have as many findings as it says, and that list only shrinks. typos checks the
spelling.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
ALLOWED = Path(__file__).with_name("prose_allowed.txt")
PAGES = ("*.md", "docs/**/*.md")
CODE = "open_analytic/**/*.py"
COMMENTED = (CODE, "tests/**/*.py", "scripts/*.py")
FUNCTIONS = ("migrations/functions/**/*.sql", "migrations/extension.sql")
SCRIPTS = "open_analytic/web/static/*.js"
WORDS = "open_analytic/web/words/en.json"

PHRASES = {
    r"\bof (?:ours|yours|theirs|his|hers)\b": "our, your or their before the noun",
    r"\b(?:is|are|was|were|be|been|being) (?:not |never )?(?:said|told)\b": "name who reports it: prints, returns",
    r"\b(?:who|Who|which|Which)ever\b": "a noun: any client, each role",
    r"-manieth\b": "every Nth",
    r"\bmay\b|\bMay (?:be|have|not)\b": "can; might, for what is possible",
    r"\b(?:he|him|his|she|her|hers)\b": "a noun: the client, the user",
    r"\bwhat (?:is|was|were) (?:told|given|asked|said|begun|found|wanted|kept|taken)\b": "a noun",
    r"\b[Ww]ithout a word\b": "silently, or by default",
    r"\bwithout saying so\b": "silently",
    r"\b[Ll]ets? go\b": "release, unload, close",
    r"\b(?:said|told)\b": "name who reports it: prints, returns, sends",
    r"\banew\b": "again",
    r"\bshall\b": "must, or the present tense",
    r"\bfor nothing\b": "without a use",
    r"\bthe like\b": "similar ones",
    r"(?:^|[.:;] )Who [a-z]+s\b(?![^.]*\?)": "name the actor: A role that ..., Anybody who ...",
    r"\bfor you to know\b": "make sure of that yourself",
    r"\bones?'s own\b": "your own",
    r"\b(?:thereof|wherein|whereby|hereby|therein|thereby)\b": "two sentences",
}
SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|SET)\b")
SENTENCE = re.compile(r"'((?:[^']|'')* (?:[^']|'')*)'")
PATTERN = re.compile("|".join(f"({phrase})" for phrase in PHRASES), re.MULTILINE)


class Finding(NamedTuple):
    """A phrase, where it stands, and what is better."""

    file: str
    line: int
    phrase: str
    better: str


def findings(file: str, texts: Iterable[tuple[int, str]]) -> Iterator[Finding]:
    """Of texts with the numbers of their first lines."""
    for line, text in texts:
        for match in PATTERN.finditer(text):
            better = list(PHRASES.values())[(match.lastindex or 1) - 1]
            yield Finding(file, line + text.count("\n", 0, match.start()), match[0].strip(" .:;"), better)


def prose(markdown: str) -> str:
    """A page without its code, line by line where it was."""
    text = re.sub(r"^( *)```.*?^ *```", _blank, markdown, flags=re.DOTALL | re.MULTILINE)
    return plain(re.sub(r"\]\([^)]*\)", "]", text))


def plain(text: str) -> str:
    """Without what stands in backticks or quotation marks: names, and phrases that are spoken about."""
    return re.sub(r"``[^`]*``|`[^`]*`|\"[^\"\n]*\"", _blank, text)


def _blank(match: re.Match[str]) -> str:
    return "_" + "\n" * match[0].count("\n")


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Those of a module, its classes and functions."""
    for node in _docstrings(ast.parse(source)):
        yield node.lineno, plain(str(node.value))


def messages(source: str) -> Iterator[tuple[int, str]]:
    """Literals that read like a sentence: messages, hints, help of options."""
    tree = ast.parse(source)
    skipped = set(map(id, _docstrings(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= set(map(id, node.values))
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "_" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            text = node.value
        else:
            continue
        if " " in text and not SQL.search(text):
            yield node.lineno, plain(text)


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Those of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], plain(token.string)


def commented(text: str, mark: str) -> Iterator[tuple[int, str]]:
    """Comments of a line in SQL (``--``) and JavaScript (``//``), and texts of SQL that read like a sentence."""
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition(mark)
        yield number, plain(comment)
        if mark == "--":
            yield from ((number, plain(quoted)) for quoted in SENTENCE.findall(code))


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.value


def everything() -> Iterator[Finding]:
    """All findings. Docstrings of a file count apart from its messages. Help of a command is both."""
    for pattern in PAGES:
        for file in sorted(TOP.glob(pattern)):
            yield from findings(_name(file), [(1, prose(file.read_text("utf-8")))])
    for file in sorted(TOP.glob(CODE)):
        source = file.read_text("utf-8")
        help_ = "" if file.parent.name == "cli" or file.name == "errors.py" else ":docstrings"
        yield from findings(_name(file), messages(source))
        yield from findings(_name(file) + help_, docstrings(source))
    for file in sorted(file for pattern in COMMENTED for file in TOP.glob(pattern)):
        yield from findings(_name(file), comments(file.read_text("utf-8")))
    for file in sorted(file for pattern in FUNCTIONS for file in TOP.glob(pattern)):
        yield from findings(_name(file), commented(file.read_text("utf-8"), "--"))
    for file in sorted(TOP.glob(SCRIPTS)):
        text = re.sub(r"(?m)^ *(?:/\*\*?|\*) ", "// ", file.read_text("utf-8"))
        yield from findings(_name(file), commented(text, "//"))
    words = (TOP / WORDS).read_text("utf-8").splitlines()
    yield from findings(WORDS, ((number, line.partition(":")[2]) for number, line in enumerate(words, 1)))


def _name(file: Path) -> str:
    return file.relative_to(TOP).as_posix()


def allowed() -> dict[str, int]:
    """How many findings a file can have."""
    lines = [line.split() for line in ALLOWED.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {name: int(count) for count, name in lines}


def lower(counts: Mapping[str, int]) -> None:
    """Write the numbers of today where they are smaller; a file without findings leaves the list."""
    head = [line for line in ALLOWED.read_text("utf-8").splitlines() if line.startswith("#")]
    rows = [f"{min(limit, counts.get(file, 0)):3} {file}" for file, limit in allowed().items() if counts.get(file)]
    ALLOWED.write_text("\n".join([*head, *rows]) + "\n", "utf-8")


def main(options: Sequence[str]) -> int:
    """Print what is not allowed; the exit code."""
    reported = list(everything())
    counts, limits = Counter(finding.file for finding in reported), allowed()
    if "--lower" in options:
        lower(counts)
    wrong = {file for file, count in counts.items() if count > limits.get(file, 0)}
    for finding in reported:
        if finding.file in wrong or "--all" in options:
            print(f"{finding.file.partition(':')[0]}:{finding.line}: {finding.phrase!r}: {finding.better}")
    if any(counts[file] < limit for file, limit in limits.items()):
        print("Some files have fewer findings than scripts/prose_allowed.txt says: run scripts/prose.py --lower.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
