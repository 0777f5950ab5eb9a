"""k-mers to vectors: canonical, hashed and weighted as calculated by hand, and the same alone and beside others."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import BadText
from open_analytic.operators.embed_dna import CHUNK_SEQUENCES, canonical, embed_dna, mixed
from open_analytic.operators.read_dna import read_dna


def vector(text: str, **parameters: object) -> NDArray[np.float32]:
    return embed_dna([read_dna(text)], **{"k": 3, **parameters})[0]  # type: ignore[arg-type, no-any-return]


def numbers(text: str, **parameters: object) -> dict[int, object]:
    """Those that are not 0."""
    row = vector(text, **parameters)
    return {int(at): pytest.approx(float(row[at]), abs=1e-6) for at in np.flatnonzero(row)}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("AAA", 0),
        ("TTT", 0),
        ("ACG", 6),  # 0 * 16 + 1 * 4 + 2
        ("CGT", 6),  # 27, and its reverse complement is ACG
        ("GAT", 13),  # 35, and its reverse complement is ATC: 0 * 16 + 3 * 4 + 1
        ("AAAA", 0),
        ("ACGT", 27),  # 0 * 64 + 1 * 16 + 2 * 4 + 3: it is its own reverse complement
    ],
)
def test_a_kmer_and_its_reverse_complement_have_one_number(text: str, number: int) -> None:
    assert canonical(read_dna(text).codes, len(text)).tolist() == [number]


def test_the_hash_is_splitmix64() -> None:
    """The first numbers of the generator with these seeds, as its authors' C program gives them."""
    seeds = np.array([0, 1, 1234567], np.uint64)
    assert mixed(seeds).tolist() == [0xE220A8397B1DCDAF, 0x910A2DEC89025CC1, 6457827717110365317]


def test_numbers_are_those_calculated_by_hand() -> None:
    # AAA is 0: the highest nine bits of its hash, 0xE22 >> 3, are 452. AAC is 1: 0x910 >> 3 is 290. Both hashes are
    # odd: the sign is +.
    half = 0.5**0.5
    assert numbers("AAAAA") == numbers("ttt") == numbers("uuu") == {452: 1.0}
    assert numbers("AAAC") == numbers("GTTT") == {290: half, 452: half}
    assert numbers("AAAAAC") == {290: half, 452: half}
    assert numbers("AAAAAC", weight="count") == {290: 0.1**0.5, 452: 3 * 0.1**0.5}
    assert numbers("AAAAAC", weight="sqrt") == {290: 0.5, 452: 0.75**0.5}
    assert numbers("AAAC", size=100) == {56: half, 88: half}  # 0x910A2DEC / 2^32 is 0.566, 0xE220A839 / 2^32 0.883


@pytest.mark.parametrize(
    ("weight", "sha256"),
    [
        ("binary", "5f83043b4c5c73a80968142c6c0bf31b1f4fa99532d98722410cc15be79c662d"),
        ("count", "8f67ae30f892cb538278f9edeb667a7fb028d818b4bcad3643f9c3467d65b634"),
    ],
)
def test_vectors_stay_what_they_are(weight: str, sha256: str) -> None:
    """Collections hold such vectors: whatever changes them needs another version of the operator."""
    row = vector("GATTACAGATTACACCTGAAGNCTTAGCAYTTGACCA" * 4, k=7, weight=weight)
    assert hashlib.sha256(row.astype("<f4").tobytes()).hexdigest() == sha256


def test_kmers_with_unknown_bases_or_over_the_end_of_a_record_do_not_count() -> None:
    for text in ("AAANAAC", "AAARAACN", ">a\nAAA\n>b\nAAC\n"):
        assert numbers(text) == numbers("AAAC"), text
    assert numbers("AA-A\nC") == numbers("AAAC")


@pytest.mark.parametrize("k", [3, 4, 6, 11, 24])
@pytest.mark.parametrize("weight", ["binary", "sqrt", "count"])
def test_the_reverse_complement_has_the_same_vector(k: int, weight: str) -> None:
    text = "".join(np.random.default_rng(k).choice(list("ACGTN"), 300, p=[0.3, 0.2, 0.2, 0.29, 0.01]))
    other = text[::-1].translate(str.maketrans("ACGT", "TGCA"))
    ours = vector(text, k=k, weight=weight)
    np.testing.assert_array_equal(ours, vector(other, k=k, weight=weight))
    assert np.linalg.norm(ours) == pytest.approx(1, abs=1e-6)
    assert (str(ours.dtype), ours.shape) == ("float32", (512,))


@pytest.mark.parametrize("weight", ["binary", "sqrt", "count"])
def test_a_sequence_has_the_same_vector_alone_and_beside_others(weight: str) -> None:
    random = np.random.default_rng(5)
    texts = ["".join(random.choice(list("ACGT"), random.integers(9, 40))) for _ in range(CHUNK_SEQUENCES + 3)]
    together = embed_dna([read_dna(text) for text in texts], k=6, weight=weight)  # type: ignore[arg-type]
    assert together.shape == (CHUNK_SEQUENCES + 3, 512)
    for at in (0, 17, CHUNK_SEQUENCES - 1, CHUNK_SEQUENCES, CHUNK_SEQUENCES + 2):
        np.testing.assert_array_equal(together[at], vector(texts[at], k=6, weight=weight))


@pytest.mark.parametrize("text", ["AC", "NNNN", "ACNGT", ">a\nAC\n>b\nGT"])
def test_a_sequence_without_kmers_is_refused(text: str) -> None:
    with pytest.raises(BadText, match=r"The DNA has no 3 known bases in a row\."):
        vector(text)
    with pytest.raises(BadText):
        embed_dna([read_dna("ACGT"), read_dna(text)], k=3)


def test_kmers_that_cancel_out_count_without_their_signs() -> None:
    """Both k-mers of ACCCAGC have the number 309, and the signs + and -."""
    assert numbers("ACCCAGC", k=6) == {309: 1.0}
    np.testing.assert_array_equal(vector("ACCCAGC", k=6), vector("GCTGGGT", k=6))
    together = embed_dna([read_dna("ACCCAGC"), read_dna("AAAAAAC")], k=6)
    np.testing.assert_array_equal(together[1], vector("AAAAAAC", k=6))
