"""What ``GET /v1/calls/{id}`` costs: key check and a record of 3 KB, against constants on the same server.

    python bench/api.py            the full run; --json: one line a figure
    python bench/api.py --quick    a smoke run of a few seconds

Each application runs in a process of its own under uvicorn (uvloop, httptools); this process makes the load over
64 connections. What counts is requests per CPU-second (user+sys) of the server process, so the load generator's own
cost doesn't matter. Applications take turns, several rounds, and each ratio is the median of the rounds' ratios, so
that a neighbour on the machine meets all alike.

* ``sqlite``     our application on SQLite
* ``postgres``   the same on PostgreSQL, whose own processes are not counted
* ``framework``  FastAPI with a route that returns a constant of the same size as raw bytes
* ``bare``       an ASGI function that sends that constant
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httptools
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.responses import Response

from figures import Figure, show
from offhook.api.app import create_app
from offhook.api.control import ApiDeps
from offhook.knowledge.service import Knowledge
from offhook.record import events as e
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.settings import Settings
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database, sqlite_url
from offhook.store.writer import CallWriter
from offhook.testing.postgres import PostgresServer

HOST = "127.0.0.1"
CONNECTIONS = 64
RECORD_BYTES = 3_000
FRAMEWORK_TARGET, BARE_TARGET, P99_TARGET_MS = 0.5, 0.35, 10.0
OURS = ("sqlite", "postgres")
KINDS = (*OURS, "framework", "bare")


# ---------------------------------------------------------------------- the servers


@dataclass(frozen=True, slots=True)
class Fixture:
    """A database with one call, the key that may read it, and the answer's length."""

    folder: Path
    url: str
    call_id: str
    key: str

    @property
    def request(self) -> bytes:
        """The request for the call."""
        head = f"GET /v1/calls/{self.call_id} HTTP/1.1\r\nHost: {HOST}\r\nX-Api-Key: {self.key}\r\n\r\n"
        return head.encode()


async def prepare(folder: Path, url: str) -> Fixture:
    """Store a call of an everyday length: a dozen turns, variables, costs, latency."""
    database = Database.open(url)
    first = bootstrap(database)
    created = e.CallCreated(
        at=1_700_000_000.0, call_id=str(uuid.uuid4()), organization_id=first.organization.id,
        agent_id=str(uuid.uuid4()), direction="inbound", from_number="+33123456789", to_number="+33987654321",
    )  # fmt: skip
    record, events = CallRecord.create(created), []
    events += [e.StatusChanged(at=created.at + n, status=s) for n, s in ((1, Status.RINGING), (2, Status.IN_PROGRESS))]
    number = 0
    while len(str(record.to_api())) < RECORD_BYTES:
        number += 1
        role = "agent" if number % 2 else "user"
        event = e.TranscriptAdded(at=created.at + 2 + number, item_id=number, role=role, content="Monday at ten, then.")
        record.apply(event)
        events.append(event)
    end = EndReason(EndCode.CALLER_HUNG_UP, "caller")
    events.append(e.StatusChanged(at=created.at + 60, status=Status.COMPLETED, end_reason=end))
    writer = CallWriter(database)
    await writer.append(created.call_id, [created, *events], CallRecord.replay([created, *events]))
    await writer.close()
    database.close()
    return Fixture(folder, url, created.call_id, first.api_key or "")


class Nothing:
    """No calls, recordings or webhooks: what this benchmark asks for needs none of them."""


def application(kind: str, fixture: Fixture, body: bytes) -> Any:  # noqa: ANN401 - any ASGI application
    """One of ``KINDS``."""
    if kind in OURS:
        database = Database(fixture.url)
        knowledge = Knowledge(database, Settings(data_dir=fixture.folder), "secret")
        nothing = Nothing()
        return create_app(ApiDeps(database, CallWriter(database), nothing, nothing, knowledge, nothing, nothing))
    if kind == "framework":
        app = FastAPI()

        @app.get("/v1/calls/{call_id}")
        async def constant(call_id: str) -> Response:  # noqa: ARG001 - a route with a parameter, as ours
            return Response(body, media_type="application/json")

        return app
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401, ARG001 - ASGI
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return bare


def serve(kind: str, fixture: Fixture, body: bytes, pipe: Connection) -> None:
    """The server process: says its port, then its CPU seconds whenever it is asked."""
    sock = socket.create_server((HOST, 0), backlog=256)
    app = application(kind, fixture, body)

    async def run() -> None:
        lifespan = "off" if kind == "bare" else "on"
        config = uvicorn.Config(app, log_level="error", access_log=False, http="httptools", lifespan=lifespan)
        server = uvicorn.Server(config)
        asyncio.get_running_loop().add_reader(pipe.fileno(), answer)
        await server.serve(sockets=[sock])

    def answer() -> None:
        try:
            pipe.recv()
        except EOFError:
            os._exit(0)
        used = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(used.ru_utime + used.ru_stime)

    pipe.send(sock.getsockname()[1])
    uvloop.run(run())


