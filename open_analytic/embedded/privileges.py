"""Giving up root for good, and what Linux offers so that it stays so."""

import ctypes
import os
import signal
import sys

from open_analytic.embedded.account import Account
from open_analytic.errors import EmbeddedServerFailed

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h


def no_new() -> None:
    """No program that this thread, or one it starts later, runs gets more rights by its set-user-ID bit."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def end_with_parent() -> None:
    """Be killed when the parent is. The kernel forgets this when the process becomes another account."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def give_up(account: Account) -> None:
    """Become the account in every id, without groups."""
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    end_with_parent()
    if _can_return():
        raise EmbeddedServerFailed(f"The service cannot become the account {account.name} for good.", hint="Report it.")


def _can_return() -> bool:
    try:
        os.setuid(0)
    except PermissionError:
        return False
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
