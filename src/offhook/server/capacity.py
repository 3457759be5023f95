"""How many calls the local models of this machine carry well, measured once and remembered.

The voice is what runs out first: it takes a good part of a CPU-second for each second it speaks, in one process. A
queue busier than BUSY makes callers wait, so admission stops there; calls above it are refused, never served badly.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import msgspec
import structlog

from offhook.models.speech import Synthesizer, VoiceChoice

log = structlog.get_logger(__name__)

BUSY = 0.6  # above this share, waiting grows faster than work (M/M/1: 1.5 services of waiting at 0.6, 4 at 0.8)
SPEAKING_SHARE = 0.35  # of a call in which the agent speaks words not yet cached; sample dialogues have 0.3-0.4
CAUTIOUS = 2  # before anything is measured
REMOTE = 100  # speech elsewhere: media, VAD and turns of a hundred calls take about a core (bench/load.py)
RATE_HZ = 8000


class Measured(msgspec.Struct, frozen=True):
    """Seconds of work per second of speech, on which machine."""

    machine: str
    voice_share: float

    @property
    def calls(self) -> int:
        """Calls at once."""
        return max(1, int(BUSY / (SPEAKING_SHARE * self.voice_share)))


def remembered(data_dir: Path) -> Measured | None:
    """What was measured on this machine before."""
    path = data_dir / "capacity.json"
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Measured)
    except msgspec.DecodeError:
        log.warning("capacity_file_unreadable", path=str(path))
        return None
    return found if found.machine == _machine() else None


async def measure(synthesizer: Synthesizer, data_dir: Path) -> Measured:
    """Let the voice say a sentence it has never said, and keep the figure. Raises ProviderError."""
    # The time of day makes it new, so that no cache answers.
    text = f"This is a test of how fast the voice is, at {time.time_ns() % 1_000_000} ticks."
    started, samples = time.monotonic(), 0
    async for pcm in synthesizer.speak(text, VoiceChoice(None, "en"), RATE_HZ):
        samples += len(pcm) // 2
    share = (time.monotonic() - started) / max(0.1, samples / RATE_HZ)
    found = Measured(_machine(), round(share, 3))
    draft = data_dir / ".capacity.json"
    draft.write_bytes(msgspec.json.encode(found))
    draft.replace(data_dir / "capacity.json")
    log.info("capacity_measured", voice_share=found.voice_share, calls=found.calls)
    return found


def _machine() -> str:
    return f"{platform.node()}-{os.cpu_count()}"
