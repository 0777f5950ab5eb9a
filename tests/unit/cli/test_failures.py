"""What a user sees of an error: no password, no control characters, the next command."""

import json

import pytest
import typer

from open_analytic.cli.context import Context
from open_analytic.cli.failures import as_command, handled, hide, printable
from open_analytic.errors import NoFace, OpenAnalyticError, UnknownPipeline


@pytest.mark.parametrize(
    ("dsn", "text"),
    [
        ("postgresql://me:s3cret@host/db", "failed for s3cret"),
        ("postgresql://me:s%40cret@host/db", "failed for s@cret and s%40cret"),
        ("postgresql://me:s3@cret@host/db", "failed for s3@cret"),
        ("host=x password=s3cret user=me", "host=x password=s3cret"),
        ("host=x password='s3 cr\\'et'", "failed for s3 cr'et"),
        ("postgresql://host/db?user=me&password=s3cret&x=1", "failed for s3cret"),
    ],
)
def test_passwords_are_hidden(dsn: str, text: str) -> None:
    assert "cr" not in hide(text, dsn)
    assert "***" in hide(text, dsn)


def test_the_password_in_the_environment_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPEN_ANALYTIC_DSN", "postgresql://me:s3cret@host/db")
    assert hide("failed for s3cret", None) == "failed for ***"


def test_control_characters_become_escapes() -> None:
    assert printable("a\x1b[31m\nb\udcff 中") == r"a\x1b[31m\nb\udcff 中"


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("pipeline_create('x') registers it.", "`open-analytic pipeline create x` registers it."),
        ("pipeline_create('a b') registers it.", "`open-analytic pipeline create 'a b'` registers it."),
        ("Choose another: connect(home=...).", "Choose another: --home FOLDER."),
        ("Stop it: open_analytic.embedded.stop(home).", "Stop it: `open-analytic db stop`."),
        ("Check the spelling.", "Check the spelling."),
    ],
)
def test_hints_name_commands(hint: str, expected: str) -> None:
    assert as_command(hint) == expected


def test_an_error_is_a_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, handled(Context()):
        raise UnknownPipeline("No pipeline 'x'.", hint="pipeline_create('x') registers it.")
    assert caught.value.exit_code == UnknownPipeline.exit_code
    assert capsys.readouterr() == ("", "Error: No pipeline 'x'.\n  `open-analytic pipeline create x` registers it.\n")


def test_an_error_as_json_is_the_one_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    error = NoFace(hint="Another picture.")
    with pytest.raises(typer.Exit), handled(Context(json=True)):
        raise error
    assert json.loads(capsys.readouterr().err) == error.as_dict()


def test_an_unexpected_error_is_one_line_that_says_how_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, handled(Context(dsn="postgresql://me:s3cret@host/db")):
        raise KeyError("s3cret")
    stderr = capsys.readouterr().err
    assert caught.value.exit_code == OpenAnalyticError.exit_code
    assert "Traceback" not in stderr
    assert "s3cret" not in stderr
    assert "unexpected KeyError" in stderr
    assert "--debug" in stderr


def test_debug_shows_the_traceback_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), handled(Context(debug=True, dsn="postgresql://me:s3cret@host/db")):
        raise KeyError("s3cret")
    stderr = capsys.readouterr().err
    assert "Traceback" in stderr
    assert 'KeyError("s3cret")' not in stderr.replace("***", "")
    assert "s3cret" not in stderr


def test_an_interruption_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, handled(Context()):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
    assert capsys.readouterr().err.startswith("Interrupted.")
