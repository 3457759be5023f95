"""Whisper by CTranslate2's encode and generate, on a window as short as the model bears.

``transcribe`` of the usual wrappers always pays for 30 s; phone turns are 1-5 s. On a 12-s window an utterance costs
0.18-0.26 CPU-seconds, a quarter; below 10 s the decoder loops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offhook.audio.logmel import RATE_HZ, log_mel
from offhook.errors import ProviderError
from offhook.models.stt.guards import Decoding, better, doubtful, echoes, loops, nobody_spoke, runs_on

Floats = npt.NDArray[np.float32]

LEAST_WINDOW_S = 12.0
FULL_WINDOW_S = 30.0  # what the model was trained on
MAX_SPAN_S = 28.0
_TAIL_S = 2.0  # silence that must follow the speech inside the window, or its end is lost
_MAX_PROMPT_TOKENS = 120  # half of what the decoder holds; a long prompt gets echoed
_BEAM = 5
# Words that any call may begin with, when nothing better is known: French errors 8.9 % -> 6.1 %; English gains nothing.
_USUAL_PROMPTS = {"fr": "Allô, bonjour. Oui, bien sûr. D'accord, merci."}
_LOUD_RMS = 0.1  # -20 dBFS, the level most of the training speech has


class Whisper:
    """A loaded model; ``transcribe`` may be called from ``workers`` threads at once."""

    def __init__(self, model_dir: Path, workers: int = 1) -> None:
        import ctranslate2  # noqa: PLC0415 - the extra `local`, in the recognizer's process only
        import tokenizers  # noqa: PLC0415

        self._view = ctranslate2.StorageView.from_array
        self._model: Any = ctranslate2.models.Whisper(
            str(model_dir), device="cpu", compute_type="int8", intra_threads=1, inter_threads=workers
        )
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(model_dir / "tokenizer.json"))
        special = self._tokenizer.token_to_id
        self._end = special("<|endoftext|>")
        self._start = special("<|startoftranscript|>")
        self._previous = special("<|startofprev|>")
        self._task = [special("<|transcribe|>"), special("<|notimestamps|>")]

    def warm_up(self) -> None:
        """Decode once, so that no caller waits for what the first decoding allocates."""
        self._decode(np.zeros(RATE_HZ, np.float32), "en", LEAST_WINDOW_S, None)

    def transcribe(
        self, pcm16k: Floats, language: str, prompt: str | None, vocabulary: Sequence[str] = ()
    ) -> tuple[str, float]:
        """The text of at most 28 s of float32 audio at 16 kHz, and how sure the model is (0-1).

        "" when nobody spoke. ``language`` has two letters; ``prompt`` is text that may come before, or words to expect.
        """
        duration_s = len(pcm16k) / RATE_HZ
        samples = _at_usual_level(pcm16k)
        prompt = _whole_prompt(prompt or _USUAL_PROMPTS.get(language), vocabulary)
        window_s = min(FULL_WINDOW_S, max(LEAST_WINDOW_S, duration_s + _TAIL_S))
        decoding = self._decode(samples, language, window_s, prompt)
        if window_s < FULL_WINDOW_S and (loops(decoding, duration_s) or doubtful(decoding)):
            decoding = better(decoding, self._decode(samples, language, FULL_WINDOW_S, prompt), duration_s)
        if prompt and (loops(decoding, duration_s) or echoes(decoding, prompt)):
            # Without the prompt, which may itself be what set the decoder off.
            decoding = self._decode(samples, language, window_s, None)
        text = "" if nobody_spoke(decoding) or runs_on(decoding, duration_s) else decoding.text
        return text, math.exp(min(0.0, decoding.log_probability))

    def _decode(self, samples: Floats, language: str, window_s: float, prompt: str | None) -> Decoding:
        duration_s = len(samples) / RATE_HZ
        window = np.pad(samples, (0, max(0, int(window_s * RATE_HZ) - len(samples))))
        columns = int(window_s * 100) // 2 * 2  # the encoder halves them
        encoded = self._model.encode(self._view(np.ascontiguousarray(log_mel(window)[None, :, :columns])))
        before = [*self._prompt_tokens(prompt), self._start, self._language_token(language), *self._task]
        # 8 tokens a second are more than anyone speaks; ten for the shortest answers.
        limit = int(duration_s * 8) + 10
        (result,) = self._model.generate(
            encoded,
            [before],
            beam_size=_BEAM,
            max_length=len(before) + limit,
            suppress_blank=True,
            suppress_tokens=[-1],
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [token for token in result.sequences_ids[0] if token < self._end]
        text = self._tokenizer.decode(tokens).strip()
        return Decoding(text, result.scores[0], result.no_speech_prob, len(tokens), limit)

    def _language_token(self, language: str) -> int:
        token: int | None = self._tokenizer.token_to_id(f"<|{language}|>")
        if token is None:
            raise ProviderError(f"Whisper does not know the language {language!r}")
        return token

    def _prompt_tokens(self, prompt: str | None) -> list[int]:
        if not prompt or not prompt.strip():
            return []
        tokens = self._tokenizer.encode(f" {prompt.strip()}", add_special_tokens=False).ids
        # The end of it counts most, as the text right before.
        return [self._previous, *tokens[-_MAX_PROMPT_TOKENS:]]


def _whole_prompt(prompt: str | None, vocabulary: Sequence[str]) -> str | None:
    """The vocabulary first, since what comes last counts most and is kept when all is too long."""
    return ". ".join(part for part in (", ".join(vocabulary), prompt) if part) or None


def _at_usual_level(samples: Floats) -> Floats:
    """The loud part of the speech at -20 dBFS: log-mel features are clamped below their peak, quiet words would go."""
    blocks = samples[: len(samples) // 400 * 400].reshape(-1, 400)  # 25 ms
    if not len(blocks):
        return samples
    loud = float(np.percentile(np.sqrt(np.mean(blocks**2, axis=1)), 90))
    if loud < 1e-4:  # digital silence, line noise: nothing to bring up
        return samples
    levelled: Floats = np.clip(samples * np.float32(_LOUD_RMS / loud), -1.0, 1.0)
    return levelled
