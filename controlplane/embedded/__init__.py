"""The one-command stack: real PostgreSQL, real Valkey, a local Azure, and our own processes, below one directory."""

from controlplane.embedded.processes import PartFailed
from controlplane.embedded.run_directory import AlreadyRunning
from controlplane.embedded.stack import EVERYTHING, EmbeddedStack, Part

__all__ = ["EVERYTHING", "AlreadyRunning", "EmbeddedStack", "Part", "PartFailed"]
