"""The files of a recording, and their names in the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

MIXED: Final = "mixed.ogg"  # both parties, mono
CHANNELS: Final = "channels.ogg"  # left the caller, right the agent
PEAKS: Final = "peaks.json"  # for drawing the waveform
OUTPUTS: Final = {MIXED: "audio/ogg", CHANNELS: "audio/ogg", PEAKS: "application/json"}


class StoredRecording(msgspec.Struct, frozen=True):
    """A call's recording as stored; ``mixed``, ``channels`` and ``peaks`` are keys of the store."""

    call_id: str
    mixed: str
    channels: str
    peaks: str
    duration_ms: int


def file_keys(call_id: str, recorded: Iterable[str] = ()) -> list[str]:
    """Keys of all files that a call's recording may have: by its id, and beside those that its record names."""
    folders = {call_id, *(key.rpartition("/")[0] for key in recorded)}
    return sorted({*recorded, *(f"{folder}/{name}" for folder in folders for name in OUTPUTS)})


def recording_key(call_id: str, name: str) -> str:
    """Key of a call's file: ``{call}/{name}``, so that a URL is made of the call's id alone."""
    return f"{call_id}/{name}"
