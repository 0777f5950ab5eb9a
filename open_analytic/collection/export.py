"""Pictures of a collection as files, and its values as a table. Names are hostile: a file stays in its folder."""

import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from open_analytic.collection import Collection
from open_analytic.errors import BadParameter, Conflict, UnknownImage
from open_analytic.util import files

MOST_BYTES = 200  # of a file's name; file systems take 255, a number comes on top
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows
UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
JSON_TYPES = ("json", "jsonb", "smallint", "integer", "bigint", "boolean")  # whose text JSON reads as it is
TRUTH = {"t": "true", "f": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    pictures: int = 0
    without_picture: int = 0  # only their vector was imported
    rows: int = 0


def export(
    collection: Collection, *, pictures: Path | None = None, values: Path | None = None, overwrite: bool = False
) -> Exported:
    """Write pictures below a folder, and the values of your columns as .csv or .jsonl, which import reads again.

    A file's name is the picture's, made safe and unique; where it differs the values have it in ``file``.
    Conflict before anything is written when a file is there, unless ``overwrite``.
    """
    if values and values.suffix.lower() not in WRITERS:
        raise BadParameter(f"Values cannot be written as {values.suffix or values.name!r}.", hint="Use .csv or .jsonl.")
    names = dict(_names(collection)) if pictures else {}
    targets = [pictures / name for name in names.values()] if pictures else []
    _check(targets + ([values] if values else []), overwrite)
    written = _write_pictures(collection, pictures, names, overwrite=overwrite) if pictures else 0
    rows = _write_values(collection, values, names, overwrite=overwrite) if values else 0
    return Exported(pictures=written, without_picture=len(names) - written, rows=rows)


def safe(name: str) -> str:
    """A picture's name as a relative path that stays below its folder, on every system."""
    components = [_component(component) for component in re.split(r"[/\\]", name) if component not in ("", ".")]
    return "/".join(components) or "_"


def _component(name: str) -> str:
    name = UNSAFE.sub("_", name).rstrip(" .") or "_"
    if name.startswith((".", "~")) or RESERVED.fullmatch(name):  # hidden, a home, a device
        name = f"_{name}"
    stem, dot, suffix = name.rpartition(".")
    suffix = f"{dot}{suffix}" if stem and len(suffix.encode()) < 20 else ""
    room = MOST_BYTES - len(suffix.encode())
    return name.removesuffix(suffix).encode()[:room].decode(errors="ignore") + suffix if suffix else _cut(name)


def _cut(component: str) -> str:
    return component.encode()[:MOST_BYTES].decode(errors="ignore")


def _names(collection: Collection) -> Iterator[tuple[str, str]]:
    """Each picture with its file: no two share one, also where capitals make no difference."""
    used: set[str] = set()
    folders: set[str] = set()
    after = ""
    while page := collection.names(after=after, limit=1000):
        for name, _ in page:
            path, number = safe(name), 1
            unique = path
            while (level := _in_the_way(unique, used, folders)) is not None:
                number += 1
                unique = _numbered(path, level, number)
            used.add(unique.casefold())
            folders.update(_above(unique.casefold()))
            yield name, unique
        after = page[-1][0]


def _in_the_way(path: str, used: set[str], folders: set[str]) -> int | None:
    """Which part of a path another file has, or has as a folder; None when the path is free."""
    components = path.casefold().split("/")
    for count in range(1, len(components)):
        if "/".join(components[:count]) in used:
            return count - 1
    whole = path.casefold()
    return len(components) - 1 if whole in used or whole in folders else None


def _numbered(path: str, level: int, number: int) -> str:
    components = path.split("/")
    stem, dot, suffix = components[level].rpartition(".")
    components[level] = f"{stem} ({number}).{suffix}" if dot and stem else f"{components[level]} ({number})"
    return "/".join(components)


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _check(targets: list[Path], overwrite: bool) -> None:
    there = [path for path in targets if os.path.lexists(path)]
    if there and not overwrite:
        verb = "file is" if len(there) == 1 else "files are"
        raise Conflict(
            f"{len(there):,} {verb} there already (first: {there[0]}); nothing was written.",
            hint="Name another folder, or replace them with overwrite=True.",
        )


def _write_pictures(collection: Collection, folder: Path, names: dict[str, str], *, overwrite: bool) -> int:
    written = 0
    for name, path in names.items():
        try:
            data = collection.image(name)
        except UnknownImage:  # deleted meanwhile, or only its vector was imported
            continue
        target = folder / path
        _make_folders(folder, target.parent)
        if overwrite:
            files.write(target, data, what="picture")
        else:
            _create(target, data)
        written += 1
    return written


def _make_folders(top: Path, folder: Path) -> None:
    """Folders below the top, none of which is a link to elsewhere."""
    try:
        top.mkdir(parents=True, exist_ok=True)
        place = top
        for component in folder.relative_to(top).parts:
            place /= component
            if place.is_symlink():
                raise BadParameter(f"{place} is a link to another folder.", hint="Export into a new folder.")
            place.mkdir(exist_ok=True)
    except OSError as error:
        raise files.unwritable(folder, error, "folder") from error


def _create(target: Path, data: bytes) -> None:
    """A new file: what came there meanwhile stays."""
    try:
        with target.open("xb") as file:
            try:
                file.write(data)
            except BaseException:
                with suppress(OSError):
                    target.unlink()
                raise
    except FileExistsError as error:
        raise Conflict(
            f"{target} is there already.", hint="Name another folder, or replace files with overwrite=True."
        ) from error
    except OSError as error:
        raise files.unwritable(target, error, "picture") from error


def _write_values(collection: Collection, target: Path, names: dict[str, str], *, overwrite: bool) -> int:
    """Through a file beside it, which takes its place when it is whole."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            rows = WRITERS[target.suffix.lower()](collection, file, names)
        if not overwrite:
            target.touch(exist_ok=False)
        temporary.replace(target)
    except FileExistsError as error:
        raise Conflict(f"{target} is there already.", hint="Replace it with overwrite=True.") from error
    except OSError as error:
        raise files.unwritable(target, error, "file of values") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return rows


def _head(collection: Collection, names: dict[str, str]) -> list[str]:
    """The columns that are ours; a user's own column of such a name keeps its name, and ours is left out."""
    renamed = any(name != file for name, file in names.items())
    key = collection.info.inputs.name
    region = collection.info.region
    ours = [key, *(["part", region] if region else []), *(["file"] if renamed else [])]
    return [name for name in ours if name == key or name not in collection.info.columns]


def _rows(collection: Collection, names: dict[str, str]) -> Iterator[tuple[list[str | None], list[str | None]]]:
    head, key = _head(collection, names), collection.info.inputs.name
    region = collection.info.region
    for name, part, cells in collection.texts(regions=True):
        ours = {"part": None if part is None else str(part), "file": names.get(name)} | {key: name}
        if region:
            ours[region] = cells.pop(0)
        yield [ours[column] for column in head], cells


def _csv(collection: Collection, file: IO[str], names: dict[str, str]) -> int:
    writer = csv.writer(file)
    writer.writerow([*_head(collection, names), *collection.info.columns])
    count = 0
    for ours, cells in _rows(collection, names):
        writer.writerow([*ours, *cells])
        count += 1
    return count


def _jsonl(collection: Collection, file: IO[str], names: dict[str, str]) -> int:
    """What JSON has as such, everything else as the text PostgreSQL writes."""
    head, columns = _head(collection, names), collection.info.columns
    count = 0
    for ours, cells in _rows(collection, names):
        pairs = [(name, json.dumps(text, ensure_ascii=False)) for name, text in zip(head, ours, strict=True)]
        pairs += [(name, _json(text, columns[name])) for name, text in zip(columns, cells, strict=True)]
        file.write("{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {text}" for name, text in pairs) + "}\n")
        count += 1
    return count


def _json(text: str | None, type_: str) -> str:
    if text is None:
        return "null"
    if type_ == "boolean":
        return TRUTH[text]
    return " ".join(text.splitlines()) if type_ in JSON_TYPES else json.dumps(text, ensure_ascii=False)


WRITERS: dict[str, Callable[[Collection, IO[str], dict[str, str]], int]] = {".csv": _csv, ".jsonl": _jsonl}

__all__ = ["Exported", "export", "safe"]
