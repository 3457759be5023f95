"""Offhook answers and places phone calls with AI agents, and keeps a complete record of each call."""

import os

__version__ = "0.1.0"

# Read by numpy's OpenBLAS when it is first imported. Its pool has nothing to win on our small matrices, and its threads
# spin between two of them: half of what a server of fifty calls used, measured. An operator's own setting stands.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
