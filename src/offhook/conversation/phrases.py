"""The few sentences the platform itself must be able to say, in every language an agent can have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """``goodbye`` when time is up, ``repeat`` when the recognizer failed, ``presence`` when nobody speaks."""

    goodbye: str
    repeat: str
    presence: str


_PHRASES = {
    "en": Phrases("I have to end our call here. Goodbye.", "Sorry, could you say that again?", "Are you still there?"),
    "fr": Phrases("Je dois mettre fin à notre appel. Au revoir.", "Pardon, pouvez-vous répéter ?", "Êtes-vous là ?"),
    "es": Phrases("Tengo que terminar la llamada. Adiós.", "Perdone, ¿puede repetirlo?", "¿Sigue ahí?"),
    "de": Phrases(
        "Ich muss unser Gespräch hier beenden. Auf Wiederhören.", "Können Sie das bitte wiederholen?", "Sind Sie da?"
    ),
    "it": Phrases("Devo concludere la chiamata. Arrivederci.", "Scusi, può ripetere?", "È ancora lì?"),
    "nl": Phrases("Ik moet ons gesprek beëindigen. Tot ziens.", "Sorry, kunt u dat herhalen?", "Bent u er nog?"),
    "pl": Phrases("Muszę zakończyć rozmowę. Do widzenia.", "Czy może pan powtórzyć?", "Czy pan tam jest?"),
    "ar": Phrases("يجب أن أنهي المكالمة الآن. مع السلامة.", "عفواً، هل يمكنك الإعادة؟", "هل ما زلت معي؟"),
    "pt": Phrases("Tenho de terminar a chamada. Adeus.", "Desculpe, pode repetir?", "Ainda está aí?"),
    "el": Phrases("Πρέπει να κλείσω. Αντίο σας.", "Συγγνώμη, μπορείτε να επαναλάβετε;", "Είστε ακόμα εκεί;"),
    "hr": Phrases("Moram završiti poziv. Doviđenja.", "Oprostite, možete li ponoviti?", "Jeste li još tu?"),
    "zh": Phrases("我必须结束通话了,再见。", "抱歉,请再说一遍。", "您还在吗?"),
}


def phrases(language: str) -> Phrases:
    """The sentences of a language ("fr-CA" takes "fr"); English where there are none."""
    return _PHRASES.get(language[:2], _PHRASES["en"])
