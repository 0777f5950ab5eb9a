"""``open-analytic doctor``: what is installed, how it stands, what to do."""

import typer

from open_analytic.cli.context import Context
from open_analytic.cli.failures import as_command
from open_analytic.cli.output import print_json, print_table, say
from open_analytic.errors import OpenAnalyticError


def doctor(context: Context) -> None:
    """Look whether everything works, and say what to do.

    It looks at versions, models, the database, rights and disk space. It starts nothing, changes nothing and needs no
    network. The exit code is 1 when something is broken.
    """
    from open_analytic.cli import checks

    try:
        results = list(checks.run(context.settings))
    except OpenAnalyticError as error:  # the settings themselves
        results = [checks.broken("settings", error)]
    if context.json:
        print_json(results)
    else:
        print_table(["check", "state", "detail"], [[check.name, check.state, check.detail] for check in results])
        for check in results:
            if check.hint:
                say(f"{check.name}: {as_command(check.hint)}")
    if any(check.state == "broken" for check in results):
        raise typer.Exit(OpenAnalyticError.exit_code)
