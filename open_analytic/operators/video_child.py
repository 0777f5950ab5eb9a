"""Decodes a video in a process of its own. It is run as a file, and has numpy and OpenCV only.

The video is descriptor 0; records go to what was descriptor 1. What FFmpeg inside OpenCV does with hostile bytes stays
here: before it sees one of them the process has given up what it does not need. It cannot open a file or a socket,
write a file, or start a program; memory and time of a processor are limited. It ends when nobody reads its records.
"""

import json
import os
import struct
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cv2

# Tag, number, seconds, then height and width of what is sent and of the upright frame. Pixels follow a FRAME, a text
# of ``number`` bytes BROKEN.
RECORD = struct.Struct("<BQdIIII")
BROKEN, OPENED, FRAME, END, UNOPENED, LONG, LARGE, EMPTY, MEMORY = range(9)

DECODERS = "h264,hevc,mpeg4,mjpeg,vp8,vp9,av1,libvpx,libvpx-vp9,libdav1d,libaom-av1,prores,msmpeg4v3,h263"
OUT = 3  # descriptor of the records: libraries can print to 1
LOOK_S = 0.1  # cuts are looked for ten times a second
SCENE_S = 0.6  # a scene is at least so long, as in PySceneDetect
MISSES = 300  # frames in a row that cannot be decoded: the end
SIDE = 160  # pixels of the longer side of the pictures that are compared
NOBODY = 65_534
SLACK = 1e-6  # seconds


def main(request: dict[str, Any]) -> None:
    """Decode as the request says."""
    os.dup2(1, OUT)
    os.dup2(2, 1)
    try:
        import cv2
        import numpy  # noqa: F401 - before files can no longer be opened
    except Exception as error:  # noqa: BLE001 - the parent raises it
        _broken(error)
        return
    cv2.setNumThreads(1)
    _end_with_parent()
    limit = _confine(request["memory"], request["cpu_s"])
    try:
        _decode(request)
    except MemoryError:
        send(MEMORY, limit)
    except cv2.error as error:
        send(MEMORY if error.code == cv2.Error.StsNoMem else UNOPENED, limit)


def _broken(error: Exception) -> None:
    text = f"{type(error).__name__}: {error}".encode()[:1000]
    send(BROKEN, len(text), pixels=text)


def send(
    tag: int,
    number: int = 0,
    seconds: float = 0.0,
    sides: tuple[int, int] = (0, 0),
    whole: tuple[int, int] = (0, 0),
    pixels: Any = b"",
) -> None:
    """Write a record; it waits while the reader has no use for more."""
    for part in (RECORD.pack(tag, number, seconds, *sides, *whole), pixels):
        rest = memoryview(part).cast("B")
        while rest:
            rest = rest[os.write(OUT, rest) :]


def _end_with_parent() -> None:
    """End this process when the reader has closed its end, which its death does as well."""
    import select
    import threading

    poll = select.poll()
    poll.register(OUT, 0)

    def wait() -> None:
        poll.poll()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _confine(memory: int, cpu_s: int) -> int:
    """Give up what decoding does not need; the bytes of memory it can use from now on.

    Everything is imported before: another account might not be able to read it.
    """
    import resource

    _no_new_privileges()
    size = _address_space()
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        except OSError:  # root of a container without that right
            pass
    limits = {"CPU": cpu_s, "FSIZE": 0, "CORE": 0, "NOFILE": OUT + 1, "NPROC": 0}
    if size:
        limits["AS"] = size + memory
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        after = most + 1 if name == "CPU" and most != hard else most  # SIGXCPU first, then SIGKILL
        resource.setrlimit(number, (most, after))
    return memory


