"""Ctrl-C before the command line listens for it ends the program quietly."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
{start}
"""


@pytest.mark.parametrize(
    ("module", "start"),
    [
        ("open_analytic.cli.streams", "from open_analytic.cli import main; main()"),
        ("open_analytic.cli", "import runpy; runpy.run_module('open_analytic', run_name='__main__')"),
    ],
    ids=["script", "module"],
)
def test_ctrl_c_while_modules_are_imported_leaves_no_traceback(module: str, start: str) -> None:
    program = PROGRAM.format(module=module, start=start)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")
