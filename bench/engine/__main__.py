"""CPU, delay and pacing of the engine beside Pipecat and LiveKit Agents: one workload, one run, one process each.

``python bench/engine [--quick]``. Peers run in venvs of their own (``bench/peers/setup`` makes them; a peer without
one is left out and said so). CPU is net of the workload itself, which a run without any engine measures. Needs
espeak-ng for the callers' voices.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
import soxr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from figures import Figure, show  # noqa: E402 - the folder of benchmarks is no package

PEERS = ("pipecat", "livekit")
COMPARED = 20
MANY = (50, 100, 200, 300)
SAID = (
    "I would like to make an appointment please.",
    "Could you tell me what it costs, and how long it takes?",
    "No, I meant the day after.",
    "My name is Peter Miller, and I was there last year.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    seconds = 5.0 if given.quick else given.seconds
    with tempfile.TemporaryDirectory(prefix="offhook-engine-") as folder:
        utterances = Path(folder) / "utterances.npz"
        make_utterances(utterances)
        floor = run("floor", sys.executable, COMPARED, seconds, utterances)
        ours = run("offhook_engine", sys.executable, COMPARED, seconds, utterances)
        show(own_figures(ours, net(ours, floor)))
        for peer in PEERS:
            show(peer_figures(peer, net(ours, floor), floor, seconds, utterances))
        show([calls_per_core(() if given.quick else MANY, ours, seconds, utterances)])


def own_figures(ours: dict[str, Any], cost: float) -> list[Figure]:
    n = ours["turns"]

    def most(name: str, source: str, share: str, target: float, note: str = "") -> Figure:
        value = round(ours[source][share], 1)
        return Figure(f"engine.{name}_{share}_ms", value, "ms", target, value <= target, n, note)

    return [
        Figure("engine.cpu_ms_per_call_s", round(cost, 2), "ms", None, True, COMPARED, "net of the workload"),
        most("latency", "engine_ms", "p50", 15, "beyond VAD, turn end and providers: the record's engine stage"),
        most("latency", "engine_ms", "p95", 30),
        most("stop", "stop_ms", "p50", 200, "barge-in onset to last frame"),
        most("stop", "stop_ms", "p95", 300),
        most("spacing", "spacing_ms", "p99", 40),
    ]


def peer_figures(peer: str, cost: float, floor: dict[str, Any], seconds: float, utterances: Path) -> list[Figure]:
    python = HERE.parent / "peers" / ".venvs" / peer / "bin" / "python"
    if not python.exists():
        print(f"{peer} is left out: run bench/peers/setup", file=sys.stderr)
        return []
    theirs = run(f"{peer}_engine", str(python), COMPARED, seconds, utterances)
    ratio = net(theirs, floor) / cost
    over = theirs["over_ideal_ms"]
    told = (
        f"theirs {net(theirs, floor):.1f} ms a call-second, delay p50 {over['p50']:.0f} ms, "
        f"{theirs['timeouts']} timeouts, {theirs['fed']:.0%} of the frames taken"
    )
    return [Figure(f"engine.cpu_ratio_{peer}", round(ratio, 1), "x", 10, ratio >= 10, COMPARED, told)]


def calls_per_core(counts: tuple[int, ...], first: dict[str, Any], seconds: float, utterances: Path) -> Figure:
    """The most calls of those tried that one process carries on less than one core, with its pacing whole."""
    most, told = COMPARED, [describe(first)]
    for count in counts:
        result = run("offhook_engine", sys.executable, count, seconds, utterances)
        told.append(describe(result))
        if carried(result):
            most = count
    return Figure("engine.calls_per_core", most, "calls", 200, most >= 200, most, "; ".join(told))


def carried(result: dict[str, Any]) -> bool:
    core_share = result["cpu_ms_per_call_s"] * result["calls"] / 1000
    return core_share < 1 and result["spacing_ms"]["p99"] <= 40 and result["timeouts"] == 0 and result["fed"] > 0.99


def describe(result: dict[str, Any]) -> str:
    core_pct = result["cpu_ms_per_call_s"] * result["calls"] / 10
    return f"{result['calls']}: {core_pct:.0f} % of a core, spacing p99 {result['spacing_ms']['p99']:.0f} ms"


def net(result: dict[str, Any], floor: dict[str, Any]) -> float:
    return result["cpu_ms_per_call_s"] - floor["cpu_ms_per_call_s"]


def run(engine: str, python: str, calls: int, seconds: float, utterances: Path) -> dict[str, Any]:
    command = [python, str(HERE / f"{engine}.py"), str(calls), str(seconds), str(utterances)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result = json.loads(done.stdout.splitlines()[-1])
    print(engine, json.dumps(result), file=sys.stderr)
    return result


def make_utterances(path: Path) -> None:
    spoken = {}
    for number, text in enumerate(SAID):
        sound = path.with_suffix(".wav")
        subprocess.run(["espeak-ng", "-w", str(sound), text], check=True)
        with wave.open(str(sound)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            phone = soxr.resample(samples, file.getframerate(), 8000)
        voiced = np.flatnonzero(np.abs(phone) > 300)
        spoken[f"{number:02}"] = phone[voiced[0] : voiced[-1] + 1].astype(np.int16)
    np.savez(path, **spoken)


if __name__ == "__main__":
    main()
