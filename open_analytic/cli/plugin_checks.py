"""The plugins that doctor lists: what each adds, and what of it cannot be loaded."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from typing import Any

from open_analytic import plugins
from open_analytic.cli.checks_types import Check
from open_analytic.errors import PluginError


def look() -> Iterator[Check]:
    """A check for each distribution with entry points, and one for each entry point that does not work."""
    for owner, entries in _owners().items():
        name, _, version = owner.rpartition(" ")
        brings, errors = _load(entries)
        detail = "; ".join(f"{group} {', '.join(names)}" for group, names in brings.items())
        yield Check(name=f"plugin {name}", state="ok", detail=f"{version}: {detail or 'nothing that works'}")
        for error in errors:
            yield Check(name=f"plugin {name}", state="broken", detail=error.message, hint=error.hint)


def _groups() -> Mapping[str, Callable[[EntryPoint], list[str]]]:
    """What adds to each group, by what is read of its entry points."""
    from open_analytic.kinds import ALL_KINDS
    from open_analytic.models.build import ALL_BUILDERS
    from open_analytic.models.card import ALL_TASKS
    from open_analytic.models.inputs import ALL_INPUTS
    from open_analytic.operators import ALL_OPERATORS
    from open_analytic.pipeline import spec

    def named(registry: plugins.Registry[Any]) -> Callable[[EntryPoint], list[str]]:
        return lambda entry: [entry.name] if registry[entry.name] is not None else []

    registries = (ALL_OPERATORS, ALL_KINDS, ALL_TASKS, ALL_INPUTS, ALL_BUILDERS)
    groups = {registry.group: named(registry) for registry in registries}
    return groups | {spec.PRESETS: lambda entry: list(spec.plugin_presets(entry))}


def _owners() -> dict[str, list[EntryPoint]]:
    """The entry points of each distribution."""
    owners: dict[str, list[EntryPoint]] = {}
    for group in _groups():
        for entries in plugins.entry_points(group).values():
            for entry in entries:
                owners.setdefault(plugins.distribution(entry), []).append(entry)
    return dict(sorted(owners.items()))


def _load(entries: list[EntryPoint]) -> tuple[dict[str, list[str]], list[PluginError]]:
    """What they add, by group, and the errors of those that do not work."""
    brings: dict[str, list[str]] = {}
    errors: list[PluginError] = []
    for entry in entries:
        try:
            names = _groups()[entry.group](entry)
        except PluginError as error:
            errors.append(error)
        else:
            brings.setdefault(entry.group.removeprefix("open_analytic."), []).extend(names)
    return brings, errors
