"""Importing the package and decoding a picture change no warnings of the process."""

import subprocess
import sys

from tests.unit.operators.test_formats import JPEG


def test_importing_changes_no_warnings() -> None:
    program = (
        "import warnings, numpy, cv2, PIL.Image; before = list(warnings.filters);"
        "import open_analytic.operators.image as image; "
        "image.decode_image(bytes.fromhex(open(0).read()), image.Limits()); assert warnings.filters == before"
    )
    subprocess.run([sys.executable, "-c", program], input=JPEG.hex(), text=True, check=True)
