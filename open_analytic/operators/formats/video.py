"""Containers of videos: which one the bytes are, and whether all of it is there. FFmpeg reads the rest elsewhere."""

import struct
from collections.abc import Callable, Mapping

from open_analytic.errors import BadVideo

FORMATS = "MP4, MOV, WebM, Matroska and AVI"
HINT = f"Formats that are read: {FORMATS}."
MOST_BOXES = 100_000  # at the top of an MP4; an hour in fragments of a second has 7,200
# A MOV of old begins with any of them; a known box that ends after the file was cut off.
_FIRST = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_BOXES = frozenset((*_FIRST, b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"uuid", b"meta", b"udta", b"emsg", b"prft"))
_PICTURES = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")  # brands of still pictures
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def container(data: bytes) -> str:
    """FFmpeg's name of the demuxer for the bytes. BadVideo when they are no video, or fewer than the file announces."""
    if not data:
        raise BadVideo("The video is empty: it has no bytes.", hint="The file was perhaps not written to its end.")
    for name, (begins, announced) in _CONTAINERS.items():
        if begins(data):
            if (size := announced(data)) > len(data):
                raise BadVideo(
                    f"The video was cut off: it announces {size:,} bytes and has {len(data):,}.",
                    hint="The file might be cut short or damaged.",
                )
            return name
    raise BadVideo("The bytes are not a video of a known format.", hint=HINT)


def _is_mov(data: bytes) -> bool:
    return data[4:8] in _FIRST and not (data[4:8] == b"ftyp" and data[8:12] in _PICTURES)


def _mov_size(data: bytes) -> int:
    """Where the last known box ends."""
    at = 0
    for _ in range(MOST_BOXES):
        if at + 8 > len(data):
            return at
        size, name = struct.unpack_from(">I4s", data, at)
        if name not in _BOXES:  # what follows the video is not read
            return at
        header = 16 if size == 1 else 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        elif size == 0:
            return len(data)
        at += max(size, header)
    raise BadVideo(f"The video has more than {MOST_BOXES:,} boxes.", hint="The file is damaged.")


def _is_matroska(data: bytes) -> bool:
    return data.startswith(_EBML) and any(name in data[:256] for name in (b"webm", b"matroska"))


def _matroska_size(data: bytes) -> int:
    """Where its segment ends; 0 when it does not say."""
    length, width = _number(data, 4)
    at = 4 + width + (length or 0)
    if data[at : at + 4] != _SEGMENT:
        return 0
    length, width = _number(data, at + 4)
    return 0 if length is None else at + 4 + width + length


def _number(data: bytes, at: int) -> tuple[int | None, int]:
    """A number of EBML, None for an unknown size, and how many bytes it takes."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length()
    if not first or at + width > len(data):
        return None, 1
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value, width


def _is_avi(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"AVI "


def _avi_size(data: bytes) -> int:
    return 8 + int(struct.unpack_from("<I", data, 4)[0])


_CONTAINERS: Mapping[str, tuple[Callable[[bytes], bool], Callable[[bytes], int]]] = {
    "mov": (_is_mov, _mov_size),
    "matroska": (_is_matroska, _matroska_size),
    "avi": (_is_avi, _avi_size),
}
