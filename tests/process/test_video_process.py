"""Videos are decoded in a process of their own: what it gives, what it cannot do, and how it ends."""

import gc
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from open_analytic.errors import BadVideo, DeadlineExceeded
from open_analytic.kinds.lazy import Lazy
from open_analytic.kinds.video import Video
from open_analytic.operators import video as operators
from open_analytic.operators import video_process
from open_analytic.operators.limits import Limits
from open_analytic.operators.video import decode_video, sample_frames
from open_analytic.operators.video_process import Request, frames
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken
from tests import tiny_videos
from tests.conftest import REPOSITORY
from tests.process.serving import eventually
from tests.tiny_videos import (
    AVC_SETUP,
    BLUE,
    GREEN,
    RED,
    Container,
    avc,
    jpeg,
    matroska,
    picture,
    scenes,
    turned,
    video,
)

NOTHING = (
    "The video holds nothing that can be decoded: H.264, H.265, MPEG-4, VP8, VP9, ProRes or MJPEG in MP4, MOV, "
    "WebM, Matroska and AVI."
)
LONG = [(10.0 * number, jpeg(RED)) for number in range(1_081)]  # three hours


def children() -> list[int]:
    """Processes that this one has started and not yet waited for."""
    return [each.pid for each in psutil.Process().children()]


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    before = children()
    yield
    gc.collect()
    assert children() == before


def sampled(data: bytes, limits: dict[str, Any] | None = None, **options: Any) -> Lazy:
    return sample_frames(decode_video(data, Limits(), **(limits or {})), **options)


def times(stills: Lazy) -> list[tuple[int, float]]:
    return [(each.frame.number, each.frame.seconds) for each in stills]


def colours(stills: Lazy) -> list[tuple[int, ...]]:
    """The mean colour of each frame, in steps of 10."""
    means = [each.picture.pixels.mean(axis=(0, 1)) for each in stills]
    return [tuple(10 * round(float(channel) / 10) for channel in mean) for mean in means]


@pytest.mark.parametrize("container", ["avi", "mp4"])
def test_frames_come_at_cuts_and_every_so_many_seconds(container: Container) -> None:
    stills = sampled(scenes((RED, 3), (GREEN, 1), (BLUE, 2.5), container=container), every=2)
    assert times(stills) == [(0, 0), (20, 2), (30, 3), (40, 4), (60, 6)]
    assert colours(stills) == [RED, RED, GREEN, BLUE, BLUE]
    first = stills[0].picture
    assert (first.pixels.dtype, first.sides, first.scale) == (np.uint8, (48, 64), (1.0, 1.0))


def test_without_cuts_only_the_clock_counts() -> None:
    data = scenes((RED, 3), (GREEN, 1), (BLUE, 2.5))
    assert times(sampled(data, every=2.5, cut_threshold=0)) == [(0, 0), (25, 2.5), (50, 5)]
    assert times(sampled(data, every=100, cut_threshold=255)) == [(0, 0)]


def test_times_are_those_of_the_container() -> None:
    at = [0, 0.04, 0.5, 3, 3.04, 9, 9.04, 21]
    stills = sampled(matroska([(time, jpeg(RED)) for time in at]), every=5)
    assert times(stills) == [(0, 0), (5, 9), (7, 21)]


def test_h264_is_decoded() -> None:
    parts = [(number / 10, avc(40 if number < 20 else 235)) for number in range(30)]
    data = matroska(parts, size=(128, 96), codec="V_MPEG4/ISO/AVC", setup=AVC_SETUP)
    stills = sampled(data, every=1.5, cut_threshold=20)
    assert times(stills) == [(0, 0), (15, 1.5), (20, 2)]
    assert [float(each.picture.pixels.mean()) for each in stills] == pytest.approx(
        [28, 28, 255], abs=1
    )  # 16 to 235 is 0 to 255


