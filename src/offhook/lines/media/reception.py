"""What one RTP source sent us: sequence numbers, duplicates, loss and jitter (RFC 3550 §6.4.1, A.1, A.3, A.8)."""

from __future__ import annotations

from offhook.lines.media.codec import RATE_HZ

_MODULO = 1 << 16
_MAX_DROPOUT = 3000  # RFC 3550 A.1: a larger step ahead is taken for a restarted sender
_WINDOW = 64  # how far back a packet may come and still be told from a duplicate; 1.3 s of 20 ms packets
_WINDOW_MASK = (1 << _WINDOW) - 1


class Reception:
    """Counters of one source (SSRC)."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.received = 0
        self.duplicates = 0
        self.jitter_samples = 0.0
        self.highest = -1
        self._base = 0
        self._expected_before = 0
        self._seen = 0
        self._restart_at = -1
        self._transit: float | None = None
        self._reported_expected = 0
        self._reported_received = 0

    def accept(self, sequence: int) -> int | None:
        """Count a packet and return its extended sequence number; None if it is a duplicate, too old, or out of line.

        A sender that jumps far is believed from its second packet on, as A.1 has it.
        """
        if self.highest < 0:
            return self._begin(_MODULO + sequence)
        ahead = (sequence - self.highest) % _MODULO
        if 0 < ahead < _MAX_DROPOUT:
            self.highest += ahead
            self._seen = ((self._seen << ahead) | 1) & _WINDOW_MASK
            self.received += 1
            return self.highest
        behind = _MODULO - ahead if ahead else 0
        if behind < _WINDOW:
            return self._fill(behind)
        return self._out_of_line(sequence)

    def arrival(self, timestamp: int, arrival_ms: float) -> None:
        """Feed the jitter estimate (A.8) with an audio packet's media time and its time of arrival."""
        transit = arrival_ms * (RATE_HZ / 1000) - timestamp
        if self._transit is not None:
            step = abs(transit - self._transit)
            # A step of more than a second is a new timeline of the sender, not jitter.
            if step < RATE_HZ:
                self.jitter_samples += (step - self.jitter_samples) / 16
        self._transit = transit

    @property
    def expected(self) -> int:
        """Packets the source sent, by its numbers."""
        return self._expected_before + (self.highest - self._base + 1 if self.highest >= 0 else 0)

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return max(0, self.expected - self.received)

    def fraction_lost(self) -> int:
        """Loss since the last report, in 256ths (A.3)."""
        expected = self.expected - self._reported_expected
        lost = expected - (self.received - self._reported_received)
        self._reported_expected, self._reported_received = self.expected, self.received
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0

    def _begin(self, extended: int) -> int:
        self._base = self.highest = extended
        self._seen = 1
        self.received += 1
        self._restart_at = -1
        return extended

    def _fill(self, behind: int) -> int | None:
        bit = 1 << behind
        extended = self.highest - behind
        if self._seen & bit or extended < self._base:
            self.duplicates += 1
            return None
        self._seen |= bit
        self.received += 1
        return extended

    def _out_of_line(self, sequence: int) -> int | None:
        if sequence != self._restart_at:
            self._restart_at = (sequence + 1) % _MODULO
            return None
        # The next number a whole cycle on keeps extended numbers growing over the restart.
        self._expected_before = self.expected
        return self._begin((self.highest // _MODULO + 1) * _MODULO + sequence)
