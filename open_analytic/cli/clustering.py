"""``open-analytic collection duplicates`` and ``collection cluster``: what is the same picture, and who is who."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from open_analytic.cli import cli_args
from open_analytic.cli.collection import Name
from open_analytic.cli.context import Context, command
from open_analytic.cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from open_analytic.types import Clustering, NearDuplicate

MaxDistance = Annotated[float, typer.Option(help="Largest distance of two rows, in the collection's metric.")]


def add(app: typer.Typer) -> None:
    """Register the commands beside those of the noun."""
    command(app, "duplicates")(duplicates)
    command(app, "cluster")(cluster)


def duplicates(
    context: Context,
    name: Name,
    max_distance: MaxDistance,
    filter_: Annotated[
        str | None, typer.Option("--filter", metavar="SQL", help="Both rows meet it, such as \"district = 'A'\".")
    ] = None,
    where: cli_args.Where = None,
    param: cli_args.Param = None,
) -> None:
    """List pairs of rows that are nearer than a distance, nearest first."""
    condition, params = cli_args.condition(filter_, where), cli_args.texts(param or [], "--param") or None
    with context.open() as db:
        pairs = db.collection(name).near_duplicates(max_distance=max_distance, filter=condition, params=params)
    if context.json:
        print_json(pairs)
    elif pairs:
        _print_pairs(pairs)
    else:
        say(f"No two rows of {name} are so near.")


def cluster(
    context: Context,
    name: Name,
    max_distance: MaxDistance,
    min_size: Annotated[int, typer.Option(min=1, help="Leave out clusters of fewer rows.")] = 2,
) -> None:
    """Put rows into clusters, such as the faces of one person.

    Ids stay from run to run: new rows join their cluster, and clusters that merged or split are listed.
    """
    with context.open() as db:
        clustering = db.collection(name).cluster(max_distance=max_distance, min_size=min_size)
    if context.json:
        print_json(clustering)
    else:
        _print_clusters(clustering)


def _print_pairs(pairs: "list[NearDuplicate]") -> None:
    many = pairs[0].part is not None
    names = ["distance", "name", "part", "other", "other_part"] if many else ["distance", "name", "other"]
    rows = [[f"{pair.distance:.4f}", *(getattr(pair, name) for name in names[1:])] for pair in pairs]
    print_table(names, rows, right=["distance", "part", "other_part"])


def _print_clusters(clustering: "Clustering") -> None:
    if not clustering.clusters:
        say("There are no clusters.")
    else:
        many = clustering.clusters[0].members[0].part is not None
        rows = [
            [group.id, member.name, *([member.part] if many else [])]
            for group in clustering.clusters
            for member in group.members
        ]
        print_table(["cluster", "name", *(["part"] if many else [])], rows, right=["cluster", "part"])
    for change in clustering.changes:
        if change.kind in ("merged", "split"):
            word = "merged into" if change.kind == "merged" else "was split into"
            note(f"Cluster {change.earlier_id} {word} {change.cluster_id}.")
    counts = Counter(change.kind for change in clustering.changes)
    note(", ".join(f"{count} {kind}" for kind, count in counts.items()) or "Nothing has changed.")
