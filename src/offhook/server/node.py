"""Who holds a data directory: its identity, kept by a lock that dies with the process."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

FILE_NAME = "node.lock"


class Node:
    """``id`` is the data directory's; None when another process holds it (a command beside a server)."""

    def __init__(self, file: int, node_id: str | None) -> None:
        self._file, self.id = file, node_id

    @classmethod
    def take(cls, data_dir: Path) -> Node:
        """Take the directory, or find it taken. The lock is given back by ``close``, or by the end of the process."""
        file = os.open(data_dir / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return cls(file, None)
        known = os.read(file, 100).decode("ascii", "replace").strip()
        try:
            node_id = str(uuid.UUID(known))
        except ValueError:  # new, or cut off while it was written
            node_id = str(uuid.uuid4())
            os.ftruncate(file, 0)
            os.pwrite(file, f"{node_id}\n".encode(), 0)
        return cls(file, node_id)

    def close(self) -> None:
        """Give the directory back."""
        os.close(self._file)
