"""How dna_feature_extractor was chosen: python -m tests.bench.dna.

Makes 100 genomes with a fixed seed, cuts them into fragments, and searches for 50 bases of each: as they are, with 3 %
and 6 % changed bases, and their reverse complements. Prints the tables of docs/pipelines.md.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.kinds.dna import DnaSequence
from open_analytic.operators.cut_dna import cut_dna
from open_analytic.operators.embed_dna import Weight, embed_dna
from open_analytic.operators.read_dna import read_dna
from open_analytic.types import Vectors
from tests.bench import machine

Codes: TypeAlias = NDArray[np.uint8]  # (n,): 0 A, 1 C, 2 G, 3 T

SEED, QUERY_SEED = 7, 8
RANDOM, REPETITIVE, ANCESTORS = 40, 20, 20  # genomes; each ancestor has a relative
SHORTEST, LONGEST = 5_000, 50_000  # bases of a genome
MUTATED = 0.05  # of a relative's bases
AT_RICH = (0.4, 0.1, 0.1, 0.4)
QUERY_BASES, QUERIES = 50, 20  # bases of a query, queries of a genome
CHANGES = (0.0, 0.03, 0.06)
RANKS = (1, 5)
LETTERS = np.frombuffer(b"ACGT", np.uint8)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row of the table."""

    k: int = 7
    weight: Weight = "binary"
    bases: int = 150
    hop: int = 100


SHIPPED = Recipe()
RECIPES = (
    *(Recipe(k=k) for k in (4, 5, 6, 7, 8, 10, 12)),
    Recipe(weight="sqrt"),
    Recipe(weight="count"),
    Recipe(bases=100, hop=50),
    Recipe(bases=150, hop=75),
    Recipe(bases=150, hop=150),
    Recipe(bases=200, hop=150),
    Recipe(bases=300, hop=250),
    Recipe(bases=500, hop=450),
)


def genomes() -> Mapping[str, list[Codes]]:
    """100 genomes by what they are like; a relative is an ancestor with 5 % changed bases."""
    random = np.random.default_rng(SEED)
    lengths = iter(random.integers(SHORTEST, LONGEST + 1, RANDOM + REPETITIVE + ANCESTORS))
    uniform = [random.integers(0, 4, next(lengths), np.uint8) for _ in range(RANDOM)]
    repetitive = [repeats(random, int(next(lengths))) for _ in range(REPETITIVE)]
    ancestors = [random.integers(0, 4, next(lengths), np.uint8) for _ in range(ANCESTORS)]
    relatives = [changed(random, each, MUTATED) for each in ancestors]
    return {"random": uniform, "repetitive": repetitive, "related": [*ancestors, *relatives]}


def repeats(random: np.random.Generator, length: int) -> Codes:
    """Stretches rich in A and T, and between them repeats of 1 to 6 bases, about a third of the genome."""
    parts: list[Codes] = []
    while sum(map(len, parts)) < length:
        parts.append(random.choice(4, random.integers(200, 601), p=AT_RICH).astype(np.uint8))
        unit = random.choice(4, random.integers(1, 7), p=AT_RICH).astype(np.uint8)
        parts.append(np.resize(unit, random.integers(100, 301)))
    return np.concatenate(parts)[:length]


def changed(random: np.random.Generator, codes: Codes, share: float) -> Codes:
    """Each base is another one with this probability."""
    steps = random.integers(1, 4, len(codes), np.uint8)
    return np.where(random.random(len(codes)) < share, (codes + steps) % 4, codes).astype(np.uint8)


def sequence(codes: Codes) -> DnaSequence:
    """As the pipeline reads it."""
    return read_dna(LETTERS[codes].tobytes().decode())


def queries(every: list[Codes], share: float, *, reverse: bool) -> Iterator[DnaSequence]:
    """50 bases of each genome, several times."""
    random = np.random.default_rng(QUERY_SEED)
    for codes in every:
        for start in random.integers(0, len(codes) - QUERY_BASES + 1, QUERIES):
            query = changed(random, codes[start : start + QUERY_BASES], share)
            yield sequence(3 - query[::-1] if reverse else query)


def right(rows: Vectors, owners: NDArray[np.intp], vectors: Vectors) -> NDArray[np.bool_]:
    """(queries, ranks): whether a fragment of the genome is among the nearest 1 and 5."""
    own = np.repeat(np.arange(owners[-1] + 1), QUERIES)
    nearest = np.empty((len(vectors), max(RANKS)), np.intp)
    for start in range(0, len(vectors), 500):
        cosines = vectors[start : start + 500] @ rows.T
        best = np.argpartition(-cosines, max(RANKS), axis=1)[:, : max(RANKS)]
        order = np.argsort(-np.take_along_axis(cosines, best, 1), axis=1, kind="stable")
        nearest[start : start + 500] = np.take_along_axis(best, order, 1)
    hits = owners[nearest] == own[:, None]
    return np.stack([hits[:, :rank].any(axis=1) for rank in RANKS], axis=1)


def measure(recipe: Recipe, every: list[Codes]) -> tuple[int, Mapping[tuple[float, bool], NDArray[np.bool_]]]:
    """The number of fragments, and ``right`` of each kind of query."""
    cut = [cut_dna(sequence(codes), bases=recipe.bases, hop=recipe.hop, k=recipe.k) for codes in every]
    owners = np.repeat(np.arange(len(cut)), [len(each) for each in cut])
    rows = embed_dna(list(itertools.chain.from_iterable(cut)), k=recipe.k, weight=recipe.weight)
    return len(rows), {
        (share, reverse): right(
            rows,
            owners,
            embed_dna(list(queries(every, share, reverse=reverse)), k=recipe.k, weight=recipe.weight),
        )
        for share in CHANGES
        for reverse in (False, True)
    }


def main() -> None:
    """Print the tables: the recipes, and the shipped one for each sort of genome."""
    groups = genomes()
    every = [codes for group in groups.values() for codes in group]
    print(machine.describe())
    print(f"{len(every)} genomes of {sum(map(len, every)):,} bases, {QUERIES * len(every):,} queries of each kind\n")
    heads = [f"R@{rank}, {share:.0%}" for share in CHANGES for rank in RANKS]
    print(f"| k | weight | bases | hop | fragments | {' | '.join(heads)} |")
    print("|" + "---|" * (5 + len(heads)))
    for recipe in RECIPES:
        count, hits = measure(recipe, every)
        numbers = [f"{hits[share, False].mean(axis=0)[at]:.3f}" for share in CHANGES for at in range(len(RANKS))]
        print(
            f"| {recipe.k} | {recipe.weight} | {recipe.bases} | {recipe.hop} | {count:,} | {' | '.join(numbers)} |",
            flush=True,
        )
        if recipe == SHIPPED:
            shipped = hits
    print(f"\n| genomes | strand | {' | '.join(heads)} |")
    print("|" + "---|" * (2 + len(heads)))
    kinds = np.repeat([name for name, group in groups.items() for _ in group], QUERIES)
    for name, reverse in itertools.product([*groups, "all"], (False, True)):
        chosen = (kinds == name) | (name == "all")
        numbers = [
            f"{shipped[share, reverse][chosen].mean(axis=0)[at]:.3f}" for share in CHANGES for at in range(len(RANKS))
        ]
        print(f"| {name} | {'reverse complement' if reverse else 'same'} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
