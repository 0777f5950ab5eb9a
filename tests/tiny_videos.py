"""Videos of plain colours, made where they are used, and pipelines that sample their frames."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

RED, GREEN, BLUE = (250, 10, 10), (10, 120, 10), (10, 10, 250)
Colour: TypeAlias = tuple[int, int, int]
Container: TypeAlias = Literal["avi", "mov", "mp4", "webm"]
CODECS: dict[Container, str] = {"avi": "MJPG", "mov": "mp4v", "mp4": "mp4v", "webm": "VP90"}
SAMPLE = {"operator": "sample_frames", "every": 2, "output": "frames"}
PIPELINE: dict[str, Any] = {
    "description": "The mean colour of frames of a video.",
    "input": "video",
    "steps": [SAMPLE, {"operator": "embed", "model": "mean_colour", "input": "frames", "output": "colours"}],
    "output": {"frames": {"seconds": "frames.seconds", "feature": "colours"}},
}


def picture(colour: Colour, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """Pixels of one colour, (height, width, 3) in RGB, of a size (width, height)."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def video(pictures: Iterable[NDArray[np.uint8]], *, fps: float = 10, container: Container = "mp4") -> bytes:
    """A video of the pictures, by OpenCV."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"video.{container}"
        writer: cv2.VideoWriter | None = None
        for each in pictures:
            if writer is None:
                code = cv2.VideoWriter.fourcc(*CODECS[container])
                writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, (each.shape[1], each.shape[0]))
            writer.write(cv2.cvtColor(each, cv2.COLOR_RGB2BGR))
        if writer is not None:
            writer.release()
        return path.read_bytes()


def scenes(*parts: tuple[Colour, float], fps: float = 10, container: Container = "mp4") -> bytes:
    """A video that shows each colour for so many seconds."""
    return video(
        (picture(colour) for colour, seconds in parts for _ in range(round(seconds * fps))),
        fps=fps,
        container=container,
    )


def jpeg(colour: Colour, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture as a frame of Motion JPEG."""
    fine, data = cv2.imencode(".jpg", cv2.cvtColor(picture(colour, size), cv2.COLOR_RGB2BGR))
    assert fine
    return data.tobytes()


def avc(grey: int) -> bytes:
    """A frame of H.264 whose 8 x 6 macroblocks are not compressed: 128 x 96 pixels of one grey."""
    block = bytes([grey]) * 256 + bytes([128]) * 128
    unit = bytes.fromhex("05888421a0") + b"\x0d\0".join([block] * 48) + b"\x80"
    return struct.pack(">I", len(unit)) + unit


AVC_SETUP = bytes.fromhex("0142000affe10007674200 0af841a2 01 0004 68ce3880")


def matroska(
    frames: Sequence[tuple[float, bytes]],
    *,
    size: tuple[int, int] = (64, 48),
    seconds: float | None = None,
    codec: str = "V_MJPEG",
    setup: bytes = b"",
) -> bytes:
    """Motion JPEG, or another codec, in Matroska: each frame at a time of its own.

    ``seconds`` is the length that the file announces, ``setup`` what the codec's decoder begins with.
    """
    last = frames[-1][0] if frames else 0.0
    header = _element(
        "1a45dfa3",
        *(_number(name, value) for name, value in (("4286", 1), ("42f7", 1), ("42f2", 4), ("42f3", 8))),
        _element("4282", b"matroska"),
        *(_number(name, value) for name, value in (("4287", 2), ("4285", 2))),
    )
    length = struct.pack(">d", 1000 * (last + 0.04 if seconds is None else seconds))
    info = _element("1549a966", _number("2ad7b1", 1_000_000), _element("4489", length), _element("4d80", b"t"),
                    _element("5741", b"t"))  # fmt: skip
    sides = _element("e0", _number("b0", size[0]), _number("ba", size[1]))
    entry = _element("ae", *(_number(name, 1) for name in ("d7", "73c5", "83")), _element("86", codec.encode()),
                     _element("63a2", setup), sides)  # fmt: skip
    clusters = (
        _element("1f43b675", _number("e7", round(1000 * time)), _element("a3", b"\x81\0\0\x80", data))
        for time, data in frames
    )
    return header + _element("18538067", info, _element("1654ae6b", entry), *clusters)


def _element(name: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes.fromhex(name) + struct.pack(">Q", len(body) | 1 << 56) + body


def _number(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(8, "big"))


def turned(data: bytes) -> bytes:
    """An MP4 whose header says that its frames are to be turned by 90 degrees, clockwise."""
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes
    one = 1 << 16
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    return data[:at] + matrix + data[at + len(matrix) :]
