"""An agent as data: its configuration, the checks on it, a dialogue's value, and the runner that decides a turn."""
