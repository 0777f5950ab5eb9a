"""``open-analytic demo``."""

from open_analytic.cli.context import Context
from open_analytic.cli.output import stdout
from open_analytic.cli.progress import bar


def demo(context: Context) -> None:
    """Import real photos and find them again.

    By a picture, a person by a face; in Python, in SQL and in the shell.
    Photos and models are fetched the first time. Everything goes into --home, nothing into a server of your own.
    """
    from open_analytic.demo import walkthrough

    walkthrough.run(context.settings, stdout(), bar)
