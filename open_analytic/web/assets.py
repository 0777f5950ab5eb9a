"""Style sheets, scripts and the icon: kept in memory, under addresses that change with their content."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
_IMPORT = re.compile(r'\b(from |import ?\(?)"(\./[\w-]+\.js)"')


class Assets:
    """The files of ``static``. Their stamp is the version and a hash of them all: a changed file is asked for again."""

    def __init__(self, version: str) -> None:
        files = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in TYPES}
        digest = hashlib.sha256(b"".join(name.encode() + data for name, data in files.items()))
        self.stamp = f"{version}-{digest.hexdigest()[:12]}"
        self._files = {name: self._stamped(name, data) for name, data in files.items()}

    def url(self, name: str) -> str:
        """Where a file is; a name that is not there is a bug."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{name}?v={quote(self.stamp)}"

    def scripts(self) -> Mapping[str, str]:
        """The text of each script."""
        return {name: data.decode() for name, data in self._files.items() if name.endswith(".js")}

    async def answer(self, request: Request) -> Response:
        """A file; kept by the browser for a year when it was asked for with the stamp."""
        name = request.path_params["name"]
        data = self._files.get(name)
        if data is None:
            return PlainTextResponse("There is no such file.", 404)
        current = request.query_params.get("v") == self.stamp
        headers = {
            "Cache-Control": FOREVER if current else ASK_AGAIN,
            "ETag": f'"{self.stamp}"',
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=TYPES[Path(name).suffix], headers=headers)

    def _stamped(self, name: str, data: bytes) -> bytes:
        """A script imports the others by their stamped addresses, so that no old one is mixed in."""
        if not name.endswith(".js"):
            return data
        return _IMPORT.sub(rf'\1"\2?v={self.stamp}"', data.decode()).encode()


@cache
def assets(version: str) -> Assets:
    """Read once."""
    return Assets(version)
