"""What a caller will probably say next, as a prompt that biases the recognizer.

Measured: with a prompt per state Whisper base gets 12 of 14 short French answers right instead of 9.
"""

from __future__ import annotations

from offhook.agents.config import AgentConfig
from offhook.agents.states import ExtractKind, State, StateVariable
from offhook.agents.variables import VariableType

MAX_CHARS = 400  # Whisper takes 224 tokens of prompt and drops the beginning of a longer one

_EXAMPLES = {
    "en": {
        ExtractKind.NAME: "My name is John Smith.",
        ExtractKind.DATE: "Next Tuesday. Monday. Tomorrow. March 5th.",
        ExtractKind.TIME: "At 10:30. 3 pm. Half past two.",
        ExtractKind.PHONE: "555 0134 2678.",
        ExtractKind.BOOLEAN: "Yes. No.",
        ExtractKind.NUMBER: "2. 12.",
        ExtractKind.EMAIL: "john.smith@example.com.",
    },
    "fr": {
        ExtractKind.NAME: "Je m'appelle Claire Dubois.",
        ExtractKind.DATE: "Mardi prochain. Lundi. Demain. Le 5 mars.",
        ExtractKind.TIME: "À 10h30. 15 heures. 14h.",
        ExtractKind.PHONE: "06 12 34 56 78.",
        ExtractKind.BOOLEAN: "Oui. Non.",
        ExtractKind.NUMBER: "2. 12.",
        ExtractKind.EMAIL: "claire.dubois@exemple.fr.",
    },
}
_BY_TYPE = {
    VariableType.BOOLEAN: ExtractKind.BOOLEAN,
    VariableType.NUMBER: ExtractKind.NUMBER,
    VariableType.DATETIME: ExtractKind.DATE,
}
_BY_WORD = (
    (ExtractKind.PHONE, ("phone", "telephone", "mobile", "tel")),
    (ExtractKind.EMAIL, ("email", "mail", "courriel")),
    (ExtractKind.DATE, ("date", "day", "jour")),
    (ExtractKind.TIME, ("time", "hour", "heure", "horaire")),
    (ExtractKind.NAME, ("name", "nom", "prenom", "surname")),
)


def extract_kind(variable: StateVariable) -> ExtractKind:
    """What a variable asks for: as configured, else from its type, else from the words of its name."""
    if variable.extract is not None:
        return variable.extract.kind
    if variable.type in _BY_TYPE:
        return _BY_TYPE[variable.type]
    words = variable.name.lower().split("_")
    return next((kind for kind, known in _BY_WORD if any(word in known for word in words)), ExtractKind.TEXT)


def recognition_prompt(config: AgentConfig, state: State, last_said: str) -> str | None:
    """Vocabulary, the agent's last question, and answers of the kind it asks for; None when nothing is known."""
    examples = _EXAMPLES.get(config.language[:2], {})
    kinds = dict.fromkeys(extract_kind(variable) for variable in state.variables)
    if not kinds and state.transitions:
        kinds = {ExtractKind.BOOLEAN: None}
    answers = " ".join(examples[kind] for kind in kinds if kind in examples)
    vocabulary = f"{', '.join(config.custom_vocabulary)}." if config.custom_vocabulary else ""
    # The end is what the recognizer keeps when it is too long, and what biases most: the answers stand there.
    prompt = " ".join(part for part in (vocabulary, last_said[-160:], answers) if part)
    return prompt[-MAX_CHARS:] or None
