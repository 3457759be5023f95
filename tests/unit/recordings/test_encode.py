"""Mixing and the waveform's peaks."""

import json

import numpy as np

from offhook.recordings.encode import PeakMeter, mix


def test_both_parties_are_added():
    both = np.array([[100, 20], [-5, 0], [0, 7]], np.int16)
    assert mix(both).tolist() == [120, -5, 7]


def test_two_loud_parties_do_not_wrap_around():
    assert mix(np.array([[30000, 30000], [-30000, -30000]], np.int16)).tolist() == [32767, -32768]


def test_peaks_are_each_partys_loudest_sample_per_stretch():
    meter = PeakMeter(4)
    meter.add(np.array([[0, 0], [16384, 0], [0, 0], [0, 0]] + [[0, -32768]] * 4, np.int16))
    meter.add(np.array([[0, 8192]], np.int16))
    document = json.loads(meter.document(1125))
    assert document == {
        "duration_ms": 1125,
        "peaks_per_second": 20,
        "channels": [[0.5, 0.0, 0.0], [0.0, 1.0, 0.25]],
    }
