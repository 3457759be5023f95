"""The files of a recording, and their names in the store."""

from __future__ import annotations

from datetime import UTC, datetime
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


def recording_key(organization_id: str, call_id: str, started_at: float, name: str) -> str:
    """Key of a call's file: ``{organization}/{yyyy}/{mm}/{call}/{name}``, by the month (UTC) in which it started."""
    month = datetime.fromtimestamp(started_at, UTC)
    return f"{organization_id}/{month:%Y}/{month:%m}/{call_id}/{name}"
