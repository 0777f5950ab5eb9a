"""A PostgreSQL of our own in a folder: started by its first client, shared by all, stopped after the last one."""

from open_analytic.embedded.server import Server, ServerStatus, start, status, stop

__all__ = ["Server", "ServerStatus", "start", "status", "stop"]
