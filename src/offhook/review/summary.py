"""A call in a few plain sentences, from its record alone: how it went, through which states, what is known."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.agents.variables import Value, render_value
from offhook.models.llm.rules.intents import language_of
from offhook.record.fold import CallRecord
from offhook.record.lifecycle import EndCode
from offhook.review.case import typed

MAX_VALUES = 12
MAX_STATES = 20
_MAX_VALUE_CHARS = 120


@dataclass(frozen=True, slots=True)
class _Words:
    inbound: str
    outbound: str
    spoke: str
    silent: str
    unanswered: str
    ended: str
    states: str
    known: str
    ends: dict[EndCode, str]


_EN = _Words(
    inbound="Call from {0}",
    outbound="Call to {0}",
    spoke="{0}, {1} s: the caller spoke {2} times, the agent {3} times.",
    silent="{0}, {1} s: the caller said nothing.",
    unanswered="{0}, not answered: {1}.",
    ended="End: {0}.",
    states="Steps: {0}.",
    known="Noted: {0}.",
    ends={
        EndCode.CALLER_HUNG_UP: "the caller hung up", EndCode.CALLEE_HUNG_UP: "the person called hung up",
        EndCode.AGENT_HUNG_UP: "the agent said goodbye and hung up", EndCode.TRANSFERRED: "transferred",
        EndCode.MAX_DURATION: "the longest duration was reached", EndCode.CALLER_SILENT: "silence",
        EndCode.VOICEMAIL_LEFT: "a message was left", EndCode.VOICEMAIL_DETECTED: "an answering machine",
        EndCode.CALL_SCREENED: "screened", EndCode.BUSY: "busy", EndCode.NO_ANSWER: "nobody answered",
        EndCode.DECLINED: "declined", EndCode.CANCELED: "canceled", EndCode.TERMINATED_BY_API: "ended by the API",
        EndCode.INVALID_NUMBER: "the number doesn't exist", EndCode.CARRIER_ERROR: "the carrier failed",
        EndCode.MEDIA_LOST: "the line was lost", EndCode.PROVIDER_FAILURE: "a provider failed",
        EndCode.CAPACITY: "no room", EndCode.PLATFORM_FAILURE: "the platform failed",
    },
)  # fmt: skip
_FR = _Words(
    inbound="Appel de {0}",
    outbound="Appel vers {0}",
    spoke="{0}, {1} s : l'appelant a parlé {2} fois, l'agent {3} fois.",
    silent="{0}, {1} s : l'appelant n'a rien dit.",
    unanswered="{0}, sans réponse : {1}.",
    ended="Fin : {0}.",
    states="Étapes : {0}.",
    known="Noté : {0}.",
    ends={
        EndCode.CALLER_HUNG_UP: "l'appelant a raccroché", EndCode.CALLEE_HUNG_UP: "la personne appelée a raccroché",
        EndCode.AGENT_HUNG_UP: "l'agent a pris congé et raccroché", EndCode.TRANSFERRED: "transféré",
        EndCode.MAX_DURATION: "durée maximale atteinte", EndCode.CALLER_SILENT: "silence",
        EndCode.VOICEMAIL_LEFT: "un message a été laissé", EndCode.VOICEMAIL_DETECTED: "un répondeur",
        EndCode.CALL_SCREENED: "filtré", EndCode.BUSY: "occupé", EndCode.NO_ANSWER: "personne n'a répondu",
        EndCode.DECLINED: "refusé", EndCode.CANCELED: "annulé", EndCode.TERMINATED_BY_API: "terminé par l'API",
        EndCode.INVALID_NUMBER: "le numéro n'existe pas", EndCode.CARRIER_ERROR: "l'opérateur a échoué",
        EndCode.MEDIA_LOST: "la ligne a été perdue", EndCode.PROVIDER_FAILURE: "un fournisseur a échoué",
        EndCode.CAPACITY: "plus de place", EndCode.PLATFORM_FAILURE: "la plateforme a échoué",
    },
)  # fmt: skip


def plain_summary(record: CallRecord, language: str) -> str:
    """The call told by rules; the same record gives the same words."""
    words = _FR if language_of(language) == "fr" else _EN
    parts = [_course(record, words)]
    states = [step.state for step in record.states][:MAX_STATES]
    if len(states) > 1:
        parts.append(words.states.format(" → ".join(states)))
    given = set(record.created.initial_variable_values)
    found = [f"{name} = {_shown(typed(each))}" for name, each in record.variables.items() if name not in given]
    if found:
        parts.append(words.known.format("; ".join(found[:MAX_VALUES])))
    return " ".join(parts)


def _course(record: CallRecord, words: _Words) -> str:
    created, end = record.created, record.end_reason
    inbound = created.direction != "outbound"
    number = created.from_number if inbound else created.to_number
    head = (words.inbound if inbound else words.outbound).format(number or "?")
    why = words.ends[end.code] if end else "?"
    if record.start_at is None:
        return words.unanswered.format(head, why)
    spoken = [item.role for item in record.transcript.items() if item.content.strip() and not item.tool_calls]
    callers, agents = spoken.count("user"), spoken.count("agent")
    seconds = record.duration_seconds
    told = words.spoke.format(head, seconds, callers, agents) if callers else words.silent.format(head, seconds)
    return f"{told} {words.ended.format(why)}"


def _shown(value: Value) -> str:
    text = render_value(value)
    return text if len(text) <= _MAX_VALUE_CHARS else text[: _MAX_VALUE_CHARS - 1] + "…"
