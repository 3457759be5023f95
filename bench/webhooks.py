"""Webhooks through a receiver that fails 20 % and hangs 5 %, sent by a process that is killed again and again.

``webhooks.lost``: events that the receiver never accepted. ``webhooks.disordered``: events that reached it before an
earlier one of their call was accepted. The retry table runs five hundred times faster, a request may take a second.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from figures import Figure, show
from offhook.record.events import CallCreated, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.agents import Agents
from offhook.store.bootstrap import bootstrap
from offhook.store.database import Database, sqlite_url
from offhook.store.writer import CallWriter
from offhook.testing.webhook_receiver import Answer, Reception, WebhookReceiver
from offhook.webhooks.schedule import Schedule
from offhook.webhooks.service import Webhooks

FAIL, HANG = 0.20, 0.05
EVENTS_A_CALL = 20
AGENTS = 5
SCHEDULE = Schedule(Schedule().scaled(0.002).retries_s, limit_s=1.0, lease_s=2.0, poll_s=0.1)
GIVE_UP_S = 75.0  # longer than the longest retry (8 h / 500 = 58 s): an event that waits for it is not lost
LIFE_S = 6.0  # at most; three on average
TYPES = ["event_call_status_updated", "event_transcript"]


@dataclass
class Judge:
    """Decides what the receiver answers, and keeps what it accepted."""

    random: random.Random
    accepted: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    disordered: int = 0
    requests: int = 0

    async def __call__(self, reception: Reception) -> Answer:
        self.requests += 1
        call_id, sequence = str(reception.event["call_id"]), int(reception.event["sequence"])
        if len(self.accepted[call_id] & set(range(1, sequence))) < sequence - 1:
            self.disordered += 1
        lot = self.random.random()
        if lot < HANG:
            await asyncio.sleep(60)
        if lot < HANG + FAIL:
            return self.random.choice((500, 502, 503, 429, 404))
        self.accepted[call_id].add(sequence)
        return 200

    @property
    def count(self) -> int:
        return sum(map(len, self.accepted.values()))


async def send(url: str) -> None:
    """The process that is killed."""
    database = Database(url)
    webhooks = Webhooks(database, "bench", ["127.0.0.0/8"], SCHEDULE)
    writer = CallWriter(database)
    webhooks.start(writer)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def write(writer: CallWriter, organization_id: str, agent_id: str, events: int) -> str:
    """A call of so many events, a few at a time; its id."""
    created = CallCreated(
        at=time.time(), call_id=str(uuid.uuid4()), organization_id=organization_id, agent_id=agent_id,
        direction="inbound", from_number="+33123456789", to_number="+33987654321",
    )  # fmt: skip
    record = CallRecord.create(created)
    await writer.append(record.call_id, [created], record)
    for number in range(1, events + 1):
        if number == 1:
            event = StatusChanged(at=time.time(), status=Status.RINGING)
        elif number == events:
            reason = EndReason(EndCode.CALLER_HUNG_UP, "caller")
            event = StatusChanged(at=time.time(), status=Status.FAILED, end_reason=reason)
        else:
            event = TranscriptAdded(at=time.time(), item_id=number, role="user", content=f"Sentence {number}")
        record.apply(event)
        await writer.append(record.call_id, [event], record)
    return record.call_id


async def killer(url: str, dice: random.Random, kills: list[float]) -> None:
    """Start the sender and kill it, for ever."""
    while True:
        command = (sys.executable, __file__, "--send", url)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            if process.stdout is not None:
                await process.stdout.readline()
            await asyncio.sleep(dice.random() * LIFE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()
        kills.append(time.monotonic())


async def measure(total: int, seed: int) -> list[Figure]:
    dice, kills = random.Random(seed), []
    judge = Judge(random.Random(seed + 1))
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(sqlite_url(Path(folder) / "offhook.db"))
        organization_id = bootstrap(database).organization.id
        writer = CallWriter(database)
        async with WebhookReceiver(judge) as receiver:
            configuration = {"name": "Bench", "webhook_url": receiver.url, "webhook_subscriptions": TYPES}
            agents = [Agents(database).create(organization_id, configuration).id for _ in range(AGENTS)]
            begun = time.monotonic()
            sender = asyncio.create_task(killer(str(database.url), dice, kills))
            calls = await asyncio.gather(
                *(
                    write(writer, organization_id, agents[number % AGENTS], EVENTS_A_CALL)
                    for number in range(total // EVENTS_A_CALL)
                )
            )
            expected = len(calls) * EVENTS_A_CALL
            last, stuck_since = -1, time.monotonic()
            while judge.count < expected and time.monotonic() - stuck_since < GIVE_UP_S:
                if judge.count != last:
                    last, stuck_since = judge.count, time.monotonic()
                await asyncio.sleep(0.1)
            took = time.monotonic() - begun
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        await writer.close()
        database.close()
    lost = expected - judge.count
    note = (
        f"{judge.requests} requests, {FAIL:.0%} failed and {HANG:.0%} hung, {len(kills)} times killed, {took:.0f} s, "
        f"{expected / took:.0f} events/s"
    )
    return [
        Figure("webhooks.lost", lost, "events", 0, lost == 0, expected, note),
        Figure("webhooks.disordered", judge.disordered, "events", 0, judge.disordered == 0, expected, note),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="500 events")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--send", metavar="URL", help="be the sending process")
    options = parser.parse_args()
    if options.send:
        asyncio.run(send(options.send))
    else:
        show(asyncio.run(measure(500 if options.quick else options.events, options.seed)))


if __name__ == "__main__":
    main()
