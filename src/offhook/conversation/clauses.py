"""Cut streamed text into clauses that a voice can speak as they come."""

from __future__ import annotations

import re

FIRST_WORDS = 3  # the first clause may be this short: it decides how soon the agent is heard
LATER_WORDS = 6  # later ones are longer, since fewer cuts sound better and there is time
LONGEST_CHARS = 300  # Kokoro takes 510 phonemes; speech of one clause should stay well below

# Chinese sets no space behind its full stops.
_STOP = re.compile(r"[.!?…؟]+[\"'»)]*(?=\s)|[。！？]+|[,;:،](?=\s)|\n+")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|M|Mme|Mlle|No|Nos|etc|e\.g|i\.e|[ap]\.m)\.$")


_WHOLE = re.compile(r"[.!?…؟。！？]+[\"'»)]*$")


def is_whole(text: str) -> bool:
    """Whether a sentence ends here; only a following space would make it certain."""
    return _WHOLE.search(text) is not None and _ABBREVIATION.search(text) is None


class ClauseSplitter:
    """Feed pieces of text, take clauses; ``end`` gives what is left."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> list[str]:
        """Add text; the clauses that are now complete."""
        self._text += piece
        clauses: list[str] = []
        while (cut := self._cut()) is not None:
            clause, self._text = self._text[:cut], self._text[cut:].lstrip()
            clauses += self._speakable(clause)
        return clauses

    def end(self) -> list[str]:
        """The rest, if any."""
        rest, self._text = self._text, ""
        return self._speakable(rest)

    @property
    def held(self) -> str:
        """Words that are not given yet, since more of the same clause may come."""
        return self._text.strip()

    def _speakable(self, clause: str) -> list[str]:
        # A voice has nothing to say to dots and dashes alone; single spaces let words be counted.
        if not any(letter.isalnum() for letter in clause):
            return []
        self._given += 1
        return [" ".join(clause.split())]

    def _cut(self) -> int | None:
        for stop in _STOP.finditer(self._text):
            clause = self._text[: stop.end()]
            if stop.group()[0] not in ",;:،":
                if not _ABBREVIATION.search(clause):
                    return stop.end()
            elif len(clause.split()) >= (LATER_WORDS if self._given else FIRST_WORDS):
                return stop.end()
        if len(self._text) > LONGEST_CHARS:
            return self._text.rfind(" ", 0, LONGEST_CHARS) + 1 or LONGEST_CHARS
        return None
