"""What browsers play is sent whole or in the range that they ask for (RFC 9110, 14)."""

import pytest

from open_analytic.kinds.video import VIDEO
from open_analytic.web import media
from open_analytic.web.media import Media
from tests import tiny_videos

DATA = bytes(range(100))
SOUND = Media(DATA, "audio/wav")
TAG = media.answer(SOUND, {}).headers["etag"]


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-", 0, 99),
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=90-1000", 90, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
    ],
)
def test_a_range(header: str, first: int, last: int) -> None:
    answer = media.answer(SOUND, {"range": header})
    assert (answer.status_code, answer.body) == (206, DATA[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/100"
    assert answer.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize("header", ["", "bytes=-", "bytes=5-4", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=٣-"])
def test_what_is_no_range_gives_all_of_it(header: str) -> None:
    answer = media.answer(SOUND, {"range": header})
    assert (answer.status_code, answer.body, answer.headers["accept-ranges"]) == (200, DATA, "bytes")
    assert answer.headers["content-security-policy"] == "default-src 'none'; media-src 'self'; sandbox"


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_range_behind_the_end(header: str) -> None:
    answer = media.answer(SOUND, {"range": header})
    assert (answer.status_code, answer.body, answer.headers["content-range"]) == (416, b"", "bytes */100")


def test_what_the_browser_has_is_not_sent_again() -> None:
    answer = media.answer(SOUND, {"if-none-match": TAG})
    assert (answer.status_code, answer.body) == (304, b"")


def test_a_range_of_what_was_changed_meanwhile_is_all_of_it() -> None:
    known, changed = ({"range": "bytes=0-4", "if-range": tag} for tag in (TAG, '"another"'))
    assert [media.answer(SOUND, headers).status_code for headers in (known, changed)] == [206, 200]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tiny_videos.scenes((tiny_videos.RED, 0.2), container="webm"), "video/webm"),
        (tiny_videos.matroska([(0.0, tiny_videos.jpeg(tiny_videos.RED))]), "video/x-matroska"),
        (tiny_videos.scenes((tiny_videos.RED, 0.2), container="mp4"), "video/mp4"),
        (tiny_videos.scenes((tiny_videos.RED, 0.2), container="mov"), "video/quicktime"),
        (tiny_videos.scenes((tiny_videos.RED, 0.2), container="avi"), "video/x-msvideo"),
    ],
    ids=["webm", "matroska", "mp4", "mov", "avi"],
)
def test_a_browser_is_told_the_container_of_a_video(data: bytes, expected: str) -> None:
    assert VIDEO.media_type
    assert VIDEO.media_type(data) == expected
