"""Pictures and vectors into a collection. Files are read, decoded, run and written at the same time."""

from open_analytic.importer.feed import Named
from open_analytic.importer.run import VectorRow, import_files, import_pictures, import_vectors
from open_analytic.importer.tally import Tally
from open_analytic.importer.uncomputed import uncomputed
from open_analytic.importer.values import Defaults, Values

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
