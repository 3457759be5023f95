"""Which local voice speaks which language. Pure."""

from __future__ import annotations

from offhook.errors import ProviderError
from offhook.models.speech import VoiceChoice

DEFAULTS = {"en": "af_heart", "fr": "ff_siwis"}
# A voice's first letter is the accent it was trained on, which its phonemes must have.
_ACCENTS = {"a": "en-us", "b": "en-gb", "f": "fr-fr"}


def resolve(choice: VoiceChoice) -> tuple[str, str]:
    """The voice's name and the language espeak-ng is to read in. Raises ProviderError for a language without a voice.

    A voice of another language than the agent's reads the agent's words with the agent's language's rules.
    """
    language = choice.language.partition("-")[0].lower()
    if language not in DEFAULTS:
        spoken = " and ".join(sorted(DEFAULTS))
        raise ProviderError(f"the local voice speaks {spoken}, not {choice.language!r}; choose another voice provider")
    name = choice.name or DEFAULTS[language]
    accent = _ACCENTS.get(name[:1], "")
    return name, accent if accent.startswith(language) else _ACCENTS[DEFAULTS[language][0]]
