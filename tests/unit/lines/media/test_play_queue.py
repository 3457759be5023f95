import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offhook.lines.line import Sent
from offhook.lines.media.codec import Codec
from offhook.lines.media.play_queue import PlayQueue

LAW = Codec.PCMU


def said(taken):
    return None if taken is None else taken[1]


def test_frames_are_counted_to_their_utterance(frame_of):
    queue = PlayQueue()
    queue.play(3, frame_of(1) + frame_of(2), LAW)
    first, second = queue.take(LAW), queue.take(LAW)
    assert (said(first), first[2]) == (frame_of(1), Sent(3, 160))
    assert (said(second), second[2]) == (frame_of(2), Sent(3, 320))
    assert queue.take(LAW) is None


def test_part_of_a_frame_waits_for_the_rest(frame_of):
    queue = PlayQueue()
    queue.play(1, frame_of(1, 100), LAW)
    assert queue.take(LAW) is None
    queue.play(1, frame_of(1, 60), LAW)
    assert said(queue.take(LAW)) == frame_of(1)


def test_a_flushed_utterance_ends_in_padding_that_is_not_counted(frame_of):
    queue = PlayQueue()
    queue.play(1, frame_of(1) + frame_of(2, 40), LAW)
    queue.flush(1)
    queue.take(LAW)
    payload, pcm, sent = queue.take(LAW)
    assert pcm == frame_of(2, 40) + bytes(240)
    assert payload[40:] == LAW.silence * 120
    assert sent == Sent(1, 200)
    assert queue.take(LAW) is None


def test_the_next_utterance_begins_in_a_frame_of_its_own(frame_of):
    queue = PlayQueue()
    queue.play(1, frame_of(1, 40), LAW)
    queue.play(2, frame_of(2), LAW)
    assert queue.take(LAW)[2] == Sent(1, 40)
    assert queue.take(LAW)[2] == Sent(2, 160)


def test_flushing_nothing_sends_nothing():
    queue = PlayQueue()
    queue.flush(1)
    assert queue.take(LAW) is None


def test_another_codec_in_mid_utterance_is_spoken_at_once(frame_of):
    queue = PlayQueue()
    queue.play(1, frame_of(900) + frame_of(901), Codec.PCMU)
    queue.take(Codec.PCMU)
    payload, pcm, _ = queue.take(Codec.PCMA)
    assert payload == Codec.PCMA.encode(pcm)


def test_a_voice_cut_within_a_sample_is_put_together_again():
    queue = PlayQueue()
    pcm = np.arange(320, dtype="<i2").tobytes()
    queue.play(1, pcm[:333], LAW)
    queue.play(1, pcm[333:], LAW)
    assert said(queue.take(LAW)) + said(queue.take(LAW)) == pcm


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 700)), max_size=12))
def test_all_that_is_played_and_flushed_is_sent_once_and_in_order(chunks):
    queue, fed = PlayQueue(), []
    for index, (utterance, samples) in enumerate(chunks):
        pcm = np.full(samples, index + 1, dtype="<i2").tobytes()
        fed.append((utterance, pcm))
        queue.play(utterance, pcm, LAW)
    if chunks:
        queue.flush(chunks[-1][0])
    sent = bytearray()
    while (taken := queue.take(LAW)) is not None:
        assert taken[0] == LAW.encode(taken[1])
        sent += taken[1]
    sounds = np.frombuffer(bytes(sent), "<i2")
    assert sounds[sounds > 0].tobytes() == b"".join(pcm for _, pcm in fed)
