import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.lines.media.jitter import MAX_MS, JitterBuffer

FIRST = 65536 + 1000


def play(packets, ticks, *, start_ms=5.0, samples=160):
    """Feed ``(number, arrival_ms)`` packets, each frame full of its number + 1; return what each tick plays.

    A number is heard as itself + 1, silence as None, a made-up frame as "made".
    """
    buffer = JitterBuffer()
    waiting = sorted(packets, key=lambda packet: packet[1])
    heard = []
    for tick in range(ticks):
        now_ms = start_ms + 20 * tick
        while waiting and waiting[0][1] <= now_ms:
            number, arrival_ms = waiting.pop(0)
            pcm = np.full(samples, (number + 1) * 10, dtype="<i2").tobytes()
            buffer.put(FIRST + number, (samples * number) & 0xFFFFFFFF, pcm, arrival_ms)
        pcm, concealed = buffer.get(now_ms)
        heard.append("made" if concealed else None if pcm is None else int(np.frombuffer(pcm, "<i2")[-1]) // 10)
    return heard, buffer


def numbers(heard):
    return [one for one in heard if isinstance(one, int)]


def steady(count, *, lost=()):
    return [(number, 20.0 * number) for number in range(count) if number not in lost]


def test_a_steady_stream_is_played_whole_and_within_40_ms():
    heard, buffer = play(steady(50), 60)
    assert numbers(heard) == list(range(1, 51))
    assert heard.index(1) * 20 + 5 <= 40
    assert buffer.late == 0


def test_packets_out_of_order_are_played_in_order():
    packets = [(n, 20.0 * n + (25 if n % 5 == 1 else 0)) for n in range(50)]
    heard, _ = play(packets, 60)
    assert numbers(heard) == list(range(1, 51))


def test_a_lost_packet_is_concealed_and_the_rest_keeps_its_time():
    heard, _ = play(steady(30, lost={10}), 40)
    begin = heard.index(1)
    assert heard[begin + 10] == "made"
    assert heard[begin + 11] == 12
    assert numbers(heard) == [n for n in range(1, 31) if n != 11]


def test_a_long_loss_is_concealed_for_60_ms_and_then_silent():
    heard, _ = play(steady(40, lost=set(range(10, 20))), 50)
    gap = heard[heard.index(10) + 1 : heard.index(21)]
    assert gap[:3] == ["made"] * 3
    assert set(gap[3:]) == {None}


def test_late_packets_are_heard_once_the_delay_has_grown():
    packets = [(n, 20.0 * n + (0 if n < 20 else 70)) for n in range(100)]
    heard, buffer = play(packets, 120)
    assert numbers(heard) == list(range(1, 101))
    assert buffer.target_ms > 20


def test_the_delay_shrinks_again_when_it_is_not_needed():
    packets = [(n, 20.0 * n + (100 if 20 <= n < 25 else 0)) for n in range(1500)]
    heard, _ = play(packets, 1500)
    lag = [tick - one for tick, one in enumerate(heard) if isinstance(one, int)]
    assert max(lag[:100]) >= 4
    assert lag[-1] <= 2


def test_a_burst_after_a_stall_of_the_network_leaves_at_most_200_ms():
    packets = [(n, 20.0 * n if n < 20 else max(20.0 * n, 1400.0)) for n in range(150)]
    heard, buffer = play(packets, 160)
    lag = [tick - (one - 1) for tick, one in enumerate(heard) if isinstance(one, int)]
    assert max(lag) * 20 <= MAX_MS + 40
    assert numbers(heard) == sorted(numbers(heard))
    assert buffer.late > 0


def test_a_duplicate_timestamp_is_dropped():
    buffer = JitterBuffer()
    for sequence in (1, 2):
        buffer.put(sequence, 0, b"\1\0" * 160, 0.0)
    assert buffer.late == 1
    assert buffer.depth_ms == 20


def test_timestamps_wrap():
    buffer, heard = JitterBuffer(), []
    for tick in range(20):
        timestamp = (2**32 - 800 + 160 * tick) % 2**32
        buffer.put(FIRST + tick, timestamp, np.full(160, tick + 1, dtype="<i2").tobytes(), 20.0 * tick)
        pcm, _ = buffer.get(20.0 * tick + 5)
        heard.append(pcm and int(np.frombuffer(pcm, "<i2")[0]))
    assert [one for one in heard if one] == list(range(1, 20))


def test_a_pause_of_the_sender_is_silence_not_loss():
    """DTX: no packets for a second, then numbers go on and the timestamp has jumped."""
    buffer, heard = JitterBuffer(), []
    for tick in range(150):
        if tick < 30 or tick >= 80:
            sequence = tick if tick < 30 else tick - 50
            buffer.put(FIRST + sequence, 160 * tick, np.full(160, tick + 1, dtype="<i2").tobytes(), 20.0 * tick)
        heard.append(buffer.get(20.0 * tick + 5))
    played = [int(np.frombuffer(pcm, "<i2")[0]) for pcm, made in heard if pcm is not None and not made]
    assert played == list(range(1, 31)) + list(range(81, 150))
    assert sum(made for _, made in heard) <= 3
    assert buffer.late == 0


def test_comfort_noise_announces_a_pause_and_nothing_is_made_up():
    buffer, made = JitterBuffer(), 0
    for tick in range(100):
        if tick < 30:
            buffer.put(FIRST + tick, 160 * tick, b"\0\x10" * 160, 20.0 * tick)
        elif tick == 30:
            buffer.skip(FIRST + 30)
        elif tick >= 33:
            buffer.put(FIRST + tick - 2, 160 * tick, b"\0\x10" * 160, 20.0 * tick)
        made += buffer.get(20.0 * tick + 5)[1]
    assert made == 0


def test_a_sender_whose_clock_goes_back_is_heard_again():
    buffer, heard = JitterBuffer(), []
    for tick in range(60):
        timestamp = 160 * tick + (1_000_000 if tick < 30 else 0)
        buffer.put(FIRST + tick, timestamp, np.full(160, tick + 1, dtype="<i2").tobytes(), 20.0 * tick)
        pcm, _ = buffer.get(20.0 * tick + 5)
        heard.append(pcm and int(np.frombuffer(pcm, "<i2")[0]))
    assert heard[-1] in (58, 59, 60)


@pytest.mark.parametrize("samples", [80, 240, 320, 480])
def test_packets_of_any_length_are_played_whole(samples):
    buffer, sound = JitterBuffer(), []
    every_ms = samples / 8
    packets = [(n, every_ms * n) for n in range(int(1000 / every_ms))]
    for tick in range(80):
        now_ms = 20.0 * tick + 5
        while packets and packets[0][1] <= now_ms:
            number, arrival_ms = packets.pop(0)
            pcm = np.arange(samples * number, samples * (number + 1)).astype("<i2").tobytes()
            buffer.put(FIRST + number, samples * number, pcm, arrival_ms)
        pcm, made = buffer.get(now_ms)
        if pcm is not None and not made:
            sound.append(pcm)
    heard = np.frombuffer(b"".join(sound), "<i2")
    assert heard[:7600].tolist() == list(range(7600))


def test_a_tick_made_up_for_later_loses_nothing():
    """The thread was held for 400 ms: packets came meanwhile, and all ticks run at once with their own times."""
    buffer, heard = JitterBuffer(), []

    def tick(number):
        pcm, _ = buffer.get(20.0 * number + 5)
        heard.append(pcm and int(np.frombuffer(pcm, "<i2")[0]))

    def put(number):
        buffer.put(FIRST + number, 160 * number, np.full(160, number + 1, dtype="<i2").tobytes(), 20.0 * number)

    for number in range(20):
        put(number)
        tick(number)
    for number in range(20, 40):
        put(number)
    for number in range(20, 60):
        tick(number)
    assert [one for one in heard if one][:40] == list(range(1, 41))
    assert buffer.late == 0


arrivals = st.lists(
    st.tuples(st.integers(0, 120), st.floats(0, 300), st.booleans(), st.booleans()),
    min_size=1,
    max_size=120,
    unique_by=lambda packet: packet[0],
)


@settings(deadline=None)
@given(arrivals)
def test_any_order_loss_and_delay_plays_forwards_within_the_bound(packets):
    """Frames come once each, in order; none later than 200 ms after it arrived, give or take a tick."""
    waiting = sorted((20.0 * number + delay, number) for number, delay, lost, _ in packets if not lost)
    arrived = {number: at_ms for at_ms, number in waiting}
    buffer, last = JitterBuffer(), -1
    for tick in range(160):
        now_ms = 20.0 * tick + 5
        while waiting and waiting[0][0] <= now_ms:
            at_ms, number = waiting.pop(0)
            buffer.put(FIRST + number, 160 * number, np.full(160, number, dtype="<i2").tobytes(), at_ms)
        pcm, concealed = buffer.get(now_ms)
        if pcm is None or concealed:
            continue
        number = int(np.frombuffer(pcm, "<i2")[0])
        assert number > last
        assert now_ms - arrived[number] <= MAX_MS + 40
        assert buffer.depth_ms <= MAX_MS + 20
        last = number


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**17), st.integers(0, 2**32 - 1), st.integers(0, 600), st.floats(0, 3000)),
        max_size=150,
    )
)
def test_any_packets_at_all_give_frames_of_20_ms_and_bounded_memory(packets):
    buffer, seen = JitterBuffer(), set()
    for tick, (sequence, timestamp, samples, arrival_ms) in enumerate(packets):
        if sequence not in seen:
            seen.add(sequence)
            buffer.put(sequence, timestamp, b"\1\0" * samples, arrival_ms)
        pcm, _ = buffer.get(20.0 * tick)
        assert pcm is None or len(pcm) == 320
        assert len(buffer._segments) <= 64
