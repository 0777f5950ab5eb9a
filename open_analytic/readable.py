"""Which files are taken for pictures: by the suffixes of the formats that are read here."""

from importlib.util import find_spec

HEIF_INSTALLED = find_spec("pillow_heif") is not None  # the extra heif
HEIF = (".heic", ".heif", ".hif")
ALWAYS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
SUFFIXES = frozenset(ALWAYS + (HEIF if HEIF_INSTALLED else ()))
