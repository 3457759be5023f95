"""How fast the agent falls silent when the caller speaks over it: onset to last packet, from the recordings.

``python bench/bargein.py [--calls 60] [--quick]``. Real calls from sipp, a caller who speaks at random moments
over the greeting; recognizer and voice have fixed delays. Judged by energy alone from the stereo recordings.
Needs sipp and espeak-ng.
"""

from __future__ import annotations

import argparse
import io
import random
import signal
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import soundfile
import soxr

from figures import Figure, show
from load import NUMBER, SCENARIO, prepare, start_server, wait_for_records
from offhook.audio.g711 import ulaw_encode
from offhook.testing.audio_judge import judge

AT_ONCE = 6
CALL_S = 6
EARLIEST_S, LATEST_S = 0.6, 2.4  # the greeting lasts 3.4 s
SENTENCES = ("Wait a moment please.", "Can you hear me?", "No, stop, I have a question.", "Excuse me, what is that?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    calls = AT_ONCE if arguments.quick else arguments.calls
    folder = Path(tempfile.mkdtemp(prefix="offhook-bargein-"))
    server, ready = start_server(folder, AT_ONCE + 2)
    try:
        prepare(ready)
        for first in range(0, calls, AT_ONCE):
            run_group(folder, ready, range(first, min(calls, first + AT_ONCE)))
        records = wait_for_records(ready, calls)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    measured, missed = measure(records, folder)
    show(figures(measured, missed))


def figures(measured: list[int], missed: int) -> list[Figure]:
    n = len(measured) + missed
    p50, p95 = (float(value) for value in np.percentile(measured or [float("nan")], [50, 95]))
    missed_pct = 100 * missed / max(1, n)
    return [
        Figure("bargein.p50_ms", p50, "ms", 200, p50 <= 200, n, "onset to last packet, from the recordings"),
        Figure("bargein.p95_ms", p95, "ms", 300, p95 <= 300, n),
        Figure("bargein.missed_pct", missed_pct, "%", 3, missed_pct <= 3, n, "the agent spoke on for over a second"),
    ]


def run_group(folder: Path, ready: dict, numbers: range) -> None:
    running = []
    for number in numbers:
        own = folder / f"call{number}"
        own.mkdir()
        (own / "caller.ul").write_bytes(speech(own, random.Random(number)))
        command = ["sipp", ready["sip"], "-sf", str(SCENARIO), "-s", NUMBER, "-i", "127.0.0.1", "-m", "1"]
        command += ["-d", str(CALL_S * 1000), "-timeout", "30s", "-nostdin"]
        running.append(subprocess.Popen(command, cwd=own, stdout=subprocess.DEVNULL))
    for sipp in running:
        sipp.wait(60)


def speech(folder: Path, chance: random.Random) -> bytes:
    """Silence up to a random moment, a sentence, silence to the call's end and beyond."""
    spoken = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-w", str(spoken), chance.choice(SENTENCES)], check=True)
    with wave.open(str(spoken)) as file:
        voice = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        phone = soxr.resample(voice, file.getframerate(), 8000)
    before = int(chance.uniform(EARLIEST_S, LATEST_S) * 8000)
    padded = np.pad(phone, (before, 10 * 8000 - before - len(phone)))
    return ulaw_encode(padded.astype("<i2").tobytes())


def measure(records: list[dict], folder: Path) -> tuple[list[int], int]:
    """Milliseconds of each barge-in that stopped the agent, and how many did not within a second."""
    stopped, missed = [], 0
    for record in records:
        stereo, rate_hz = recording(folder, record["id"])
        for ms in judge(stereo, rate_hz).barge_ins_ms:
            if ms <= 1000:
                stopped.append(ms)
            else:
                missed += 1
    return stopped, missed


def recording(folder: Path, call_id: str) -> tuple[np.ndarray, int]:
    path = next((folder / "data").glob(f"**/{call_id}/channels.ogg"))
    return soundfile.read(io.BytesIO(path.read_bytes()), dtype="float32", always_2d=True)


if __name__ == "__main__":
    main()
