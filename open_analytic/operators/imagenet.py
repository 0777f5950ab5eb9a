"""The names of ImageNet's 1,000 classes in two languages, in the order in which classifiers give them.

``imagenet.tsv`` has a class a line: one English name of WordNet's, and a Chinese one. Another word tells two classes of
one name apart: ``crane (bird)``, ``crane (machine)``.
"""

from functools import cache
from pathlib import Path

from open_analytic.kinds.labels import Labels

_FILE = Path(__file__).with_name("imagenet.tsv")


@cache
def classes() -> Labels:
    """All names; the file is read once, when a pipeline first needs them."""
    rows = [line.split("\t") for line in _FILE.read_text("utf-8").splitlines()]
    return Labels((english for english, _ in rows), (chinese for _, chinese in rows))
