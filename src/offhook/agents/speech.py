"""What the runner itself says when a model keeps the caller waiting, or fails, in every language of agents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fillers:
    """``hold`` while an answer is late, one after the other; ``apology`` when none will come.

    ``closed`` ends a call that would be handed over outside the hours of those who take it.
    """

    hold: tuple[str, str]
    apology: str
    closed: str


_FILLERS = {
    "en": Fillers(
        ("One moment, please.", "I'm still here, just a second."),
        "I'm sorry, we have a technical problem and I have to end this call. Please call again later.",
        "I'm sorry, nobody can take your call right now. Please call again during opening hours. Goodbye.",
    ),
    "fr": Fillers(
        ("Un instant, s'il vous plaît.", "Je suis toujours là, encore une seconde."),
        "Désolé, nous avons un problème technique et je dois mettre fin à l'appel. Merci de rappeler plus tard.",
        "Désolé, personne ne peut prendre votre appel en ce moment. "
        "Merci de rappeler pendant les heures d'ouverture. Au revoir.",
    ),
    "es": Fillers(
        ("Un momento, por favor.", "Sigo aquí, un segundo."),
        "Lo siento, tenemos un problema técnico y debo terminar la llamada. Llame más tarde, por favor.",
        "Lo siento, ahora nadie puede atender su llamada. Llame de nuevo en horario de atención, por favor. Adiós.",
    ),
    "de": Fillers(
        ("Einen Moment, bitte.", "Ich bin noch da, eine Sekunde."),
        "Es tut mir leid, wir haben ein technisches Problem und ich muss auflegen. Bitte rufen Sie später wieder an.",
        "Es tut mir leid, im Moment kann niemand Ihren Anruf annehmen. "
        "Bitte rufen Sie zu den Öffnungszeiten wieder an. Auf Wiederhören.",
    ),
    "it": Fillers(
        ("Un momento, per favore.", "Sono ancora qui, un secondo."),
        "Mi dispiace, abbiamo un problema tecnico e devo chiudere. Richiami più tardi, per favore.",
        "Mi dispiace, in questo momento nessuno può rispondere. "
        "Richiami negli orari di apertura, per favore. Arrivederci.",
    ),
    "nl": Fillers(
        ("Een ogenblik, alstublieft.", "Ik ben er nog, een seconde."),
        "Het spijt me, we hebben een technisch probleem en ik moet ophangen. Belt u later nog eens.",
        "Het spijt me, op dit moment kan niemand uw gesprek aannemen. "
        "Belt u terug tijdens de openingstijden. Tot ziens.",
    ),
    "pl": Fillers(
        ("Chwileczkę, proszę.", "Nadal tu jestem, sekundę."),
        "Przepraszam, mamy problem techniczny i muszę zakończyć rozmowę. Proszę zadzwonić później.",
        "Przepraszam, teraz nikt nie może odebrać połączenia. Proszę zadzwonić w godzinach pracy. Do widzenia.",
    ),
    "ar": Fillers(
        ("لحظة من فضلك.", "ما زلت هنا، ثانية واحدة."),
        "عذراً، لدينا مشكلة تقنية ويجب أن أنهي المكالمة. يرجى الاتصال لاحقاً.",
        "عذراً، لا يمكن لأحد الرد على مكالمتك الآن. يرجى الاتصال خلال ساعات العمل. مع السلامة.",
    ),
    "pt": Fillers(
        ("Um momento, por favor.", "Ainda estou aqui, um segundo."),
        "Lamento, temos um problema técnico e tenho de desligar. Ligue mais tarde, por favor.",
        "Lamento, neste momento ninguém pode atender. Ligue de novo no horário de atendimento, por favor. Adeus.",
    ),
    "el": Fillers(
        ("Μια στιγμή, παρακαλώ.", "Είμαι ακόμα εδώ, ένα δευτερόλεπτο."),
        "Λυπάμαι, έχουμε ένα τεχνικό πρόβλημα και πρέπει να κλείσω. Καλέστε ξανά αργότερα.",
        "Λυπάμαι, αυτή τη στιγμή κανείς δεν μπορεί να απαντήσει. Καλέστε ξανά στις ώρες λειτουργίας. Αντίο.",
    ),
    "hr": Fillers(
        ("Trenutak, molim.", "Još sam tu, samo sekunda."),
        "Žao mi je, imamo tehnički problem i moram završiti poziv. Nazovite kasnije.",
        "Žao mi je, trenutno se nitko ne može javiti. Nazovite ponovno u radno vrijeme. Doviđenja.",
    ),
    "zh": Fillers(
        ("请稍等。", "我还在,请再等一下。"),
        "抱歉,我们遇到了技术问题,需要结束通话。请稍后再来电。",
        "抱歉,现在没有人能接听您的电话。请在营业时间内再来电。再见。",
    ),
}


def fillers(language: str) -> Fillers:
    """The sentences of a language (``fr-CA`` takes ``fr``)."""
    return _FILLERS[language[:2]]