@pytest.mark.parametrize(("codec", "fourcc"), [("webm", "VP80"), ("webm", "VP90"), ("avi", "XVID"), ("mov", "mp4v")])
def test_other_codecs_are_decoded(codec: Container, fourcc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny_videos.CODECS, codec, fourcc)
    assert colours(sampled(scenes((RED, 1), (BLUE, 1), container=codec))) == [RED, BLUE]


def test_a_quick_video_is_sampled_by_time() -> None:
    parts = [(number / 250, jpeg(RED if number < 500 else GREEN)) for number in range(1_000)]  # 4 ms is 1/250
    assert times(sampled(matroska(parts), every=1.5)) == [(0, 0), (375, 1.5), (500, 2), (875, 3.5)]


def test_frames_are_upright_and_shrunk_to_their_longer_side() -> None:
    left = np.concatenate([picture(RED, (160, 180)), picture(BLUE, (160, 180))], axis=1)
    (still,) = sampled(turned(video([left] * 5)), long_side=90)
    assert (still.picture.sides, still.picture.scale) == ((90, 51), (180 / 51, 320 / 90))
    top, bottom = (half.mean(axis=(0, 1)).round(-1).tolist() for half in np.split(still.picture.pixels, 2))
    assert (top, bottom) == (list(RED), list(BLUE))


@pytest.mark.parametrize(
    ("data", "limits", "message", "hint"),
    [
        (matroska(LONG), {}, "The video has 10,800.0 seconds or more; at most 3,600 are read.", "max_seconds"),
        (matroska(LONG, seconds=1), {"max_seconds": 60},
         "The video has 70.0 seconds or more; at most 60 are read.", "max_seconds"),
        (scenes((RED, 1)), {"max_pixels": 3_071}, "The video has 64 x 48 pixels; at most 3,071 are decoded.",
         "max_pixels"),
        (matroska([(0, jpeg(RED, (12_000, 12_000))), (1, jpeg(RED))]), {"max_pixels": 10_000},
         "The video has 12000 x 12000 pixels; at most 10,000 are decoded.", "max_pixels"),
        (matroska([(0, b"junk"), (1, b"junk")]), {}, "The video has no frames that can be decoded.", "Convert"),
        (matroska([]), {}, NOTHING, "Convert"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08mdat", {}, NOTHING, "Convert"),
    ],
    ids=["long", "longer than it announces", "large", "huge", "no frames", "nothing", "no track"],
)  # fmt: skip
def test_limits_are_typed_errors(data: bytes, limits: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(BadVideo) as caught:
        sampled(data, limits, every=1)
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")


def test_frames_that_cannot_be_decoded_are_left_out() -> None:
    """Neither one that is broken nor one that takes more memory than there is ends the video."""
    parts = [jpeg(RED), b"junk", jpeg(BLUE), jpeg(RED, (12_000, 12_000)), jpeg(RED, (128, 96))]
    stills = sampled(matroska(list(enumerate(parts))), {"max_pixels": 20_000}, every=1)
    assert times(stills) == [(0, 0), (1, 2), (2, 4)]
    assert colours(stills) == [RED, BLUE, RED]
    assert [each.picture.sides for each in stills] == 3 * [(48, 64)]  # later frames have the size of the first


def test_more_frames_than_asked_for_are_an_error() -> None:
    with pytest.raises(BadVideo) as caught:
        sampled(scenes((RED, 3)), every=0.1, max_frames=20)
    assert str(caught.value) == (
        "More than 20 frames are sampled in the first 2.0 seconds of the video. "
        "Raise every, cut_threshold or max_frames of the step sample_frames."
    )
    assert len(sampled(scenes((RED, 3)), every=0.1, max_frames=30)) == 30


def test_frames_that_do_not_stay_in_memory_are_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = scenes((RED, 2), (GREEN, 2), (BLUE, 2))
    whole = sampled(data, every=1)
    monkeypatch.setattr(operators, "KEPT_BYTES", 2 * 64 * 48 * 3)
    monkeypatch.setattr(operators, "SLICE_BYTES", 2 * 64 * 48 * 3)
    again = sampled(data, every=1)
    assert (again.at_once, again.held_bytes > whole.held_bytes) == (2, True)
    assert times(again) == times(whole)
    assert colours(again) == colours(whole) == [RED, RED, GREEN, GREEN, BLUE, BLUE]
    assert all(
        np.array_equal(again[at].picture.pixels, whole[at].picture.pixels) for at in (5, 3, 4, 0, 2, 2)
    )  # in any order


def test_the_same_bytes_give_the_same_pixels_in_every_thread() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 48, 64, 3), np.uint8)
    data = video(noise)
    with ThreadPoolExecutor(3) as threads:
        films = list(
            threads.map(lambda _: [each.picture.pixels for each in sampled(data, every=0.5, cut_threshold=0)], range(3))
        )
    assert len(films[0]) == 8
    assert all(np.array_equal(one, other) for film in films[1:] for one, other in zip(films[0], film, strict=True))


