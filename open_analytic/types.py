"""Values that cross rooms: frozen and typed, with their shapes and units. Nothing here computes or imports a model."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.regions import Box as Box
from open_analytic.regions import Frame as Frame
from open_analytic.regions import Region as Region
from open_analytic.regions import Span as Span
from open_analytic.regions import TextSpan as TextSpan
from open_analytic.regions import box_of, hit_keys

Image: TypeAlias = NDArray[np.uint8]  # (h, w, 3) RGB
Images: TypeAlias = NDArray[np.uint8]  # (n, h, w, 3) RGB, one size
Batch: TypeAlias = Any  # values as a model's card describes them: Images, texts, or a mapping of values for each row
Points: TypeAlias = NDArray[np.float32]  # (n, 2) x, y in pixels
Vector: TypeAlias = NDArray[np.float32]  # (dim,)
Vectors: TypeAlias = NDArray[np.float32]  # (n, dim)
Metric: TypeAlias = Literal["l2", "cosine", "ip"]
Json: TypeAlias = dict[str, Any]
OnConflict: TypeAlias = Literal["error", "skip", "replace", "keep_both"]  # when another picture has the name

# HNSW: neighbours a vector keeps, and candidates looked at while building. With pgvector's default, 64 candidates,
# no search reaches some parts of a clustered set: docs/benchmarks.md.
M, EF_CONSTRUCTION = 16, 200


class Model(Protocol):
    """A network as operators see it: values in, named arrays out. A batcher in front of it looks the same.

    Normalisation, layout and tokens are the model's own business (they stand on its card), so an operator gives uint8
    pictures or texts, and swapping a model in a pipeline changes nothing else.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels the model takes; None when it takes any."""

    def __call__(self, batch: Batch, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        """Arrays by the names its card gives them, the first axis the batch; only ``outputs`` when named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face found in a picture. Landmarks: left eye, right eye, nose, left and right mouth corner, as seen in it."""

    box: Box
    score: float
    landmarks: Points  # (5, 2)


class Label(NamedTuple):
    """A class and how sure the network is, 0..1."""

    label: str
    score: float
    label_zh: str = ""  # in Chinese; empty when there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A thing of a class in a picture, and how sure the network is, 0..1."""

    label: str
    label_zh: str = ""  # in Chinese; empty when the model's card has no Chinese labels
    score: float
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One vector of one input, with the region of the input that it describes and attributes of that region."""

    vector: Vector
    region: Region | None = None  # None: the whole input
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def box(self) -> Box | None:
        """The region when it is a box."""
        return box_of(self.region)

    @property
    def extent(self) -> float:
        """How much of the input the region covers: a search takes the largest one. 0 for the whole input."""
        return self.region.extent if self.region else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineInfo:
    """A registered pipeline, as ``open_analytic.current_pipelines`` lists it."""

    name: str
    version: int
    input: str
    output: tuple[str, ...]
    dim: int | None
    hash: str
    created_at: datetime
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputColumns:
    """The columns of a collection that hold an input: its name, what was imported, and the SHA-256 of that."""

    name: str = "image_name"
    data: str = "image_data"
    sha256: str = "image_sha256"
    data_type: Literal["bytea", "text"] = "bytea"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionInfo:
    """A collection: an ordinary table with a vector column, bound to one version of one pipeline."""

    name: str  # as given: "table", or "schema.table" outside public
    schema: str
    pipeline: str | None  # None: it holds vectors computed elsewhere
    version: int | None
    dim: int
    metric: Metric
    many: bool  # one row a region (face), not one a picture
    parameters: Mapping[str, Any]
    columns: Mapping[str, str]  # the user's own: name -> SQL type
    created_at: datetime
    has_source: bool = False  # the column ``source`` keeps where each picture comes from
    inputs: InputColumns = InputColumns()
    region: str | None = None  # the type of its regions, which names their column; None: a row is a whole input


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is written for one input: its bytes once, a table row for each feature."""

    name: str
    features: tuple[Feature, ...]
    data: bytes | None = None
    sha256: bytes | None = None
    source: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    replaces: bytes | Literal[True] | None = True  # the hash of the bytes it can replace; True: any


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row found. ``distance`` is in the collection's metric; ``row`` holds the user's columns."""

    name: str
    distance: float
    row: Mapping[str, Any]
    region: Region | None = None
    part: int | None = None  # the number of its region among those of its input

    @property
    def box(self) -> Box | None:
        """The region when it is a box."""
        return box_of(self.region)

    def as_dict(self) -> Json:
        """The keys that a hit has in JSON; a region that is no box has the key ``region``."""
        region = hit_keys(self.region)
        return {"name": self.name, "distance": self.distance, "row": self.row, **region, "part": self.part}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row of a collection, without its picture and vector. ``row`` holds the user's columns."""

    name: str
    row: Mapping[str, Any]
    imported_at: datetime
    source: str | None = None  # where the picture comes from: a path, a URL, "upload"; None: unknown
    sha256: bytes | None = None  # of the picture when it was imported
    bytes: int | None = None  # of the picture; None: only the vector is there, or another part has it
    has_vector: bool = True  # False: nothing was found in the picture
    region: Region | None = None
    part: int | None = None  # the number of its region among those of its input

    @property
    def box(self) -> Box | None:
        """The region when it is a box."""
        return box_of(self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallCurve:
    """What searches of a collection find and cost, measured with rows of its own as queries.

    ``recalls[i][j]`` is the part of the nearest ``ranks[j]`` rows that are among ``efforts[i]`` rows of the index, in
    ``all_ms[i]`` milliseconds.
    """

    measured_at: datetime
    rows: int
    queries: int
    scan_ms: float  # to look at every row
    exact_ms: float  # to measure every row
    efforts: tuple[int, ...]
    first_ms: tuple[float, ...]  # the ten nearest only
    all_ms: tuple[float, ...]
    ranks: tuple[int, ...]
    recalls: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallReport:
    """What searches for rows of a collection found of what they should have, and what they cost."""

    queries: int
    k: int
    target_recall: float
    recall: float  # of all queries, on average
    worst: float  # of one query
    ms: float  # median of a search
    exact_ms: float  # median of measuring every row that matches
    plans: Mapping[str, int]  # how many searches were done in which way


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicate:
    """Two rows near each other; ``part`` is the region's number in a collection of regions, else None."""

    name: str
    other: str  # after ``name``, byte by byte
    distance: float
    part: int | None = None
    other_part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One of the nearest rows to the row ``name``."""

    name: str
    neighbour: str
    distance: float
    rank: int  # from 1
    part: int | None = None
    neighbour_part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row of a cluster."""

    name: str
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Rows linked by small distances. ``id`` stays from run to run."""

    id: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChange:
    """What a run changed: of a cluster, or of the row ``name`` when it has one."""

    kind: Literal["new", "joined", "merged", "split", "left", "gone"]
    cluster_id: int
    earlier_id: int | None = None  # what merged into it, or it was split from, or the row was in
    name: str | None = None
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The clusters of a collection, and what the run that made them changed."""

    clusters: tuple[Cluster, ...]
    changes: tuple[ClusterChange, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A query that is a text and never a path, whatever the collection holds."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An input that was not imported, and the typed error that says why."""

    name: str
    error: Exception
    place: str | None = None  # of a row of a table: its file and line, as in the error's message


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Files of one type that an import of a folder did not take, and what would help."""

    type: str  # the suffix, or "no suffix", "hidden"
    count: int
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, counted in pictures (``rows`` counts table rows). A picture is in one of the counts.

    ``without_regions`` inputs are in the collection without a vector, since the pipeline detected nothing in them; the
    next import leaves them alone.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0  # another picture has the name: on_conflict="skip"
    without_regions: int = 0  # such as pictures that show no face
    rows: int = 0
    failed: tuple[Failure, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unmatched: tuple[str, ...] = ()  # names in ``values`` that no picture has
    ignored_columns: tuple[str, ...] = ()  # of tables: those that the collection has no column for
    seconds: float = 0.0

    @property
    def without_face(self) -> int:
        """Deprecated: use ``without_regions``."""
        warnings.warn("without_face is deprecated: use without_regions.", DeprecationWarning, stacklevel=2)
        return self.without_regions


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What was measured below one distance: two inputs nearer than it are taken for the same."""

    false_accept_rate: float  # share of different pairs: that of the measured ones is not above it
    distance: float
    true_accept_rate: float  # share of same pairs
    false_accepts: int  # different pairs
    upper_bound: float  # of the false accept rate, at 95 %, were each pair of people of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTable:
    """The distances of one version of a pipeline with their rates, and the pairs they were measured on."""

    pipeline: str
    version: int
    hash: str
    metric: Metric
    rates: tuple[Rate, ...]  # the largest first
    same_pairs: int
    different_pairs: int
    source: str  # whose pairs they were
    measured_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The table that was measured, and what was left out of it."""

    table: RateTable
    skipped: int  # pairs with a picture that failed
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether two inputs show the same, and what that is worth."""

    same: bool  # the distance is below the threshold
    distance: float
    threshold: float
    false_accept_rate: float  # that it was decided at: at most the one asked for
    true_accept_rate: float  # of same pairs below the threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a long work stands; ``total`` is None while unknown."""

    what: str
    done: int
    total: int | None = None
    failed: int = 0


ProgressCallback: TypeAlias = Callable[[Progress], None]
PathLike: TypeAlias = str | Path
