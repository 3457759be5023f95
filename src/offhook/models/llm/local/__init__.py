"""The ``local`` provider: a small language model on this machine, which chooses and extracts.

Half a billion parameters understand a caller well and phrase badly, so what is said comes from the configuration
(``rules`` of the state, its prompt's facts) where that has words, and from the model where it hasn't.
"""

from __future__ import annotations

from offhook.models.llm.local.model import LocalLanguageModel

__all__ = ["LocalLanguageModel"]
