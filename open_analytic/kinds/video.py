"""Kinds of videos. A region is a frame: its number and its time in seconds from the beginning."""

from collections.abc import Callable
from dataclasses import dataclass

from open_analytic.errors import InputTooLarge
from open_analytic.kinds.image import Picture
from open_analytic.kinds.kind import Kind
from open_analytic.types import Frame

_EBML = b"\x1a\x45\xdf\xa3"  # with which Matroska and WebM begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """The bytes of a video that is not decoded yet, and the limits within which a process decodes it."""

    data: bytes
    container: str  # FFmpeg's name of its demuxer
    max_seconds: int
    max_pixels: int  # of one frame
    max_cpu_seconds: int
    weight: int  # bytes of the budget of decoded bytes that decoding takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A frame of a video, and what reads its picture while a pipeline runs; a result has its place only."""

    frame: Frame
    read: Callable[[], Picture] | None = None

    @property
    def picture(self) -> Picture:
        """Its pixels, decoded again where they are not in memory."""
        assert self.read is not None  # noqa: S101 - no step comes after the result
        return self.read()


def _media_type(data: bytes) -> str:
    """The type of a file's container, for browsers."""
    if data.startswith(_EBML):
        return "video/webm" if b"webm" in data[:256] else "video/x-matroska"
    if data.startswith(b"RIFF"):
        return "video/x-msvideo"
    return "video/quicktime" if data[8:12] == b"qt  " else "video/mp4"


VIDEO = Kind(
    name="video",
    decoder="decode_video",
    noun="video",
    too_large=InputTooLarge,
    modality="video",
    media_type=_media_type,
    suffixes=frozenset((".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")),
    held_bytes=lambda video: int(video.weight),
)
FRAME = Kind(
    name="frame",
    noun="frame",
    fields={"number": lambda still: still.frame.number, "seconds": lambda still: still.frame.seconds},
    attributes=("number", "seconds"),
    region=lambda still: still.frame,
    region_type=Frame,
    base="image",
    to_base=lambda still: still.picture,
    lasting=lambda still: Still(frame=still.frame),
    held_bytes=lambda _: 0,  # the list holds the bytes
)
