"""Containers of videos by their first bytes; files that were cut off, pictures and playlists are refused."""

import struct

import pytest

from open_analytic.errors import BadVideo, InputTooLarge
from open_analytic.operators.formats import video
from open_analytic.operators.formats.video import container
from open_analytic.operators.limits import Limits, budget
from open_analytic.operators.video import decode_video
from tests.tiny_videos import GREEN, RED, jpeg, matroska, scenes

MATROSKA = matroska([(0, jpeg(RED)), (1, jpeg(GREEN))])
MP4 = scenes((RED, 1))
AVI = scenes((RED, 1), container="avi")
PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://127.0.0.1/a\n#EXT-X-ENDLIST\n",
    "hls that names a file": b"#EXTM3U\n#EXTINF:1.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "data": b"data:video/mp4;base64,AAAAIGZ0eXA=",
    "smil": b"<smil><body><video src='file:///etc/passwd'/></body></smil>",
    "rtsp": b"rtsp://127.0.0.1/a",
    "picture": b"\x89PNG\r\n\x1a\n",
    "avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
    "sound": b"RIFF\x24\0\0\0WAVEfmt ",
    "ebml of another sort": b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88nonsense",
    "garbage": bytes(range(256)),
}


def box(name: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4s", len(body) + 8 if size is None else size, name) + body


@pytest.mark.parametrize(
    ("data", "name"),
    [(MP4, "mov"), (AVI, "avi"), (MATROSKA, "matroska"), (box(b"moov") + box(b"mdat"), "mov"),
     (box(b"ftyp", b"isom") + box(b"mdat", b"12345678abc", size=1)[:8] + struct.pack(">Q", 16), "mov"),
     (box(b"ftyp", b"isom") + box(b"mdat", b"abc", size=0), "mov"), (MP4 + b"trailing junk", "mov")],
    ids=["mp4", "avi", "matroska", "old mov", "long size", "size to the end", "junk after it"],
)  # fmt: skip
def test_a_container_is_known_by_its_bytes(data: bytes, name: str) -> None:
    assert container(data) == name


@pytest.mark.parametrize("data", PLAYLISTS.values(), ids=PLAYLISTS)
def test_what_is_no_video_is_refused(data: bytes) -> None:
    with pytest.raises(BadVideo) as caught:
        container(data)
    assert caught.value.as_dict() == {
        "type": "BadVideo", "sqlstate": "OA028", "message": "The bytes are not a video of a known format.",
        "hint": "Formats that are read: MP4, MOV, WebM, Matroska and AVI.",
    }  # fmt: skip


@pytest.mark.parametrize("data", [MP4, AVI, MATROSKA], ids=["mp4", "avi", "matroska"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_video_that_was_cut_off_is_refused(data: bytes, share: float) -> None:
    with pytest.raises(BadVideo, match=r"^The video was cut off: it announces [\d,]+ bytes and has [\d,]+\."):
        container(data[: int(share * len(data))])


def test_headers_that_lie_are_bounded() -> None:
    with pytest.raises(BadVideo, match=r"^The video is empty: it has no bytes\."):
        container(b"")
    with pytest.raises(BadVideo, match=r"^The video has more than 100,000 boxes\."):
        container(box(b"ftyp") + box(b"free") * video.MOST_BOXES)
    lies = [
        box(b"ftyp", size=3),
        box(b"mdat", size=1) + struct.pack(">Q", 3),
        b"\x1a\x45\xdf\xa3\x87webm",
        MATROSKA[:140],
    ]
    for data in lies:
        container(data)  # the rest is for the process that decodes


def test_limits_are_compared_before_anything_is_started() -> None:
    with pytest.raises(InputTooLarge, match=r"^The video has [\d,]+ bytes; at most 1,000 are read\."):
        decode_video(MP4, Limits(max_bytes=1_000))
    with pytest.raises(InputTooLarge, match=r"^A video of up to 3,072 pixels a frame takes 228,\d{3},\d{3} bytes"):
        decode_video(MP4, Limits(max_pixels=3_072, decode_bytes=200_000_000))
    assert decode_video(MP4, Limits(), max_pixels=1_000).max_pixels == 1_000
    assert budget().used == 0
