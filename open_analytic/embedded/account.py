"""The account the server runs as: our own, or an existing unprivileged one when we are root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_analytic.errors import EmbeddedServerFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A local account."""

    name: str
    uid: int
    gid: int

    @property
    def borrowed(self) -> bool:
        """Whether it is another account than ours."""
        return self.uid != os.geteuid()

    @property
    def options(self) -> dict[str, Any]:
        """What makes subprocess run something as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.borrowed else {}

    def reaches(self, folder: Path) -> bool:
        """Whether the account can enter the folder."""
        command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
        return subprocess.run(command, capture_output=True, check=False, cwd="/", **self.options).returncode == 0

    def owns(self, descriptor: int) -> None:
        """Hand an open file or folder to the account, unless another name leads to the file: it could be anyone's."""
        status = os.fstat(descriptor)
        if self.borrowed and status.st_uid != self.uid and (status.st_nlink == 1 or stat.S_ISDIR(status.st_mode)):
            os.fchown(descriptor, self.uid, self.gid)


def me() -> Account:
    """The account we are."""
    return _account(os.geteuid()) or Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid())


def choose(home: Path) -> Account:
    """Ours; as root the owner of the data or of the home, so that they stay theirs, else postgres, else nobody."""
    if os.geteuid() != 0:
        return me()
    data = home / "data"
    if data.is_dir() and data.stat().st_uid:
        status = data.stat()
        _refuse_foreign(home, data)
        return _account(status.st_uid) or Account(name=str(status.st_uid), uid=status.st_uid, gid=status.st_gid)
    owner = _account(home.stat().st_uid)
    if owner and owner.uid:
        return owner
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedServerFailed(
        "PostgreSQL does not run as root, and there is neither an account postgres nor nobody to run it as.",
        hint="Run open_analytic as an ordinary user.",
    )


def _refuse_foreign(home: Path, data: Path) -> None:
    """As root: what names the data belongs to root or to the owner of the data, who must not lead us to another's."""
    owners = {0, data.stat().st_uid}
    for path in (home, data):
        if path.lstat().st_uid not in owners:
            raise EmbeddedServerFailed(
                f"{path} belongs to the account number {path.lstat().st_uid}, but the data to {data.stat().st_uid}.",
                hint="Root starts a server only where both belong to the same account.",
            )


def _account(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(name=entry.pw_name, uid=uid, gid=entry.pw_gid)
