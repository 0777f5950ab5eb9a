"""Where the files that come with the package are: in the wheel, or at the top of a source checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """The folder ``name`` (migrations, pipelines, onnx_models) shipped with this package."""
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


def python_path() -> Path:
    """The folder that holds the package, for the path of another Python."""
    return _PACKAGE.parent


def checkout() -> Path | None:
    """The top of the source checkout the package runs from, None when it was installed from a wheel."""
    top = _PACKAGE.parent
    return top if not (_PACKAGE / "_data").is_dir() and (top / "pyproject.toml").is_file() else None
