"""The process in which something was opened: threads, locks and sockets do not survive a fork."""

import os

from open_analytic.errors import OtherProcess


class Origin:
    """Remembers the process it was made in."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is still the same process, and not a fork of it."""
        return os.getpid() == self._pid

    def check(self) -> None:
        """Raise OtherProcess in a fork. It takes no lock: a thread of the parent could hold one for ever here."""
        if not self.is_here:
            raise OtherProcess(
                f"The database was opened in process {self._pid}, and this is process {os.getpid()}.",
                hint="Call connect() in this process: a forked process cannot share connections, models and threads.",
            )
