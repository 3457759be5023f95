"""What the runner itself says when a model keeps the caller waiting, or fails, in every language of agents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fillers:
    """``hold`` while an answer is late, one after the other; ``apology`` when none will come."""

    hold: tuple[str, str]
    apology: str


_FILLERS = {
    "en": Fillers(
        ("One moment, please.", "I'm still here, just a second."),
        "I'm sorry, we have a technical problem and I have to end this call. Please call again later.",
    ),
    "fr": Fillers(
        ("Un instant, s'il vous plaît.", "Je suis toujours là, encore une seconde."),
        "Désolé, nous avons un problème technique et je dois mettre fin à l'appel. Merci de rappeler plus tard.",
    ),
    "es": Fillers(
        ("Un momento, por favor.", "Sigo aquí, un segundo."),
        "Lo siento, tenemos un problema técnico y debo terminar la llamada. Llame más tarde, por favor.",
    ),
    "de": Fillers(
        ("Einen Moment, bitte.", "Ich bin noch da, eine Sekunde."),
        "Es tut mir leid, wir haben ein technisches Problem und ich muss auflegen. Bitte rufen Sie später wieder an.",
    ),
    "it": Fillers(
        ("Un momento, per favore.", "Sono ancora qui, un secondo."),
        "Mi dispiace, abbiamo un problema tecnico e devo chiudere. Richiami più tardi, per favore.",
    ),
    "nl": Fillers(
        ("Een ogenblik, alstublieft.", "Ik ben er nog, een seconde."),
        "Het spijt me, we hebben een technisch probleem en ik moet ophangen. Belt u later nog eens.",
    ),
    "pl": Fillers(
        ("Chwileczkę, proszę.", "Nadal tu jestem, sekundę."),
        "Przepraszam, mamy problem techniczny i muszę zakończyć rozmowę. Proszę zadzwonić później.",
    ),
    "ar": Fillers(
        ("لحظة من فضلك.", "ما زلت هنا، ثانية واحدة."),
        "عذراً، لدينا مشكلة تقنية ويجب أن أنهي المكالمة. يرجى الاتصال لاحقاً.",
    ),
    "pt": Fillers(
        ("Um momento, por favor.", "Ainda estou aqui, um segundo."),
        "Lamento, temos um problema técnico e tenho de desligar. Ligue mais tarde, por favor.",
    ),
    "el": Fillers(
        ("Μια στιγμή, παρακαλώ.", "Είμαι ακόμα εδώ, ένα δευτερόλεπτο."),
        "Λυπάμαι, έχουμε ένα τεχνικό πρόβλημα και πρέπει να κλείσω. Καλέστε ξανά αργότερα.",
    ),
    "hr": Fillers(
        ("Trenutak, molim.", "Još sam tu, samo sekunda."),
        "Žao mi je, imamo tehnički problem i moram završiti poziv. Nazovite kasnije.",
    ),
    "zh": Fillers(
        ("请稍等。", "我还在,请再等一下。"),
        "抱歉,我们遇到了技术问题,需要结束通话。请稍后再来电。",
    ),
}


def fillers(language: str) -> Fillers:
    """The sentences of a language (``fr-CA`` takes ``fr``)."""
    return _FILLERS[language[:2]]
