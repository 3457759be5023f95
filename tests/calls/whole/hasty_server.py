"""The whole server, which takes others for dead after four seconds of silence, not thirty."""

from __future__ import annotations

import uvloop

from offhook.server import sweeper
from offhook.testing import fixed_server

if __name__ == "__main__":
    sweeper.BEAT_S, sweeper.DEAD_AFTER_S = 0.5, 4.0
    uvloop.run(fixed_server.run(fixed_server._arguments()))
