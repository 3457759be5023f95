"""What a caller's lines sound like, made before the call: people need no time to find their voice."""

from __future__ import annotations

import numpy as np

from offhook.models.speech import Synthesizer, VoiceChoice
from offhook.testing.scenarios.caller import RATE_HZ, Hearing
from offhook.testing.scenarios.schema import CallerLine, Scenario


async def render_lines(scenario: Scenario, language: str, synthesizer: Synthesizer) -> Hearing:
    """Speak every line of the scenario. Raises ProviderError."""
    rendered: dict[str, bytes] = {}
    choice = VoiceChoice(scenario.voice, language)
    for text in dict.fromkeys(line.say for line in scenario.caller if line.say is not None):
        await synthesizer.prepare([text], choice, RATE_HZ)
        rendered[text] = b"".join([pcm async for pcm in synthesizer.speak(text, choice, RATE_HZ)])

    def render(line: CallerLine) -> bytes:
        return rendered[line.say] if line.say is not None else _music(line.noise_ms or 0)

    return render


def _music(length_ms: int) -> bytes:
    """A chord that swells and fades twice a second: somebody's radio."""
    times = np.arange(length_ms * RATE_HZ // 1000) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220.0, 277.2, 329.6, 440.0))
    return bytes((2000 * chord * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * times))).astype("<i2").tobytes())
