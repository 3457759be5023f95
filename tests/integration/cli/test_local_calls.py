"""Calls of a data directory: lists, records and recordings, read without a server."""

import io
import json
import uuid
import wave

import numpy as np
import pytest

from offhook.cli.local import LocalBackend
from offhook.record.events import CallCreated, Recorded, StatusChanged, TranscriptAdded
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.settings import Settings
from offhook.store.writer import CallWriter

BEGAN = 1_750_000_000.0


@pytest.fixture
async def call_id(data_dir):
    """A completed call with a recording of two seconds."""
    backend = LocalBackend.open(Settings(data_dir=data_dir))
    call_id = str(uuid.uuid4())
    tape = backend._recordings.open_tape(call_id, backend._owner, 8000, BEGAN)
    for index in range(100):
        tape.append(index, np.full(160, 1000, "<i2").tobytes(), None)
    stored = await backend._recordings.finish(tape)
    created = CallCreated(
        at=BEGAN, call_id=call_id, organization_id=backend._owner, agent_id=str(uuid.uuid4()), direction="inbound",
        from_number="+33611111111", to_number="+33123456789",
    )  # fmt: skip
    over = EndReason(EndCode.CALLER_HUNG_UP, "caller")
    events = [
        StatusChanged(at=BEGAN, status=Status.RINGING),
        StatusChanged(at=BEGAN + 1, status=Status.IN_PROGRESS),
        TranscriptAdded(at=BEGAN + 1, item_id=1, role="agent", content="Hello", end_at=BEGAN + 2),
        StatusChanged(at=BEGAN + 3, status=Status.COMPLETED, end_reason=over),
        Recorded(at=BEGAN + 4, mixed=stored.mixed, channels=stored.channels, duration_ms=stored.duration_ms),
    ]
    await write(CallWriter(backend._database), created, events)
    await backend.close()
    return call_id


async def write(writer, created, events):
    record = CallRecord.create(created)
    for event in events:
        record.apply(event)
    await writer.append(created.call_id, [created, *events], record)
    await writer.close()


def test_a_call_is_listed_and_shown(offhook, call_id):
    (listed,) = json.loads(offhook("calls", "list", "--json").stdout)
    assert (listed["id"], listed["status"], listed["transcript"]) == (call_id, "completed", [])
    assert json.loads(offhook("calls", "list", "--status", "failed", "--json").stdout) == []
    shown = json.loads(offhook("calls", "show", call_id, "--json").stdout)
    assert shown["transcript_string"] == "Agent: Hello"
    assert f"/recordings/{call_id}/mixed.ogg?X-Offhook-" in shown["recording_url"]
    assert "Agent: Hello" in offhook("calls", "show", call_id).stdout


def test_its_recording_is_saved_as_opus_or_wav(offhook, call_id, tmp_path):
    assert offhook("calls", "recording", call_id, "-o", "a.ogg").returncode == 0
    assert (tmp_path / "a.ogg").read_bytes().startswith(b"OggS")
    assert offhook("calls", "recording", call_id, "-o", "a.wav", "--channels").returncode == 0
    with wave.open(io.BytesIO((tmp_path / "a.wav").read_bytes())) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (2, 8000, 16000)
