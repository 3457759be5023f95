"""What starting used and running doesn't need goes back to the system."""

from __future__ import annotations

import ctypes
import gc

# Young objects before a collection. Python's 700 make one run every few frames of a busy server, for nothing: what a
# call leaves behind has no cycles to speak of.
YOUNG = 20_000


def give_back() -> None:
    """Return freed memory to the system (glibc keeps it otherwise) and take what is loaded out of later collections.

    Reading model files and building the schema leave some 20 MB behind. Elsewhere than on glibc it frees what it can.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
