"""What other distributions add: operators, kinds, builders, inputs and presets, by entry points of their metadata.

Entry points are read once a process. A plugin is imported when a pipeline names what it adds, so one that is broken
ends the use of its own names only.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from typing import Generic, TypeVar

from open_analytic.errors import PluginError

T = TypeVar("T")

OWN = "open-analytic"  # the distribution of what comes with the package
PREFIX = "open_analytic."  # of the groups of entry points


@cache
def entry_points(group: str) -> Mapping[str, tuple[metadata.EntryPoint, ...]]:
    """The entry points of a group by their names; several of a name come from several distributions."""
    entries: dict[str, tuple[metadata.EntryPoint, ...]] = {}
    for entry in sorted(_installed(), key=distribution):
        if entry.group != group:
            continue
        entries[entry.name] = (*entries.get(entry.name, ()), entry)
    return dict(sorted(entries.items()))


@cache
def _installed() -> tuple[metadata.EntryPoint, ...]:
    """Those of every distribution; of two with one name, the first on the path has them."""
    everything = list(metadata.distributions())
    # Names stand in METADATA: parsing it takes 0.5 ms a distribution, which nobody waits for where there is no plugin.
    if not any(f"[{PREFIX}" in (each.read_text("entry_points.txt") or "") for each in everything):
        return ()
    distributions: dict[str, metadata.Distribution] = {}
    for each in everything:
        distributions.setdefault(re.sub("[-_.]+", "-", each.name or "").lower(), each)
    entries = (entry for each in distributions.values() for entry in each.entry_points)
    return tuple(entry for entry in entries if entry.group.startswith(PREFIX))


def distribution(entry: metadata.EntryPoint) -> str:
    """The name and version of the distribution that has the entry point."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def load(entry: metadata.EntryPoint) -> object:
    """What the entry point names; PluginError when it cannot be imported."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # a module of others can raise anything
        raise broken(entry, f"{type(error).__name__}: {error}") from error


def broken(entry: metadata.EntryPoint, why: str) -> PluginError:
    """The error of a plugin that cannot be used."""
    return PluginError(
        f"The plugin {distribution(entry)} does not work: {entry.value}, its {entry.name!r} of {entry.group}: {why}.",
        hint="Correct, upgrade or uninstall it. What comes with open_analytic goes on without it.",
    )


def conflict(group: str, name: str, owners: list[str]) -> PluginError:
    """The error of a name that several distributions have."""
    return PluginError(
        f"{name!r} of {group} comes from {' and from '.join(owners)}.",
        hint="Uninstall one of them, or have its author rename it.",
    )


class Registry(Mapping[str, T], Generic[T]):
    """What comes with the package and what plugins add, by name. ``read`` checks what an entry point names."""

    def __init__(self, group: str, own: Mapping[str, T], read: Callable[[object], T]) -> None:
        self.group, self._own, self._read = group, own, read
        self._loaded: dict[str, T] = {}
        self._lock = threading.RLock()  # a plugin's module can look names up while it is imported

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name in entry_points(self.group) if name not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in entry_points(self.group)

    def __getitem__(self, name: str) -> T:
        entries = entry_points(self.group).get(name, ())
        owners = [*([OWN] if name in self._own else []), *map(distribution, entries)]
        if len(owners) > 1:
            raise conflict(self.group, name, owners)
        return self._plugin(entries[0]) if entries else self._own[name]

    def owner(self, name: str) -> str | None:
        """The name of the distribution that adds it; None for what comes with the package."""
        entries = entry_points(self.group).get(name, ())
        return entries[0].dist.name if entries and entries[0].dist else None

    def _plugin(self, entry: metadata.EntryPoint) -> T:
        with self._lock:
            if entry.name not in self._loaded:
                try:
                    self._loaded[entry.name] = self._read(load(entry))
                except (TypeError, ValueError) as error:
                    raise broken(entry, str(error)) from error
            return self._loaded[entry.name]
