"""The ``rules`` provider: a deterministic dialogue model, driven by the agent's configuration alone.

It needs no network, answers in microseconds, and works on the dialogue as data.
"""

from __future__ import annotations

from offhook.models.llm.rules.model import RulesModel

__all__ = ["RulesModel"]