@contextmanager
def decoding(data: bytes) -> Iterator[psutil.Process]:
    """A process that decodes, and waits until more frames are asked for."""
    film = decode_video(data, Limits(max_pixels=100_000), max_cpu_seconds=7)
    before = set(children())
    with closing(frames(film, Request(every=0.1, threshold=0, long_side=64))) as stream:
        next(stream)
        (pid,) = set(children()) - before
        yield psutil.Process(pid)


def test_the_process_can_do_nothing_but_decode() -> None:
    with decoding(scenes((RED, 60))) as process:
        lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        limits = {line[4:26].strip(): tuple(line[26:].split()[:2]) for line in lines}
        most, hard = map(int, limits["address space"])
        names = ("open files", "file size", "cpu time", "processes", "core file size")
        assert [limits[name] for name in names] == [("4", "4"), ("0", "0"), ("7", "8"), ("0", "0"), ("0", "0")]
        assert most == hard
        assert most < process.memory_info().vms + 1.2 * video_process.memory(100_000)
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "NoNewPrivs:\t1\n" in status
        assert os.geteuid() or "\nUid:\t65534\t65534\t65534\t65534\n" in status


def test_the_process_has_no_secrets() -> None:
    with decoding(scenes((RED, 60))) as process:
        assert set(process.environ()) == {
            "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "OPENCV_LOG_LEVEL", "OPENCV_FFMPEG_LOGLEVEL",
            "OPENCV_FFMPEG_CAPTURE_OPTIONS",
        }  # fmt: skip


def test_a_reader_that_leaves_ends_the_process() -> None:
    with decoding(scenes((RED, 60))) as process:
        pass
    assert not process.is_running()


ENDLESS = """
import sys
from open_analytic.operators.limits import Limits
from open_analytic.operators.video import decode_video
from open_analytic.operators.video_process import Request, frames
data = open(sys.argv[1], "rb").read()
stream = frames(decode_video(data, Limits()), Request(every=float(sys.argv[2]), threshold=1, long_side=64))
next(stream)
print("begun", flush=True)
next(stream, None) if float(sys.argv[2]) > 1 else sys.stdin.read()
"""


