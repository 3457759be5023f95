"""Who speaks when, as a pure state machine: events with audio times in, commands out.

No I/O, no clock, no vendor: the shell in ``offhook.calls`` feeds it and carries its commands out.
"""
