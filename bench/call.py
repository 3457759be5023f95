"""Whole calls on local speech: response latency from the recording, the engine's own share from the record.

``python bench/call.py [--calls N] [--language en|fr] [--quick]`` runs ``offhook demo`` N times, each with an
empty data directory, and judges the stereo recordings by energy alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, show
from offhook.testing.audio_judge import judge, read_stereo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--language", default="en")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    responses: list[int] = []
    stages: dict[str, list[float]] = {}
    for _ in range(1 if arguments.quick else arguments.calls):
        call, recording = run_demo(arguments.language)
        samples, rate_hz = read_stereo(recording)
        responses.extend(judge(samples, rate_hz).responses_ms)
        for turn in call["latency"]["turns"]:
            for name, value in turn["stages_ms"].items():
                if value is not None:
                    stages.setdefault(name, []).append(value)
    engine = stages.get("engine", [])
    n, note = len(responses), f"{arguments.language}; from the recordings"
    engine_p50, engine_p95 = at(engine, 0.5), at(engine, 0.95)
    figures = [
        Figure("call.latency_p50_ms", at(responses, 0.5), "ms", 900, at(responses, 0.5) <= 900, n, note),
        Figure("call.latency_p95_ms", at(responses, 0.95), "ms", None, True, n, note),
        Figure("call.engine_share_p50_ms", engine_p50, "ms", 30, engine_p50 <= 30, len(engine), "from the records"),
        Figure("call.engine_share_p95_ms", engine_p95, "ms", 60, engine_p95 <= 60, len(engine), "from the records"),
    ]
    figures += [
        Figure(
            f"call.stage_{name}_p50_ms", statistics.median(values), "ms", None, True, len(values), "from the records"
        )
        for name, values in stages.items()
    ]
    show(figures)


def run_demo(language: str) -> tuple[dict, Path]:
    """The call's record and its stereo recording; the demo keeps its data directory in TMPDIR."""
    folder = tempfile.mkdtemp(prefix="offhook-bench-")
    command = [sys.executable, "-m", "offhook", "demo", "--json", "--language", language]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, timeout=600, env={**os.environ, "TMPDIR": folder}
    )
    return json.loads(done.stdout), next(Path(folder).glob("**/channels.ogg"))


def at(values: list, share: float) -> float:
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]) if ordered else float("nan")


if __name__ == "__main__":
    main()
