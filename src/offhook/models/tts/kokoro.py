"""Kokoro-82M: words to 24 kHz audio."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from offhook.audio.vad import load_session
from offhook.errors import ProviderError
from offhook.models.tts.espeak import Phonemizer
from offhook.models.tts.phonemes import split_at_pauses, to_kokoro, tokens

Floats = npt.NDArray[np.float32]

RATE_HZ = 24000
_MAX_SYMBOLS = 508  # the model's 512, less its two end marks; the style table has 510 rows
_STYLE_SIZE = 256


class Kokoro:
    """A loaded model; ``render`` may be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._phonemizer = Phonemizer()
        self._session = load_session(folder / "kokoro-v1.0.int8.onnx")
        self._voices_dir = folder / "voices"
        self._voices: dict[str, Floats] = {}
        self._lock = threading.Lock()

    def render(self, text: str, voice: str, language: str, speed: float) -> Floats:
        """Speak one clause: float32 at 24 kHz; empty when there is nothing to say. Raises ProviderError."""
        numbers = tokens(self.phonemes(text, language))[:_MAX_SYMBOLS]
        if not numbers:
            return np.zeros(0, np.float32)
        inputs = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": self._voice(voice)[len(numbers)][None],
            "speed": np.array([speed], np.float32),
        }
        (audio,) = self._session.run(None, inputs)
        return np.asarray(audio, np.float32).ravel()

    def phonemes(self, text: str, language: str) -> str:
        """Kokoro's symbols for a text."""
        spoken = ""
        for words, mark in split_at_pauses(text):
            symbols = to_kokoro(self._phonemizer.ipa(words, language), language) if words else ""
            spoken += f" {symbols}{mark}" if symbols else mark
        return spoken.strip()

    def _voice(self, name: str) -> Floats:
        with self._lock:
            if name not in self._voices:
                path = self._voices_dir / f"{name}.bin"
                if not path.is_file():
                    there = ", ".join(sorted(file.stem for file in self._voices_dir.glob("*.bin")))
                    raise ProviderError(f"there is no local voice {name!r}; there are: {there}")
                self._voices[name] = np.fromfile(path, np.float32).reshape(-1, _STYLE_SIZE)
            return self._voices[name]
