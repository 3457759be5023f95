"""When the caller's voice over the agent's stops the agent.

Two steps, so that the stop is fast and a mistake costs little: enough voice *pauses* the agent at once; the words
then tell whether it was a wish to speak (the rest is dropped) or a backchannel or noise (the voice goes on).
"""

from __future__ import annotations

from enum import StrEnum

from offhook.conversation.words import is_backchannel


class Sensitivity(StrEnum):
    """How little voice stops the agent."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# Milliseconds of voice before the agent pauses (see SpeechTracker: a weak window takes back half of one). 112 is four
# windows, the fewest that keep clicks and breaths out, or five with a weak one among them: onset to pause is 128 to
# 160 ms of audio, and with the VAD's own delay of one to two windows the agent is silent within 200 ms.
CONFIRM_MS = {Sensitivity.HIGH: 80, Sensitivity.MEDIUM: 112, Sensitivity.LOW: 320}
QUIET_CONFIRM_MS = 64  # while the agent is silent there is nothing to stop, so two windows suffice
NEARLY_DONE_MS = 1000  # words said over the agent's last second answer it


def confirm_ms(sensitivity: Sensitivity, *, agent_audible: bool) -> int:
    """Voice needed before it counts as speech."""
    return CONFIRM_MS[sensitivity] if agent_audible else QUIET_CONFIRM_MS


def is_listening_sign(text: str, language: str, left_ms: float, *, after_question: bool) -> bool:
    """Whether words said over the agent only show that the caller listens, so that the agent goes on.

    ``left_ms`` is what the agent still has to say. A "yes" over a question or right behind it, or over the agent's
    last second, is an answer.
    """
    return is_backchannel(text, language) and left_ms > NEARLY_DONE_MS and not after_question
