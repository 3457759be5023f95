"""A sender that kills itself at its n-th step, for n = 1, 2, 3 … until it gets through: python crashing_sender.py URL.

A step is what another process, or the receiver, could see: a transaction, or a request. It dies before each of them
and after each of them. Prints how often it died.
"""

import asyncio
import os
import signal
import sys

from sqlalchemy import func, select

from offhook.store.database import Database
from offhook.store.tables import webhook_lanes
from offhook.store.writer import CallWriter
from offhook.webhooks.schedule import Schedule
from offhook.webhooks.sender import Sender
from offhook.webhooks.service import Webhooks

# So many retries that no event is given up by chance.
SCHEDULE = Schedule((0.02, 0.05, *[0.1] * 12), limit_s=0.5, lease_s=0.2, poll_s=0.02)


class Fuse:
    """Burns down step by step."""

    def __init__(self, steps):
        self.left = steps

    def burn(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def fused(database, sender, fuse):
    write, send = database.write, sender.send

    class Transaction:
        def __enter__(self):
            fuse.burn()
            self.inner = write()
            return self.inner.__enter__()

        def __exit__(self, *error):
            self.inner.__exit__(*error)
            fuse.burn()

    async def dangerous(*arguments):
        fuse.burn()
        outcome = await send(*arguments)
        fuse.burn()
        return outcome

    database.write, sender.send = Transaction, dangerous


async def deliver(url, steps):
    database = Database(url)
    webhooks = Webhooks(database, "secret", ["127.0.0.0/8"], SCHEDULE)
    assert isinstance(webhooks._sender, Sender)
    fused(database, webhooks._sender, Fuse(steps))
    webhooks.start(CallWriter(database))
    left = select(func.count()).select_from(webhook_lanes).where(webhook_lanes.c.due_us.is_not(None))
    while True:
        with database.read() as connection:
            if connection.execute(left).scalar() == 0:
                return
        await asyncio.sleep(0.01)


def main():
    url, died, steps = sys.argv[1], 0, 0
    while True:
        steps += 1
        child = os.fork()  # nothing has been started yet: no thread, no loop, no connection
        if child == 0:
            asyncio.run(deliver(url, steps))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.stdout.write(str(died))
            sys.stdout.flush()
            return
        died += 1


main()
