"""What starting used and running doesn't need goes back to the system."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return freed memory to the system (glibc keeps it otherwise) and take what is loaded out of later collections.

    Reading model files and building the schema leave some 20 MB behind. Elsewhere than on glibc it frees what it can.
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
