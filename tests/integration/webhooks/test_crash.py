"""Nothing is lost and nothing out of order, wherever the sending process is killed."""

import asyncio
import random
import sys
from collections import defaultdict
from pathlib import Path

from offhook.store.deliveries import DeliveryStatus
from offhook.testing.webhook_receiver import WebhookReceiver

SENDER = Path(__file__).with_name("crashing_sender.py")


class Judge:
    """Answers, and sees whether an event came before an earlier one of its call was accepted."""

    def __init__(self, fail=0.0, hang=0.0):
        self.fail, self.hang, self.random = fail, hang, random.Random(7)
        self.accepted, self.early = defaultdict(set), []

    async def __call__(self, reception):
        call_id, sequence = reception.event["call_id"], reception.event["sequence"]
        if not set(range(1, sequence)) <= self.accepted[call_id]:
            self.early.append((call_id, sequence))
        lot = self.random.random()
        if lot < self.hang:
            await asyncio.sleep(60)
        if lot < self.hang + self.fail:
            return 503
        self.accepted[call_id].add(sequence)
        return 200


async def deliver(house):
    """Let a sender die at its first step, its second one, and so on, until it gets through; how often it died."""
    process = await asyncio.create_subprocess_exec(sys.executable, SENDER, house.url, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0
    return int(said.splitlines()[-1])


async def test_a_sender_that_is_killed_before_and_after_every_step_loses_and_disorders_nothing(house):
    judge = Judge()
    async with WebhookReceiver(judge) as receiver:
        calls = [await house.call(house.agent(receiver.url), "one", "two", ended=True)]
        died = await deliver(house)
    assert died >= 8  # claim, endpoint, and at least two steps for each of three events
    assert judge.accepted == {call.call_id: {1, 2, 3, 4} for call in calls}
    assert judge.early == []
    assert [each.status for each in house.log()] == [DeliveryStatus.DELIVERED] * 4


async def test_nor_does_one_whose_receiver_fails_and_hangs_as_well(house):
    judge = Judge(fail=0.2, hang=0.05)
    async with WebhookReceiver(judge) as receiver:
        agent_id = house.agent(receiver.url)
        calls = [await house.call(agent_id, *"ab", ended=True) for _ in range(5)]
        await deliver(house)
    assert judge.accepted == {call.call_id: set(range(1, 5)) for call in calls}
    assert judge.early == []
