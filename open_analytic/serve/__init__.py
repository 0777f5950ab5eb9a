"""The inference service as a process: its parts put together for a database, in the foreground or the background."""