def _address_space() -> int:
    """Bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib is not loaded here
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _no_new_privileges() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(38, ctypes.c_ulong(1), 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def _decode(request: dict[str, Any]) -> None:
    import cv2

    capture = _open()
    if capture is None:
        send(UNOPENED)
        return
    width, height = (int(capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    announced = count / rate if 0 < rate < 1e6 and 0 < count < 1e12 else 0.0
    if height * width > request["max_pixels"]:
        send(LARGE, whole=(height, width))
    elif announced > request["max_seconds"] * 1.05:  # it is not exact where the rate varies
        send(LONG, seconds=announced)
    else:
        send(OPENED, seconds=announced, whole=(height, width))
        _frames(capture, request)


def _open() -> "cv2.VideoCapture | None":
    """The video, by the one demuxer that fits its bytes, without protocols; None when it cannot be decoded."""
    import cv2

    file: Any = open(0, "rb", closefd=False)  # noqa: SIM115 - FFmpeg reads from it while it decodes
    capture = cv2.VideoCapture(file, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture if capture.isOpened() else None


def _frames(capture: "cv2.VideoCapture", request: dict[str, Any]) -> None:
    """Send the frames of the request."""
    choice = Listed(request["numbers"]) if request["numbers"] else Sampler(request["every"], request["threshold"])
    number, seconds = -1, 0.0
    for number, seconds in _times(capture):
        if seconds > request["max_seconds"]:
            send(LONG, seconds=seconds)
            return
        if not choice.looks(number, seconds):
            continue
        fine, pixels = capture.retrieve()
        if not fine:
            continue
        height, width = pixels.shape[:2]
        if height * width > request["max_pixels"]:
            send(LARGE, whole=(height, width))
            return
        if choice.takes(seconds, pixels):
            _send_frame(number, seconds, pixels, request["long_side"])
            if choice.is_over:
                break
    send(EMPTY if number < 0 else END, number + 1, seconds)


def _times(capture: "cv2.VideoCapture") -> Iterator[tuple[int, float]]:
    """Each frame's number and time, which never goes back; where the container has no times, by its rate.

    Frames that cannot be decoded are left out. OpenCV tells them from the end only by what follows.
    """
    import cv2

    rate = capture.get(cv2.CAP_PROP_FPS)
    number, before, misses = 0, 0.0, 0
    while misses < MISSES:
        if not capture.grab():
            misses += 1
            continue
        misses = 0
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not 0 < seconds < 1e9:
            seconds = number / rate if 0 < rate < 1e6 and number else 0.0
        before = max(before, seconds)
        yield number, before
        number += 1


def _send_frame(number: int, seconds: float, pixels: Any, long_side: int) -> None:
    import cv2

    height, width = pixels.shape[:2]
    ratio = min(1.0, long_side / max(height, width))
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    if ratio < 1:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    send(FRAME, number, seconds, pixels.shape[:2], (height, width), pixels.data)


class Listed:
    """Frames by their numbers."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers, self._last = set(numbers), max(numbers)
        self.is_over = False

    def looks(self, number: int, _: float) -> bool:
        """Whether the pixels of the frame are needed."""
        self.is_over = number >= self._last
        return number in self._numbers

    def takes(self, _: float, __: Any) -> bool:
        """Whether the frame is one of the choice."""
        return True


class Sampler:
    """The first frame, then one at each cut, and one every so many seconds after the last one.

    A cut is where the mean change of hue, saturation and value exceeds the threshold, as ContentDetector of
    PySceneDetect (BSD-3-Clause) measures it.
    """

    is_over = False  # before the video ends

    def __init__(self, every: float, threshold: float) -> None:
        self._every, self._threshold = every, threshold
        self._looked = self._last = float("-inf")
        self._cut = 0.0
        self._before: Any = None

    def looks(self, _: int, seconds: float) -> bool:
        """Whether the pixels of the frame are needed."""
        if seconds - self._last >= self._every - SLACK:
            return True
        return bool(self._threshold) and seconds - self._looked >= LOOK_S - SLACK

    def takes(self, seconds: float, pixels: Any) -> bool:
        """Whether the frame is one of the choice."""
        due = seconds - self._last >= self._every - SLACK
        change = self._change(pixels) if self._threshold else 0.0
        cut = change > self._threshold and seconds - self._cut >= SCENE_S - SLACK
        self._looked = seconds
        if cut:
            self._cut = seconds
        if due or cut:
            self._last = seconds
        return due or cut

    def _change(self, pixels: Any) -> float:
        """The mean difference to the frame before, 0 to 255."""
        import cv2

        height, width = pixels.shape[:2]
        ratio = min(1.0, SIDE / max(height, width))
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
        before, self._before = self._before, small
        if before is None or before.shape != small.shape:
            return 0.0
        return float(cv2.absdiff(before, small).mean())


if __name__ == "__main__":
    words = json.loads(sys.argv[1])
    sys.path[:] = words["path"]
    try:
        main(words)
    except BrokenPipeError:
        os._exit(1)
