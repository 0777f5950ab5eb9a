"""Frames of a video, from a process that decodes it: FFmpeg never reads hostile bytes in this one."""

import errno
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from open_analytic.errors import BadVideo, OpenAnalyticError, ServiceBusy
from open_analytic.kinds.image import Picture
from open_analytic.kinds.video import Video
from open_analytic.operators import video_child as child
from open_analytic.operators.formats.video import FORMATS
from open_analytic.types import Frame
from open_analytic.util.cancellation import check_cancelled

PROCESS_BYTES = 100_000_000  # of Python, numpy and OpenCV before they decode
MEMORY = 64_000_000  # that decoding takes whatever the size of a frame
PIXEL_BYTES = 32  # for each pixel of a frame: up to 17 frames that others refer to, and its copies
POLL_S = 0.1  # until it is looked whether the caller has gone
WAITS = 4  # times the seconds of a processor that are waited for, where the machine is busy
START_S = 60  # more, for the process to start
MOST_TEXT = 1_000
_SHORT = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC)
_CODECS = "H.264, H.265, MPEG-4, VP8, VP9, ProRes or MJPEG"
# The only demuxer that is used is that of the bytes; FFmpeg's parts know no other, and no protocol: a playlist in a
# video opens nothing. Nothing of this process's environment is handed on.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which frames are sent, at most ``long_side`` pixels long; ``numbers`` names them when they are known."""

    every: float
    threshold: float
    long_side: int
    numbers: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    tag: int
    number: int
    seconds: float
    height: int
    width: int
    whole_height: int
    whole_width: int


def memory(max_pixels: int) -> int:
    """Bytes that a decoding process can take more than it begins with."""
    return MEMORY + PIXEL_BYTES * max_pixels


def frames(video: Video, request: Request) -> Generator[tuple[Frame, Picture]]:
    """The frames in order, each when it is asked for: the process waits meanwhile. Closing it ends the process.

    BadVideo when the bytes cannot be decoded within the limits.
    """
    with _process(video, request) as pipe:
        last = -1
        while (record := pipe.record()).tag != child.END:
            if record.tag == child.OPENED:
                continue
            if record.tag != child.FRAME:
                raise _error(record, video, pipe)
            picture = pipe.picture(record, request.long_side)
            if record.number <= last or not 0 <= record.seconds <= video.max_seconds:
                raise _damaged("its frames have no order")
            last = record.number
            yield Frame(number=record.number, seconds=round(record.seconds, 6)), picture


@contextmanager
def _process(video: Video, request: Request) -> "Iterator[_Pipe]":
    """A process that decodes, until the end of the block. It has a copy of the bytes and no other file."""
    process = _started(video, request)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        yield _Pipe(process, process.stdout.fileno(), video.max_cpu_seconds)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _started(video: Video, request: Request) -> "subprocess.Popen[bytes]":
    try:
        with _file(video.data) as file:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", child.__file__, _words(video, request)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT | _options(video.container),
                cwd="/",
                start_new_session=True,  # Ctrl-C is for this process, which ends that one
            )
    except OSError as error:
        if error.errno in _SHORT:
            raise ServiceBusy(
                f"No process can be started to decode a video: {error.strerror}.", hint="Try again in a moment."
            ) from error
        raise OpenAnalyticError(
            f"Python itself, {sys.executable!r}, cannot be run to decode a video: {error.strerror}.",
            hint="Use a Python that this account can run.",
        ) from error


def _words(video: Video, request: Request) -> str:
    return json.dumps(
        {
            "path": [str(Path(entry).absolute()) for entry in sys.path if entry],
            "every": request.every,
            "threshold": request.threshold,
            "long_side": request.long_side,
            "numbers": list(request.numbers),
            "max_seconds": video.max_seconds,
            "max_pixels": video.max_pixels,
            "memory": memory(video.max_pixels),
            "cpu_s": video.max_cpu_seconds,
        },
        separators=(",", ":"),
    )


def _options(container: str) -> dict[str, str]:
    """Options of FFmpeg, as OpenCV reads them."""
    options = {
        "input_format": container,
        "format_whitelist": container,
        "protocol_whitelist": "none",
        "codec_whitelist": child.DECODERS,
    }
    return {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "|".join(f"{name};{value}" for name, value in options.items())}