@pytest.mark.parametrize("every", [0.05, 3_600], ids=["while it waits", "while it decodes"])
def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path, every: float) -> None:
    path = tmp_path / "video.mkv"
    same = jpeg(RED, (320, 240))
    path.write_bytes(matroska([(0.05 * number, same) for number in range(20_000)], size=(320, 240)))
    command = [sys.executable, "-c", ENDLESS, str(path), str(every)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    with parent:
        assert parent.stdout
        assert parent.stdout.readline() == "begun\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        eventually("the process has ended", lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_process_that_takes_too_long_is_a_typed_error() -> None:
    same = jpeg(RED, (640, 480))
    data = matroska([(0.01 * number, same) for number in range(6_000)], size=(640, 480))
    with pytest.raises(BadVideo) as caught:
        sampled(data, {"max_cpu_seconds": 1}, every=3_600, cut_threshold=1)
    assert caught.value.message == "Decoding the video takes more than 1 seconds of a processor."


def test_a_call_whose_time_is_over_ends_the_process() -> None:
    token = CANCEL_TOKEN.set(CancelToken(0.0))
    try:
        with pytest.raises(DeadlineExceeded):
            sampled(scenes((RED, 1)))
    finally:
        CANCEL_TOKEN.reset(token)


def forced(data: bytes, container: str) -> Video:
    """Bytes whose first ones were not looked at."""
    return Video(data=data, container=container, max_seconds=60, max_pixels=10_000, max_cpu_seconds=20, weight=0)


def gab2(text: bytes) -> bytes:
    """An AVI with a stream of subtitles that holds another file, which FFmpeg looks into."""
    avi = bytearray(scenes((RED, 1), container="avi").replace(b"idx1", b"JUNK"))  # its places would be wrong
    subtitles = b"GAB2\0\2\0" + struct.pack("<I", 2) + b"a\0" + b"\4\0" + struct.pack("<I", len(text)) + text
    strl = b"strlstrh" + struct.pack("<I", 56) + b"txts" + b"\0" * 52 + b"strf" + struct.pack("<I", 0)
    first = avi.index(b"strl") - 4  # the stream of pictures; the subtitles come after it
    (size,) = struct.unpack_from("<I", avi, first)
    for name, place, chunk in (
        (b"movi", avi.index(b"movi") + 4, b"01sb" + struct.pack("<I", len(subtitles)) + subtitles),
        (b"hdrl", first + 4 + size, b"LIST" + struct.pack("<I", len(strl)) + strl),
    ):
        chunk += b"\0" * (len(chunk) % 2)
        avi[place:place] = chunk
        at = avi.index(name) - 4
        struct.pack_into("<I", avi, at, struct.unpack_from("<I", avi, at)[0] + len(chunk))
    return bytes(avi)


@pytest.mark.parametrize("container", ["mov", "matroska", "avi", "hls", "concat", "sdp", "dash"])
def test_a_playlist_opens_no_file_and_no_address(container: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner.avi"
    inner.write_bytes(scenes((RED, 1), container="avi"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        lists = [
            f"#EXTM3U\n#EXTINF:1.0,\n{target}\n#EXT-X-ENDLIST\n" for target in (address, inner.as_uri(), str(inner))
        ]
        lists += [f"ffconcat version 1.0\nfile '{target}'\n" for target in (address, inner)]
        bodies = [each.encode() for each in lists]
        request = Request(every=1, threshold=0, long_side=64)
        for body in bodies:
            with pytest.raises(BadVideo):
                list(frames(forced(body, container), request))
        for body in bodies[:2]:
            if container == "avi":  # the pictures of the outer video
                assert [frame.number for frame, _ in frames(forced(gab2(body), container), request)] == [0]
            else:
                with pytest.raises(BadVideo):
                    list(frames(forced(gab2(body), container), request))
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("container", ["avi", "mp4"])
def test_damaged_bytes_give_frames_or_a_typed_error(container: Container) -> None:
    """Every run ends; the process of this test is never in danger."""
    data = bytearray(scenes((RED, 2), (GREEN, 2), container=container))
    random = np.random.default_rng(7)
    for _ in range(8):
        hurt = bytearray(data)
        for at in random.integers(12, len(hurt), 60):
            hurt[at] = random.integers(256)
        with suppress(BadVideo):
            assert len(sampled(bytes(hurt), {"max_cpu_seconds": 20}, every=1)) <= 10


def test_two_videos_at_once_are_two_processes() -> None:
    with decoding(scenes((RED, 60))) as one, decoding(scenes((GREEN, 60))) as other:
        assert one.pid != other.pid
        assert one.is_running()