@dataclass(slots=True)
class Server:
    """A running server and the pipe to it."""

    port: int
    pipe: Connection

    def cpu_s(self) -> float:
        """User and system time so far."""
        self.pipe.send(None)
        return float(self.pipe.recv())


@contextmanager
def running(kind: str, fixture: Fixture, body: bytes) -> Iterator[Server]:
    """A server process, ended afterwards."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(kind, fixture, body, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Server(ours.recv(), ours)
    finally:
        process.terminate()
        process.join()


# ---------------------------------------------------------------------- the load


class Client(asyncio.Protocol):
    """One connection: the next request as soon as the answer is there, until told to stop."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._load.latencies_s.append(time.perf_counter() - self._sent_at)
        if self._parser.get_status_code() != 200:
            self._load.failed += 1
        self._parser = httptools.HttpResponseParser(self)
        if time.perf_counter() < self._load.until:
            self._ask()
        else:
            self._load.finished(self._transport)

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._load.request)


@dataclass(slots=True)
class Load:
    """Requests for a while on all connections."""

    request: bytes
    until: float
    open: int = CONNECTIONS
    failed: int = 0
    latencies_s: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def finished(self, transport: asyncio.BaseTransport) -> None:
        """A connection has had its last answer."""
        transport.close()
        self.open -= 1
        if self.open == 0:
            self.over.set()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one application in one round."""

    per_cpu_s: float
    p99_ms: float


async def drive(server: Server, request: bytes, seconds: float) -> Outcome:
    """Load a server and see what it spent."""
    before = server.cpu_s()
    load = Load(request, time.perf_counter() + seconds)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.create_connection(lambda: Client(load), HOST, server.port) for _ in range(CONNECTIONS)])
    await load.over.wait()
    if load.failed:
        raise SystemExit(f"{load.failed} of {len(load.latencies_s)} requests failed")
    spent = server.cpu_s() - before
    ordered = sorted(load.latencies_s)
    return Outcome(len(ordered) / spent, ordered[int(len(ordered) * 0.99)] * 1000)


async def first_answer(server: Server, request: bytes) -> bytes:
    """The body of one answer, and proof that the server is up."""
    for _ in range(200):
        try:
            reader, writer = await asyncio.open_connection(HOST, server.port)
            break
        except ConnectionError:
            await asyncio.sleep(0.05)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(length)
    writer.close()
    return body


async def measure(rounds: int, seconds: float) -> dict[str, list[Outcome]]:
    """All applications in turn, ``rounds`` times."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = PostgresServer()
        stack.callback(postgres.close)
        postgres.start()
        urls = {"sqlite": sqlite_url(folder / "offhook.db"), "postgres": postgres.url(postgres.make_database())}
        fixtures = {kind: await prepare(folder, url) for kind, url in urls.items()}
        servers = {kind: stack.enter_context(running(kind, fixtures[kind], b"")) for kind in OURS}
        body = await first_answer(servers["sqlite"], fixtures["sqlite"].request)
        for kind in ("framework", "bare"):
            fixtures[kind] = fixtures["sqlite"]
            servers[kind] = stack.enter_context(running(kind, fixtures[kind], body))
        for kind in KINDS:
            await first_answer(servers[kind], fixtures[kind].request)
            await drive(
                servers[kind], fixtures[kind].request, seconds / 4
            )  # what is made on first requests isn't counted
        outcomes: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for kind in KINDS:
                outcomes[kind].append(await drive(servers[kind], fixtures[kind].request, seconds))
        return outcomes


def figures(outcomes: dict[str, list[Outcome]]) -> list[Figure]:
    """What is printed."""
    rate = {kind: statistics.median(each.per_cpu_s for each in rows) for kind, rows in outcomes.items()}
    note = ", ".join(f"{kind} {value:,.0f}" for kind, value in rate.items()) + " requests a CPU-second"
    count = len(outcomes["bare"])

    def ratio(name: str, ours: str, peer: str, target: float) -> Figure:
        pairs = zip(outcomes[ours], outcomes[peer], strict=True)
        value = round(statistics.median(mine.per_cpu_s / theirs.per_cpu_s for mine, theirs in pairs), 3)
        return Figure(f"api.{name}", value, "x", target, value >= target, count, note)

    p99 = {kind: round(statistics.median(each.p99_ms for each in outcomes[kind]), 2) for kind in OURS}
    told = ", ".join(f"{kind} {value} ms" for kind, value in p99.items()) + f", {CONNECTIONS} connections"
    worst = max(p99.values())
    return [
        ratio("get_call_ratio_sqlite", "sqlite", "framework", FRAMEWORK_TARGET),
        ratio("get_call_ratio_postgres", "postgres", "framework", FRAMEWORK_TARGET),
        ratio("get_call_ratio_bare_asgi", "sqlite", "bare", BARE_TARGET),
        Figure("api.p99_ms", worst, "ms", P99_TARGET_MS, worst <= P99_TARGET_MS, count, told),
    ]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, seconds = (1, 1.0) if options.quick else (5, 4.0)
    show(figures(uvloop.run(measure(rounds, seconds))))


if __name__ == "__main__":
    main()