def _file(data: bytes) -> IO[bytes]:
    """A file of the bytes without a name: in memory where the system can."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("video"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.seek(0)
    return file


class _Pipe:
    """The records of a process. It is not trusted: FFmpeg runs in it."""

    def __init__(self, process: "subprocess.Popen[bytes]", descriptor: int, cpu_s: int) -> None:
        self._process, self._descriptor, self._cpu_s = process, descriptor, cpu_s
        self._began = False
        self._left_s: float = WAITS * cpu_s + START_S
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def record(self) -> _Record:
        """The next record; BadVideo when the process has ended without one."""
        data = bytearray(child.RECORD.size)
        self._fill(memoryview(data))
        self._began = True
        return _Record(*child.RECORD.unpack(data))

    def picture(self, record: _Record, long_side: int) -> Picture:
        """The pixels after a record."""
        sides = (record.height, record.width, record.whole_height, record.whole_width)
        if not all(each > 0 for each in sides) or max(record.height, record.width) > long_side:
            raise _damaged("its frames have no size")
        pixels = np.empty((record.height, record.width, 3), np.uint8)
        self._fill(pixels.data.cast("B"))
        return Picture(pixels, (record.whole_width / record.width, record.whole_height / record.height))

    def text(self, size: int) -> str:
        """The text after a record."""
        data = bytearray(min(size, MOST_TEXT))
        self._fill(memoryview(data))
        return data.decode(errors="replace")

    def _fill(self, place: memoryview) -> None:
        """Read as many bytes. Only the time that is waited for the process counts."""
        while place:
            began = time.monotonic()
            ready = self._poll.poll(1000 * POLL_S)
            self._left_s -= time.monotonic() - began
            check_cancelled()
            if self._left_s < 0:
                raise BadVideo(
                    f"Decoding the video takes more than {WAITS * self._cpu_s + START_S:,} seconds.",
                    hint="Try again when the machine is less busy, or give a part of it.",
                )
            if ready:
                size = os.readv(self._descriptor, [place])
                if not size:
                    raise self._ended()
                place = place[size:]

    def _ended(self) -> OpenAnalyticError:
        """The error of a process that ended before its last record."""
        code = -self._process.wait()
        if code == signal.SIGXCPU:
            return BadVideo(
                f"Decoding the video takes more than {self._cpu_s:,} seconds of a processor.",
                hint="Give a part of it, or decode it in a step with another max_cpu_seconds.",
            )
        if code < 0 and not self._began:  # an exit code of Python
            return OpenAnalyticError(
                f"The process that decodes videos cannot start: {sys.executable!r} ends with code {-code}.",
                hint="The account has to be able to read Python, open_analytic, numpy and OpenCV.",
            )
        names = {number.value: number.name for number in signal.Signals}
        return _damaged(f"the process that decodes it ended by {names[code]}" if code in names else "decoding ended")


def _damaged(reason: str) -> BadVideo:
    return BadVideo(f"The video cannot be decoded: {reason}.", hint="The file might be cut short or damaged.")


def _error(record: _Record, video: Video, pipe: _Pipe) -> OpenAnalyticError:
    """What a record means that is neither a frame nor the end."""
    if record.tag == child.BROKEN:
        return OpenAnalyticError(
            f"The process that decodes videos cannot start: {pipe.text(record.number)}.",
            hint="Check the installation of opencv-python-headless.",
        )
    if record.tag == child.LONG and math.isfinite(record.seconds):
        return BadVideo(
            f"The video has {record.seconds:,.1f} seconds or more; at most {video.max_seconds:,} are read.",
            hint="Give a part of it, or decode it in a step with another max_seconds.",
        )
    if record.tag == child.LARGE:
        return BadVideo(
            f"The video has {record.whole_width} x {record.whole_height} pixels; "
            f"at most {video.max_pixels:,} are decoded.",
            hint="Make it smaller, or decode it in a step with another max_pixels.",
        )
    if record.tag == child.EMPTY:
        return BadVideo("The video has no frames that can be decoded.", hint=f"Convert it to {_CODECS}.")
    if record.tag == child.MEMORY:
        return BadVideo(
            f"Decoding the video takes more than {memory(video.max_pixels):,} bytes of memory.",
            hint="Convert it, or decode it in a step with another max_pixels.",
        )
    return BadVideo(f"The video holds nothing that can be decoded: {_CODECS} in {FORMATS}.", hint="Convert it.")
