"""The path that processes of earlier versions start after an upgrade; the program is ``watchdog.py``."""

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("watchdog.py")), run_name="__main__")
