"""Bytes to videos, and videos to their frames."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

from open_analytic.errors import BadVideo, InputTooLarge
from open_analytic.kinds.image import Picture
from open_analytic.kinds.lazy import Lazy
from open_analytic.kinds.video import Still, Video
from open_analytic.operators import video_process
from open_analytic.operators.formats.video import container
from open_analytic.operators.limits import Limits
from open_analytic.operators.operator import Between
from open_analytic.operators.video_process import Request
from open_analytic.types import Frame

KEPT_BYTES = 32_000_000  # of frames that stay in memory; those after them are decoded again
SLICE_BYTES = 32_000_000  # of frames that a model is given at once


def decode_video(
    data: bytes,
    limits: Limits,
    *,
    max_seconds: Annotated[int, Between(1, 36_000)] = 3_600,
    max_pixels: Annotated[int, Between(1, 35_389_440)] = 8_847_360,
    max_cpu_seconds: Annotated[int, Between(1, 36_000)] = 600,
) -> Video:
    """A video in MP4, MOV, WebM, Matroska or AVI, with the limits within which a later step decodes it.

    InputTooLarge when it has more bytes than the limits allow; BadVideo when it is in no such container, or was cut
    off. Nothing is decoded in this process: ``sample_frames`` starts one for it. The memory for that is reserved here.
    """
    limits = replace(limits, too_large=InputTooLarge)
    limits.check_bytes(data, "video")
    name = container(data)
    max_pixels = min(max_pixels, limits.max_pixels)
    weight = video_process.PROCESS_BYTES + video_process.memory(max_pixels) + KEPT_BYTES + SLICE_BYTES + len(data)
    with limits.reserved(weight, f"A video of up to {max_pixels:,} pixels a frame"):
        return Video(
            data=data,
            container=name,
            max_seconds=max_seconds,
            max_pixels=max_pixels,
            max_cpu_seconds=max_cpu_seconds,
            weight=weight,
        )


def sample_frames(
    video: Video,
    *,
    every: Annotated[float, Between(0.02, 3_600)] = 5.0,
    cut_threshold: Annotated[float, Between(0, 255)] = 27.0,
    max_frames: Annotated[int, Between(1, 10_000)] = 1_000,
    long_side: Annotated[int, Between(16, 4_096)] = 640,
) -> Lazy:
    """The first frame, one at each cut, and one at least every ``every`` seconds, as pictures with their times.

    A cut is a mean change of hue, saturation and value above ``cut_threshold`` of 255 (0: no cuts). Pictures are
    upright RGB, at most ``long_side`` pixels long. BadVideo when there would be more than ``max_frames``.
    """
    reel = _Reel(video, Request(every=every, threshold=cut_threshold, long_side=long_side))
    reel.sample(max_frames)
    stills = [Still(frame=frame, read=partial(reel.picture, at)) for at, frame in enumerate(reel.frames)]
    return Lazy(len(stills), reel.at_once, stills.__getitem__, held_bytes=reel.held_bytes)


class _Reel:
    """The sampled frames of a video. Pictures of the first ones stay in memory, others are decoded again in order."""

    def __init__(self, video: Video, request: Request) -> None:
        self._video, self._request = video, request
        self._stored: list[Picture] = []
        self._stored_bytes = self._largest = 0
        self._stream: Iterator[tuple[Frame, Picture]] = iter(())
        self._next = -1  # the frame that comes next out of the stream; -1: there is none
        self.frames: list[Frame] = []

    @property
    def held_bytes(self) -> int:
        """Bytes of the budget that it needs as long as its pictures are read."""
        return self._stored_bytes if len(self._stored) == len(self.frames) else self._video.weight

    @property
    def at_once(self) -> int:
        """Pictures that are in memory for a model at once."""
        return max(1, SLICE_BYTES // max(1, self._largest))

    def sample(self, most: int) -> None:
        """Decode the video, and choose its frames."""
        for frame, picture in video_process.frames(self._video, self._request):
            if len(self.frames) == most:
                raise BadVideo(
                    f"More than {most:,} frames are sampled in the first {frame.seconds:,.1f} seconds of the video.",
                    hint="Raise every, cut_threshold or max_frames of the step sample_frames.",
                )
            self._keep(picture)
            self.frames.append(frame)

    def _keep(self, picture: Picture) -> None:
        size = picture.pixels.nbytes
        self._largest = max(self._largest, size)
        if len(self._stored) == len(self.frames) and self._stored_bytes + size <= KEPT_BYTES:
            self._stored.append(picture)
            self._stored_bytes += size

    def picture(self, at: int) -> Picture:
        """The pixels of a frame by its place in the list."""
        if at < len(self._stored):
            return self._stored[at]
        if not len(self._stored) <= self._next <= at:
            numbers = [frame.number for frame in self.frames[at:]]
            self._stream = video_process.frames(self._video, replace(self._request, numbers=numbers))
            self._next = at
        picture = self._read()
        while self._next <= at:
            picture = self._read()
        if self._next == len(self.frames):
            self._stream, self._next = iter(()), -1  # ends the process
        return picture

    def _read(self) -> Picture:
        """The next picture out of the stream."""
        frame, picture = next(self._stream, (None, None))
        if picture is None or frame != self.frames[self._next]:
            raise BadVideo("The video gives other frames when it is decoded again.", hint="Report it.")
        self._next += 1
        return picture
