"""Many calls at once through the whole server, from sipp: is every record right, is memory flat, does the pacing hold?

``python bench/load.py [--calls 50] [--seconds 300] [--quick]``. Recognizer and voice have fixed delays (two
cores could not run fifty real ones); SIP, RTP, VAD, turn model, conversation, rules model, recording, store are real.
Needs sipp, tcpdump (as root) and espeak-ng.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from figures import Figure, show
from offhook.audio.g711 import ulaw_encode
from pcap import spacing

NUMBER = "+33123456789"
RTP = range(10000, 20000)
SAMPLE = Path(__file__).parents[1] / "src/offhook/agents/samples/appointment.en.agent.yaml"
SCENARIO = Path(__file__).parent / "sipp" / "caller.xml"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.calls, arguments.seconds = 10, 15
    folder = Path(tempfile.mkdtemp(prefix="offhook-load-"))
    make_caller(folder / "caller.ul")
    server, ready = start_server(folder, arguments.calls + 10)
    try:
        prepare(ready)
        measured = run_calls(folder, server.pid, ready, arguments)
        records = wait_for_records(ready, arguments.calls)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    show(figures(arguments, measured, records))
    shutil.rmtree(folder, ignore_errors=True)


def figures(arguments: argparse.Namespace, measured: dict[str, Any], records: list[dict]) -> list[Figure]:
    right = [record for record in records if is_right(record, arguments.seconds)]
    wire, n = measured["wire"], arguments.calls
    cpu_pct = 100 * measured["cpu_s"] / (arguments.seconds * n)
    growth_mb = measured["rss_end_mb"] - measured["rss_settled_mb"]
    engine = [v for r in records for t in r["latency"]["turns"] if (v := t["stages_ms"].get("engine")) is not None]
    p50, p95 = (float(v) for v in np.percentile(engine or [float("nan")], [50, 95]))
    return [
        Figure("load.records_right", len(right), "", n, len(right) == n, n, "final, caller hung up, recorded"),
        Figure("load.cpu_pct_per_call", cpu_pct, "%", 1.0, cpu_pct <= 1.0, n, "whole server process"),
        Figure("load.spacing_p99_ms", wire.p99_ms, "ms", 25, wire.p99_ms <= 25, wire.packets, "from the capture"),
        Figure("load.spacing_max_ms", wire.max_ms, "ms", None, True, wire.packets),
        Figure("load.lost_packets", wire.lost, "", 0, wire.lost == 0, wire.packets, "sequence gaps in what we sent"),
        Figure(
            "load.rss_growth_mb",
            growth_mb,
            "MB",
            20,
            growth_mb <= 20,
            n,
            f"second and third third; {note(measured)}",
        ),
        Figure("load.engine_p50_ms", p50, "ms", 30, p50 <= 30, len(engine), "engine's own share of the response"),
        Figure("load.engine_p95_ms", p95, "ms", 60, p95 <= 60, len(engine)),
    ]


def note(measured: dict[str, Any]) -> str:
    return f"{measured['rss_settled_mb']:.0f} to {measured['rss_end_mb']:.0f} MB"


def is_right(record: dict, seconds: int) -> bool:
    return (
        record["status"] == "completed"
        and record["end_reason"]["code"] == "caller_hung_up"
        and abs(record["duration_seconds"] - seconds) <= 3
        and "Agent:" in record["transcript_string"]
        and record["recording_url"] is not None
    )


def make_caller(path: Path) -> None:
    """Nine seconds: a spoken sentence, then silence for the agent's answer."""
    spoken = path.with_suffix(".wav")
    subprocess.run(["espeak-ng", "-w", str(spoken), "I would like to make an appointment please."], check=True)
    with wave.open(str(spoken)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        phone = soxr.resample(samples, file.getframerate(), 8000)
    path.write_bytes(ulaw_encode(np.pad(phone, (0, 72000 - len(phone))).astype("<i2").tobytes()))


def start_server(folder: Path, max_calls: int) -> tuple[subprocess.Popen, dict]:
    command = [sys.executable, "-m", "offhook.testing.fixed_server", "--data-dir", str(folder / "data")]
    command += ["--max-calls", str(max_calls)]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    return server, json.loads(server.stdout.readline())


def prepare(ready: dict) -> None:
    offhook = [sys.executable, "-m", "offhook"]
    remote = ["--url", ready["http"], "--api-key", ready["api_key"], "--json"]
    done = subprocess.run(
        [*offhook, "agents", "apply", str(SAMPLE), "--deploy", *remote], check=True, capture_output=True
    )
    agent_id = json.loads(done.stdout)["id"]
    subprocess.run([*offhook, "numbers", "add", NUMBER, "--agent", agent_id, *remote], check=True, capture_output=True)


def run_calls(folder: Path, pid: int, ready: dict, arguments: argparse.Namespace) -> dict[str, Any]:
    capture = folder / "wire.pcap"
    tcpdump = subprocess.Popen(
        ["tcpdump", "-i", "lo", "-B", "65536", "-s", "96", "-w", str(capture), "-Z", "root",
         f"udp src portrange {RTP.start}-{RTP.stop - 1}"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(1)
    sipp = subprocess.Popen(
        ["sipp", ready["sip"], "-sf", str(SCENARIO), "-s", NUMBER, "-i", "127.0.0.1", "-r", "10",
         "-l", str(arguments.calls), "-m", str(arguments.calls), "-d", str(arguments.seconds * 1000),
         "-timeout", f"{arguments.seconds + 60}s", "-nostdin"],
        cwd=folder, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    cpu_start, settled, started = cpu_seconds(pid), 0.0, time.monotonic()
    while sipp.poll() is None:
        time.sleep(1)
        if not settled and time.monotonic() - started > arguments.seconds / 3:
            settled = rss_mb(pid)
        end = rss_mb(pid)
    cpu_s = cpu_seconds(pid) - cpu_start
    tcpdump.terminate()
    tcpdump.wait()
    return {"cpu_s": cpu_s, "rss_settled_mb": settled, "rss_end_mb": end, "wire": spacing(capture, RTP)}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for_records(ready: dict, calls: int, limit_s: float = 600) -> list[dict]:
    # Recordings are encoded by one niced process, 23 ms of CPU for each second of a call.
    deadline = time.monotonic() + limit_s
    while True:
        records = fetch(ready, f"/v1/calls?limit={calls + 10}")
        if time.monotonic() > deadline or (len(records) == calls and all(r["recording_url"] for r in records)):
            return records
        time.sleep(1)


def fetch(ready: dict, path: str) -> list[dict]:
    request = urllib.request.Request(ready["http"] + path, headers={"X-Api-Key": ready["api_key"]})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["data"]


if __name__ == "__main__":
    main()
