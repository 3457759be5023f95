"""Commands run in this process, on a backend that is a table in memory."""

import sys
from dataclasses import dataclass, field

import pytest

from offhook import cli
from offhook.cli import connect
from offhook.errors import NotFoundError


@dataclass
class MemoryBackend:
    """Remembers what it was asked for and answers from its lists."""

    agents: list = field(default_factory=list)
    numbers: list = field(default_factory=list)
    trunks: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    sound: tuple[bytes, ...] = (b"Og", b"gS")
    asked: list = field(default_factory=list)
    closed: bool = False

    async def list_agents(self):
        return self.agents

    async def apply_agent(self, config, *, deploy):
        self.agents.append({"id": "agent-1", "version": 1, "active": deploy, **config})
        return self.agents[-1]

    async def get_agent(self, agent_id):
        return self._one(self.agents, agent_id)

    async def list_numbers(self):
        return self.numbers

    async def add_number(self, number, kind, agent_id, trunk_id):
        made = {"id": "number-1", "number": number, "type": kind, "inbound_agent_id": agent_id, "trunk_id": trunk_id}
        self.numbers.append(made)
        return made

    async def list_trunks(self):
        return self.trunks

    async def add_trunk(self, trunk):
        self.asked.append(trunk)
        return {"id": "trunk-1", "name": trunk.name}

    async def list_keys(self):
        return self.keys

    async def create_key(self, name, scopes, expires_days):
        self.asked.append((name, list(scopes), expires_days))
        return {"id": "key-1", "name": name, "key": "ok_live_secret"}

    async def revoke_key(self, key_id):
        self._one(self.keys, key_id)["revoked"] = True

    async def list_calls(self, wanted):
        self.asked.append(wanted)
        return self.calls

    async def get_call(self, call_id):
        # A list of records is a call that goes on: each look sees the next one.
        found = self._one([call if isinstance(call, dict) else call[0] for call in self.calls], call_id)
        for call in self.calls:
            if isinstance(call, list) and len(call) > 1 and call[0] is found:
                call.pop(0)
        return found

    async def start_call(self, call):
        self.asked.append(call)
        return "call-1"

    async def recording(self, call_id, *, channels, wav):
        self.asked.append((call_id, channels, wav))
        for chunk in self.sound:
            yield chunk

    async def export_calls(self, wanted):
        self.asked.append(wanted)
        for chunk in self.sound:
            yield chunk

    async def close(self):
        self.closed = True

    @staticmethod
    def _one(rows, wanted):
        for row in rows:
            if row["id"] == wanted:
                return row
        raise NotFoundError(f"nothing with id {wanted}")


@pytest.fixture
def backend():
    return MemoryBackend()


@pytest.fixture
def run(backend, monkeypatch, capsys):
    """Run ``offhook ARGUMENTS``; answers exit code, stdout and stderr."""

    def open_backend(url, api_key, data_dir):
        backend.asked.append(("open", url, api_key, data_dir))
        return backend

    monkeypatch.setattr(connect, "open_backend", open_backend)

    def offhook(*arguments):
        monkeypatch.setattr(sys, "argv", ["offhook", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code or 0
        backend.asked[:] = [asked for asked in backend.asked if not (isinstance(asked, tuple) and asked[0] == "open")]
        out, err = capsys.readouterr()
        return code, out, err

    return offhook
