"""Pictures and vectors into a collection. Files are read, decoded, run and written at the same time."""

from open_analytic.importer.feed import Defaults, Named, Values
from open_analytic.importer.run import VectorRow, import_files, import_pictures, import_vectors, uncomputed
from open_analytic.importer.writer import Tally

__all__ = [
    "Defaults",
    "Named",
    "Tally",
    "Values",
    "VectorRow",
    "import_files",
    "import_pictures",
    "import_vectors",
    "uncomputed",
]
