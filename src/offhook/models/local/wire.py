"""What the call process and a local model's process say to each other: length-prefixed msgpack over a socket pair."""

from __future__ import annotations

import struct

import msgspec

HEADER = struct.Struct(">I")  # bytes of the message that follows
MAX_BYTES = 64 << 20  # a minute of 48 kHz float audio is 11 MB; more than this is a broken stream


class Submit(msgspec.Struct, tag="submit", array_like=True, frozen=True):
    """Do a job. Lower ``priority`` first, then in the order they came."""

    id: int
    priority: int
    job: msgspec.Raw


class Cancel(msgspec.Struct, tag="cancel", array_like=True, frozen=True):
    """Forget a job: whatever it still answers is thrown away."""

    id: int


class Ready(msgspec.Struct, tag="ready", array_like=True, frozen=True):
    """The model is loaded."""


class Unfit(msgspec.Struct, tag="unfit", array_like=True, frozen=True):
    """The model can't be loaded; ``code`` is that of the error (``model_files`` …). The process ends."""

    code: str
    message: str


class Piece(msgspec.Struct, tag="piece", array_like=True, frozen=True):
    """A part of a job's answer; ``last`` ends the job."""

    id: int
    last: bool
    value: msgspec.Raw


class Failed(msgspec.Struct, tag="failed", array_like=True, frozen=True):
    """The job failed, for the reason given; ends the job."""

    id: int
    message: str


ToWorker = Submit | Cancel
FromWorker = Ready | Unfit | Piece | Failed

_encoder = msgspec.msgpack.Encoder()


def pack(message: ToWorker | FromWorker) -> bytes:
    """A message with its length in front."""
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def raw(value: object) -> msgspec.Raw:
    """A value as msgpack, to be carried inside a message."""
    return msgspec.Raw(_encoder.encode(value))


def body_bytes(header: bytes) -> int:
    """How long the message after this header is. Raises ValueError when the stream is broken."""
    (size,) = HEADER.unpack(header)
    if size > MAX_BYTES:
        raise ValueError(f"a message of {size} bytes: the stream is broken")
    return int(size)
